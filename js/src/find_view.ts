/** GalaxyFinder: a galaxy and its nearest neighbours, to be walked through; or the odd galaxies of a sample, to be marked. */

import { type Attribute, attributesOf } from "./attributes";
import type { Asked } from "./controls";
import { Desk } from "./desk";
import { element, say } from "./dom";
import { type Act, changeSection, exampleSection, oddSection, querySection } from "./find_panel";
import { making } from "./making";
import type { Frame } from "./protocol";
import type { Session } from "./session";
import { Sheet } from "./sheet";
import { cellWords, Shell } from "./shell";

export const FINDER_STATE = [
  ...["view", "query", "by", "types", "edits", "plus", "minus", "trail", "k"],
  ...["order", "page", "interesting", "boring", "learned", "ready"],
];

const SIDE = 128;
const COLUMNS = 4;
/** CSS pixels between the galaxy and its neighbours. */
const APART = 14;

/** What the kernel says of the cells; galwidget/widgets/find.py. */
export interface Found {
  rows: number[];
  distance?: (number | null)[];
  sought?: boolean;
  score?: number[];
  reason?: string[];
  page_first?: number;
  total?: number;
  waiting: boolean;
  values?: Record<string, number | string>;
  types?: { names: string[]; probabilities: (number[] | null)[] };
}

const NOTHING: Found = { rows: [], waiting: true };

export function renderFinder(session: Session, el: HTMLElement): () => void {
  const total = session.get<number>("total");
  const shell = new Shell(el, session, `Find among ${total} galaxies`);
  const odd = () => session.get<string>("view") === "odd";
  const found = (): Found => (session.frame ? (session.frame.about as unknown as Found) : NOTHING);
  /** Cells of the frame that stand on the left: the galaxy, and what is looked for. */
  const leading = () => (found().score ? 0 : found().sought ? 2 : 1);
  const rowOf = (cell: number) => found().rows[cell] ?? -1;
  const rows = (name: string) => session.get<number[]>(name);

  const about = (cell: number) => {
    const { frame } = session;
    if (!frame || cell >= frame.flux.shape[0]) return null;
    const sought = rowOf(cell) < 0;
    const asked = sought ? session.get<Record<string, Asked>>("edits") : {};
    return {
      picture: { frame, cell },
      title: titleOf(found(), cell, total),
      attributes: [...attributesOf(frame, cell, sought ? "predicted" : "catalogue", asked), ...typesOf(found(), cell)],
    };
  };

  const walk = (row: number) => {
    const from = session.get<number>("query");
    if (row < 0 || (row === from && !odd()) || session.get<boolean | undefined>("saved")) return;
    const trail = row === from ? rows("trail") : [...rows("trail"), from];
    session.set({ view: "alike", query: row, trail, edits: {}, plus: [], minus: [] });
  };
  const back = () => {
    const trail = [...rows("trail")];
    const query = trail.pop();
    if (query !== undefined) session.set({ query, trail, edits: {}, plus: [], minus: [] });
  };
  /** Put a galaxy into one of two lists, or take it out of the one that has it. */
  const toggle = (into: string, other: string, row: number) => {
    if (row < 0) return;
    const there = rows(into).includes(row);
    const without = rows(into).filter((one) => one !== row);
    session.set({ [into]: there ? without : [...without, row], [other]: rows(other).filter((one) => one !== row) });
  };
  const here = () => rowOf(sheet.cells.current + leading());
  const learn = () => session.set({ learned: { interesting: rows("interesting"), boring: rows("boring") }, page: 0 });
  const acts: Record<string, Act> = {
    walk: { key: "f", deed: "look for galaxies like the one at hand", act: () => walk(here()) },
    back: { key: "b", deed: "back to the galaxy before", act: back },
    plus: { key: "l", deed: "more like the one at hand, too", act: () => toggle("plus", "minus", here()) },
    minus: { key: "u", deed: "unlike the one at hand", act: () => toggle("minus", "plus", here()) },
    yes: { key: "y", deed: "mark as interesting", act: () => toggle("interesting", "boring", here()) },
    no: { key: "n", deed: "mark as boring", act: () => toggle("boring", "interesting", here()) },
    learn: { key: "o", deed: "order by the marks", act: learn },
  };
  const only = (name: string, view: boolean) => {
    const { key, deed, act } = acts[name] as Act;
    return [key, deed, () => (odd() === view || name === "walk") && act()] as const;
  };
  const keys = [
    ...["walk", "back", "plus", "minus"].map((name) => only(name, false)),
    ...["yes", "no", "learn"].map((name) => only(name, true)),
  ];

  const desk = new Desk(el, session, shell, { about: (cell) => about(cell + leading()), keys });
  let plain = false;
  const sheet = new Sheet({
    ...desk.sheetOptions,
    label: "galaxies found",
    side: SIDE,
    hover: (cell) => point(cell === null ? null : cell + leading()),
    select: (cells) => {
      const [first] = cells;
      if (plain && !odd() && cells.length < 2) {
        plain = false;
        walk(first === undefined ? here() : rowOf(first + leading()));
        return;
      }
      const shown = new Set(found().rows.slice(leading()));
      const chosen = cells.map((cell) => rowOf(cell + leading())).filter((row) => row >= 0);
      // what was selected on the way here stays
      session.setSelection([...session.selection.filter((row) => !shown.has(row)), ...chosen].sort((a, b) => a - b));
    },
    describe: (cell) => describe(session.frame, found(), cell + leading()),
  });
  // among neighbours a plain click walks on; with a key it selects
  sheet.root.addEventListener("pointerdown", (event) => {
    plain = !(event.shiftKey || event.ctrlKey || event.metaKey);
  });
  sheet.root.addEventListener("keydown", () => (plain = false), { capture: true });

  const galaxy = new Sheet({
    label: "the galaxy that is asked for",
    side: SIDE,
    pan: true,
    pixelScale: desk.sheetOptions.pixelScale,
    probe: desk.sheetOptions.probe,
    hover: point,
    describe: (cell) => describe(session.frame, found(), cell),
  });
  const untold = () => session.get<boolean>("types") && !found().types;
  const waitedFor = () => [
    ...(found().waiting ? [odd() ? "oddities" : "neighbours"] : []),
    ...(untold() ? ["types"] : []),
  ];
  const made = making(session, waitedFor, (there) => {
    empty.hidden = !found().waiting || there;
  });
  shell.onEnd(made.end);
  const empty = element("div", { class: "gw-hint", hidden: true }, "one moment");
  const why = element("div", { class: "gw-why" });
  const right = element("div", { class: "gw-found" }, made.root, empty, sheet.root, why);
  shell.stage.append(element("div", { class: "gw-find" }, galaxy.root, right));
  desk.attach(sheet, true);
  let room = 0;
  let across = COLUMNS;
  const place = () => {
    galaxy.fit(room);
    const right = odd() || room < SIDE * 3 ? room : room - SIDE - APART;
    // rather fewer beside each other than words over most of a galaxy
    across = Math.max(2, Math.min(COLUMNS, Math.floor(right / SIDE)));
    sheet.fit(right);
  };
  shell.onWidth((width) => {
    room = width;
    const before = across;
    place();
    if (across !== before && session.frame) draw(session.frame);
  });

  /** The read-out of a cell; the words at its foot may be more than there is room for. */
  let pointed: number | null = null;
  function point(cell: number | null): void {
    pointed = cell;
    shell.point(cell);
    say(why, (cell !== null && found().reason?.[cell]) || "");
  }

  const draw = (frame: Frame) => {
    place();
    const now = found();
    const count = frame.flux.shape[0];
    const before = leading();
    const pictures = Array.from({ length: count - before }, (_, cell) => ({ frame, cell: cell + before }));
    if (before) {
      const left = Array.from({ length: before }, (_, cell) => ({ frame, cell }));
      galaxy.show(left, before, 1, desk.viewing.settings);
      galaxy.cells.caption(0, `galaxy ${rowOf(0)}`);
      if (before > 1) galaxy.cells.caption(1, "looked for");
    }
    sheet.root.hidden = pictures.length === 0;
    if (pictures.length) {
      const columns = Math.min(across, pictures.length);
      const lines = Math.ceil(pictures.length / columns);
      const padded = [...pictures, ...Array<null>(lines * columns - pictures.length).fill(null)];
      sheet.show(padded, lines, columns, desk.viewing.settings);
      for (let cell = 0; cell < lines * columns; cell++) mark(now, cell);
    }
    show();
    point(pointed); // another galaxy may be there now
  };
  const feet: HTMLElement[] = [];
  const mark = (now: Found, cell: number) => {
    const at = cell + leading();
    const row = now.rows[at];
    feet[cell] ??= element("span", { class: "gw-foot", "aria-hidden": "true" });
    const foot = feet[cell] as HTMLElement;
    const number = now.score?.[at] ?? now.distance?.[at] ?? null;
    const label = row === undefined ? "" : `${now.score ? "odd" : "D"} ${number === null ? "–" : number.toFixed(2)}`;
    const below = row === undefined ? "" : (now.reason?.[at] ?? typeOf(now, at) ?? brieflyOf(session.frame, at));
    say(foot, below);
    sheet.cells.caption(cell, label, foot);
    const marked = ["interesting", "boring", "plus", "minus"].find(
      (name) => row !== undefined && rows(name).includes(row) && odd() === ["interesting", "boring"].includes(name),
    );
    const holder = foot.parentElement;
    if (holder) holder.dataset.marked = marked ?? "";
  };
  const select = () =>
    sheet.cells.select(
      found().rows.flatMap((row, cell) =>
        cell >= leading() && session.selection.includes(row) ? [cell - leading()] : [],
      ),
    );

  const query = querySection(session, acts, walk);
  const examples = exampleSection(session, acts);
  const change = changeSection(session);
  const oddities = oddSection(session, acts, found);
  shell.panel.append(...[query, examples, change, oddities].map((part) => part.root));
  const show = () => {
    galaxy.root.hidden = odd();
    why.hidden = !odd();
    examples.root.hidden = change.root.hidden = odd();
    oddities.root.hidden = !odd();
    for (const part of [query, examples, oddities]) part.show();
    change.show(found().values ?? {});
    made.show();
  };
  return desk.follow({ draw, select, show });
}

/** Probabilities of the Hubble types, the most probable first, as rows of the side panel. */
function typesOf({ types }: Found, cell: number): Attribute[] {
  const shares = types?.probabilities[cell];
  if (!types || !shares) return [];
  return types.names
    .map((name, index) => ({ name, share: shares[index] ?? 0 }))
    .sort((one, other) => other.share - one.share)
    .map(({ name, share }) => {
      const words = { value: share.toFixed(2) };
      return { name: `p_${name}`, label: `probability: ${name}`, unit: "", origin: "", value: share, words };
    });
}

/** The most probable type and its probability, for the foot of a cell; undefined where types are not told. */
function typeOf(found: Found, cell: number): string | undefined {
  const [best] = typesOf(found, cell);
  return best && `${best.name.slice(2)} ${best.words.value}`;
}

function titleOf(found: Found, cell: number, total: number): string {
  const row = found.rows[cell] ?? -1;
  if (row < 0) return "what is looked for";
  const far = found.distance?.[cell] ?? null;
  const score = found.score?.[cell] ?? null;
  const more = score !== null ? `, score ${score.toFixed(2)}` : far !== null ? `, distance ${far.toFixed(2)}` : "";
  return `galaxy ${row} of ${total}${more}`;
}

/** A cell in words, for the screen reader. */
function describe(frame: Frame | null, found: Found, cell: number): string {
  const others = cellWords(frame, cell).split(", ").slice(1);
  const reason = found.reason?.[cell];
  return [titleOf(found, cell, frame?.flux.shape[0] ?? 0), ...(reason ? [reason] : []), ...others].join(", ");
}

/** The first numbers of a galaxy, for the foot of its cell. */
function brieflyOf(frame: Frame | null, cell: number): string {
  const shown = (frame?.attributes ?? []).filter(({ name }) => name !== "distance").slice(0, 2);
  return shown
    .map(({ label, values }) => {
      const value = values[cell] ?? null;
      const short = label.replace(" magnitude", "").replace(" - ", "−");
      return value === null ? "" : `${short} ${typeof value === "number" ? value.toFixed(2) : value}`;
    })
    .filter(Boolean)
    .join(" · ");
}
