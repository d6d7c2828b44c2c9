/** One widget's state in the browser, shared by its views: what is asked for, the newest picture, and what went wrong. */

import type { AnyModel } from "@anywidget/types";
import type { Display } from "./lupton";
import { type Answer, type Details, type Frame, parseAnswer } from "./protocol";
import { Scheduler } from "./scheduler";

/** Milliseconds without a change after which a draft is followed by the exact picture. */
const REST = 150;

/** What ipywidgets' models say when their connection to the kernel comes or goes: a widget meets a new kernel as a new model. */
const PARTED = "comm_live_update";

/** JupyterLab's connection to the kernel, where the host has one: of a kernel that is shut down, nobody tells the widgets more than this. */
interface Connection {
  disposed?: Record<"connect" | "disconnect", ((slot: () => void) => unknown) | undefined>;
}

/** What happened: a new picture, what was measured on it, other state, other display, other selection, or a change of busy or error. */
export type Happening = "frame" | "attributes" | "state" | "display" | "selection" | "status";

export class Session {
  frame: Frame | null = null;
  error: string | null = null;
  /** The kernel that had this widget is gone: what is here is all that there will be. */
  parted = false;
  /** Milliseconds from the last request to its picture. */
  latency = 0;
  readonly #listeners = new Set<(what: Happening) => void>();
  readonly #scheduler: Scheduler;
  readonly #dirty = new Set<string>();
  readonly #asked = new Map<number, number>();
  /** Who waits for an answer that is no picture of the state. */
  readonly #waiting = new Map<number, (answer: Answer | null) => void>();
  /** Number of the newest picture. */
  #shown = 0;
  readonly #connection: Connection | undefined;
  #own = false;
  #held = false;
  #draft = false;
  #exact: ReturnType<typeof setTimeout> | undefined;
  #viewers = 0;
  #views = 0;
  #stale = true;

  constructor(
    readonly model: AnyModel,
    readonly stateNames: readonly string[],
  ) {
    this.#scheduler = new Scheduler((seq) => {
      this.#asked.set(seq, performance.now());
      this.#send({ type: "frame", seq, ...(this.#draft ? { draft: true } : {}) });
    });
    model.on("msg:custom", this.#receive);
    for (const name of stateNames) model.on(`change:${name}`, this.#changed);
    model.on("change:display", this.#displayChanged);
    model.on("change:selection", this.#selectionChanged);
    model.on(PARTED, this.#part);
    this.#connection = (model as { widget_manager?: { kernel?: Connection } }).widget_manager?.kernel;
    this.#connection?.disposed?.connect?.(this.#part);
  }

  dispose(): void {
    clearTimeout(this.#exact);
    this.model.off("msg:custom", this.#receive);
    for (const name of this.stateNames) this.model.off(`change:${name}`, this.#changed);
    this.model.off("change:display", this.#displayChanged);
    this.model.off("change:selection", this.#selectionChanged);
    this.model.off(PARTED, this.#part);
    this.#connection?.disposed?.disconnect?.(this.#part);
    this.#listeners.clear();
    this.frame = null;
  }

  get<T>(name: string): T {
    return this.model.get(name) as T;
  }

  get display(): Display {
    return this.get<Display>("display");
  }

  get selection(): number[] {
    return this.get<number[]>("selection");
  }

  /** Whether a slider is held. */
  get held(): boolean {
    return this.#held;
  }

  get busy(): boolean {
    return (this.#scheduler.busy || Boolean(this.frame?.pending)) && !this.parted;
  }

  listen(listener: (what: Happening) => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  /** Change the state and ask for its picture: a draft while a slider is held. */
  set(changes: Record<string, unknown>): void {
    this.#setHere(changes);
    this.#tell("state");
    this.#draft = this.#held;
    this.#request();
  }

  /** A slider is taken, by the pointer or a key, or let go: then the exact picture follows the drafts. */
  hold(held: boolean): void {
    const drafted = this.#draft && (this.busy || Boolean(this.frame?.draft));
    if (this.#held && !held && drafted) this.request(true);
    this.#held = held;
  }

  /** Change how the pictures are shown; asks the kernel only for bands that are not here. */
  setDisplay(changes: Partial<Display>): void {
    this.#setHere({ display: { ...this.display, ...changes } });
    this.#tell("display");
    this.#fetchBands();
  }

  setSelection(selection: readonly number[]): void {
    this.#setHere({ selection: [...selection] });
    this.#tell("selection");
    this.#send({ type: "state" });
  }

  /** The fine steps of a row; null when they did not come. */
  async strip(row: number): Promise<Frame | null> {
    const answer = await this.#ask({ type: "strip", row });
    return answer?.type === "strip" ? answer.frame : null;
  }

  /** What the strips have at `at`, from -1 to 1, decoded for it; null when it did not come. */
  async exact(at: number): Promise<Frame | null> {
    const answer = await this.#ask({ type: "exact", at });
    return answer?.type === "exact" ? answer.frame : null;
  }

  /** Text of a cell that makes the selected galaxies again, and the name of this widget in the notebook's outputs; null when it did not come. */
  async code(form: string): Promise<{ code: string; modelId: string } | null> {
    const answer = await this.#ask({ type: "code", form });
    return answer?.type === "code" ? answer : null;
  }

  /** Which galaxies fulfil a condition, and of how many; null when no answer came, and why not in `error` where the kernel said it. */
  async where(condition: string): Promise<{ selection: number[]; total: number } | null> {
    this.fail(null);
    const answer = await this.#ask({ type: "where", condition });
    return answer?.type === "where" ? answer : null;
  }

  /** What is known of the galaxy of a cell beside its picture; null when it did not come. */
  async details(cell: number): Promise<Details | null> {
    const answer = await this.#ask({ type: "details", cell });
    return answer?.type === "details" ? answer.details : null;
  }

  /** Have the kernel do something that is answered by traits alone. */
  order(what: "stop" | "resume"): void {
    this.#send({ type: what });
  }

  /** Wait no longer for the picture that was asked for, or for what is measured on the one that is here, and have the kernel leave it. */
  halt(): void {
    clearTimeout(this.#exact);
    this.#scheduler.forget();
    if (this.frame) this.frame.pending = false;
    this.#send({ type: "halt" });
    this.#tell("status");
  }

  #ask(message: Record<string, unknown>): Promise<Answer | null> {
    if (this.parted) return Promise.resolve(null);
    return new Promise((resolve) => {
      const seq = this.#scheduler.number();
      this.#waiting.set(seq, resolve);
      this.#send({ ...message, seq });
    });
  }

  /** A view was made (1) or removed (-1): without one, megabytes of pixels are not kept, and a later view asks for them. */
  attach(by: 1 | -1): void {
    this.#views += by;
    if (this.#views > 0 || this.parted) return;
    clearTimeout(this.#exact);
    this.frame = null;
    this.#stale = true;
  }

  /** A view came on the screen (1) or left it (-1): without one, nothing is asked for. */
  watch(by: 1 | -1): void {
    this.#viewers += by;
    if (this.#viewers > 0 && this.#stale) this.request();
  }

  /** Ask for the exact picture of the state, with `last` before the drafts on their way have come. */
  request(last = false): void {
    this.#draft = false;
    this.#request(last);
  }

  #request(last = false): void {
    clearTimeout(this.#exact);
    this.#stale = this.#viewers === 0;
    if (!this.#stale && !this.parted) this.#scheduler.request(last);
    this.#tell("status");
  }

  fail(message: string | null): void {
    this.error = message;
    this.#tell("status");
  }

  #setHere(changes: Record<string, unknown>): void {
    this.#own = true;
    for (const [name, value] of Object.entries(changes)) {
      this.#dirty.add(name);
      this.model.set(name, value);
    }
    this.#own = false;
  }

  #send(message: Record<string, unknown>): void {
    const state: Record<string, unknown> = {};
    for (const name of this.#dirty) state[name] = this.model.get(name);
    this.#dirty.clear();
    if (this.parted) return;
    this.model.send({ ...message, state });
  }

  #tell(what: Happening): void {
    for (const listener of this.#listeners) listener(what);
  }

  #fetchBands(): void {
    if (this.frame && !this.display.bands.every((band) => this.frame?.bands.includes(band))) this.request();
  }

  // changes that the kernel made; its own are not sent back to it
  readonly #changed = (): void => {
    if (this.#own) return;
    this.#tell("state");
    this.request();
  };

  readonly #displayChanged = (): void => {
    if (this.#own) return;
    this.#tell("display");
    this.#fetchBands();
  };

  readonly #part = (): void => {
    this.parted = true;
    clearTimeout(this.#exact);
    for (const done of this.#waiting.values()) done(null);
    this.#waiting.clear();
    this.#tell("status");
  };

  readonly #selectionChanged = (): void => {
    if (!this.#own) this.#tell("selection");
  };

  readonly #receive = (message: unknown, buffers: DataView[]): void => {
    const answer = parseAnswer(message, buffers ?? []);
    const waiting = answer.seq === null ? undefined : this.#waiting.get(answer.seq);
    if (answer.seq !== null && waiting) {
      this.#waiting.delete(answer.seq);
      waiting(answer);
    }
    if (answer.type === "frame") {
      const since = this.#asked.get(answer.seq);
      if (this.#scheduler.answered(answer.seq, true)) {
        this.frame = answer.frame;
        this.#shown = answer.seq;
        this.error = null;
        if (since !== undefined) this.latency = performance.now() - since;
        this.#tell("frame");
        this.#fetchBands();
        // the hand rests: the exact picture
        if (answer.frame.draft && !this.busy) this.#exact = setTimeout(() => this.request(), REST);
      }
    } else if (answer.type === "attributes") {
      if (this.frame && answer.seq === this.#shown) {
        const about = { ...this.frame.about, ...answer.about };
        Object.assign(this.frame, { attributes: answer.attributes, about, pending: false });
        this.#tell("attributes");
      }
    } else if (answer.type === "error") {
      this.error = answer.message;
      if (this.frame) this.frame.pending = false; // they may have been what failed
      if (answer.seq !== null) this.#scheduler.answered(answer.seq, false);
    } else {
      this.#scheduler.answered(answer.seq, false);
    }
    if (answer.seq !== null) this.#asked.delete(answer.seq);
    this.#tell("status");
  };
}
