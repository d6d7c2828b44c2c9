/** Flux in the units of astronomers: AB magnitudes, surface brightness, scale bars, and the radial profile of a picture. */

import type { Plane } from "./lupton";

/** AB magnitude of 1 nJy, as in galwidget.survey. */
const NANOJANSKY_ZERO_POINT = 31.4;

/** AB magnitude of a flux in nJy; not a number where the flux is not positive. */
export function magnitude(flux: number): number {
  return flux > 0 ? NANOJANSKY_ZERO_POINT - 2.5 * Math.log10(flux) : Number.NaN;
}

/** Surface brightness in mag/arcsec2 of a flux in nJy a pixel, for pixels of a side in arcsec. */
export function surfaceBrightness(flux: number, pixelScale: number): number {
  return magnitude(flux / pixelScale ** 2);
}

/** AB magnitude of all the light in a stamp. */
export function stampMagnitude(plane: Plane): number {
  let sum = 0;
  for (const flux of plane) sum += flux;
  return magnitude(sum);
}

/** Length of a scale bar in arcsec: the largest of 1, 2, 5 times a power of ten that is at most `share` of `width` arcsec. */
export function barLength(width: number, share = 0.4): number {
  const most = width * share;
  const decade = 10 ** Math.floor(Math.log10(most));
  return decade * ([5, 2, 1].find((digit) => digit * decade <= most) ?? 1);
}

/** Column and row of a galaxy's centre. */
export type Centre = readonly [x: number, y: number];

/**
 * Centre of the light under a round Gaussian window, which follows it: XWIN_IMAGE of SExtractor.
 *
 * The middle of the stamp where there is no light near it.
 */
export function windowedCentre(plane: Plane, height: number, width: number, sigma: number): Centre {
  const middle: Centre = [(width - 1) / 2, (height - 1) / 2];
  let [x, y] = middle;
  for (let turn = 0; turn < 10; turn++) {
    let [light, right, up] = [0, 0, 0];
    for (let row = 0, at = 0; row < height; row++)
      for (let column = 0; column < width; column++, at++) {
        const weight = Math.exp(-((column - x) ** 2 + (row - y) ** 2) / (2 * sigma ** 2)) * (plane[at] as number);
        light += weight;
        right += weight * (column - x);
        up += weight * (row - y);
      }
    if (!(light > 0)) return middle;
    const [dx, dy] = [(2 * right) / light, (2 * up) / light];
    x += dx;
    y += dy;
    if (Math.hypot(x - middle[0], y - middle[1]) > 2 * sigma) return middle;
    if (Math.hypot(dx, dy) < 1e-3) break;
  }
  return [x, y];
}

/** One ring of a radial profile. */
export interface Ring {
  /** Mean distance of its pixels from the centre, in pixels. */
  radius: number;
  /** Mean flux a pixel, nJy, and the standard error of that mean. */
  flux: number;
  error: number;
}

/** Mean flux in rings one pixel wide, out to the nearest edge of the stamp. */
export function radialProfile(plane: Plane, height: number, width: number, [x, y]: Centre): Ring[] {
  const count = Math.floor(Math.min(x, y, width - 1 - x, height - 1 - y)) + 1;
  const sums = Array.from({ length: Math.max(0, count) }, () => ({ n: 0, radius: 0, flux: 0, square: 0 }));
  for (let row = 0, at = 0; row < height; row++)
    for (let column = 0; column < width; column++, at++) {
      const radius = Math.hypot(column - x, row - y);
      const sum = sums[Math.floor(radius)];
      if (!sum) continue;
      const flux = plane[at] as number;
      sum.n += 1;
      sum.radius += radius;
      sum.flux += flux;
      sum.square += flux * flux;
    }
  return sums
    .filter(({ n }) => n > 0)
    .map(({ n, radius, flux, square }) => {
      const variance = Math.max(0, square / n - (flux / n) ** 2);
      return { radius: radius / n, flux: flux / n, error: Math.sqrt(variance / Math.max(1, n - 1)) };
    });
}
