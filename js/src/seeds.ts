/** Seeds: one that draws all galaxies, or four whose galaxies stand at the corners and are mixed over the grid; both are walked by steps. */

import { field, row } from "./controls";
import { button, choice, element, say } from "./dom";
import type { Session } from "./session";

export interface Panel {
  root: HTMLElement;
  show: () => void;
}

/** A panel that also walks: to the next seed, page or galaxy (1), or to the one before (-1). */
export interface Walk extends Panel {
  step: (by: 1 | -1) => void;
}

/** Keys of a walk, as a desk takes them. */
export function walkKeys(what: string, walk: Walk) {
  return [
    ["n", `next ${what}`, () => walk.step(1)],
    ["p", `previous ${what}`, () => walk.step(-1)],
  ] as const;
}

const any = () => Math.floor(Math.random() * 1e6);

/** The seed, its neighbours, and another at random. */
export function seedRow(session: Session): Walk {
  const set = (seed: number) => session.set({ seed: Math.max(0, Math.round(seed)) });
  const typed = field("seed", set);
  const step = (by: 1 | -1) => set(session.get<number>("seed") + by);
  const root = row(
    "seed",
    "",
    seedButtons(step, () => set(any()), typed),
  );
  const show = () => {
    if (document.activeElement !== typed) typed.value = String(session.get<number>("seed"));
  };
  return { root, show, step };
}

const ORIGINS = [
  ["", "given"],
  ["drawn", "drawn by the model"],
] as const;

/** Which galaxies: of those that were given, walked by `size`, or drawn by the seed; the seed alone where none were given. */
export function galaxiesRow(session: Session, given: number, size: () => number, anew: object = {}): Walk {
  const seed = seedRow(session);
  if (!given) return seed;
  const drawn = () => session.get<boolean>("drawn");
  const origin = choice("galaxies given or drawn", ORIGINS, "", (value) =>
    session.set({ drawn: value !== "", ...anew }),
  );
  const where = element("span", { class: "gw-where" });
  const walk = (by: 1 | -1) => {
    const to = session.get<number>("galaxy") + by * size();
    // past an end, on at the other
    session.set({ galaxy: to < 0 ? size() * Math.floor((given - 1) / size()) : to < given ? to : 0, ...anew });
  };
  const pager = row(
    "which",
    "",
    element(
      "span",
      { class: "gw-seed" },
      button("‹", "previous of the given galaxies (p)", () => walk(-1)),
      where,
      button("›", "next of the given galaxies (n)", () => walk(1)),
    ),
  );
  const show = () => {
    const [first, last] = [session.get<number>("galaxy"), Math.min(given, session.get<number>("galaxy") + size()) - 1];
    say(where, `${first}${last > first ? ` to ${last}` : ""} of ${given}`);
    origin.value = drawn() ? "drawn" : "";
    pager.hidden = drawn();
    seed.root.hidden = !drawn();
    seed.show();
  };
  const step = (by: 1 | -1) => (drawn() ? seed.step(by) : walk(by));
  return { root: element("div", {}, row("galaxies", "", origin), pager, seed.root), show, step };
}

function seedButtons(step: (by: 1 | -1) => void, anew: () => void, ...fields: HTMLElement[]): HTMLElement {
  return element(
    "span",
    { class: "gw-seed" },
    button("‹", "previous seed (p)", () => step(-1)),
    ...fields,
    button("›", "next seed (n)", () => step(1)),
    button("resample", "draw other galaxies: a new seed", anew),
  );
}

const CORNERS = ["top left", "top right", "bottom left", "bottom right"] as const;

/** Index of the cells at the corners of a grid, in the order of their seeds; each cell once. */
export function cornerCells(rows: number, columns: number): Map<number, number> {
  const cells = [0, columns - 1, (rows - 1) * columns, rows * columns - 1];
  return new Map(cells.map((cell, corner) => [cell, corner] as const).reverse());
}

/** Corners of a seed: those of its neighbours share two with it, so that a walk goes on where it was. */
export function cornersOf(seed: number): number[] {
  return [seed, seed + 2, seed + 1, seed + 3];
}

/** The seeds one step on: two, by which `cornersOf` has the right edge where the left one was; none goes below 0. */
export function walked(corners: readonly number[], by: 1 | -1): number[] {
  return Math.min(...corners) + 2 * by < 0 ? [...corners] : corners.map((seed) => seed + 2 * by);
}

/** One seed for a draw a cell, or four to be mixed. */
export function mixedSeeds(session: Session): Walk {
  const corners = () => session.get<number[]>("corners");
  const one = seedRow(session);
  const mode = choice(
    "galaxies of the grid",
    [
      ["", "a draw a cell"],
      ["mix", "mixed between four"],
    ],
    "",
    (value) => session.set({ corners: value ? cornersOf(session.get<number>("seed")) : [] }),
  );
  const typed = CORNERS.map((name, corner) =>
    field(`seed ${name}`, (seed) => {
      session.set({ corners: corners().map((old, at) => (at === corner ? Math.max(0, Math.round(seed)) : old)) });
    }),
  );
  const step = (by: 1 | -1) => (corners().length ? session.set({ corners: walked(corners(), by) }) : one.step(by));
  const fields = element(
    "span",
    { class: "gw-corners", role: "group", "aria-label": "seeds at the corners" },
    ...typed,
  );
  const four = row(
    "corners",
    "",
    seedButtons(step, () => session.set({ corners: CORNERS.map(any) }), fields),
  );
  const show = () => {
    const seeds = corners();
    one.show();
    mode.value = seeds.length ? "mix" : "";
    one.root.hidden = seeds.length > 0;
    four.hidden = seeds.length === 0;
    typed.forEach((input, corner) => {
      if (document.activeElement !== input) input.value = String(seeds[corner] ?? "");
    });
  };
  return { root: element("div", {}, row("galaxies", "", mode), one.root, four), show, step };
}
