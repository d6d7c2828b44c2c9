/** How a widget's galaxies are looked at, shared by its views: the display, what only the page knows of it, and undo of these, of the selection and of the state. */

import { History } from "./history";
import type { Display } from "./lupton";
import type { Settings } from "./paint";
import type { Session } from "./session";
import { WHOLE, type Zoom } from "./zoom";

/** What the editor sets side by side. */
export interface Compared {
  /** Band of the residual; null is the one that it began with. */
  residual: string | null;
  /** The two pictures that blink. */
  pair: readonly [number, number];
}

/** How near the galaxies are: on the view's sheet, and large in the side panel. */
export interface Zooms {
  sheet: Zoom;
  large: Zoom;
}

/** What Python does not know. */
type Look = Omit<Settings, keyof Display> & Compared;

interface Step {
  display: Display;
  look: Look;
  zooms: Zooms;
  /** Bands of the colours, to come back to from a single band. */
  colours: Display["bands"] | null;
  selection: readonly number[];
  /** What is asked for: the traits of the state. */
  state: Readonly<Record<string, unknown>>;
}

/** A state that only counts what happened in Python: there is nothing in it to be undone. */
export const COUNTED = "revision";

const PLAIN: Omit<Look, keyof Compared> = { band: null, map: "gray", invert: false };

const same = (one: unknown, other: unknown) => JSON.stringify(one) === JSON.stringify(other);

/** The one slider that was moved, or picture that was zoomed or panned, between two steps; null where it was something else, or more. */
function slid(before: Step, now: Step, held: boolean): string | null {
  const moved = (["stretch", "Q"] as const).filter((name) => before.display[name] !== now.display[name]);
  const asked = Object.keys(now.state).filter((name) => !same(before.state[name], now.state[name]));
  for (const place of ["sheet", "large"] as const) {
    const zoom = now.zooms[place];
    if (before.zooms[place] === zoom) continue;
    const alone = same({ ...before, zooms: { ...before.zooms, [place]: zoom } }, now);
    return alone && zoom !== WHOLE ? place : null; // back to the whole is a step of its own
  }
  const [name] = moved;
  const [trait] = asked;
  if (name && moved.length === 1)
    return same({ ...before, display: { ...before.display, [name]: now.display[name] } }, now) ? name : null;
  // a number that is typed or a button is a step of its own
  if (trait && held && asked.length === 1) return same({ ...before, state: now.state }, now) ? `state ${trait}` : null;
  return null;
}

export class Viewing {
  #look: Look = { ...PLAIN, residual: null, pair: [0, 1] };
  #zooms: Zooms = { sheet: WHOLE, large: WHOLE };
  #colours: Display["bands"] | null = null;
  #restoring = false;
  #latest: Step;
  readonly #history: History<Step>;
  readonly #listeners = new Set<() => void>();

  constructor(private readonly session: Session) {
    this.#latest = this.#now();
    this.#history = new History(this.#latest);
    session.listen((what) => {
      if (what === "display" || what === "selection" || what === "state") this.#changed();
    });
  }

  get settings(): Settings & Compared {
    return { ...this.session.display, ...this.#look };
  }

  get zooms(): Zooms {
    return this.#zooms;
  }

  /** Nearer, farther or elsewhere. */
  zoom(place: keyof Zooms, zoom: Zoom): void {
    this.#zooms = { ...this.#zooms, [place]: zoom };
    this.#changed();
  }

  /** Hear of every change of the settings or of the zooms, and of what can be undone. */
  listen(listener: () => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  /** Other colours for a single band, another sky, another residual, other pictures that blink. */
  set(look: Partial<Omit<Look, "band">>): void {
    this.#look = { ...this.#look, ...look };
    this.#changed();
  }

  /** Show one band alone, or with null the three bands as colours; a band that is not among those three is fetched. */
  showBand(band: string | null): void {
    const { display } = this.session;
    const colours = this.#colours;
    this.#look = { ...this.#look, band };
    // the display's bands are those that the kernel sends, drafts included: the one that is shown must be among them
    if (band === null && colours) {
      this.#colours = null;
      this.session.setDisplay({ bands: colours });
    } else if (band !== null && !display.bands.includes(band)) {
      this.#colours ??= display.bands;
      this.session.setDisplay({ bands: [band, band, band] });
    } else this.#changed();
  }

  /** Back to a display, in colours on a dark sky. */
  reset(display: Display): void {
    this.#look = { ...this.#look, ...PLAIN };
    this.#colours = null;
    this.session.setDisplay({ ...display });
  }

  can(by: -1 | 1): boolean {
    return this.#history.can(by);
  }

  /** Undo (-1) or redo (+1) a change of the display, of the selection or of the state; false where there is none. */
  step(by: -1 | 1): boolean {
    const to = this.#history.step(by);
    if (!to) return false;
    this.#restoring = true;
    this.#look = to.look;
    this.#zooms = to.zooms;
    this.#colours = to.colours;
    if (!same(to.display, this.session.display)) this.session.setDisplay(to.display);
    const asked = Object.entries(to.state).filter(([name, value]) => !same(value, this.session.get(name)));
    if (asked.length) this.session.set(Object.fromEntries(asked));
    if (!same(to.selection, this.session.selection)) this.session.setSelection(to.selection);
    this.#restoring = false;
    this.#latest = to;
    this.#tell();
    return true;
  }

  #now(): Step {
    const { display, selection, stateNames } = this.session;
    const names = stateNames.filter((name) => name !== COUNTED);
    const state = Object.fromEntries(names.map((name) => [name, this.session.get(name)]));
    return {
      display: { ...display },
      look: this.#look,
      zooms: this.#zooms,
      colours: this.#colours,
      selection: [...selection],
      state,
    };
  }

  #changed(): void {
    if (this.#restoring) return;
    const [before, now] = [this.#latest, this.#now()];
    if (same(before, now)) return;
    this.#latest = now;
    this.#history.record(now, slid(before, now, this.session.held));
    this.#tell();
  }

  #tell(): void {
    for (const listener of this.#listeners) listener();
  }
}

const viewings = new WeakMap<Session, Viewing>();

/** The one viewing of a session. */
export function viewingOf(session: Session): Viewing {
  const known = viewings.get(session) ?? new Viewing(session);
  viewings.set(session, known);
  return known;
}
