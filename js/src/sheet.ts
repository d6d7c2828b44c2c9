/** One canvas for a whole grid of galaxies, under an ARIA grid of cells; all cells are zoomed and panned together. */

import { Cells, type CellsOptions } from "./cells";
import { element, everyFrame, say } from "./dom";
import { type Picture, paintPicture, type Settings, samePicture, sizeOf } from "./paint";
import { barLength } from "./photometry";
import { NOTCH, nearer, panned, shownPart, toStamp, WHOLE, type Zoom } from "./zoom";

/** A pixel of a cell's galaxy: column from the left and row from the bottom, both from 0. */
export interface Probe {
  cell: number;
  picture: Picture;
  x: number;
  y: number;
}

export interface SheetOptions extends CellsOptions {
  /** Largest side of a cell in CSS pixels. */
  side: number;
  /** Side of a galaxy's pixel in arcsec. */
  pixelScale: number;
  /** The side is exactly what was asked for, also where that makes pixels of unequal size. */
  exact?: boolean;
  /** A drag pans and the wheel zooms; without it a drag selects. */
  pan?: boolean;
  /** The pointer is on a pixel; null when it left. */
  probe?: (at: Probe | null) => void;
}

const GAP = 2;
/** Milliseconds after a painting in which there is no other: half a frame of the screen, so that no frame waits for the next. */
const PAUSE = 8;
/** Fraction of the view that a key pans. */
const PAN = 0.125;
const ARROWS: Record<string, [number, number]> = {
  ArrowLeft: [-PAN, 0],
  ArrowRight: [PAN, 0],
  ArrowUp: [0, -PAN],
  ArrowDown: [0, PAN],
};

export class Sheet {
  readonly root: HTMLElement;
  readonly canvas = element("canvas", { "aria-hidden": "true" });
  readonly cells: Cells;
  /** A scale bar for one cell; whoever wants it puts it somewhere. */
  readonly bar = element("span", { class: "gw-scalebar" });
  readonly #native = document.createElement("canvas");
  #target: ImageData | null = null;
  #rows = 0;
  #columns = 0;
  #pictures: readonly (Picture | null)[] = [];
  #settings: Settings | null = null;
  #zoom = WHOLE;
  #available = 0;
  #last = 0;
  readonly #later = everyFrame(() => this.#paint());
  readonly #replace = everyFrame(() => this.#place());
  /** Told after each painting. */
  painted: () => void = () => {};
  /** Told when a hand has zoomed or panned. */
  zoomed: (zoom: Zoom) => void = () => {};

  constructor(private readonly options: SheetOptions) {
    const hand = {
      drag: (right: number, down: number) => this.#panBy(-right / this.cellSide, -down / this.cellSide),
      double: () => this.#zoomBy(WHOLE),
    };
    this.cells = new Cells(options, options.pan ? hand : null);
    this.root = element("div", { class: "gw-sheet" }, this.canvas, this.cells.root);
    this.root.classList.toggle("gw-pans", Boolean(options.pan));
    const { root } = this.cells;
    root.addEventListener("pointermove", (event) => options.probe?.(this.#probe(event)));
    root.addEventListener("pointerleave", () => options.probe?.(null));
    root.addEventListener("wheel", (event) => this.#wheel(event), { passive: false });
    root.addEventListener("keydown", (event) => this.#key(event), { capture: true });
  }

  /** Side of a cell in CSS pixels, for labels that stand beside the rows. */
  get cellSide(): number {
    return this.#side() / this.#ratio();
  }

  get zoom(): Zoom {
    return this.#zoom;
  }

  /** Show these pictures, row by row, at the next frame of the screen. */
  show(pictures: readonly (Picture | null)[], rows: number, columns: number, settings: Settings): void {
    if (rows !== this.#rows || columns !== this.#columns) {
      this.#rows = rows;
      this.#columns = columns;
      this.cells.build(rows, columns);
    } else if (
      this.#pictures.length === pictures.length &&
      pictures.every((picture, index) => samePicture(picture, this.#pictures[index])) &&
      JSON.stringify(settings) === JSON.stringify(this.#settings)
    )
      return;
    this.#pictures = pictures;
    this.#settings = settings;
    // at once when the screen has had time to show the last one: waiting for it would cost a frame
    if (performance.now() - this.#last > PAUSE) this.#paint();
    else this.#later();
  }

  /** Room for the sheet in CSS pixels, and the largest side of a cell. */
  fit(available: number, side = this.options.side): void {
    if (available === this.#available && side === this.options.side) return;
    this.#available = available;
    this.options.side = side;
    this.#later();
  }

  zoomTo(zoom: Zoom): void {
    if (zoom === this.#zoom) return;
    this.#zoom = zoom;
    this.#replace();
  }

  #zoomBy(hand: Zoom): void {
    this.zoomTo(hand);
    this.zoomed(hand);
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
    return most >= native && !this.options.exact ? native * Math.floor(most / native) : most;
  }

  #paint(): void {
    const settings = this.#settings;
    const first = this.#pictures.find((picture) => picture);
    if (!settings || !first) return;
    this.root.classList.toggle("gw-light", settings.invert);
    const [height, width] = sizeOf(first);
    const whole = height * this.#rows * this.#columns;
    if (this.#target?.width !== width || this.#target.height !== whole) {
      this.#target = new ImageData(width, whole);
      this.#native.width = width;
      this.#native.height = whole;
    }
    const target = this.#target;
    this.#pictures.forEach((picture, index) => {
      if (picture) paintPicture(picture, settings, target, [0, index * height]);
    });
    (this.#native.getContext("2d") as CanvasRenderingContext2D).putImageData(target, 0, 0);
    this.#place();
    this.#last = performance.now();
    this.painted();
  }

  /** Copy the cells from the column of galaxies to their places, pixel by pixel where there is room, smoothly where there is not. */
  #place(): void {
    const first = this.#pictures.find((picture) => picture);
    if (!first) return;
    const [height, width] = sizeOf(first);
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
    const [left, top, across, down] = shownPart(this.#zoom, height, width);
    context.imageSmoothingEnabled = side < across;
    context.imageSmoothingQuality = "high";
    this.#pictures.forEach((picture, index) => {
      const [x, y] = [(index % this.#columns) * (side + gap), Math.floor(index / this.#columns) * (side + gap)];
      if (picture) context.drawImage(this.#native, left, index * height + top, across, down, x, y, side, side);
      else context.clearRect(x, y, side, side);
    });
    this.#drawBar(across * this.options.pixelScale, side / ratio);
  }

  /** `arcsec` is what a cell of `side` CSS pixels shows. */
  #drawBar(arcsec: number, side: number): void {
    const length = barLength(arcsec);
    this.bar.style.setProperty("--gw-length", `${(length / arcsec) * side}px`);
    const text = `${Number(length.toPrecision(1))}″`;
    say(this.bar, text);
  }

  /** Where in its cell an event is, as fractions from the left and from the top. */
  #within(event: MouseEvent): { cell: number; u: number; v: number } | null {
    const cell = this.cells.at(event);
    const box = cell === null ? undefined : this.cells.box(cell);
    if (cell === null || !box?.width) return null;
    return { cell, u: (event.clientX - box.left) / box.width, v: (event.clientY - box.top) / box.height };
  }

  #probe(event: PointerEvent): Probe | null {
    const at = this.#within(event);
    const picture = at && this.#pictures[at.cell];
    if (!at || !picture) return null;
    const [height, width] = sizeOf(picture);
    const [right, down] = toStamp(this.#zoom, at.u, at.v);
    const [x, y] = [Math.floor(right * width), height - 1 - Math.floor(down * height)];
    return x < 0 || y < 0 || x >= width || y >= height ? null : { cell: at.cell, picture, x, y };
  }

  /** The wheel belongs to the page until the sheet has the focus, or control is held; a grid takes it with control only. */
  #wheel(event: WheelEvent): void {
    const at = this.#within(event);
    const ours = event.ctrlKey || event.metaKey || (this.options.pan && this.root.contains(document.activeElement));
    if (!at || !ours || event.deltaY === 0) return;
    const zoom = nearer(this.#zoom, NOTCH ** -Math.sign(event.deltaY), at.u, at.v);
    if (zoom.factor === this.#zoom.factor) return;
    event.preventDefault();
    this.#zoomBy(zoom);
  }

  #panBy(right: number, down: number): void {
    this.#zoomBy(panned(this.#zoom, right, down));
  }

  #key(event: KeyboardEvent): void {
    if (event.ctrlKey || event.metaKey || event.altKey) return;
    const arrow = ARROWS[event.key];
    if (event.key === "+" || event.key === "=") this.#zoomBy(nearer(this.#zoom, NOTCH));
    else if (event.key === "-") this.#zoomBy(nearer(this.#zoom, 1 / NOTCH));
    else if (event.key === "0") this.#zoomBy(WHOLE);
    else if (arrow && this.options.pan && this.#zoom.factor > 1 && (event.shiftKey || this.cells.count === 1))
      this.#panBy(...arrow);
    else return;
    event.preventDefault();
    event.stopPropagation();
  }
}
