/** One way from a frame's flux to pixels of the screen, whichever source the frame came from: colours, one band, or a residual. */

import { type ColourMap, palette } from "./colour_map";
import { type Corner, type Display, type Plane, paintBand, paintColour, paintResidual, type Target } from "./lupton";
import type { Frame, Layer } from "./protocol";

/** How pictures look: the display that Python knows too, and what only the page knows. */
export interface Settings extends Display {
  /** A band shown alone; null shows three bands as colours. */
  band: string | null;
  /** Colours of that band. */
  map: ColourMap;
  /** Dark galaxies on a light sky. */
  invert: boolean;
}

/** Where the pixels of a cell come from: a cell of the kernel's newest frame, or of a strip. */
export interface Picture {
  frame: Frame;
  cell: number;
  /** A band shown alone, whatever the settings say. */
  band?: string;
  /** Index of a residual band to be shown instead of the flux, and the sigma where its scale ends. */
  residual?: { band: number; limit: number };
}

/** Whether two pictures have the same pixels. */
export function samePicture(one: Picture | null | undefined, other: Picture | null | undefined): boolean {
  const parts = (picture: Picture | null | undefined) =>
    picture && [picture.frame, picture.cell, picture.band, picture.residual?.band, picture.residual?.limit];
  const [mine, others] = [parts(one), parts(other)];
  return mine && others ? mine.every((part, index) => part === others[index]) : !mine && !others;
}

/** Height and width of a picture in pixels. */
export function sizeOf(picture: Picture): [number, number] {
  const [, , height, width] = picture.frame.flux.shape;
  return [height, width];
}

function plane(layer: Layer, galaxy: number, band: number): Plane {
  const [, bands, height, width] = layer.shape;
  const start = (galaxy * bands + band) * height * width;
  return layer.data.subarray(start, start + height * width);
}

/** One band of a galaxy in nJy, row 0 at the bottom; null where the frame has not that band. */
export function planeOf({ frame, cell }: Picture, band: string): Plane | null {
  const index = frame.bands.indexOf(band);
  return index < 0 || cell >= frame.flux.shape[0] ? null : plane(frame.flux, cell, index);
}

/** The residual that a picture shows, in sigma; null where it shows none. */
export function residualOf({ frame, residual }: Picture): Plane | null {
  return residual && frame.residual
    ? plane(frame.residual, 0, Math.min(residual.band, frame.residual.shape[1] - 1))
    : null;
}

export function paintPicture(picture: Picture, settings: Settings, target: Target, corner: Corner): void {
  const size = sizeOf(picture);
  const residual = residualOf(picture);
  if (residual) {
    paintResidual(residual, size, picture.residual?.limit ?? 1, target, corner);
    return;
  }
  // a band that is on its way is shown as the first one until it comes
  const flux = (band: string) => planeOf(picture, band) ?? plane(picture.frame.flux, picture.cell, 0);
  const alone = picture.band ?? settings.band;
  if (alone !== null) {
    paintBand(flux(alone), size, settings, palette(settings.map, settings.invert), target, corner);
    return;
  }
  const channels = settings.bands.map(flux) as [Plane, Plane, Plane];
  paintColour(channels, size, settings, target, corner, settings.invert);
}
