/** The exact pictures of the place where a scrub was let go: what stands in for the strips there. */

import type { Frame } from "./protocol";
import type { Session } from "./session";

/** Milliseconds that the scrub stands still, held by nobody, before it is asked for. */
const REST = 300;

export class Resting {
  #at = Number.NaN;
  #frame: Frame | null = null;
  #timer: ReturnType<typeof setTimeout> | undefined;

  constructor(
    private readonly session: Session,
    private readonly came: () => void,
  ) {}

  /** The pictures at `at`, where they are here. */
  frame(at: number): Frame | null {
    return at === this.#at ? this.#frame : null;
  }

  /** The scrub was moved to `at`. */
  moved(at: number): void {
    this.forget();
    this.#at = at;
    this.#wait();
  }

  /** It moves by itself, or the pictures are of another state. */
  forget(): void {
    clearTimeout(this.#timer);
    this.#at = Number.NaN;
    this.#frame = null;
  }

  #wait(): void {
    this.#timer = setTimeout(() => void this.#ask(), REST);
  }

  async #ask(): Promise<void> {
    // still in the hand, or the picture of another state is on its way
    if (this.session.held || this.session.busy) {
      this.#wait();
      return;
    }
    const at = this.#at;
    const frame = await this.session.exact(at);
    if (!frame || at !== this.#at) return;
    this.#frame = frame;
    this.came();
  }
}
