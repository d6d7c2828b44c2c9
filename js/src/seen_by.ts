/** The edited galaxy as other surveys see it: each on its own pixels, with its PSF and noise, all at one scale on the sky. */

import { field, row } from "./controls";
import { button, element, section } from "./dom";
import type { Settings } from "./paint";
import type { Frame, Layer } from "./protocol";
import type { Session } from "./session";
import { Sheet } from "./sheet";

/** What galwidget/widgets/editor.py says of a survey; without bands there is no picture, and the words say why. */
interface Seen {
  name: string;
  words: string;
  bands: string[];
  pixel_scale: number;
  /** The survey's band nearest to each of the model's. */
  nearest: Record<string, string>;
}

/** CSS pixels of a picture: six of them stand beside each other under the four of the editor. */
const SIDE = 116;

export class SeenBy {
  /** The pictures, for the stage. */
  readonly root = element("div", {
    class: "gw-seen",
    role: "group",
    "aria-label": "seen by other surveys",
    hidden: true,
  });
  /** Which surveys look, and the seed of their noise, for the panel. */
  readonly panel: HTMLElement;
  readonly #sheets = new Map<string, Sheet>();
  readonly #buttons = new Map<string, HTMLButtonElement>();
  readonly #seed: HTMLInputElement;
  #names = "";

  constructor(private readonly session: Session) {
    const names = element("span", {
      class: "gw-surveys",
      role: "group",
      "aria-label": "surveys that look",
    });
    for (const name of session.get<string[]>("presets")) {
      const made = button(inWords(name), `seen by ${inWords(name)}`, () => this.#toggle(name), "gw-tool");
      this.#buttons.set(name, made);
      names.append(made);
    }
    const set = (seed: number) => session.set({ seed: Math.max(0, Math.round(seed)) });
    const step = (by: number) => () => set(session.get<number>("seed") + by);
    this.#seed = field("seed of the noise", set);
    const seed = element(
      "span",
      { class: "gw-seed" },
      button("‹", "previous noise", step(-1)),
      this.#seed,
      button("›", "next noise", step(1)),
    );
    this.panel = section("Seen by", names, row("noise, seed", "", seed));
  }

  show(): void {
    const looking = this.session.get<string[]>("surveys");
    for (const [name, made] of this.#buttons) made.setAttribute("aria-pressed", String(looking.includes(name)));
    if (document.activeElement !== this.#seed) this.#seed.value = String(this.session.get<number>("seed"));
  }

  draw(frame: Frame, settings: Settings): void {
    const seen = (frame.about.seen ?? []) as Seen[];
    this.root.hidden = seen.length === 0;
    const names = JSON.stringify(seen.map(({ name, words }) => [name, words]));
    if (names !== this.#names) this.#build(seen);
    this.#names = names;
    const layers = [...frame.seen];
    for (const survey of seen) {
      const layer = survey.bands.length ? layers.shift() : undefined;
      if (layer) this.#sheets.get(survey.name)?.show(...pictureOf(frame, layer, survey, settings, this.session));
    }
  }

  #build(seen: readonly Seen[]): void {
    this.#sheets.clear();
    const figures = seen.map(({ name, words, bands, pixel_scale }) => {
      const caption = element("figcaption", {}, element("b", {}, inWords(name)), ` ${words}`);
      if (!bands.length) return element("figure", { class: "gw-unseen" }, caption);
      const sheet = new Sheet({ label: `seen by ${inWords(name)}`, side: SIDE, pixelScale: pixel_scale, exact: true });
      this.#sheets.set(name, sheet);
      return element("figure", {}, sheet.root, caption);
    });
    this.root.replaceChildren(...figures);
  }

  #toggle(name: string): void {
    const looking = this.session.get<string[]>("surveys");
    const there = looking.includes(name);
    this.session.set({ surveys: there ? looking.filter((other) => other !== name) : [...looking, name] });
    this.show();
  }
}

/** The picture on its sheet: bands nearest to those shown, and a stretch for the same surface brightness. */
function pictureOf(
  frame: Frame,
  flux: Layer,
  survey: Seen,
  settings: Settings,
  session: Session,
): Parameters<Sheet["show"]> {
  const near = (band: string) => survey.nearest[band] ?? band;
  const area = (survey.pixel_scale / session.get<number>("pixel_scale")) ** 2;
  const [only] = survey.bands;
  const look: Settings = {
    ...settings,
    stretch: settings.stretch * area,
    bands: settings.bands.map(near) as Settings["bands"],
    // one band has no colours
    band: survey.bands.length === 1 && only ? only : settings.band && near(settings.band),
  };
  const { residual: _, ...plain } = frame;
  return [[{ frame: { ...plain, flux, bands: survey.bands, attributes: [] }, cell: 0 }], 1, 1, look];
}

function inWords(name: string): string {
  return name.replaceAll("_", " ");
}
