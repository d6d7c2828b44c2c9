/** Clicks, modifiers and keys on a grid; steps of a strip; values of a slider. */
import { describe, expect, it } from "vitest";
import { decimals, formatted, STEPS, toStep, toValue } from "../src/scale";
import { moved, picked } from "../src/selection";
import { loop, nearestStep, pingPong, Strips } from "../src/strip";

const none = { shiftKey: false, ctrlKey: false, metaKey: false };

describe("a click", () => {
  it("selects one cell alone, and a second click frees it", () => {
    const one = picked({ cells: [1, 2], anchor: 0 }, 5, 4, none);
    expect(one).toEqual({ cells: [5], anchor: 5 });
    expect(picked(one, 5, 4, none).cells).toEqual([]);
  });
  it("with ctrl or cmd puts a cell in or takes it out", () => {
    expect(picked({ cells: [1], anchor: 1 }, 0, 4, { ...none, ctrlKey: true }).cells).toEqual([0, 1]);
    expect(picked({ cells: [0, 1], anchor: 1 }, 1, 4, { ...none, metaKey: true }).cells).toEqual([0]);
  });
  it("with shift selects the block from the anchor, upwards too", () => {
    expect(picked({ cells: [10], anchor: 10 }, 5, 4, { ...none, shiftKey: true })).toEqual({
      cells: [5, 6, 9, 10],
      anchor: 10,
    });
  });
});

describe("a key", () => {
  it("moves the focus and stays on the grid", () => {
    expect(moved(0, "ArrowLeft", 4, 10)).toBe(0);
    expect(moved(9, "ArrowRight", 4, 10)).toBe(9);
    expect(moved(1, "ArrowDown", 4, 10)).toBe(5);
    expect(moved(7, "ArrowDown", 4, 10)).toBe(7);
    expect(moved(2, "ArrowUp", 4, 10)).toBe(2);
    expect(moved(6, "Home", 4, 10)).toBe(4);
    expect(moved(8, "End", 4, 10)).toBe(9);
    expect(moved(6, "Home", 4, 10, true)).toBe(0);
    expect(moved(6, "q", 4, 10)).toBeNull();
  });
});

describe("a strip", () => {
  it("gives the step nearest to the scrub, and never one outside", () => {
    expect([-1, -0.51, 0, 0.49, 1, 7, -7].map((at) => nearestStep(at, 5))).toEqual([0, 1, 2, 3, 4, 4, 0]);
  });
  it("is asked for row by row until all are there", () => {
    const strips = new Strips();
    const frame = { flux: { shape: [9, 3, 4, 4] } } as never;
    strips.add(0, frame);
    expect(strips.missing(2)).toBe(1);
    strips.add(1, frame);
    expect(strips.missing(2)).toBeNull();
    expect(strips.at(1, 0)).toEqual({ frame, cell: 4 });
    strips.clear();
    expect(strips.at(1, 0)).toBeNull();
  });
  it("plays from one end to the other and back", () => {
    expect([0, 0.5, 1, 1.9, 2, 2.5].map((time) => loop(time, 4))).toEqual([-1, -0.5, 0, expect.closeTo(0.9), -1, -0.5]);
    expect(pingPong(0, 4)).toBeCloseTo(-1);
    expect(pingPong(1, 4)).toBeCloseTo(0);
    expect(pingPong(2, 4)).toBeCloseTo(1);
    expect(pingPong(4, 4)).toBeCloseTo(-1);
  });
});

describe("a slider", () => {
  it("goes from step to value and back, on both scales", () => {
    for (const scale of [
      { low: 17, high: 23 },
      { low: 0.2, high: 4, log: true },
    ]) {
      for (const step of [0, 17, 100, STEPS]) expect(toStep(toValue(step, scale), scale)).toBe(step);
    }
    expect(toValue(STEPS / 2, { low: 1, high: 100, log: true })).toBeCloseTo(10);
  });
  it("stands at its end for a value beyond it", () => {
    expect(toStep(99, { low: 0, high: 1 })).toBe(STEPS);
    expect(toStep(Number.NaN, { low: 0, high: 1 })).toBe(0);
  });
  it("shows the digits that tell two steps apart", () => {
    expect(decimals({ low: 17, high: 23 })).toBe(2);
    expect(formatted(45, { low: 0, high: 180 })).toBe("45");
    expect(formatted(null, { low: 0, high: 1 })).toBe("");
  });
});
