/** Zoom and pan of a stamp. */
import { describe, expect, it } from "vitest";
import { nearer, panned, shownPart, toStamp, WHOLE } from "../src/zoom";

describe("a zoom", () => {
  it("keeps what is under the pointer where it is", () => {
    const before = toStamp(WHOLE, 0.8, 0.3);
    const zoom = nearer(WHOLE, 3, 0.8, 0.3);
    const after = toStamp(zoom, 0.8, 0.3);
    expect(after[0]).toBeCloseTo(before[0]);
    expect(after[1]).toBeCloseTo(before[1]);
  });
  it("never leaves the stamp, and is never farther than the whole of it", () => {
    expect(nearer(WHOLE, 0.2, 0.9, 0.9)).toEqual(WHOLE);
    expect(nearer(WHOLE, 1e6).factor).toBe(16);
    expect(shownPart(panned(nearer(WHOLE, 2), 9, -9), 64, 64)).toEqual([32, 0, 32, 32]);
    expect(panned(WHOLE, 0.3, 0.3)).toEqual(WHOLE);
  });
  it("pans by a fraction of what is seen", () => {
    const zoom = panned(nearer(WHOLE, 4), 0.5, 0);
    expect(zoom.x).toBeCloseTo(0.625);
    expect(shownPart(zoom, 32, 64)).toEqual([32, 12, 16, 8]);
  });
  it("comes back from where it went in", () => {
    const there = nearer(nearer(WHOLE, 2, 0.1, 0.1), 0.5, 0.1, 0.1);
    expect(there).toEqual(WHOLE);
  });
});
