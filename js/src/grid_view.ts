/** GalaxyGrid: sampled galaxies and their conditions, or pages of given ones. */

import { attributesOf } from "./attributes";
import { type Asked, CategoryControl, type Condition, ConditionControl, counted, row, Slider } from "./controls";
import { Desk } from "./desk";
import { button, element, say, section } from "./dom";
import { outsideOf } from "./inspector";
import type { Frame } from "./protocol";
import { cornerCells, mixedSeeds, type Panel, type Walk, walkKeys } from "./seeds";
import type { Session } from "./session";
import { Sheet } from "./sheet";
import { cellWords, Shell } from "./shell";

export const GRID_STATE = ["seed", "corners", "temperature", "conditions", "rows", "columns", "page"];

export function renderGrid(session: Session, el: HTMLElement): () => void {
  const total = session.get<number>("total");
  const shell = new Shell(el, session, total ? `${total} galaxies` : "Galaxies that do not exist");
  const first = () => session.frame?.first ?? 0;
  const about = (cell: number) => {
    const { frame } = session;
    if (!frame || cell >= frame.flux.shape[0]) return null;
    const number = `galaxy ${frame.first + cell}`;
    const asked = total ? {} : session.get<Record<string, Asked>>("conditions");
    return {
      picture: { frame, cell },
      title: total ? `${number} of ${total}` : `${number}, ${origin()}`,
      attributes: attributesOf(frame, cell, total ? "catalogue" : "predicted", asked),
      outside: outsideOf(frame, cell),
    };
  };
  const corners = () => session.get<number[]>("corners");
  const origin = () =>
    corners().length ? `mixed of the seeds ${corners().join(", ")}` : `seed ${session.get<number>("seed")}`;
  const walk = total ? pages(session, total) : mixedSeeds(session);
  const desk = new Desk(el, session, shell, { about, keys: walkKeys(total ? "page" : "seed", walk) });
  const sheet = new Sheet({
    ...desk.sheetOptions,
    label: "galaxies",
    side: 80,
    hover: (cell) => shell.point(cell),
    select: (cells) => {
      // what is selected on other pages stays
      const [from, to] = [first(), first() + (session.frame?.flux.shape[0] ?? 0)];
      const others = session.selection.filter((index) => index < from || index >= to);
      const here = cells.map((cell) => cell + from).filter((index) => index < to);
      session.setSelection([...others, ...here].sort((a, b) => a - b));
    },
    describe: (cell) => cellWords(session.frame, cell),
  });
  shell.stage.append(sheet.root);
  desk.attach(sheet, true);
  shell.onWidth((width) => sheet.fit(width));

  const draw = (frame: Frame) => {
    const pictures = Array.from({ length: frame.rows * frame.columns }, (_, cell) =>
      cell < frame.flux.shape[0] ? { frame, cell } : null,
    );
    sheet.show(pictures, frame.rows, frame.columns, desk.viewing.settings);
    name(frame.rows, frame.columns);
    desk.flag(frame);
    census?.show(frame);
  };
  const census = total ? null : new CensusLine();
  let named: Iterable<number> = [];
  const name = (rows: number, columns: number) => {
    for (const cell of named) sheet.cells.caption(cell, "");
    const at = corners().length ? cornerCells(rows, columns) : new Map<number, number>();
    for (const [cell, corner] of at) sheet.cells.caption(cell, `seed ${corners()[corner]}`);
    named = at.keys();
  };
  const select = () =>
    sheet.cells.select(session.selection.map((index) => index - first()).filter((cell) => cell >= 0));

  const asked = total ? null : conditions(session);
  if (asked && census) asked.root.append(census.root);
  const size = sizeRow(session);
  const panels = asked ? [sampled(walk, size, temperature(session)), asked] : [sampled(walk, size)];
  shell.panel.append(...panels.map((panel) => panel.root));
  const show = () => {
    for (const panel of panels) panel.show();
  };
  return desk.follow({ draw, select, show });
}

/** The section of what is sampled. */
function sampled(...panels: Panel[]): Panel {
  const show = () => {
    for (const panel of panels) panel.show();
  };
  return { root: section("Sample", ...panels.map((panel) => panel.root)), show };
}

/** How many galaxies: rows and columns of the grid. */
function sizeRow(session: Session): Panel {
  const typed = {
    rows: counted(session, "number of rows", "rows"),
    columns: counted(session, "number of columns", "columns"),
  };
  const words = [element("small", {}, "rows ×"), element("small", {}, "columns")] as const;
  const root = row("size", "", element("span", { class: "gw-pair" }, typed.rows, words[0], typed.columns, words[1]));
  const show = () => {
    for (const [side, input] of Object.entries(typed))
      if (document.activeElement !== input) input.value = String(session.get<number>(side));
  };
  return { root, show };
}

/** How far from the typical. */
function temperature(session: Session): Panel {
  const slider = new Slider("temperature", "", { low: 0, high: 1.5 }, (value) => session.set({ temperature: value }));
  const show = () => slider.show(session.get<number>("temperature"));
  return { root: row("temperature", "", slider.root), show };
}

function conditions(session: Session): Panel {
  const asked = () => session.get<Record<string, Asked>>("conditions");
  const ask = (name: string, value: Asked) => {
    const { [name]: _, ...others } = asked();
    session.set({ conditions: value === undefined ? others : { ...others, [name]: value } });
  };
  const known = session.get<Condition[]>("controls").map((condition) => {
    const Control = condition.categories ? CategoryControl : ConditionControl;
    return { name: condition.name, control: new Control(condition, (value: Asked) => ask(condition.name, value)) };
  });
  const clear = button("free all", "ask for nothing", () => session.set({ conditions: {} }), "gw-quiet");
  const root = section("Conditions", ...known.map(({ control }) => control.root));
  root.querySelector("h4")?.append(clear);
  const show = () => {
    const now = asked();
    for (const { name, control } of known) control.show(now[name]);
  };
  return { root, show };
}

/** Galaxies of the training data below which what is drawn rests on next to none. */
const FEW = 20;

/** How many galaxies the training data had where the conditions are. */
class CensusLine {
  readonly root = element("p", { class: "gw-census", hidden: true });

  show(frame: Frame): void {
    const { there } = frame.about;
    this.root.hidden = !Array.isArray(there);
    if (!Array.isArray(there)) return;
    const [count, total] = there.map(Number) as [number, number];
    const many = (number: number) => number.toLocaleString("en-US");
    const far = count < FEW ? ": what is drawn goes beyond them" : "";
    say(this.root, `the training data had ${count ? many(count) : "none"} of its ${many(total)} galaxies there${far}`);
    this.root.classList.toggle("gw-few", count < FEW);
  }
}

function pages(session: Session, total: number): Walk {
  const size = () => session.get<number>("rows") * session.get<number>("columns");
  const last = () => Math.max(0, Math.ceil(total / size()) - 1);
  const step = (by: 1 | -1) => session.set({ page: Math.min(last(), Math.max(0, session.get<number>("page") + by)) });
  const where = element("span", { class: "gw-where" });
  const root = row(
    "galaxies",
    "",
    element(
      "span",
      { class: "gw-seed" },
      button("‹", "previous page (p)", () => step(-1)),
      where,
      button("›", "next page (n)", () => step(1)),
    ),
  );
  const show = () => {
    const from = Math.min(session.get<number>("page"), last()) * size();
    say(where, `${from} to ${Math.min(total, from + size()) - 1} of ${total}`);
  };
  return { root, show, step };
}
