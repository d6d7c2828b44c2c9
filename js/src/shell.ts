/** What every view has around its galaxies: the head with title and state, the stage, the panel of controls, and the read-out. */

import { button, element, OWN_KEYS, say } from "./dom";
import type { Column, Frame } from "./protocol";
import { unitWords, withUnit } from "./scale";
import type { Session } from "./session";
import { viewingOf } from "./viewing";

const SAVED = "a saved picture: display, zoom, selection and scrub work; new galaxies need the notebook";
const BUSY = "the kernel is busy; the picture follows as soon as it is free";
const MEASURING = "measuring the galaxies";
/** Milliseconds after which it is shown that something is being made, said what, and offered to stop it. */
const [SOON, PATIENCE, LONG] = [300, 1500, 2000];
const STOP = "stop: back to the picture before";
const GONE = "the kernel is gone or was restarted; this is its last picture. Run the cell again for a live one";

export class Shell {
  readonly stage = element("div", { class: "gw-stage" });
  readonly panel = element("div", { class: "gw-panel" });
  readonly readout = element("div", { class: "gw-readout" });
  readonly #status = element("span", { class: "gw-status", role: "status", "aria-live": "polite" });
  readonly #lamp = element("span", { class: "gw-lamp", "aria-hidden": "true" });
  readonly #error = element("div", { class: "gw-error", role: "alert", hidden: true });
  readonly #root: HTMLElement;
  readonly #undo: (() => void)[] = [];
  /** What the read-out says while nothing is pointed at or selected. */
  hint = "click, shift-click or ctrl-click galaxies to select them";
  #cell: number | null = null;
  /** What the read-out says. */
  #said = "";
  /** Why nothing has come for a while; empty where something has. */
  #why = "";
  #waits: ReturnType<typeof setTimeout>[] = [];
  readonly #bar = element("progress", { class: "gw-busy", "aria-label": "the picture is being made", hidden: true });
  readonly #stop = button("stop", STOP, () => this.#halt(), "gw-stop");

  constructor(
    el: HTMLElement,
    private readonly session: Session,
    title: string,
  ) {
    this.#stop.hidden = true;
    const doing = [this.#bar, this.#stop, this.#status];
    const head = element("header", { class: "gw-head" }, this.#lamp, element("strong", {}, title), ...doing);
    const left = element("div", { class: "gw-left" }, this.#error, this.stage, this.readout);
    this.#root = element(
      "div",
      { ...OWN_KEYS, class: "gw-widget", role: "group", "aria-label": title },
      head,
      element("div", { class: "gw-body" }, left, this.panel),
    );
    el.append(this.#root);
    session.attach(1);
    this.#undo.push(session.listen(() => this.#update()));
    this.#watchVisibility();
    this.#watchSliders();
    this.#update();
  }

  /** Call `act` now and whenever the stage's room changes, with its width in CSS pixels. */
  onWidth(act: (width: number) => void): void {
    const root = this.#root;
    const observer = new ResizeObserver(() => root.clientWidth && act(root.clientWidth - 2));
    observer.observe(root);
    this.#undo.push(() => observer.disconnect());
    if (root.clientWidth) act(root.clientWidth - 2);
  }

  /** Do `act` when the view goes. */
  onEnd(act: () => void): void {
    this.#undo.push(act);
  }

  /** Show what is known of a cell; null goes back to the count of selected cells. */
  point(cell: number | null): void {
    this.#cell = cell;
    this.#read();
  }

  dispose(): void {
    for (const wait of this.#waits) clearTimeout(wait);
    for (const act of this.#undo.splice(0)) act();
    this.#root.remove();
    this.session.attach(-1);
  }

  #watchVisibility(): void {
    let seen = false;
    const mark = (visible: boolean) => {
      if (visible !== seen) this.session.watch(visible ? 1 : -1);
      seen = visible;
    };
    const observer = new IntersectionObserver((entries) => mark(entries.some((entry) => entry.isIntersecting)));
    observer.observe(this.#root);
    this.#undo.push(() => {
      observer.disconnect();
      mark(false);
    });
  }

  /** A slider is held from the pointer's or a key's going down to its coming up, wherever that is. */
  #watchSliders(): void {
    const take = ({ target }: Event) => {
      if (target instanceof HTMLInputElement && target.type === "range") this.session.hold(true);
    };
    const letGo = () => this.session.hold(false);
    for (const type of ["pointerdown", "keydown"]) this.#root.addEventListener(type, take);
    const ends = ["pointerup", "pointercancel", "keyup"];
    for (const type of ends) window.addEventListener(type, letGo, { capture: true });
    window.addEventListener("blur", letGo); // the window's own, not that of the elements in it
    this.#undo.push(() => {
      for (const type of ends) window.removeEventListener(type, letGo, { capture: true });
      window.removeEventListener("blur", letGo);
    });
  }

  #update(): void {
    const { session } = this;
    this.#root.dataset.busy = String(session.busy);
    this.#root.dataset.picture = session.frame ? "here" : "awaited";
    this.#error.hidden = session.error === null;
    say(this.#error, session.error ?? "");
    this.#root.dataset.kernel = session.parted ? "gone" : "here";
    this.#watchWait();
    const here = session.get<boolean | undefined>("saved") ? SAVED : this.#why;
    say(
      this.#status,
      session.parted ? GONE : session.frame || session.error ? here : this.#why || "waiting for the kernel",
    );
    this.#read();
  }

  #watchWait(): void {
    const { session } = this;
    if (!session.busy) {
      for (const wait of this.#waits.splice(0)) clearTimeout(wait);
      this.#bar.hidden = this.#stop.hidden = true;
      this.#why = "";
    } else if (this.#why) this.#why = session.frame?.pending ? MEASURING : BUSY;
    else if (!this.#waits.length)
      this.#waits = [
        setTimeout(() => (this.#bar.hidden = false), SOON),
        setTimeout(() => {
          this.#why = BUSY;
          this.#update();
        }, PATIENCE),
        setTimeout(() => (this.#stop.hidden = false), LONG),
      ];
  }

  /** A picture that is here stays, without what would have been measured on it; one that is not is asked for no more. */
  #halt(): void {
    const { session } = this;
    const drawn = Boolean(session.frame?.pending);
    session.halt();
    if (!drawn) viewingOf(session).step(-1);
  }

  #read(): void {
    const { frame, selection } = this.session;
    const pairs = frame && this.#cell !== null ? cellPairs(frame, this.#cell) : null;
    const count = selection.length;
    const hint = count ? `${count} selected; read them as widget.selected` : this.hint;
    const said = JSON.stringify(pairs ?? hint);
    if (said === this.#said) return; // a slider comes by here sixty times a second
    this.#said = said;
    this.readout.replaceChildren(
      ...(pairs
        ? pairs.map(([label, value]) => element("span", {}, element("small", {}, `${label} `), element("b", {}, value)))
        : [element("span", { class: "gw-hint" }, hint)]),
    );
  }
}

/** Label and value of each attribute of a cell. */
export function cellPairs(frame: Frame, cell: number): [string, string][] | null {
  if (cell >= frame.flux.shape[0]) return null;
  const { rows } = frame.about; // where the cells are not one after the other in the sample
  const place: [string, string] = ["galaxy", String(Array.isArray(rows) ? rows[cell] : frame.first + cell)];
  return [place, ...frame.attributes.map((column): [string, string] => [column.label, valueWords(column, cell)])];
}

/** A cell in words, for the screen reader. */
export function cellWords(frame: Frame | null, cell: number): string {
  const pairs = frame && cellPairs(frame, cell);
  return pairs ? pairs.map(([label, value]) => `${label} ${value}`).join(", ") : `galaxy ${cell}`;
}

function valueWords(column: Column, cell: number): string {
  const value = column.values[cell] ?? null;
  if (value === null) return "–";
  return typeof value === "number" ? `${withUnit(value, column.unit)} ${unitWords(column.unit)}`.trim() : value;
}
