/** Which part of a galaxy's stamp is shown: pure functions of a zoom and of what the hand did. */

export interface Zoom {
  /** 1 shows the whole stamp. */
  factor: number;
  /** What is in the middle, as a fraction of the stamp's sides, from the left and from the top. */
  x: number;
  y: number;
}

export const WHOLE: Zoom = { factor: 1, x: 0.5, y: 0.5 };
const MOST = 16;
/** Factor of one press of + or one notch of the wheel. */
export const NOTCH = 1.25;

const within = (value: number, low: number, high: number) => Math.min(high, Math.max(low, value));

/** The same zoom, inside the stamp. */
function inside({ factor, x, y }: Zoom): Zoom {
  const near = within(factor, 1, MOST);
  const half = 0.5 / near;
  return { factor: near, x: within(x, half, 1 - half), y: within(y, half, 1 - half) };
}

/** Part of the stamp that is at (`u`, `v`) of the view, both as fractions. */
export function toStamp({ factor, x, y }: Zoom, u: number, v: number): [number, number] {
  return [x + (u - 0.5) / factor, y + (v - 0.5) / factor];
}

/** Nearer by a factor; what is at (`u`, `v`) of the view stays there. */
export function nearer(zoom: Zoom, by: number, u = 0.5, v = 0.5): Zoom {
  const [x, y] = toStamp(zoom, u, v);
  const factor = within(zoom.factor * by, 1, MOST);
  return inside({ factor, x: x - (u - 0.5) / factor, y: y - (v - 0.5) / factor });
}

/** Moved by a fraction of the view. */
export function panned(zoom: Zoom, right: number, down: number): Zoom {
  return inside({ ...zoom, x: zoom.x + right / zoom.factor, y: zoom.y + down / zoom.factor });
}

/** Left, top, width and height of what is shown, in pixels of a stamp. */
export function shownPart({ factor, x, y }: Zoom, height: number, width: number): [number, number, number, number] {
  return [(x - 0.5 / factor) * width, (y - 0.5 / factor) * height, width / factor, height / factor];
}
