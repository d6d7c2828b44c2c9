/** The ARIA grid over a sheet: which cell has the focus, which are selected, by pointer and by key. */

import { element, OWN_KEYS, say } from "./dom";
import { onDrag } from "./drag";
import { moved, picked, type Selection, touched } from "./selection";

export interface CellsOptions {
  label: string;
  /** A cell was pointed at or focused; null when none is. */
  hover?: (cell: number | null) => void;
  /** Other cells are selected. */
  select?: (cells: readonly number[]) => void;
  /** Enter, or a double click. */
  open?: (cell: number) => void;
  /** The focus went to another cell. */
  focus?: (cell: number) => void;
  /** Words for a cell. */
  describe?: (cell: number) => string;
}

/** What the sheet does with a drag and a double click instead of selecting; in CSS pixels since the last move. */
export interface Hand {
  drag: (right: number, down: number) => void;
  double: () => void;
}

/** Milliseconds between the two clicks of a double click. */
const DOUBLE = 400;
const NO_KEYS = { shiftKey: false, ctrlKey: false, metaKey: false };

export class Cells {
  readonly root: HTMLElement;
  #cells: HTMLElement[] = [];
  #captions: HTMLElement[] = [];
  #columns = 1;
  #selection: Selection = { cells: [], anchor: 0 };
  #focus = 0;
  #clicked = { cell: -1, time: Number.NEGATIVE_INFINITY };
  /** What a drag from the pressed cell does, and its end: a rectangle, where cells can be selected. */
  #band: ((event: PointerEvent) => void) | null = null;
  #released: (() => void) | null = null;

  constructor(
    private readonly options: CellsOptions,
    private readonly hand: Hand | null,
  ) {
    this.root = element("div", {
      class: "gw-cells",
      role: "grid",
      "aria-label": options.label,
      "aria-multiselectable": options.select ? "true" : "false",
    });
    const { root } = this;
    onDrag(root, {
      begin: (event) => this.#pressed(event),
      move: (event, right, down) => (hand ? hand.drag(right, down) : this.#band?.(event)),
      end: () => this.#released?.(),
      click: (event) => this.#click(event),
    });
    root.addEventListener("pointerover", (event) => options.hover?.(this.at(event)));
    root.addEventListener("pointerleave", () => options.hover?.(null));
    root.addEventListener("keydown", (event) => this.#key(event));
    root.addEventListener("focusin", (event) => options.hover?.(this.at(event)));
    root.addEventListener("focusout", () => options.hover?.(null));
  }

  /** The cell that has the focus, or had it last. */
  get current(): number {
    return this.#focus;
  }

  get count(): number {
    return this.#cells.length;
  }

  build(rows: number, columns: number): void {
    this.#columns = columns;
    this.#focus = Math.min(this.#focus, rows * columns - 1);
    this.#cells = [];
    this.#captions = [];
    const lines = [];
    this.root.setAttribute("aria-rowcount", String(rows));
    this.root.setAttribute("aria-colcount", String(columns));
    for (let row = 0; row < rows; row++) {
      const line = element("div", { role: "row", class: "gw-line" });
      for (let column = 0; column < columns; column++) {
        const index = this.#cells.length;
        const cell = element("div", {
          ...OWN_KEYS,
          role: "gridcell",
          class: "gw-cell",
          tabindex: index === this.#focus ? 0 : -1,
          "data-cell": index,
          "aria-selected": "false",
        });
        this.#cells.push(cell);
        line.append(cell);
      }
      lines.push(line);
    }
    const held = this.root.contains(document.activeElement);
    this.root.replaceChildren(...lines);
    if (held) this.refocus(); // a key may have made the grid another one, and the next key is for it too
    for (let index = 0; index < this.#cells.length; index++) this.#name(index, false);
    this.#mark(this.#selection.cells);
  }

  /** A sign in the cell's corner that something is to be known of it, which its name says; none without words. */
  flag(index: number, words: string): void {
    const cell = this.#cells[index];
    if (!cell || (cell.dataset.flag ?? "") === words) return;
    if (words) cell.dataset.flag = words;
    else delete cell.dataset.flag;
    cell.title = words;
    this.#name(index, index === this.#focus);
  }

  /** Words over a cell's upper edge; a node is put below them. */
  caption(index: number, text: string, foot?: Node): void {
    const cell = this.#cells[index];
    if (!cell) return;
    const before = written(cell);
    const caption = this.#captions[index] ?? element("span", { class: "gw-caption", "aria-hidden": "true" });
    if (!this.#captions[index]) cell.prepend(caption);
    this.#captions[index] = caption;
    say(caption, text);
    if (foot && foot.parentNode !== cell) cell.append(" ", foot);
    if (written(cell) !== before) this.#name(index, index === this.#focus);
  }

  select(cells: readonly number[]): void {
    this.#selection = { cells, anchor: this.#selection.anchor };
    this.#mark(cells);
  }

  selectAll(): void {
    this.#choose(this.#cells.map((_, index) => index));
  }

  selectNone(): void {
    this.#choose([]);
  }

  selectOthers(): void {
    const selected = new Set(this.#selection.cells);
    this.#choose(this.#cells.map((_, index) => index).filter((index) => !selected.has(index)));
  }

  /** Give the focus back to the cell that had it. */
  refocus(): void {
    this.#cells[this.#focus]?.focus({ preventScroll: true });
  }

  /** The cell under an event, or null. */
  at(event: Event): number | null {
    const cell = (event.target as HTMLElement).closest<HTMLElement>(".gw-cell");
    return cell ? Number(cell.dataset.cell) : null;
  }

  /** Place of a cell on the screen. */
  box(index: number): DOMRect | undefined {
    return this.#cells[index]?.getBoundingClientRect();
  }

  /** The name of a cell: what is written over it, then its place, or in full where it is read out. */
  #name(index: number, full: boolean): void {
    const place = `row ${Math.floor(index / this.#columns) + 1}, column ${(index % this.#columns) + 1}`;
    const words = (full && this.options.describe?.(index)) || place;
    const cell = this.#cells[index];
    const seen = cell ? written(cell) : "";
    const parts = [words.includes(seen) ? "" : seen, words, cell?.dataset.flag ?? ""];
    cell?.setAttribute("aria-label", parts.filter(Boolean).join(", "));
  }

  #mark(cells: readonly number[]): void {
    const selected = new Set(cells);
    this.#cells.forEach((cell, index) => {
      const now = String(selected.has(index));
      if (cell.getAttribute("aria-selected") !== now) cell.setAttribute("aria-selected", now);
    });
  }

  #choose(cells: readonly number[], anchor = this.#selection.anchor): void {
    if (!this.options.select) return;
    this.#selection = { cells, anchor };
    this.#mark(cells);
    this.options.select(cells);
  }

  #pick(cell: number, keys: { shiftKey: boolean; ctrlKey: boolean; metaKey: boolean }): void {
    const { cells, anchor } = picked(this.#selection, cell, this.#columns, keys);
    this.#choose(cells, anchor);
  }

  #open(cell: number): void {
    if (!this.#selection.cells.includes(cell)) this.#pick(cell, NO_KEYS);
    this.options.open?.(cell);
  }

  /** A press on a cell: it takes the focus, and a drag from it draws a rectangle. */
  #pressed(event: PointerEvent): boolean {
    const cell = this.at(event);
    if (cell === null || event.button !== 0) return false;
    event.preventDefault();
    this.#focusOn(cell);
    this.#band = this.#released = null;
    if (!this.hand && this.options.select) this.#startBand(cell, event);
    return true;
  }

  #startBand(from: number, pressed: PointerEvent): void {
    const whole = this.root.getBoundingClientRect();
    const boxes = this.#cells.map((cell) => cell.getBoundingClientRect());
    const before = pressed.shiftKey || pressed.ctrlKey || pressed.metaKey ? this.#selection.cells : [];
    const band = element("div", { class: "gw-band", "aria-hidden": "true" });
    let now = before;
    this.#band = (event) => {
      if (!band.isConnected) this.root.append(band);
      const [left, right] = [pressed.clientX, event.clientX].sort((a, b) => a - b) as [number, number];
      const [top, bottom] = [pressed.clientY, event.clientY].sort((a, b) => a - b) as [number, number];
      band.style.cssText = `left:${left - whole.left}px;top:${top - whole.top}px;width:${right - left}px;height:${bottom - top}px`;
      now = touched(boxes, { left, right, top, bottom }, before);
      this.#mark(now);
    };
    this.#released = () => {
      band.remove();
      this.#choose(now, from);
    };
  }

  #click(event: PointerEvent): void {
    const cell = this.at(event);
    if (cell === null) return;
    const double = cell === this.#clicked.cell && event.timeStamp - this.#clicked.time < DOUBLE;
    this.#clicked = { cell, time: double ? Number.NEGATIVE_INFINITY : event.timeStamp };
    if (!double) this.#pick(cell, event);
    else if (this.hand) this.hand.double();
    else this.#open(cell);
  }

  #focusOn(cell: number): void {
    const before = this.#focus;
    this.#cells[before]?.setAttribute("tabindex", "-1");
    this.#focus = cell;
    const target = this.#cells[cell];
    target?.setAttribute("tabindex", "0");
    this.#name(cell, true);
    target?.focus({ preventScroll: true });
    if (cell !== before) this.options.focus?.(cell);
  }

  #key(event: KeyboardEvent): void {
    if (event.altKey) return;
    const control = event.ctrlKey || event.metaKey;
    const to = moved(this.#focus, event.key, this.#columns, this.#cells.length, control);
    if (to !== null) {
      this.#focusOn(to);
      this.#cells[to]?.scrollIntoView({ block: "nearest" });
      if (event.shiftKey) this.#pick(to, { ...NO_KEYS, shiftKey: true });
    } else if (event.key === " ")
      this.#pick(this.#focus, { ...NO_KEYS, shiftKey: event.shiftKey, ctrlKey: !event.shiftKey });
    else if (event.key === "Enter") this.#open(this.#focus);
    else if (event.key === "Escape") this.selectNone();
    else if (event.key === "a" && control) this.selectAll();
    else if (event.key === "i" && !control) this.selectOthers();
    else return;
    event.preventDefault();
    event.stopPropagation();
  }
}

/** What is written in a cell, from top to bottom. */
function written(cell: HTMLElement): string {
  return cell.textContent.replace(/\s+/g, " ").trim();
}
