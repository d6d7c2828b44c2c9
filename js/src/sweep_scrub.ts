/** The scrub of a sweep: the galaxies of all columns at one value, from a strip of fine steps that is asked for when it is first touched. */

import { type Condition, row, Slider } from "./controls";
import { element, say, section } from "./dom";
import type { Picture } from "./paint";
import { Resting } from "./resting";
import { formatted } from "./scale";
import type { Session } from "./session";
import { Sheet, type SheetOptions } from "./sheet";
import { nearestStep, Strips } from "./strip";
import type { Viewing } from "./viewing";

export class SweepScrub {
  /** The value and the galaxies there; hidden until the scrub is used. */
  readonly line: HTMLElement;
  readonly sheet: Sheet;
  /** The slider, for the panel. */
  readonly root: HTMLElement;
  readonly #strips = new Strips();
  readonly #slider: Slider;
  readonly #value: HTMLElement;
  #at = -1;
  #fetching = false;
  #used = false;
  readonly #resting: Resting;

  constructor(
    private readonly session: Session,
    private readonly viewing: Viewing,
    private readonly condition: () => Condition,
    options: Pick<SheetOptions, "pixelScale" | "probe"> & { labels: number },
  ) {
    this.#resting = new Resting(session, () => this.draw());
    const { labels, ...sheet } = options;
    this.sheet = new Sheet({ ...sheet, label: "galaxies where the scrub stands", side: 80 });
    this.#value = element("output", { style: `width:${labels}px` });
    this.line = element("div", { class: "gw-rows gw-scrubbed", hidden: true }, this.#value, this.sheet.root);
    this.#slider = new Slider("scrub", "", { low: -1, high: 1 }, (at) => {
      this.#at = at;
      this.#resting.moved(at);
      this.#use();
    });
    this.#slider.show(this.#at);
    for (const type of ["pointerdown", "focus"]) this.#slider.input.addEventListener(type, () => void this.#fetch());
    this.root = section("Scrub", row("all galaxies", "", element("span", { class: "gw-playing" }, this.#slider.input)));
  }

  /** Another picture of the widget came: the strip was of the one before. */
  renew(): void {
    this.#strips.clear();
    if (this.#used) this.#resting.moved(this.#at);
    this.root.hidden = Boolean(this.condition().categories);
    this.line.hidden ||= this.root.hidden;
    if (this.#used && !this.root.hidden) void this.#fetch();
    this.draw();
  }

  draw(): void {
    const { frame } = this.session;
    if (!frame || this.line.hidden) return;
    const exact = this.#resting.frame(this.#at);
    const strip = this.#strips.strip(0) ?? frame;
    const steps = strip.rows;
    const step = nearestStep(this.#at, steps);
    const { low, high } = strip.about as { low: number; high: number };
    const at = { ...this.condition(), low, high };
    const part = exact ? (this.#at + 1) / 2 : steps > 1 ? step / (steps - 1) : 0;
    const value = at.log && low > 0 ? low * (high / low) ** part : low + (high - low) * part;
    say(this.#value, `${formatted(value, at)} ${at.unit}`.trim());
    this.#slider.input.setAttribute("aria-valuetext", this.#value.textContent);
    const of = exact ?? strip;
    const first = exact ? 0 : step * of.columns;
    const pictures = Array.from({ length: of.columns }, (_, column): Picture => ({ frame: of, cell: first + column }));
    this.sheet.show(pictures, 1, of.columns, this.viewing.settings);
  }

  /** The view goes. */
  end(): void {
    this.#resting.forget();
  }

  #use(): void {
    this.#used = true;
    this.line.hidden = false;
    void this.#fetch();
    this.draw();
  }

  async #fetch(): Promise<void> {
    if (this.#fetching || this.#strips.has(0)) return;
    this.#fetching = true;
    const { frame } = this.session;
    const strip = await this.session.strip(0);
    this.#fetching = false;
    if (frame !== this.session.frame) void this.#fetch();
    else if (strip) this.#strips.add(0, strip);
    this.draw();
  }
}
