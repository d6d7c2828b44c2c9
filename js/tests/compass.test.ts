/** Arrows to north and east: where they point, what they share, and that they hide where nothing is known. */
import { describe, expect, it } from "vitest";
import { CompassRose, shared } from "../src/compass";

/** Ends of the two arrows from their common start, right and down on the screen. */
function ends(rose: CompassRose): [number, number][] {
  return [...rose.root.querySelectorAll("path")].map((path) => {
    const [, x0, y0, x1, y1] = (path.getAttribute("d") ?? "").match(/M(\S+) (\S+)L(\S+) (\S+)M/) ?? [];
    return [Number(x1) - Number(x0), Number(y1) - Number(y0)];
  });
}

describe("a compass", () => {
  it.each([
    ["north up, east to the left", [0, 90], [0, -1], [-1, 0], "north up, east left"],
    ["north to the left, mirrored", [90, 0], [-1, 0], [0, -1], "north left, east up"],
    ["north down, as an angle below zero", [-180, -90], [0, 1], [1, 0], "north down, east right"],
  ] as const)("points the arrows: %s", (_, angles, north, east, words) => {
    const rose = new CompassRose();
    rose.show(angles);
    const [n, e] = ends(rose) as [[number, number], [number, number]];
    const length = Math.hypot(...n);
    for (const [end, expected] of [
      [n, north],
      [e, east],
    ] as const)
      end.forEach((along, axis) => {
        expect(along / length).toBeCloseTo(expected[axis] as number, 2);
      });
    expect(rose.root.getAttribute("aria-label")).toBe(words);
    expect([...rose.root.querySelectorAll("text")].map((text) => text.textContent)).toEqual(["N", "E"]);
  });

  it("is hidden where nothing is known, and comes back", () => {
    const rose = new CompassRose();
    expect(rose.root.style.display).toBe("none");
    rose.show([0, 90]);
    expect(rose.root.style.display).toBe("");
    rose.show(null);
    expect(rose.root.style.display).toBe("none");
  });

  it("is shared by galaxies that lie alike, across the turn of the circle, and by no others", () => {
    expect(
      shared([
        [179.8, 89.8],
        [-179.9, 90],
      ]),
    ).toEqual([179.8, 89.8]);
    expect(
      shared([
        [0, 90],
        [5, 95],
      ]),
    ).toBeNull();
    expect(shared([[0, 90], null])).toBeNull();
    expect(shared([])).toBeNull();
  });
});
