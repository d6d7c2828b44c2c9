/** One canvas for a whole grid of galaxies, with an ARIA grid of cells over it for the pointer, the keyboard and the screen reader. */

import { element, everyFrame, OWN_KEYS } from "./dom";
import { type Display, paintColour, paintResidual } from "./lupton";
import type { Frame } from "./protocol";
import { moved, picked, type Selection } from "./selection";

/** Where the pixels of a cell come from: a cell of the kernel's newest frame, or of a strip. */
export interface Picture {
  frame: Frame;
  cell: number;
  /** Index of a residual band to be shown instead of the colours, and the sigma where its scale ends. */
  residual?: { band: number; limit: number };
}

export interface SheetOptions {
  label: string;
  /** Largest side of a cell in CSS pixels. */
  side: number;
  /** A cell was pointed at or focused; null when none is. */
  hover?: (cell: number | null) => void;
  /** Other cells are selected. */
  select?: (cells: readonly number[]) => void;
  /** Words for a cell. */
  describe?: (cell: number) => string;
}

const GAP = 2;

export class Sheet {
  readonly root: HTMLElement;
  readonly canvas = element("canvas", { "aria-hidden": "true" });
  readonly #overlay: HTMLElement;
  readonly #native = document.createElement("canvas");
  #cells: HTMLElement[] = [];
  #rows = 0;
  #columns = 0;
  #pictures: readonly (Picture | null)[] = [];
  #display: Display | null = null;
  #selection: Selection = { cells: [], anchor: 0 };
  #focus = 0;
  #available = 0;
  #last = 0;
  readonly #later = everyFrame(() => this.#paint());
  /** Milliseconds that the last painting took. */
  paintMs = 0;
  /** Told after each painting. */
  painted: () => void = () => {};

  constructor(private readonly options: SheetOptions) {
    this.#overlay = element("div", {
      class: "gw-cells",
      role: "grid",
      "aria-label": options.label,
      "aria-multiselectable": options.select ? "true" : "false",
    });
    this.root = element("div", { class: "gw-sheet" }, this.canvas, this.#overlay);
    this.#overlay.addEventListener("pointerdown", (event) => this.#pointed(event));
    this.#overlay.addEventListener("pointerover", (event) => options.hover?.(this.#cellAt(event)));
    this.#overlay.addEventListener("pointerleave", () => options.hover?.(null));
    this.#overlay.addEventListener("keydown", (event) => this.#key(event));
    this.#overlay.addEventListener("focusin", (event) => options.hover?.(this.#cellAt(event)));
    this.#overlay.addEventListener("focusout", () => options.hover?.(null));
  }

  /** Side of a cell and the gap, in CSS pixels, for labels that stand beside the rows. */
  get cellSide(): number {
    return this.#side() / this.#ratio();
  }

  /** Show these pictures, row by row, at the next frame of the screen. */
  show(pictures: readonly (Picture | null)[], rows: number, columns: number, display: Display): void {
    if (rows !== this.#rows || columns !== this.#columns) this.#build(rows, columns);
    this.#pictures = pictures;
    this.#display = display;
    // at once when the screen has had time to show the last one: waiting for it would cost a frame
    if (performance.now() - this.#last > 1000 / 60) this.#paint();
    else this.#later();
  }

  /** Room for the sheet in CSS pixels, and the largest side of a cell. */
  fit(available: number, side = this.options.side): void {
    if (available === this.#available && side === this.options.side) return;
    this.#available = available;
    this.options.side = side;
    this.#later();
  }

  select(cells: readonly number[]): void {
    this.#selection = { cells, anchor: this.#selection.anchor };
    const selected = new Set(cells);
    this.#cells.forEach((cell, index) => {
      const now = String(selected.has(index));
      if (cell.getAttribute("aria-selected") !== now) cell.setAttribute("aria-selected", now);
    });
  }

  #ratio(): number {
    return window.devicePixelRatio || 1;
  }

  /** Side of a cell in device pixels: a whole multiple of the galaxy's pixels where there is room for it. */
  #side(): number {
    const native = this.#pictures.find((picture) => picture)?.frame.flux.shape[3] ?? 64;
    const ratio = this.#ratio();
    const room = this.#available
      ? ((this.#available - GAP * (this.#columns - 1)) * ratio) / this.#columns
      : Number.POSITIVE_INFINITY;
    const most = Math.max(8, Math.floor(Math.min(this.options.side * ratio, room)));
    return most >= native ? native * Math.floor(most / native) : most;
  }

  #build(rows: number, columns: number): void {
    this.#rows = rows;
    this.#columns = columns;
    this.#focus = Math.min(this.#focus, rows * columns - 1);
    this.#cells = [];
    const lines = [];
    this.#overlay.setAttribute("aria-rowcount", String(rows));
    this.#overlay.setAttribute("aria-colcount", String(columns));
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
          "aria-label": `row ${row + 1}, column ${column + 1}`,
        });
        this.#cells.push(cell);
        line.append(cell);
      }
      lines.push(line);
    }
    this.#overlay.replaceChildren(...lines);
    this.select(this.#selection.cells);
  }

  #paint(): void {
    const display = this.#display;
    const first = this.#pictures.find((picture) => picture);
    if (!display || !first) return;
    const begun = performance.now();
    const [, , height, width] = first.frame.flux.shape;
    const target = new ImageData(width, height * this.#rows * this.#columns);
    this.#pictures.forEach((picture, index) => {
      if (picture) paintPicture(picture, display, target, index * height);
    });
    this.#native.width = target.width;
    this.#native.height = target.height;
    (this.#native.getContext("2d") as CanvasRenderingContext2D).putImageData(target, 0, 0);
    this.#place(width, height);
    this.#last = performance.now();
    this.paintMs = this.#last - begun;
    this.painted();
  }

  /** Copy the cells from the column of galaxies to their places, pixel by pixel where there is room, smoothly where there is not. */
  #place(width: number, height: number): void {
    const [side, ratio] = [this.#side(), this.#ratio()];
    const gap = Math.round(GAP * ratio);
    const whole = [this.#columns * (side + gap) - gap, this.#rows * (side + gap) - gap] as const;
    const { canvas } = this;
    if (canvas.width !== whole[0] || canvas.height !== whole[1]) [canvas.width, canvas.height] = whole;
    const style = this.root.style;
    style.setProperty("--gw-cell", `${side / ratio}px`);
    style.setProperty("--gw-gap", `${gap / ratio}px`);
    style.setProperty("--gw-columns", String(this.#columns));
    style.width = `${whole[0] / ratio}px`;
    style.height = `${whole[1] / ratio}px`;
    const context = canvas.getContext("2d") as CanvasRenderingContext2D;
    context.imageSmoothingEnabled = side < width;
    context.imageSmoothingQuality = "high";
    this.#pictures.forEach((picture, index) => {
      const [x, y] = [(index % this.#columns) * (side + gap), Math.floor(index / this.#columns) * (side + gap)];
      if (picture) context.drawImage(this.#native, 0, index * height, width, height, x, y, side, side);
      else context.clearRect(x, y, side, side);
    });
  }

  #cellAt(event: Event): number | null {
    const cell = (event.target as HTMLElement).closest<HTMLElement>(".gw-cell");
    return cell ? Number(cell.dataset.cell) : null;
  }

  #pointed(event: PointerEvent): void {
    const cell = this.#cellAt(event);
    if (cell === null || event.button !== 0) return;
    event.preventDefault();
    this.#focusOn(cell);
    this.#pick(cell, event);
  }

  #pick(cell: number, keys: { shiftKey: boolean; ctrlKey: boolean; metaKey: boolean }): void {
    if (!this.options.select) return;
    this.#selection = picked(this.#selection, cell, this.#columns, keys);
    this.select(this.#selection.cells);
    this.options.select(this.#selection.cells);
  }

  #focusOn(cell: number): void {
    this.#cells[this.#focus]?.setAttribute("tabindex", "-1");
    this.#focus = cell;
    const target = this.#cells[cell];
    target?.setAttribute("tabindex", "0");
    if (this.options.describe) target?.setAttribute("aria-label", this.options.describe(cell));
    target?.focus({ preventScroll: true });
  }

  #key(event: KeyboardEvent): void {
    const to = moved(this.#focus, event.key, this.#columns, this.#cells.length, event.ctrlKey || event.metaKey);
    const all = (event.ctrlKey || event.metaKey) && event.key === "a";
    if (to !== null) {
      this.#focusOn(to);
      this.#cells[to]?.scrollIntoView({ block: "nearest" });
      if (event.shiftKey) this.#pick(to, { shiftKey: true, ctrlKey: false, metaKey: false });
    } else if (event.key === " ")
      this.#pick(this.#focus, { shiftKey: event.shiftKey, ctrlKey: !event.shiftKey, metaKey: false });
    else if (event.key === "Enter") this.#pick(this.#focus, event);
    else if (event.key === "Escape" || all) {
      const cells = all ? this.#cells.map((_, index) => index) : [];
      this.select(cells);
      this.options.select?.(cells);
    } else return;
    event.preventDefault();
    event.stopPropagation();
  }
}

function paintPicture(picture: Picture, display: Display, target: ImageData, top: number): void {
  const { frame, cell, residual } = picture;
  const layer = residual && frame.residual ? frame.residual : frame.flux;
  const [, bands, height, width] = layer.shape;
  const pixels = height * width;
  const plane = (galaxy: number, band: number) => {
    const start = (galaxy * bands + band) * pixels;
    return layer.data.subarray(start, start + pixels);
  };
  if (residual && frame.residual) {
    paintResidual(plane(0, Math.min(residual.band, bands - 1)), height, width, residual.limit, target, 0, top);
    return;
  }
  // a band that is on its way is shown as the first one until it comes
  const channels = display.bands.map((band) => plane(cell, Math.max(0, frame.bands.indexOf(band))));
  paintColour(channels as [Float32Array, Float32Array, Float32Array], height, width, display, target, 0, top);
}
