/** A strip: the fine steps of a row, decoded ahead, from which a scrub picks pictures without asking anyone. */

import type { Frame } from "./protocol";

export class Strips {
  #rows = new Map<number, Frame>();

  /** Forget all rows: the state that they were decoded from is no more. */
  clear(): void {
    this.#rows.clear();
  }

  add(row: number, frame: Frame): void {
    this.#rows.set(row, frame);
  }

  /** The strip of a row, where it is here. */
  strip(row: number): Frame | undefined {
    return this.#rows.get(row);
  }

  has(row: number): boolean {
    return this.#rows.has(row);
  }

  /** The first of `rows` rows that has no strip yet; null when all have. */
  missing(rows: number): number | null {
    for (let row = 0; row < rows; row++) if (!this.#rows.has(row)) return row;
    return null;
  }

  /** Strip of a row and the cell of it nearest to `at`, which runs from -1 to 1; null when the strip is not there. */
  at(row: number, at: number): { frame: Frame; cell: number } | null {
    const frame = this.#rows.get(row);
    return frame ? { frame, cell: nearestStep(at, frame.flux.shape[0]) } : null;
  }
}

/** Step of `steps` even steps from -1 to 1 nearest to `at`. */
export function nearestStep(at: number, steps: number): number {
  return Math.min(steps - 1, Math.max(0, Math.round(((at + 1) / 2) * (steps - 1))));
}

/** Position of a scrub that runs from end to end in half of `period` milliseconds and begins again, from -1 to 1. */
export function loop(time: number, period: number): number {
  return 2 * (((2 * time) / period) % 1) - 1;
}

/** Position of a scrub that runs there and back in `period` milliseconds, from -1 to 1, as a cosine so that it rests at the ends. */
export function pingPong(time: number, period: number): number {
  return -Math.cos((2 * Math.PI * time) / period);
}
