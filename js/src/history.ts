/** Undo and redo: the states that were, in order, and which of them is now. */

/** Milliseconds within which changes of one kind are one step: a slider that is dragged is undone as a whole. */
const TOGETHER = 700;
const MOST = 100;

export class History<State> {
  #states: State[];
  #now = 0;
  #kind: string | null = null;
  #since = Number.NEGATIVE_INFINITY;

  constructor(
    first: State,
    private readonly clock: () => number = () => performance.now(),
  ) {
    this.#states = [first];
  }

  /**
   * The state changed; what had been undone is forgotten.
   *
   * @param kind changes of one kind, soon after one another, are one step; null is always a step of its own
   */
  record(state: State, kind: string | null = null): void {
    const time = this.clock();
    const same = kind !== null && kind === this.#kind && time - this.#since < TOGETHER && this.#now > 0;
    this.#kind = kind;
    this.#since = time;
    this.#states.splice(same ? this.#now : this.#now + 1, Number.POSITIVE_INFINITY, state);
    if (this.#states.length > MOST) this.#states.shift();
    this.#now = this.#states.length - 1;
  }

  /** The state before (-1) or after (+1) this one, which is now; null where there is none. */
  step(by: -1 | 1): State | null {
    if (!this.can(by)) return null;
    this.#kind = null;
    this.#now += by;
    return this.#states[this.#now] as State;
  }

  can(by: -1 | 1): boolean {
    return this.#now + by >= 0 && this.#now + by < this.#states.length;
  }
}
