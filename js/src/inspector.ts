/** The side panel: one galaxy large, a thumbnail a band, its radial profile, and what is known of it. */

import type { Attribute } from "./attributes";
import { CompassRose } from "./compass";
import { button, element, say } from "./dom";
import { inWords, latentPlot } from "./latent_plot";
import { type Picture, planeOf, sizeOf } from "./paint";
import { radialProfile, stampMagnitude, windowedCentre } from "./photometry";
import { bandColour, profilePlot } from "./profile_plot";
import type { Details, Frame } from "./protocol";
import { redshiftInWords, redshiftPlot } from "./redshift_plot";
import { withError } from "./scale";
import { type Probe, Sheet } from "./sheet";
import type { Viewing } from "./viewing";
import type { Zoom } from "./zoom";

/** What a view says of a galaxy beside its pixels. */
export interface About {
  picture: Picture;
  /** Which galaxy: its number, seed, row. */
  title: string;
  attributes: readonly Attribute[];
  /** Why the model does not know the galaxy; empty where it does. */
  outside?: string;
}

/** The words of a frame why the model does not know the galaxy of a cell; empty where it does, or was not asked. */
export function outsideOf(frame: Frame, cell: number): string {
  const { outside } = frame.about;
  return Array.isArray(outside) ? String(outside[cell] ?? "") : "";
}

/** The flag of a galaxy that the model does not know. */
export function flag(outside: string): string {
  return outside && `⚠ outside of what the model knows: ${outside}`;
}

export interface InspectorOptions {
  bands: readonly string[];
  pixelScale: number;
  probe: (at: Probe | null) => void;
  /** What the kernel knows of a cell of the frame. */
  details: (cell: number) => Promise<Details | null>;
  closed: () => void;
}

const LARGE = 256;
const THUMBNAIL = 64;
/** Width of the window that finds the centre, arcsec: about a galaxy's core after the seeing. */
const WINDOW = 1;

export class Inspector {
  readonly root = element("section", { class: "gw-inspector", "aria-label": "The galaxy at hand", hidden: true });
  readonly #title = element("h4", {});
  readonly #large: Sheet;
  readonly #compass = new CompassRose();
  readonly #thumbnails: Sheet;
  readonly #flag = element("p", { class: "gw-flag", role: "status", hidden: true });
  readonly #profile = element("figure", {});
  readonly #table = element("table", { class: "gw-known" });
  readonly #redshift = element("figure", {});
  readonly #latent = element("figure", {});
  /** The galaxy that the details are of: their frame and cell. */
  #asked: Picture | null = null;
  #details: Details | null = null;
  #bands: readonly string[] = [];
  #shown: About | null = null;

  constructor(
    private readonly viewing: Viewing,
    private readonly options: InspectorOptions,
  ) {
    const { pixelScale, probe } = options;
    this.#large = new Sheet({ label: "the galaxy, large", side: LARGE, pan: true, pixelScale, probe });
    this.#large.zoomed = (zoom) => viewing.zoom("large", zoom);
    this.#thumbnails = new Sheet({
      label: "bands: choose one to show it alone",
      side: THUMBNAIL,
      pixelScale,
      select: (cells) => this.#choose(cells),
      describe: (cell) => `band ${this.#bands[cell]}`,
    });
    this.#large.root.append(this.#large.bar, this.#compass.root);
    const close = button("×", "close the side panel", options.closed, "gw-quiet");
    const hint = element("small", {}, "all light of the stamp, mag; click a band to show it alone");
    const pictures = element("div", { class: "gw-pictures" }, this.#large.root, this.#thumbnails.root, hint);
    const words = element("div", { class: "gw-words" }, this.#profile, this.#table, this.#redshift, this.#latent);
    this.root.append(
      element("header", {}, this.#title, close),
      this.#flag,
      element("div", { class: "gw-looks" }, pictures, words),
    );
  }

  get open(): boolean {
    return !this.root.hidden;
  }

  /** Bring the large picture nearer, farther or elsewhere. */
  zoomTo(zoom: Zoom): void {
    this.#large.zoomTo(zoom);
  }

  /** Show a galaxy; null closes the panel. */
  show(about: About | null): void {
    this.root.hidden = about === null;
    this.#shown = about;
    if (!about) return;
    const { picture } = about;
    const { settings } = this.viewing;
    say(this.#title, about.title);
    say(this.#flag, flag(about.outside ?? ""));
    this.#flag.hidden = !about.outside;
    this.#large.show([picture], 1, 1, settings);
    this.#compass.show(picture.frame.compass[picture.cell] ?? null);
    this.#large.cells.caption(0, picture.residual ? `residual in ${this.options.bands[picture.residual.band]}` : "");
    // those that the frame has, from blue to red
    this.#bands = this.options.bands.filter((band) => picture.frame.bands.includes(band));
    const { residual: _, ...flux } = picture;
    this.#thumbnails.show(
      this.#bands.map((band) => ({ ...flux, band })),
      1,
      this.#bands.length,
      settings,
    );
    this.#thumbnails.cells.select(settings.band === null ? [] : [this.#bands.indexOf(settings.band)]);
    this.#bands.forEach((band, index) => {
      const magnitude = stampMagnitude(planeOf(picture, band) as Float32Array);
      this.#thumbnails.cells.caption(index, Number.isFinite(magnitude) ? `${band} ${magnitude.toFixed(2)}` : band);
    });
    // a draft is replaced in a moment, and what is being measured will be here then
    if (!picture.frame.draft && !picture.frame.pending) this.#measure(about);
  }

  #choose(cells: readonly number[]): void {
    const band = this.#bands[cells.at(-1) ?? -1] ?? null;
    this.viewing.showBand(band === this.viewing.settings.band ? null : band);
    if (this.#shown) this.show(this.#shown);
  }

  #measure({ picture, attributes }: About): void {
    const { pixelScale, bands } = this.options;
    const [height, width] = sizeOf(picture);
    const planes = this.#bands.map((band) => planeOf(picture, band) as Float32Array);
    const light = new Float32Array(height * width);
    for (const plane of planes)
      for (let at = 0; at < light.length; at++) light[at] = (light[at] as number) + (plane[at] as number);
    const centre = windowedCentre(light, height, width, WINDOW / pixelScale);
    const profiles = planes.map((plane, index) => {
      const band = this.#bands[index] as string;
      const colour = bandColour(bands.indexOf(band), bands.length);
      return { band, colour, rings: radialProfile(plane, height, width, centre) };
    });
    const half = attributes.find(({ name }) => name === "r_half")?.value;
    const caption = element("figcaption", {}, "mean surface brightness in rings, mag/arcsec²");
    this.#profile.replaceChildren(caption, profilePlot(profiles, pixelScale, typeof half === "number" ? half : null));
    this.#tell(picture, attributes);
  }

  /** The table, and where the galaxy is in latent space: what the kernel says of it follows. */
  #tell(picture: Picture, attributes: readonly Attribute[]): void {
    const { frame, cell } = picture;
    if (this.#asked?.frame !== frame || this.#asked.cell !== cell) {
      this.#asked = picture;
      this.#details = null;
      void this.options.details(cell).then((details) => {
        if (this.#asked?.frame !== frame || this.#asked.cell !== cell) return;
        this.#details = details;
        if (this.#shown) this.#tell(picture, this.#shown.attributes);
      });
    }
    this.#table.replaceChildren(...tableOf(attributes.map((attribute) => foretold(attribute, this.#details))));
    const redshift = this.#details?.redshift;
    this.#redshift.hidden = !redshift;
    if (redshift)
      this.#redshift.replaceChildren(element("figcaption", {}, redshiftInWords(redshift)), redshiftPlot(redshift));
    const latent = this.#details?.latent;
    this.#latent.hidden = !latent;
    if (latent) this.#latent.replaceChildren(element("figcaption", {}, inWords(latent)), latentPlot(latent));
  }
}

/** An attribute with what the model predicts of it, and how surely. */
function foretold(attribute: Attribute, details: Details | null): Attribute {
  const found = details?.predicted[attribute.name];
  if (!found) return attribute;
  const [value, error] = found;
  const words = typeof value === "number" ? withError(value, error) : `${value} ${Math.round(100 * error)} %`;
  return { ...attribute, words: { ...attribute.words, predicted: words } };
}

const COLUMNS = [
  ["requested", "requested"],
  ["value", ""],
  ["predicted", "predicted"],
  ["measured", "measured"],
] as const;

/** Rows of the table; a column that nothing fills is left out. */
function tableOf(attributes: readonly Attribute[]): HTMLElement[] {
  const origin = attributes[0]?.origin ?? "";
  const foretelling = attributes.some(({ words }) => words.predicted !== undefined);
  // what the table predicts is said with its error where the kernel said it
  const columns = COLUMNS.filter(
    ([key]) =>
      attributes.some(({ words }) => words[key] !== undefined) &&
      !(key === "value" && origin === "predicted" && foretelling),
  );
  const heads = columns.map(([, title]) => element("th", { scope: "col" }, title || origin));
  const head = element("tr", {}, element("td", {}), ...heads, element("td", {}));
  const rows = attributes.map(({ label, unit, words }) => {
    const cells = columns.map(([key]) => element("td", {}, words[key] ?? ""));
    return element(
      "tr",
      {},
      element("th", { scope: "row" }, label),
      ...cells,
      element("td", { class: "gw-unit" }, unit),
    );
  });
  return [head, ...rows];
}
