/** What stands around every sheet of galaxies: the pixel under the pointer, undo, selection, the side panel, and the keys for all of it. */

import { CompassRose, shared } from "./compass";
import { displaySection } from "./display_panel";
import { button, element, everyFrame, say } from "./dom";
import { type About, flag, Inspector, outsideOf } from "./inspector";
import { keysHelp } from "./keys_help";
import { planeOf, residualOf, sizeOf } from "./paint";
import { surfaceBrightness } from "./photometry";
import type { Frame } from "./protocol";
import { brief, signed } from "./scale";
import type { Session } from "./session";
import type { Probe, Sheet, SheetOptions } from "./sheet";
import type { Shell } from "./shell";
import { Stitch } from "./stitch";
import { type Viewing, viewingOf, type Zooms } from "./viewing";
import { Where } from "./where";

export interface DeskOptions {
  /** What is known of a cell of the sheet; null where there is no galaxy. */
  about: (cell: number) => About | null;
  /** The side panel stands below the picture, where the controls beside it are longer than the picture; else below both. */
  beside?: boolean;
  /** Keys of this view, beside those of every view: key and what it does. */
  keys?: readonly (readonly [key: string, deed: string, act: () => void])[];
}

/** What a view does when its session changes. */
export interface Follower {
  /** There is another picture, other attributes, or another display. */
  draw: (frame: Frame) => void;
  /** Another selection. */
  select: () => void;
  /** Another state. */
  show: () => void;
}

/** CSS pixels of a widget below which its parts stand one under the other. */
export const NARROW = 620;

export class Desk {
  readonly viewing: Viewing;
  /** What a sheet of this view needs. */
  readonly sheetOptions: Required<Pick<SheetOptions, "pixelScale" | "probe" | "open" | "focus">>;
  readonly #probe = element("div", { class: "gw-probe" });
  readonly #flags = element("div", { class: "gw-flags", hidden: true });
  readonly #tools = element("div", { class: "gw-tools", role: "toolbar", "aria-label": "Tools" });
  readonly #compass = new CompassRose();
  readonly #inspector: Inspector;
  readonly #help: HTMLElement;
  readonly #stitch: Stitch;
  readonly #where: Where;
  readonly #panel: HTMLButtonElement;
  #zooms: Zooms | null = null;
  readonly #undo: HTMLButtonElement;
  readonly #redo: HTMLButtonElement;
  readonly #refresh = everyFrame(() => this.#show());
  readonly #pixelScale: number;
  #at: Probe | null = null;
  #sheet: Sheet | null = null;

  constructor(
    el: HTMLElement,
    private readonly session: Session,
    private readonly shell: Shell,
    private readonly options: DeskOptions,
  ) {
    this.viewing = viewingOf(session);
    const pixelScale = session.get<number>("pixel_scale");
    this.#pixelScale = pixelScale;
    const probe = (at: Probe | null) => this.#point(at);
    this.sheetOptions = { pixelScale, probe, open: () => this.#open(true), focus: () => this.refresh() };
    this.#inspector = new Inspector(this.viewing, {
      bands: session.get<string[]>("bands"),
      pixelScale,
      probe,
      details: (cell) => session.details(cell),
      closed: () => this.#open(false),
    });
    this.#undo = tool("↶", "undo what was asked for, selected or changed in the display (Ctrl+Z)", () =>
      this.viewing.step(-1),
    );
    this.#redo = tool("↷", "redo (Ctrl+Shift+Z)", () => this.viewing.step(1));
    this.#panel = tool("details", "side panel of the galaxy at hand (Enter)", () => this.#open(!this.#inspector.open));
    this.#help = keysHelp(options.keys ?? []);
    const keys = tool("?", "keys (?)", () => this.#toggleHelp());
    this.#stitch = new Stitch(session);
    this.#where = new Where(session);
    this.#tools.append(this.#undo, this.#redo, this.#panel, this.#stitch.root, keys);
    // not a container query: its containment would take the widget's width from it inside an HBox
    shell.onWidth((width) => el.classList.toggle("gw-narrow", width < NARROW));
    const hear = (event: KeyboardEvent) => this.#key(event);
    el.addEventListener("keydown", hear);
    shell.onEnd(() => el.removeEventListener("keydown", hear));
    shell.onEnd(
      this.viewing.listen(() => {
        this.#lights();
        if (!this.#zoom()) this.refresh();
      }),
    );
    this.#lights();
  }

  /** Put the tools below the view's sheet, which is on the stage already. */
  attach(sheet: Sheet, select: boolean): void {
    this.#sheet = sheet;
    this.#zoom();
    sheet.zoomed = (zoom) => this.viewing.zoom("sheet", zoom);
    const { cells } = sheet;
    if (select) {
      this.#tools.prepend(
        element("small", {}, "select"),
        tool("all", "select all (Ctrl+A)", () => cells.selectAll()),
        tool("none", "select none (Escape)", () => cells.selectNone()),
        tool("others", "select the others instead (i)", () => cells.selectOthers()),
        this.#where.root,
      );
    }
    this.shell.stage.append(
      element(
        "div",
        { class: "gw-below" },
        element("span", { class: "gw-scale" }, sheet.bar, this.#compass.root),
        this.#tools,
      ),
      this.#flags,
      this.#probe,
    );
    const below = this.options.beside ? this.shell.readout : this.shell.panel;
    below.after(this.#stitch.shown, this.#inspector.root, this.#help);
  }

  /** From now on the view follows its session, until what is returned is called; the section of the display ends the panel. */
  follow({ draw, select, show }: Follower): () => void {
    const { session, shell } = this;
    const display = displaySection(session);
    const look = () => JSON.stringify(this.viewing.settings);
    let drawn = "";
    const redraw = () => {
      if (!session.frame) return;
      drawn = look();
      draw(session.frame);
      this.#compass.show(shared(session.frame.compass));
      select();
      this.refresh();
    };
    shell.panel.append(display.root);
    shell.onEnd(display.end);
    shell.onEnd(this.viewing.listen(() => look() !== drawn && redraw()));
    shell.onEnd(
      session.listen((what) => {
        if (what === "frame" || what === "attributes") redraw();
        if (what === "selection") select();
        if (what === "state") show();
      }),
    );
    show();
    redraw();
    return () => shell.dispose();
  }

  /** Flag the galaxies of a sheet that the model does not know; its cells are those of the frame. */
  flag(frame: Frame): void {
    const cells = frame.rows * frame.columns;
    let flagged = 0;
    for (let cell = 0; cell < cells; cell++) {
      const outside = outsideOf(frame, cell);
      if (outside) flagged += 1;
      this.#sheet?.cells.flag(cell, flag(outside));
    }
    this.#flags.hidden = flagged === 0;
    say(this.#flags, `${flagged} of ${cells} ${flagged === 1 ? "is" : "are"} outside of what the model knows`);
  }

  /** One more tool of the view. */
  add(tool: HTMLButtonElement): void {
    tool.classList.add("gw-tool");
    this.#panel.before(tool);
  }

  /** Bring the pictures as near as they were; false where they are. */
  #zoom(): boolean {
    const { zooms } = this.viewing;
    if (zooms === this.#zooms) return false;
    this.#zooms = zooms;
    this.#sheet?.zoomTo(zooms.sheet);
    this.#inspector.zoomTo(zooms.large);
    return true;
  }

  /** The pictures changed: the side panel and the read-out follow at the next frame of the screen. */
  refresh(): void {
    this.#refresh();
  }

  #show(): void {
    if (this.#inspector.open) this.#inspector.show(this.#about() ?? null);
    this.#read();
  }

  #about(): About | null {
    return this.#sheet ? this.options.about(this.#sheet.cells.current) : null;
  }

  #open(open: boolean): void {
    this.#inspector.show(open ? this.#about() : null);
    this.#panel.setAttribute("aria-pressed", String(this.#inspector.open));
    if (open) this.#inspector.root.scrollIntoView({ block: "nearest" });
    if (!open && this.#inspector.root.contains(document.activeElement)) this.#sheet?.cells.refocus();
  }

  #toggleHelp(): void {
    this.#help.hidden = !this.#help.hidden;
    if (this.#help.hidden) this.#sheet?.cells.refocus();
    else this.#help.focus();
  }

  #lights(): void {
    this.#undo.disabled = !this.viewing.can(-1);
    this.#redo.disabled = !this.viewing.can(1);
  }

  #point(at: Probe | null): void {
    this.#at = at;
    this.#read();
  }

  /** The pixel under the pointer: where it is, and its flux in each band shown. */
  #read(): void {
    const at = this.#at;
    if (!at) {
      say(this.#probe, "");
      return;
    }
    const [height, width] = sizeOf(at.picture);
    const offset = (pixel: number, side: number) => `${signed((pixel - (side - 1) / 2) * this.#pixelScale, 1)}″`;
    const parts = [
      quantity("x", String(at.x)),
      quantity("y", String(at.y)),
      quantity("", `(${offset(at.x, width)}, ${offset(at.y, height)})`),
    ];
    const place = at.y * width + at.x;
    const residual = residualOf(at.picture);
    const { settings } = this.viewing;
    if (residual) parts.push(quantity("residual", `${(residual[place] as number).toFixed(1)} σ`));
    else {
      const alone = at.picture.band ?? settings.band;
      for (const band of new Set(alone === null ? settings.bands : [alone])) {
        const flux = planeOf(at.picture, band)?.[place];
        if (flux === undefined) continue;
        const brightness = surfaceBrightness(flux, this.#pixelScale);
        parts.push(quantity(band, brief(flux), Number.isFinite(brightness) ? brightness.toFixed(2) : "–"));
      }
      parts.push(quantity("nJy, mag/arcsec²", ""));
    }
    this.#probe.replaceChildren(...parts);
  }

  #key(event: KeyboardEvent): void {
    const target = event.target as HTMLElement;
    const typing = target instanceof HTMLInputElement && target.type === "text";
    const control = event.ctrlKey || event.metaKey;
    const key = event.key.toLowerCase();
    if (typing || event.altKey || target instanceof HTMLSelectElement) return;
    const view = this.options.keys?.find(([name]) => name === key);
    if (control && key === "z") this.viewing.step(event.shiftKey ? 1 : -1);
    else if (control && key === "y") this.viewing.step(1);
    else if (control) return;
    else if (key === "?" || (key === "escape" && !this.#help.hidden)) this.#toggleHelp();
    else if (key === "x") this.viewing.set({ invert: !this.viewing.settings.invert });
    else if (key === "s") void this.#stitch.run();
    else if (key === "/" && this.#where.root.isConnected) this.#where.focus();
    else if (view) view[2]();
    else return;
    event.preventDefault();
    event.stopPropagation();
  }
}

function quantity(name: string, value: string, more = ""): HTMLElement {
  return element(
    "span",
    {},
    element("small", {}, name ? `${name} ` : ""),
    value,
    element("small", {}, more ? ` ${more}` : ""),
  );
}

function tool(label: string, title: string, act: () => void): HTMLButtonElement {
  return button(label, title, act, "gw-tool");
}
