/** GalaxyGrid: sampled galaxies and their conditions, or pages of given ones. */

import { attributesOf } from "./attributes";
import { type Asked, CategoryControl, type Condition, ConditionControl, field, row, Slider } from "./controls";
import { Desk } from "./desk";
import { displaySection } from "./display_panel";
import { button, element, section } from "./dom";
import type { Session } from "./session";
import { Sheet } from "./sheet";
import { cellWords, Shell } from "./shell";

export const GRID_STATE = ["seed", "temperature", "conditions", "rows", "columns", "page"];

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
      title: total ? `${number} of ${total}` : `${number}, seed ${session.get<number>("seed")}`,
      attributes: attributesOf(frame, cell, total ? "catalogue" : "predicted", asked),
    };
  };
  const desk = new Desk(el, session, shell, { about });
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

  const draw = () => {
    const { frame } = session;
    if (!frame) return;
    const pictures = Array.from({ length: frame.rows * frame.columns }, (_, cell) =>
      cell < frame.flux.shape[0] ? { frame, cell } : null,
    );
    sheet.show(pictures, frame.rows, frame.columns, desk.viewing.settings);
    select();
    desk.refresh();
  };
  const select = () =>
    sheet.cells.select(session.selection.map((index) => index - first()).filter((cell) => cell >= 0));

  const panels = total ? [pages(session, total)] : [seeds(session), conditions(session)];
  const display = displaySection(session);
  shell.panel.append(...panels.map((panel) => panel.root), display.root);
  const showPanels = () => {
    for (const panel of panels) panel.show();
  };
  showPanels();
  shell.onEnd(display.end);
  shell.onEnd(desk.viewing.listen(draw));
  shell.onEnd(
    session.listen((what) => {
      if (what === "frame") draw();
      if (what === "selection") select();
      if (what === "state") showPanels();
    }),
  );
  draw();
  return () => shell.dispose();
}

interface Panel {
  root: HTMLElement;
  show: () => void;
}

/** The seed, a new draw, and how far from the typical. */
export function seedRow(session: Session): Panel {
  const set = (seed: number) => session.set({ seed: Math.max(0, Math.round(seed)) });
  const typed = field("seed", set);
  const step = (by: number) => () => set(session.get<number>("seed") + by);
  const root = row(
    "seed",
    "",
    element(
      "span",
      { class: "gw-seed" },
      button("‹", "previous seed", step(-1)),
      typed,
      button("›", "next seed", step(1)),
      button("resample", "draw other galaxies: a new seed", () => set(Math.random() * 1e6)),
    ),
  );
  const show = () => {
    if (document.activeElement !== typed) typed.value = String(session.get<number>("seed"));
  };
  return { root, show };
}

function seeds(session: Session): Panel {
  const seed = seedRow(session);
  const temperature = new Slider("temperature", "", { low: 0, high: 1.5 }, (value) =>
    session.set({ temperature: value }),
  );
  const show = () => {
    seed.show();
    temperature.show(session.get<number>("temperature"));
  };
  return { root: section("Sample", seed.root, row("temperature", "", temperature.root)), show };
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

function pages(session: Session, total: number): Panel {
  const size = () => session.get<number>("rows") * session.get<number>("columns");
  const last = () => Math.max(0, Math.ceil(total / size()) - 1);
  const turn = (by: number) => () =>
    session.set({ page: Math.min(last(), Math.max(0, session.get<number>("page") + by)) });
  const where = element("span", { class: "gw-where" });
  const root = section(
    "Sample",
    row(
      "galaxies",
      "",
      element(
        "span",
        { class: "gw-seed" },
        button("‹", "previous page", turn(-1)),
        where,
        button("›", "next page", turn(1)),
      ),
    ),
  );
  const show = () => {
    const from = Math.min(session.get<number>("page"), last()) * size();
    where.textContent = `${from} to ${Math.min(total, from + size()) - 1} of ${total}`;
  };
  return { root, show };
}
