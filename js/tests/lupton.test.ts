/** The stretch against numbers that astropy gave (tests/test_widgets_numbers.py writes them). */
import { describe, expect, it } from "vitest";
import { palette } from "../src/colour_map";
import { type Display, paintBand, paintColour, residualColour } from "../src/lupton";
import cases from "./lupton.json";

function painted(flux: number[][][], display: Display): Uint8ClampedArray {
  const height = (flux[0] as number[][]).length;
  const width = ((flux[0] as number[][])[0] as number[]).length;
  const planes = flux.map((band) => Float32Array.from(band.flat())) as [Float32Array, Float32Array, Float32Array];
  const data = new Uint8ClampedArray(4 * width * height);
  paintColour(planes, [height, width], display, { data, width }, [0, 0]);
  return data;
}

describe("the stretch", () => {
  it.each(cases)("is make_lupton_rgb within 1/255 at stretch $stretch, Q $Q", ({ flux, rgb, scale, stretch, Q }) => {
    const data = painted(flux, { bands: ["r", "g", "b"], scale: scale as Display["scale"], stretch, Q });
    const height = rgb.length;
    let worst = 0;
    rgb.forEach((line, y) => {
      line.forEach((pixel, x) => {
        const at = 4 * ((height - 1 - y) * line.length + x);
        pixel.forEach((value, c) => {
          worst = Math.max(worst, Math.abs(value - (data[at + c] as number)));
        });
        expect(data[at + 3]).toBe(255);
      });
    });
    expect(worst).toBeLessThanOrEqual(1);
  });

  it("puts row 0 of the sky at the bottom", () => {
    const band = [
      [1000, 0],
      [0, 0],
    ];
    const data = painted([band, band, band], { bands: ["r", "g", "b"], scale: [1, 1, 1], stretch: 10, Q: 8 });
    expect(data[4 * 2]).toBeGreaterThan(100);
    expect(data[0]).toBe(0);
  });

  it("paints a galaxy at its place and nowhere else", () => {
    const plane = Float32Array.from([100, 100, 100, 100]);
    const data = new Uint8ClampedArray(4 * 6 * 6);
    const display: Display = { bands: ["r", "g", "b"], scale: [1, 1, 1], stretch: 10, Q: 8 };
    paintColour([plane, plane, plane], [2, 2], display, { data, width: 6 }, [3, 1]);
    const lit = [...data.keys()].filter((i) => i % 4 === 3 && data[i] === 255).map((i) => Math.floor(i / 4));
    expect(lit).toEqual([9, 10, 15, 16]);
  });
});

/** make_lupton_rgb by its formula in double precision, for grey: the level of a flux. */
function level(flux: number, stretch: number, Q: number): number {
  return Math.min(255, Math.floor((25.5 * Math.asinh((flux * Q) / stretch)) / Math.asinh(0.1 * Q)));
}

describe("the table of levels", () => {
  it.each([
    [0.01, 8],
    [73.4, 8],
    [73.4, 0.1],
    [1e5, 100],
  ])("is the formula within one level over twelve decades of flux, at stretch %f and Q %f", (stretch, Q) => {
    const fluxes = Float32Array.from({ length: 4000 }, (_, step) => stretch * 10 ** (step / 333 - 6));
    const display: Display = { bands: ["r", "r", "r"], scale: [1, 1, 1], stretch, Q };
    const data = new Uint8ClampedArray(4 * fluxes.length);
    paintColour([fluxes, fluxes, fluxes], [1, fluxes.length], display, { data, width: fluxes.length }, [0, 0]);
    const off = [...fluxes].map((flux, at) => Math.abs((data[4 * at] as number) - level(flux, stretch, Q)));
    expect(Math.max(...off)).toBeLessThanOrEqual(1);
    expect(data.some((value) => value > 0 && value < 255)).toBe(true);
  });
});

describe("a light sky", () => {
  const display: Display = { bands: ["i", "r", "g"], scale: [1, 1, 1], stretch: 50, Q: 8 };
  const planes = [
    [90, -5],
    [60, -5],
    [20, -5],
  ].map((flux) => Float32Array.from(flux)) as never;
  const paint = (invert: boolean) => {
    const data = new Uint8ClampedArray(8);
    paintColour(planes, [1, 2], display, { data, width: 2 }, [0, 0], invert);
    return [...data] as [number, number, number, ...number[]];
  };
  it("is white, and a galaxy keeps its hue at the opposite lightness", () => {
    const [dark, light] = [paint(false), paint(true)];
    expect(light.slice(4)).toEqual([255, 255, 255, 255]);
    const [red, green, blue] = dark;
    expect(Math.abs(light[0] - light[1] - (red - green))).toBeLessThanOrEqual(1);
    expect(Math.abs(light[1] - light[2] - (green - blue))).toBeLessThanOrEqual(1);
    expect(Math.abs(light[0] + light[2] - (510 - red - blue))).toBeLessThanOrEqual(2);
  });
});

describe("a band alone", () => {
  const fluxes = Float32Array.from([-20, 0, Number.NaN, 3, 50, 900, 1e9]);
  const display: Display = { bands: ["r", "r", "r"], scale: [2, 2, 2], stretch: 50, Q: 8 };
  const painted = (map: "gray" | "viridis") => {
    const data = new Uint8ClampedArray(4 * fluxes.length);
    paintBand(fluxes, [1, fluxes.length], display, palette(map), { data, width: fluxes.length }, [0, 0]);
    return [...new Uint32Array(data.buffer)];
  };
  it("has the levels of a grey picture, and none where there is no light", () => {
    const levels = painted("gray").map((word) => word & 255);
    const expected = [...fluxes].map((flux) => (flux > 0 ? level(flux, 50, 8) : 0));
    expect(Math.max(...levels.map((value, at) => Math.abs(value - (expected[at] as number))))).toBeLessThanOrEqual(1);
    expect([levels[0], levels[2], levels[6]]).toEqual([0, 0, 255]);
  });
  it("has these in the colours of its map", () => {
    expect(painted("viridis")).toEqual(painted("gray").map((word) => palette("viridis")[word & 255]));
  });
});

describe("the residual's colours", () => {
  const rgb = (sigma: number) => {
    const word = residualColour(sigma, 5);
    return [word & 255, (word >> 8) & 255, (word >> 16) & 255] as const;
  };
  it("are nearly white at zero, blue below, red above, and grey where masked", () => {
    expect(Math.min(...rgb(0))).toBeGreaterThan(240);
    const [low, high] = [rgb(-9), rgb(9)];
    expect(low[2]).toBeGreaterThan(low[0]);
    expect(high[0]).toBeGreaterThan(high[2]);
    expect(rgb(Number.NaN)).toEqual([128, 128, 128]);
  });
  it("end at the limit", () => {
    expect(rgb(5)).toEqual(rgb(50));
    expect(rgb(-5)).toEqual(rgb(-50));
    expect(rgb(4)).not.toEqual(rgb(5));
  });
});
