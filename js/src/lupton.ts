/** Colour of galaxies: the asinh stretch of Lupton et al. 2004 (PASP 116, 133), as `astropy.visualization.make_lupton_rgb` does it. */

export interface Display {
  /** Names of the bands for red, green and blue. */
  bands: [string, string, string];
  /** A factor for each. */
  scale: [number, number, number];
  /** Linear stretch in nJy a pixel. */
  stretch: number;
  /** asinh softening. */
  Q: number;
}

/** Where pixels go: RGBA bytes of a picture `width` wide. */
export interface Target {
  data: Uint8ClampedArray;
  width: number;
}

/** asinh(x) by its definition; `Math.asinh` costs three times as much, and float32 is all that the picture needs. */
function asinh(x: number): number {
  return x < 1e-3 ? x : Math.log(x + Math.sqrt(x * x + 1));
}

/**
 * Paint one galaxy, sky up (row 0 of `planes` is the bottom row), at column `left` and row `top` of `target`.
 *
 * `planes` are the red, green and blue bands, each of `height` x `width` pixels in nJy.
 */
export function paintColour(
  planes: readonly [Float32Array, Float32Array, Float32Array],
  height: number,
  width: number,
  display: Display,
  target: Target,
  left: number,
  top: number,
): void {
  const [reds, greens, blues] = planes;
  const [redScale, greenScale, blueScale] = display.scale;
  const softening = Math.abs(display.Q) < 2 ** -23 ? 0.1 : Math.min(display.Q, 1e10);
  const slope = (255 * 0.1) / Math.asinh(0.1 * softening);
  const soften = softening / display.stretch;
  const out = target.data;
  let from = 0;
  for (let y = 0; y < height; y++) {
    let to = 4 * ((top + height - 1 - y) * target.width + left);
    for (let x = 0; x < width; x++, from++, to += 4) {
      let red = (reds[from] as number) * redScale;
      let green = (greens[from] as number) * greenScale;
      let blue = (blues[from] as number) * blueScale;
      const intensity = (red + green + blue) / 3;
      const factor = intensity > 0 ? (asinh(intensity * soften) * slope) / intensity : 0;
      red = red > 0 ? red * factor : 0;
      green = green > 0 ? green * factor : 0;
      blue = blue > 0 ? blue * factor : 0;
      const brightest = red > green ? (red > blue ? red : blue) : green > blue ? green : blue;
      if (brightest > 255) {
        const dim = 255 / brightest;
        red *= dim;
        green *= dim;
        blue *= dim;
      }
      // `| 0` truncates, as numpy's conversion to uint8 does; a clamped array alone would round
      out[to] = red | 0;
      out[to + 1] = green | 0;
      out[to + 2] = blue | 0;
      out[to + 3] = 255;
    }
  }
}

/** Stops of a diverging scale, from negative to positive: blue, black-free white in the middle, red (ColorBrewer's RdBu, 7 classes). */
const DIVERGING: readonly (readonly [number, number, number])[] = [
  [33, 102, 172],
  [103, 169, 207],
  [209, 229, 240],
  [247, 247, 247],
  [253, 219, 199],
  [239, 138, 98],
  [178, 24, 43],
];

/** Colour of a residual of `sigma` on a scale that ends at +-`limit`; not a number is grey (masked). */
export function divergingColour(sigma: number, limit: number): [number, number, number] {
  if (Number.isNaN(sigma)) return [128, 128, 128];
  const at = Math.min(1, Math.max(0, 0.5 + sigma / (2 * limit))) * (DIVERGING.length - 1);
  const low = Math.min(Math.floor(at), DIVERGING.length - 2);
  const [a, b] = [DIVERGING[low], DIVERGING[low + 1]] as [readonly number[], readonly number[]];
  return [0, 1, 2].map((c) =>
    Math.round((a[c] as number) + (at - low) * ((b[c] as number) - (a[c] as number))),
  ) as unknown as [number, number, number];
}

/** Paint a residual map in sigma, as `paintColour` places it. */
export function paintResidual(
  plane: Float32Array,
  height: number,
  width: number,
  limit: number,
  target: Target,
  left: number,
  top: number,
): void {
  for (let y = 0, from = 0; y < height; y++) {
    let to = 4 * ((top + height - 1 - y) * target.width + left);
    for (let x = 0; x < width; x++, from++, to += 4) {
      const [red, green, blue] = divergingColour(plane[from] as number, limit);
      target.data[to] = red;
      target.data[to + 1] = green;
      target.data[to + 2] = blue;
      target.data[to + 3] = 255;
    }
  }
}
