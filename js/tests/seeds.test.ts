/** Seeds at the corners: where they stand, and a walk that goes on where it was. */
import { describe, expect, it } from "vitest";
import { cornerCells, cornersOf, walked } from "../src/seeds";

describe("seeds at the corners", () => {
  it("stand top left, top right, bottom left, bottom right", () => {
    expect([...cornerCells(3, 4)].sort(([a], [b]) => a - b)).toEqual([
      [0, 0],
      [3, 1],
      [8, 2],
      [11, 3],
    ]);
  });
  it("are each named once where the grid is one row or one cell", () => {
    expect(cornerCells(1, 4)).toEqual(
      new Map([
        [0, 0],
        [3, 1],
      ]),
    );
    expect(cornerCells(1, 1)).toEqual(new Map([[0, 0]]));
  });
  it("walk so that the right edge becomes the left one, and back", () => {
    const [topLeft, topRight, bottomLeft, bottomRight] = cornersOf(5);
    const next = walked(cornersOf(5), 1);
    expect([next[0], next[2]]).toEqual([topRight, bottomRight]);
    expect(walked(next, -1)).toEqual([topLeft, topRight, bottomLeft, bottomRight]);
  });
  it("stay where a step would go below 0", () => {
    expect(walked([1, 3, 2, 4], -1)).toEqual([1, 3, 2, 4]);
  });
});
