/** Colour maps against the numbers of matplotlib (tests/test_colour_maps.py writes them). */
import { describe, expect, it } from "vitest";
import { type ColourMap, gradient, palette } from "../src/colour_map";
import tables from "./colour_maps.json";

const channels = (word: number) => [word & 255, (word >> 8) & 255, (word >> 16) & 255];

describe("a colour map", () => {
  it.each(Object.entries(tables))("%s is matplotlib's within 1/255", (name, text) => {
    const expected = (text.match(/../g) as string[]).map((digits) => Number.parseInt(digits, 16));
    const made = [...palette(name as ColourMap)].flatMap(channels);
    expect(made).toHaveLength(expected.length);
    expect(Math.max(...made.map((value, at) => Math.abs(value - (expected[at] as number))))).toBeLessThanOrEqual(1);
  });
  it("reversed begins where it ended, and is opaque", () => {
    expect([...palette("viridis", true)]).toEqual([...palette("viridis")].reverse());
    expect([...palette("magma")].every((word) => word >>> 24 === 255)).toBe(true);
  });
  it("is shown from its first to its last colour", () => {
    expect(gradient("gray")).toBe("linear-gradient(to right, #000000, #ffffff)");
    expect(gradient("gray", true)).toBe("linear-gradient(to right, #ffffff, #000000)");
  });
});
