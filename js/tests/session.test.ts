/** The session against a kernel that is played here: what is sent, what is not, and strings from data that try to be markup. */
import type { AnyModel } from "@anywidget/types";
import { beforeEach, describe, expect, it, vi } from "vitest";
import { GRID_STATE } from "../src/grid_view";
import { Session } from "../src/session";
import { cellPairs, Shell } from "../src/shell";
import { viewingOf } from "../src/viewing";

type Handler = (...values: unknown[]) => void;

class Kernel {
  sent: Record<string, unknown>[] = [];
  handlers = new Map<string, Set<Handler>>();
  constructor(private readonly state: Record<string, unknown>) {}
  get = (name: string) => this.state[name];
  set = (name: string, value: unknown) => {
    this.state[name] = value;
    this.say(`change:${name}`);
  };
  on = (name: string, handler: Handler) => {
    this.handlers.set(name, (this.handlers.get(name) ?? new Set()).add(handler));
  };
  off = (name: string, handler: Handler) => this.handlers.get(name)?.delete(handler);
  send = (message: Record<string, unknown>) => this.sent.push(structuredClone(message));
  say(name: string, ...values: unknown[]) {
    for (const handler of this.handlers.get(name) ?? []) handler(...values);
  }
  measured(seq: number) {
    const attributes = [{ name: "mag_r", label: "r magnitude", unit: "mag", values: [21] }];
    this.say("msg:custom", { type: "attributes", seq, attributes, about: { outside: [""] } }, []);
  }
  answer(seq: number, { label = "r magnitude", draft = false, pending = false } = {}) {
    const message = {
      type: "frame",
      seq,
      draft,
      pending,
      layers: [{ name: "flux", shape: [1, 3, 1, 1], scale: 1 }],
      bands: ["i", "r", "g"],
      rows: 1,
      columns: 1,
      attributes: [{ name: "mag_r", label, unit: "<b>mag</b>", values: [18.5] }],
    };
    this.say("msg:custom", message, [new DataView(new Uint16Array([0, 0, 0]).buffer)]);
  }
}

let kernel: Kernel;
let session: Session;
beforeEach(() => {
  const display = { bands: ["i", "r", "g"], scale: [1, 1, 1], stretch: 10, Q: 8 };
  kernel = new Kernel({ seed: 1, conditions: {}, selection: [], display, bands: ["u", "g", "r", "i"] });
  session = new Session(kernel as unknown as AnyModel, GRID_STATE);
  session.watch(1);
});

describe("a selection by attribute", () => {
  it("is asked of the kernel, checked, and given back with the number of galaxies", async () => {
    const found = session.where("mag_r < 19");
    const { seq, ...asked } = kernel.sent.at(-1) as { seq: number };
    expect(asked).toEqual({ type: "where", condition: "mag_r < 19", state: {} });
    kernel.say("msg:custom", { type: "where", seq, selection: [2, 5], total: 9 }, []);
    expect(await found).toMatchObject({ selection: [2, 5], total: 9 });
  });

  it("that the kernel refuses, or answers with what is no selection, is null and said in words", async () => {
    const refused = session.where("mag_r <");
    const { seq } = kernel.sent.at(-1) as { seq: number };
    kernel.say("msg:custom", { type: "error", seq, message: "cannot read 'mag_r <'" }, []);
    expect(await refused).toBeNull();
    expect(session.error).toBe("cannot read 'mag_r <'");
    const damaged = session.where("mag_r < 19");
    expect(session.error).toBeNull();
    const last = kernel.sent.at(-1) as { seq: number };
    kernel.say("msg:custom", { type: "where", seq: last.seq, selection: [-1], total: 9 }, []);
    expect(await damaged).toBeNull();
    expect(session.error).toContain("a selected galaxy is -1");
  });
});

describe("a session", () => {
  it("asks for its first picture when a view is on the screen, and not before", () => {
    const unseen = new Kernel({ seed: 1, selection: [], display: { bands: [] } });
    const other = new Session(unseen as unknown as AnyModel, GRID_STATE);
    expect(unseen.sent).toEqual([]);
    other.watch(1);
    expect(unseen.sent).toEqual([{ type: "frame", seq: 1, state: {} }]);
  });

  it("sends what was changed, once, with the request", () => {
    kernel.answer(1);
    session.set({ seed: 5 });
    session.set({ seed: 6 });
    expect(kernel.sent.slice(1)).toEqual([
      { type: "frame", seq: 2, state: { seed: 5 } },
      { type: "frame", seq: 3, state: { seed: 6 } },
    ]);
  });

  it("asks for drafts while a slider is held, and for the exact picture when it is let go", () => {
    kernel.answer(1);
    session.hold(true);
    session.set({ seed: 5 });
    kernel.answer(2, { draft: true });
    session.hold(false);
    expect(kernel.sent.slice(1)).toEqual([
      { type: "frame", seq: 2, draft: true, state: { seed: 5 } },
      { type: "frame", seq: 3, state: {} },
    ]);
    kernel.answer(3);
    session.hold(true);
    session.hold(false);
    expect(kernel.sent).toHaveLength(3);
  });

  it("asks for the exact picture of a slider that is let go before its drafts have come", () => {
    kernel.answer(1);
    session.hold(true);
    for (const seed of [5, 6, 7]) session.set({ seed });
    expect(kernel.sent).toHaveLength(3);
    session.hold(false);
    expect(kernel.sent.slice(3)).toEqual([{ type: "frame", seq: 4, state: { seed: 7 } }]);
  });

  it("shows a picture before what is measured on it, and is busy until that comes", () => {
    const heard: string[] = [];
    session.listen((what) => heard.push(what));
    kernel.answer(1, { pending: true });
    const { frame } = session;
    expect([session.busy, heard]).toEqual([true, ["frame", "status"]]);
    kernel.measured(1);
    expect([session.busy, heard.slice(2)]).toEqual([false, ["attributes", "status"]]);
    expect(session.frame).toBe(frame);
    expect(cellPairs(session.frame as never, 0)?.[1]).toEqual(["r magnitude", "21.00 mag"]);
  });

  it("takes no attributes of another picture, and waits for none after an error", () => {
    kernel.answer(1, { pending: true });
    session.set({ seed: 2 });
    kernel.answer(2, { pending: true });
    kernel.measured(1);
    expect(session.frame?.attributes[0]?.values).toEqual([18.5]);
    kernel.say("msg:custom", { type: "error", seq: 2, message: "sep failed" }, []);
    expect([session.busy, session.error]).toEqual([false, "sep failed"]);
  });

  it("asks for the exact picture when the hand rests on the slider", () => {
    vi.useFakeTimers();
    kernel.answer(1);
    session.hold(true);
    session.set({ seed: 5 });
    kernel.answer(2, { draft: true });
    expect(kernel.sent).toHaveLength(2);
    vi.advanceTimersByTime(1000);
    expect(kernel.sent.slice(2)).toEqual([{ type: "frame", seq: 3, state: {} }]);
    vi.useRealTimers();
  });

  it("keeps the last picture of a kernel that is gone, says so, and asks it nothing more", async () => {
    const el = document.createElement("div");
    const shell = new Shell(el, session, "galaxies");
    kernel.answer(1);
    const strip = session.strip(0);
    const sent = kernel.sent.length;
    kernel.say("comm_live_update");
    expect(await strip).toBeNull();
    session.set({ seed: 9 });
    session.setSelection([0]);
    expect(await session.strip(1)).toBeNull();
    expect(kernel.sent).toHaveLength(sent);
    expect(session.busy).toBe(false);
    expect(session.frame?.rows).toBe(1);
    expect(el.querySelector("[role=status]")?.textContent).toContain("Run the cell again");
    shell.dispose();
  });

  it("sends no message for stretch, softening or scale", () => {
    kernel.answer(1);
    session.setDisplay({ stretch: 20 });
    session.setDisplay({ Q: 3, scale: [2, 1, 1] });
    expect(kernel.sent).toHaveLength(1);
    expect(session.display.stretch).toBe(20);
  });

  it("asks for a band that is not here", () => {
    kernel.answer(1);
    session.setDisplay({ bands: ["i", "r", "u"] });
    expect(kernel.sent[1]).toMatchObject({ type: "frame", state: { display: { bands: ["i", "r", "u"] } } });
  });

  it("sends a selection without asking for a picture", () => {
    kernel.answer(1);
    session.setSelection([3, 1]);
    expect(kernel.sent.slice(1)).toEqual([{ type: "state", state: { selection: [3, 1] } }]);
  });

  it("asks for the picture of a state that Python changed, without sending it back", () => {
    kernel.answer(1);
    kernel.set("seed", 9);
    expect(kernel.sent.slice(1)).toEqual([{ type: "frame", seq: 2, state: {} }]);
  });

  it("shows the kernel's error in words until the next picture", () => {
    kernel.say("msg:custom", { type: "error", seq: 1, message: "no band 'y'" }, []);
    expect(session.error).toBe("no band 'y'");
    session.request();
    kernel.answer(2);
    expect(session.error).toBeNull();
  });

  it("gives the strip to who asked for it, and null when it fails", async () => {
    kernel.answer(1);
    const strip = session.strip(4);
    const { seq } = kernel.sent[1] as { seq: number };
    expect(kernel.sent[1]).toMatchObject({ type: "strip", row: 4 });
    kernel.say("msg:custom", { type: "error", seq, message: "no such row" }, []);
    expect(await strip).toBeNull();
  });

  it("keeps no pixels when its last view is gone, and asks again for a new one", () => {
    const [one, two] = [0, 1].map(() => new Shell(document.createElement("div"), session, "galaxies")) as [
      Shell,
      Shell,
    ];
    kernel.answer(1);
    one.dispose();
    expect(session.frame).not.toBeNull();
    two.dispose();
    session.watch(-1);
    expect(session.frame).toBeNull();
    session.watch(1);
    expect(kernel.sent).toHaveLength(2);
  });

  it("hears nothing more after it is disposed of", () => {
    session.dispose();
    kernel.set("seed", 2);
    kernel.answer(1);
    expect(session.frame).toBeNull();
    expect(kernel.sent).toHaveLength(1);
  });
});

describe("a status", () => {
  it("says why nothing comes, once that takes a while, and is quiet again when it has come", () => {
    vi.useFakeTimers();
    const el = document.createElement("div");
    const shell = new Shell(el, session, "galaxies");
    const said = () => el.querySelector("[role=status]")?.textContent;
    expect(said()).toBe("waiting for the kernel");
    kernel.answer(1);
    expect(said()).toBe("");
    session.set({ seed: 2 });
    vi.advanceTimersByTime(1000);
    expect(said()).toBe("");
    vi.advanceTimersByTime(1000);
    expect(said()).toContain("the kernel is busy");
    kernel.answer(2, { pending: true });
    expect(said()).toBe("measuring the galaxies");
    kernel.measured(2);
    expect(said()).toBe("");
    session.set({ seed: 3 });
    shell.dispose();
    vi.advanceTimersByTime(5000);
    expect(said() ?? "").toBe("");
    vi.useRealTimers();
  });
});

describe("a picture that takes long", () => {
  it("shows it after 0.3 s, offers to stop after 2 s, and goes back to the state before", () => {
    vi.useFakeTimers();
    const el = document.createElement("div");
    const shell = new Shell(el, session, "galaxies");
    viewingOf(session); // as every desk has it
    kernel.answer(1);
    const [bar, stop] = [el.querySelector("progress"), el.querySelector<HTMLButtonElement>(".gw-stop")];
    const seen = () => [bar?.hidden, stop?.hidden].map((hidden) => !hidden);
    session.set({ seed: 2 });
    expect(seen()).toEqual([false, false]);
    vi.advanceTimersByTime(310);
    expect(seen()).toEqual([true, false]);
    vi.advanceTimersByTime(1700);
    expect(seen()).toEqual([true, true]);
    stop?.click();
    expect(kernel.sent.map(({ type }) => type)).toEqual(["frame", "frame", "halt", "frame"]);
    expect([session.get("seed"), kernel.sent.at(-1)?.state]).toEqual([1, { seed: 1 }]);
    kernel.say("msg:custom", { type: "superseded", seq: 2 }, []);
    kernel.answer(3);
    expect([session.busy, seen()]).toEqual([false, [false, false]]);
    shell.dispose();
    vi.useRealTimers();
  });

  it("that is here and being measured stays as it is", () => {
    const el = document.createElement("div");
    const shell = new Shell(el, session, "galaxies");
    kernel.answer(1);
    session.set({ seed: 2 });
    kernel.answer(2, { pending: true });
    el.querySelector<HTMLButtonElement>(".gw-stop")?.click();
    expect([session.busy, session.get("seed"), kernel.sent.at(-1)?.type]).toEqual([false, 2, "halt"]);
    shell.dispose();
  });
});

describe("a kernel that is shut down", () => {
  it("is known by its connection, where the host has one", () => {
    const slots = new Set<() => void>();
    const disposed = {
      connect: (slot: () => void) => slots.add(slot),
      disconnect: (slot: () => void) => slots.delete(slot),
    };
    Object.assign(kernel, { widget_manager: { kernel: { disposed } } });
    const other = new Session(kernel as unknown as AnyModel, GRID_STATE);
    for (const slot of slots) slot();
    expect(other.parted).toBe(true);
    other.dispose();
    expect(slots.size).toBe(0);
  });
});

describe("strings from data", () => {
  const hostile = "<img src=x onerror=alert(1)>";
  it("are shown as they are and never become markup", () => {
    const el = document.createElement("div");
    const shell = new Shell(el, session, hostile);
    kernel.answer(1, { label: hostile });
    shell.point(0);
    session.fail(hostile);
    expect(el.querySelector("img")).toBeNull();
    expect(el.textContent).toContain(hostile);
    expect(cellPairs(session.frame as never, 0)).toEqual([
      ["galaxy", "0"],
      [hostile, "18.5 <b>mag</b>"],
    ]);
    shell.dispose();
  });
});
