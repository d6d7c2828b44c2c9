/** The stretch against numbers that astropy gave (tests/test_widgets_numbers.py writes them). */
import { describe, expect, it } from "vitest";
import { type Display, paintColour, residualColour } from "../src/lupton";
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
