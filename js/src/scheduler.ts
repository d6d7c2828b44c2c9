/** Latest wins: at most two requests in flight, one waiting, and never a picture older than the one shown. */

/** How the scheduler asks: with the request's number. */
export type Send = (seq: number) => void;

const IN_FLIGHT = 2;

export class Scheduler {
  #next = 1;
  #waiting = false;
  #flying = new Map<number, number>();
  #shown = 0;

  /**
   * @param send asks for the state as it is when it is called
   * @param patience milliseconds after which a request counts as lost (a kernel that was restarted answers nothing)
   * @param now a clock, in milliseconds
   */
  constructor(
    private readonly send: Send,
    private readonly patience = 15000,
    private readonly now: () => number = () => performance.now(),
  ) {}

  /** The state changed: ask now, or as soon as an answer frees a place; the last request of a drag waits for none of its drafts. */
  request(last = false): void {
    for (const [seq, since] of this.#flying) if (this.now() - since > this.patience) this.#flying.delete(seq);
    if (this.#flying.size >= IN_FLIGHT && !last) {
      this.#waiting = true;
      return;
    }
    this.#waiting = false;
    const seq = this.#next++;
    this.#flying.set(seq, this.now());
    this.send(seq);
  }

  /** Number for a request that is not of this stream (a strip), never used twice. */
  number(): number {
    return this.#next++;
  }

  /** An answer came; true when it is a picture to be painted, false when a newer one is already shown. */
  answered(seq: number, isPicture: boolean): boolean {
    this.#flying.delete(seq);
    const fresh = isPicture && seq > this.#shown && seq < this.#next;
    if (fresh) this.#shown = seq;
    if (this.#waiting) this.request();
    return fresh;
  }

  /** Nobody waits any longer for what was asked for. */
  forget(): void {
    this.#flying.clear();
    this.#waiting = false;
  }

  /** Whether what is shown may not be what was asked for last. */
  get busy(): boolean {
    return this.#flying.size > 0 || this.#waiting;
  }
}
