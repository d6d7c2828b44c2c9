/** Numbers as people read them. */
import { describe, expect, it } from "vitest";
import { inWords } from "../src/latent_plot";
import { withError, withUnit } from "../src/scale";

describe("a number with its error", () => {
  it("is written to the second digit of the error", () => {
    expect(withError(19.0812, 0.06435)).toBe("19.081 ± 0.064");
    expect(withError(0.16834, 0.005984)).toBe("0.1683 ± 0.0060");
    expect(withError(131.2, 14.7)).toBe("131 ± 15");
    expect(withError(-0.5, 0.25)).toBe("-0.50 ± 0.25");
  });
  it("is written alone where there is no error", () => {
    expect(withError(19.0812, 0)).toBe("19.08");
    expect(withError(19.0812, Number.NaN)).toBe("19.08");
  });
});

describe("a magnitude", () => {
  it("stands in hundredths, a colour in thousandths, and another number in four digits", () => {
    expect([withUnit(19, "mag"), withUnit(0.4484, "mag"), withUnit(-0.05, "mag")]).toEqual([
      "19.00",
      "0.448",
      "-0.050",
    ]);
    expect([withUnit(19, "arcsec"), withUnit(0.02011, "")]).toEqual(["19", "0.02011"]);
    expect(withUnit(Number.NaN, "mag")).toBe("–");
  });
});

describe("a posterior", () => {
  it("is said in words: how wide it is, or that it is a point", () => {
    expect(inWords({ mean: [0.1, -2], std: [0.5, 0.02] })).toBe("latent, 2 numbers: posterior spread 0.02 to 0.5");
    expect(inWords({ mean: [0.1, -2], std: [0, 0] })).toBe("latent, 2 numbers: a point");
  });
});
