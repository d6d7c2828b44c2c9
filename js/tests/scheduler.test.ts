/** Latest wins, two in flight, nothing stale. */
import { describe, expect, it } from "vitest";
import { Scheduler } from "../src/scheduler";

function scheduler(patience = 1000) {
  const sent: number[] = [];
  const clock = { now: 0 };
  return {
    sent,
    clock,
    it: new Scheduler(
      (seq) => sent.push(seq),
      patience,
      () => clock.now,
    ),
  };
}

describe("the scheduler", () => {
  it("has two requests in flight at most, however often it is asked", () => {
    const { sent, it: schedule } = scheduler();
    for (let i = 0; i < 50; i++) schedule.request();
    expect(sent).toEqual([1, 2]);
    schedule.answered(1, true);
    expect(sent).toEqual([1, 2, 3]);
    schedule.answered(2, true);
    schedule.answered(3, true);
    expect(sent).toEqual([1, 2, 3]);
    expect(schedule.busy).toBe(false);
  });

  it("asks for the last state once more, so that what is shown is what was asked for last", () => {
    const asked: string[] = [];
    let state = "";
    const schedule = new Scheduler(() => asked.push(state));
    for (state of ["a", "b", "c", "d"]) schedule.request();
    schedule.answered(1, true);
    expect(asked).toEqual(["a", "b", "d"]);
  });

  it("sends the last request of a drag at once, whatever is in flight", () => {
    const { sent, it: schedule } = scheduler();
    for (let i = 0; i < 3; i++) schedule.request();
    schedule.request(true);
    expect(sent).toEqual([1, 2, 3]);
    expect(schedule.answered(3, true)).toBe(true);
    expect(schedule.answered(1, true)).toBe(false);
    schedule.answered(2, false);
    expect(sent).toEqual([1, 2, 3]);
    expect(schedule.busy).toBe(false);
  });

  it("never shows a picture older than the one shown", () => {
    const { it: schedule } = scheduler();
    schedule.request();
    schedule.request();
    expect(schedule.answered(2, true)).toBe(true);
    expect(schedule.answered(1, true)).toBe(false);
  });

  it("does not show a picture twice, nor one that nobody asked for", () => {
    const { it: schedule } = scheduler();
    schedule.request();
    expect(schedule.answered(1, true)).toBe(true);
    expect(schedule.answered(1, true)).toBe(false);
    expect(schedule.answered(99, true)).toBe(false);
  });

  it("goes on after an error or a superseded request", () => {
    const { sent, it: schedule } = scheduler();
    for (let i = 0; i < 3; i++) schedule.request();
    expect(schedule.answered(1, false)).toBe(false);
    expect(sent).toEqual([1, 2, 3]);
  });

  it("does not wait for ever for a kernel that lost its requests", () => {
    const { sent, clock, it: schedule } = scheduler(1000);
    for (let i = 0; i < 3; i++) schedule.request();
    clock.now = 2000;
    schedule.request();
    expect(sent).toEqual([1, 2, 3]);
  });
});
