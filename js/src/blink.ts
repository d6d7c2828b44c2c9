/** Two pictures shown in one place by turns, as astronomers compare plates. */

/** Milliseconds that each is shown: under two changes a second, well below what may harm a viewer (WCAG 2.3.1). */
const TURN = 600;

export class Blink {
  #timer: ReturnType<typeof setInterval> | undefined;
  #second = false;

  /**
   * @param turned the other picture is due
   * @param still whether motion is unwelcome: each start then shows the other picture and leaves it there
   */
  constructor(
    private readonly turned: () => void,
    private readonly still: () => boolean = () => matchMedia("(prefers-reduced-motion: reduce)").matches,
  ) {}

  get running(): boolean {
    return this.#timer !== undefined;
  }

  /** Whether the second picture is in the place of the first. */
  get second(): boolean {
    return this.#second;
  }

  toggle(): void {
    if (this.still()) this.#turn();
    else if (this.running) this.stop();
    else {
      this.#timer = setInterval(() => this.#turn(), TURN);
      this.#turn();
    }
  }

  stop(): void {
    clearInterval(this.#timer);
    this.#timer = undefined;
    if (this.#second) this.#turn();
    else this.turned();
  }

  #turn(): void {
    this.#second = !this.#second;
    this.turned();
  }
}
