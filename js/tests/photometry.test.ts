/** Flux in the units of astronomers, and the radial profile of galaxies whose profile is known. */
import { describe, expect, it } from "vitest";
import {
  barLength,
  magnitude,
  radialProfile,
  stampMagnitude,
  surfaceBrightness,
  windowedCentre,
} from "../src/photometry";
import { bandColour, profilePlot, ticks } from "../src/profile_plot";

/** A round Gaussian galaxy of 1000 nJy a pixel in its centre. */
function gaussian(side: number, x: number, y: number, sigma: number): Float32Array {
  return Float32Array.from({ length: side * side }, (_, at) => {
    const r2 = ((at % side) - x) ** 2 + (Math.floor(at / side) - y) ** 2;
    return 1000 * Math.exp(-r2 / (2 * sigma ** 2));
  });
}

describe("a flux", () => {
  it("is an AB magnitude", () => {
    expect(magnitude(1)).toBeCloseTo(31.4);
    expect(magnitude(3630780547701)).toBeCloseTo(0, 5); // 3631 Jy
    expect(magnitude(-1)).toBeNaN();
    expect(magnitude(0)).toBeNaN();
  });
  it("of a small pixel is a brighter surface", () => {
    expect(surfaceBrightness(100, 1)).toBeCloseTo(26.4);
    expect(surfaceBrightness(100, 0.2)).toBeCloseTo(26.4 - 2.5 * Math.log10(25));
  });
  it("of a stamp is all its light, noise below zero included", () => {
    expect(stampMagnitude(Float32Array.from([150, -50]))).toBeCloseTo(26.4);
  });
});

describe("a scale bar", () => {
  it("has the longest round length that leaves most of the picture free", () => {
    expect([12.8, 25, 6.4, 1, 0.2].map((width) => barLength(width))).toEqual([5, 10, 2, 0.2, 0.05]);
  });
});

describe("a radial profile", () => {
  it("is centred on the light, not on the stamp", () => {
    const [x, y] = windowedCentre(gaussian(40, 21.3, 18.4, 3), 40, 40, 5);
    expect(x).toBeCloseTo(21.3, 2);
    expect(y).toBeCloseTo(18.4, 2);
  });
  it("does not follow a neighbour, and is centred on the stamp where there is no light", () => {
    const plane = gaussian(40, 19.5, 19.5, 2).map((flux, at) => flux + 5 * (gaussian(40, 36, 36, 2)[at] as number));
    expect(windowedCentre(plane, 40, 40, 4)[0]).toBeCloseTo(19.5, 1);
    expect(windowedCentre(new Float32Array(1600).fill(-1), 40, 40, 4)).toEqual([19.5, 19.5]);
  });
  it("is the galaxy's own, ring by ring", () => {
    const rings = radialProfile(gaussian(61, 30, 30, 8), 61, 61, [30, 30]);
    expect(rings).toHaveLength(31);
    for (const { radius, flux } of rings.slice(1, 20)) {
      expect(Math.abs(flux / (1000 * Math.exp(-(radius ** 2) / 128)) - 1)).toBeLessThan(0.02);
    }
  });
  it("has an error that falls with the number of pixels", () => {
    let seed = 1;
    const noise = Float32Array.from({ length: 61 * 61 }, () => {
      seed = (seed * 16807) % 2147483647;
      return seed / 2147483647 - 0.5;
    });
    const rings = radialProfile(noise, 61, 61, [30, 30]);
    const pixels = 2 * Math.PI * 25;
    expect(Math.abs((rings[25]?.error ?? 0) / (Math.sqrt(1 / 12) / Math.sqrt(pixels)) - 1)).toBeLessThan(0.2);
    expect(rings[25]?.error ?? 1).toBeLessThan(rings[3]?.error ?? 0);
  });
  it("is drawn as far as it is above the noise, and says so where it is nowhere", () => {
    const rings = radialProfile(gaussian(61, 30, 30, 4), 61, 61, [30, 30]);
    const profile = { band: "<b>r</b>", colour: bandColour(2, 5), rings };
    const plot = profilePlot([profile], 0.2, 0.9);
    expect(plot.querySelectorAll("polyline")).toHaveLength(1);
    expect(plot.querySelector("b")).toBeNull();
    expect(plot.textContent).toContain("<b>r</b>");
    const nothing = rings.map((ring) => ({ ...ring, flux: 0 }));
    expect(profilePlot([{ ...profile, rings: nothing }], 0.2, null).textContent).toBe("no light above the noise");
  });
  it("has round numbers on its axes", () => {
    expect(ticks(0, 6.3)).toEqual([0, 2, 4, 6]);
    expect(ticks(18.7, 27.7)).toEqual([20, 22, 24, 26]);
    expect(ticks(20.1, 20.9)).toEqual([20.2, 20.4, 20.6, 20.8]);
  });
});
