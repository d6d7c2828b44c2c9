/** Colour of galaxies: the asinh stretch of Lupton et al. 2004 (PASP 116, 133), as `astropy.visualization.make_lupton_rgb` does it. */

import { DIVERGING, packed, palette } from "./colour_map";

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

/** Where in the target a galaxy goes: column and row of its top left corner. */
export type Corner = readonly [left: number, top: number];

export type Plane = Float32Array;

const FLOAT = new Float32Array(1);
const BITS = new Uint32Array(FLOAT.buffer);
/** Bits of a float32 that the table does not look at: 256 steps an octave, which keeps a level of 255 within 0.5. */
const IGNORED = 15;
const OCTAVES = 20;
const BLACK = packed(0, 0, 0);
const WHITE = packed(255, 255, 255);
const MASKED = packed(128, 128, 128);

/**
 * Level (0 to 255) over intensity, for one stretch and softening, to be looked up by the leading bits of the intensity.
 *
 * An asinh a pixel would not let 64 galaxies follow a slider at the rate of the screen.
 */
class Stretch {
  /** The first entry is for all fainter intensities, where asinh(x) is x within 5e-5. */
  readonly table = new Float32Array(OCTAVES << (23 - IGNORED));
  /** Leading bits of the intensity of the first entry. */
  readonly first: number;
  readonly #soften: number;
  readonly #slope: number;

  constructor(
    readonly stretch: number,
    readonly Q: number,
  ) {
    // the limits of Q are those of astropy's AsinhMapping
    const softening = Math.abs(Q) < 2 ** -23 ? 0.1 : Math.min(Q, 1e10);
    this.#slope = (255 * 0.1) / Math.asinh(0.1 * softening);
    this.#soften = softening / stretch;
    FLOAT[0] = 1 / (64 * this.#soften);
    this.first = (BITS[0] as number) >>> IGNORED;
    this.table[0] = this.#slope * this.#soften;
    for (let step = 1; step < this.table.length; step++) {
      BITS[0] = ((this.first + step) << IGNORED) | (1 << (IGNORED - 1));
      this.table[step] = this.exact(FLOAT[0] as number);
    }
  }

  exact(intensity: number): number {
    return (Math.asinh(intensity * this.#soften) * this.#slope) / intensity;
  }
}

let latest = new Stretch(1, 8);

function stretchOf({ stretch, Q }: Display): Stretch {
  if (latest.stretch !== stretch || latest.Q !== Q) latest = new Stretch(stretch, Q);
  return latest;
}

/** The target's pixels as words, and the word where a galaxy's row `y` begins; sky is up, so row 0 goes to the bottom. */
function words(target: Target): Uint32Array {
  return new Uint32Array(target.data.buffer, target.data.byteOffset, target.data.byteLength / 4);
}

/**
 * Paint one galaxy in colours at a place of `target`.
 *
 * `planes` are the red, green and blue bands, each of `height` x `width` pixels in nJy. Inverted, the sky is white and hues stay: each pixel
 * has the lightness that its complement would have.
 */
export function paintColour(
  planes: readonly [Plane, Plane, Plane],
  [height, width]: readonly [number, number],
  display: Display,
  target: Target,
  [left, top]: Corner,
  invert = false,
): void {
  const [reds, greens, blues] = planes;
  const [redScale, greenScale, blueScale] = display.scale;
  const stretch = stretchOf(display);
  const { table, first } = stretch;
  const size = table.length;
  const out = words(target);
  const sky = invert ? WHITE : BLACK;
  for (let y = 0, from = 0; y < height; y++) {
    let to = (top + height - 1 - y) * target.width + left;
    for (let x = 0; x < width; x++, from++, to++) {
      const red = (reds[from] as number) * redScale;
      const green = (greens[from] as number) * greenScale;
      const blue = (blues[from] as number) * blueScale;
      const intensity = (red + green + blue) / 3;
      if (!(intensity > 0)) {
        out[to] = sky;
        continue;
      }
      FLOAT[0] = intensity;
      const step = ((BITS[0] as number) >>> IGNORED) - first;
      const factor = step < size ? (table[step < 0 ? 0 : step] as number) : stretch.exact(intensity);
      // whole levels, truncated as numpy's conversion to uint8 does, and none below zero: all without a branch to be guessed
      let r = (red * factor) | 0;
      let g = (green * factor) | 0;
      let b = (blue * factor) | 0;
      r &= ~(r >> 31);
      g &= ~(g >> 31);
      b &= ~(b >> 31);
      if ((r | g | b) > 255) {
        const dim = 255 / (factor * Math.max(red, green, blue));
        r = red > 0 ? (red * factor * dim) | 0 : 0;
        g = green > 0 ? (green * factor * dim) | 0 : 0;
        b = blue > 0 ? (blue * factor * dim) | 0 : 0;
      }
      if (invert) {
        const turn = 255 - Math.max(r, g, b) - Math.min(r, g, b);
        r += turn;
        g += turn;
        b += turn;
      }
      out[to] = 0xff000000 | (b << 16) | (g << 8) | r;
    }
  }
}

/** Paint one band of a galaxy: the level that a grey Lupton picture of it would have, in the 256 colours of a map. */
export function paintBand(
  plane: Plane,
  [height, width]: readonly [number, number],
  display: Display,
  colours: Uint32Array,
  target: Target,
  [left, top]: Corner,
): void {
  const stretch = stretchOf(display);
  const { table, first } = stretch;
  const size = table.length;
  const out = words(target);
  const sky = colours[0] as number;
  for (let y = 0, from = 0; y < height; y++) {
    let to = (top + height - 1 - y) * target.width + left;
    for (let x = 0; x < width; x++, from++, to++) {
      const flux = plane[from] as number;
      if (!(flux > 0)) {
        out[to] = sky;
        continue;
      }
      FLOAT[0] = flux;
      const step = ((BITS[0] as number) >>> IGNORED) - first;
      const level = flux * (step < size ? (table[step < 0 ? 0 : step] as number) : stretch.exact(flux));
      out[to] = colours[level > 255 ? 255 : level | 0] as number;
    }
  }
}

/** Word of a residual of `sigma` on a diverging scale that ends at +-`limit`; not a number is grey (masked). */
export function residualColour(sigma: number, limit: number, colours: Uint32Array = palette(DIVERGING)): number {
  if (Number.isNaN(sigma)) return MASKED;
  const level = Math.floor(128 * (1 + sigma / limit));
  return colours[level < 0 ? 0 : level > 255 ? 255 : level] as number;
}

/** Paint a residual map in sigma. */
export function paintResidual(
  plane: Plane,
  [height, width]: readonly [number, number],
  limit: number,
  target: Target,
  [left, top]: Corner,
): void {
  const colours = palette(DIVERGING);
  const out = words(target);
  for (let y = 0, from = 0; y < height; y++) {
    let to = (top + height - 1 - y) * target.width + left;
    for (let x = 0; x < width; x++, from++, to++) out[to] = residualColour(plane[from] as number, limit, colours);
  }
}
