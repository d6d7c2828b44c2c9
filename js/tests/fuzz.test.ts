/** Damaged, reordered, repeated and hostile messages: the session never throws, hangs or grows, and the next good picture is shown. */
import type { AnyModel } from "@anywidget/types";
import { describe, expect, it } from "vitest";
import { parseAnswer } from "../src/protocol";
import { Session } from "../src/session";

/** Numbers in [0, 1) from a seed (mulberry32), so that a failure can be repeated. */
function random(seed: number): () => number {
  let state = seed;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}

const JUNK: readonly unknown[] = [
  null,
  undefined,
  -1,
  0,
  1.5,
  1e300,
  Number.NaN,
  "",
  "7",
  "<img src=x onerror=alert(1)>",
  [],
  [1, 2],
  {},
  { length: 1e9 },
  true,
];
const KEYS = [
  "selection",
  "total",
  "latent",
  "predicted",
  "type",
  "seq",
  "layers",
  "bands",
  "rows",
  "columns",
  "first",
  "row_labels",
  "attributes",
  "about",
  "draft",
  "pending",
  "compass",
  "row",
];
const TYPES = [
  "frame",
  "frame",
  "frame",
  "strip",
  "exact",
  "attributes",
  "where",
  "details",
  "code",
  "superseded",
  "error",
  "surprise",
];

function good(seq: unknown, u8: boolean): [Record<string, unknown>, DataView[]] {
  const coding = u8 ? { encoding: "u8", knee: [1, 2, 3], top: [9, 9, 9] } : {};
  const message = {
    type: "frame",
    seq,
    layers: [{ name: "flux", shape: [2, 3, 2, 2], scale: 1, ...coding }],
    bands: ["i", "r", "g"],
    rows: 1,
    columns: 2,
    attributes: [],
    about: {},
    draft: u8,
  };
  return [message, [new DataView(new ArrayBuffer(u8 ? 24 : 48))]];
}

/** A message as a broken or hostile kernel would send it. */
function damaged(next: () => number): [unknown, DataView[]] {
  const any = <T>(from: readonly T[]) => from[Math.floor(next() * from.length)] as T;
  let [message, buffers] = good(Math.floor(next() * 40), next() < 0.5);
  const [layer] = message.layers as [Record<string, unknown>];
  message.type = any(TYPES);
  for (let times = Math.floor(next() * 3); times > 0; times--) message[any(KEYS)] = any(JUNK);
  if (next() < 0.4) layer[any(["name", "shape", "scale", "encoding", "knee", "top"])] = any(JUNK);
  if (next() < 0.3)
    buffers = any([[], [new DataView(new ArrayBuffer(Math.floor(next() * 60)))], [...buffers, ...buffers]]);
  return [next() < 0.05 ? any(JUNK) : message, buffers];
}

describe("messages that are damaged at random", () => {
  it.each([1, 2, 3, 4])("are pictures that are whole or errors in words (seed %i)", (seed) => {
    const next = random(seed);
    for (let turn = 0; turn < 2000; turn++) {
      const answer = parseAnswer(...damaged(next));
      if (answer.type === "error") expect(answer.message).not.toBe("");
      if (answer.type !== "frame" && answer.type !== "strip" && answer.type !== "exact") continue;
      const { flux, rows, columns, bands } = answer.frame;
      expect(flux.data).toHaveLength(flux.shape.reduce((product, side) => product * side, 1));
      expect(bands).toHaveLength(flux.shape[1]);
      expect(Number.isSafeInteger(rows) && Number.isSafeInteger(columns)).toBe(true);
    }
  });

  it.each([5, 6, 7, 8])(
    "leave a session that asks no more than it is answered and shows the next good picture (seed %i)",
    (seed) => {
      const next = random(seed);
      const state: Record<string, unknown> = { seed: 0, display: { bands: ["i", "r", "g"] } };
      const sent: number[] = [];
      let hear: (message: unknown, buffers: DataView[]) => void = () => {};
      const model = {
        get: (name: string) => state[name],
        set: (name: string, value: unknown) => {
          state[name] = value;
        },
        on: (name: string, handler: typeof hear) => {
          if (name === "msg:custom") hear = handler;
        },
        off: () => {},
        send: (message: { seq: number }) => void sent.push(message.seq),
      };
      const session = new Session(model as unknown as AnyModel, ["seed"]);
      session.watch(1);
      let heard = 0;
      for (let turn = 0; turn < 500; turn++) {
        if (next() < 0.3) session.set({ seed: turn });
        hear(...damaged(next));
        heard += 1;
      }
      expect(sent.length).toBeLessThanOrEqual(heard + 2);
      // every request is answered at last, in any order, some twice
      for (let turn = 0; session.busy && turn < 10; turn++)
        for (const seq of [...sent].reverse()) for (let twice = 0; twice < 2; twice++) hear(...good(seq, false));
      expect(session.busy).toBe(false);
      expect(session.error).toBeNull();
      session.set({ seed: -1 });
      const last = session.frame;
      hear(...good(sent.at(-1), false));
      expect(session.frame).not.toBe(last);
      session.dispose();
    },
  );
});
