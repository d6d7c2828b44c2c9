/** What comes over the wire: half floats, frames, and messages that are damaged or hostile. */
import { describe, expect, it } from "vitest";
import { decodeCompanded } from "../src/companded";
import { decodeHalves } from "../src/half";
import { parseAnswer } from "../src/protocol";
import { redshiftPlot } from "../src/redshift_plot";

const halves = (...bits: number[]): DataView => new DataView(Uint16Array.from(bits).buffer);

function frame(overrides: Record<string, unknown> = {}): Record<string, unknown> {
  return {
    type: "frame",
    seq: 3,
    layers: [{ name: "flux", shape: [1, 2, 1, 2], scale: 2 }],
    bands: ["g", "r"],
    rows: 1,
    columns: 1,
    row_labels: ["18 mag"],
    attributes: [{ name: "mag_r", label: "r magnitude", unit: "mag", values: [18.5, null] }],
    about: {},
    ...overrides,
  };
}
const pixels = halves(0x3c00, 0x4000, 0xbc00, 0x0000);

describe("half floats", () => {
  it("are the numbers that IEEE 754 says", () => {
    const values = decodeHalves(halves(0x3c00, 0xc000, 0x7bff, 0x0400, 0x0001, 0x8000, 0x3555), 7, 1);
    expect([...values]).toEqual([1, -2, 65504, 2 ** -14, 2 ** -24, -0, Math.fround(0.333251953125)]);
    expect(decodeHalves(halves(0x7c00, 0x7e00), 2, 1)).toEqual(
      new Float32Array([Number.POSITIVE_INFINITY, Number.NaN]),
    );
  });

  it("are scaled, and read at an odd offset", () => {
    const shifted = new Uint8Array(5);
    shifted.set(new Uint8Array(halves(0x3c00, 0x4000).buffer), 1);
    expect([...decodeHalves(new DataView(shifted.buffer, 1), 2, 4)]).toEqual([4, 8]);
  });

  it("say how many bytes are missing", () => {
    expect(() => decodeHalves(halves(0, 0), 3, 1)).toThrow("4 bytes of pixels came; 6 were announced");
  });
});

describe("companded bytes", () => {
  const bytes = new DataView(Uint8Array.from([0, 128, 255, 255]).buffer);

  it("are the flux whose logarithm they step through, each band on its own scale", () => {
    const [dark, middle, bright, other] = decodeCompanded(bytes, [2, 2, 1, 1], [1.5, 4], [4096, 100]);
    expect(dark).toBe(0);
    expect(Math.log1p((middle as number) / 4) / Math.log1p(100 / 4)).toBeCloseTo(128 / 255, 5);
    expect(bright).toBeCloseTo(4096, 2);
    expect(other).toBeCloseTo(100, 4);
  });

  it.each([
    ["a knee of zero", [0, 1], [1, 1]],
    ["a top beyond all numbers", [1, 1], [Infinity, 1]],
    ["too few scales", [1], [1]],
  ])("with %s are refused", (_, knee, top) => {
    expect(() => decodeCompanded(bytes, [1, 2, 1, 2], knee, top)).toThrow("companded pixels of 2 bands");
  });

  it("come in a draft of a frame", () => {
    const layers = [{ name: "flux", shape: [1, 2, 1, 2], scale: 1, encoding: "u8", knee: [1, 1], top: [16, 16] }];
    const answer = parseAnswer(frame({ layers, draft: true }), [bytes]);
    expect(answer.type === "frame" && answer.frame.draft && answer.frame.flux.data[3]).toBeCloseTo(16, 4);
  });
});

describe("an answer", () => {
  it("is a frame with its pixels in nJy", () => {
    const answer = parseAnswer(frame(), [pixels]);
    if (answer.type !== "frame") throw new Error(JSON.stringify(answer));
    expect([...answer.frame.flux.data]).toEqual([2, 4, -2, 0]);
    expect(answer.frame.attributes[0]?.values).toEqual([18.5, null]);
  });

  it.each([
    ["truncated pixels", frame(), [halves(0x3c00)]],
    ["no pixels", frame(), []],
    ["no layers", frame({ layers: undefined }), [pixels]],
    ["a negative side", frame({ layers: [{ name: "flux", shape: [-1, 2, 1, 2], scale: 1 }] }), [pixels]],
    ["a side beyond memory", frame({ layers: [{ name: "flux", shape: [1e6, 1e6, 1e6, 1], scale: 1 }] }), [pixels]],
    ["a scale of NaN", frame({ layers: [{ name: "flux", shape: [1, 2, 1, 2], scale: "x" }] }), [pixels]],
    ["too few band names", frame({ bands: ["g"] }), [pixels]],
    ["rows that are text", frame({ rows: "<img>" }), [pixels]],
    ["no number", frame({ seq: "7" }), [pixels]],
    ["an unknown type", { type: "surprise", seq: 1 }, []],
    ["no object", 42, []],
    ["null", null, []],
  ])("with %s is an error in words", (_, message, buffers) => {
    const answer = parseAnswer(message, buffers);
    expect(answer.type).toBe("error");
    expect((answer as { message: string }).message).toMatch(/^The kernel's answer cannot be read: .+/);
  });

  it("keeps the kernel's own words of an error", () => {
    expect(parseAnswer({ type: "error", seq: 2, message: "no band 'y'" }, [])).toEqual({
      type: "error",
      seq: 2,
      message: "no band 'y'",
    });
  });
});

describe("details of a galaxy", () => {
  const told = {
    latent: { mean: [0.5, -1], std: [0.1, 0] },
    predicted: { mag_r: [18.5, 0.02], morphology: ["Sc", 0.7] },
    redshift: { z: [0.1, 0.2, 0.3], density: [0, 9, 1] },
  };

  it("are read as they are", () => {
    expect(parseAnswer({ type: "details", seq: 3, ...told }, [])).toEqual({ type: "details", seq: 3, details: told });
  });

  it("may lack everything", () => {
    const details = { latent: null, predicted: {}, redshift: null };
    expect(parseAnswer({ type: "details", seq: 3, latent: null }, [])).toEqual({ type: "details", seq: 3, details });
  });

  it("with a density of another length are an error", () => {
    const answer = parseAnswer({ type: "details", seq: 3, ...told, redshift: { z: [0.1], density: [] } }, []);
    expect(answer).toMatchObject({ type: "error", message: expect.stringContaining("one value a redshift") });
  });

  it("give a plot from the first to the last redshift that names its peak", () => {
    const plot = redshiftPlot(told.redshift);
    expect(plot.getAttribute("aria-label")).toBe("density of the redshift, highest at 0.2");
    const points = (plot.querySelector("polyline")?.getAttribute("points") ?? "")
      .split(" ")
      .map((pair) => pair.split(",").map(Number));
    expect(points.map(([x]) => x)).toEqual([8, 118, 228]);
    const heights = points.map(([, y]) => y as number);
    expect(heights[1]).toBeLessThan(heights[2] as number);
    expect(heights[2]).toBeLessThan(heights[0] as number);
  });
});
