/** AttributeSweep: a value a row, increasing downwards; a galaxy a column. */

import { attributesOf } from "./attributes";
import { type Condition, field, row } from "./controls";
import { Desk } from "./desk";
import { displaySection } from "./display_panel";
import { choice, element, section } from "./dom";
import { seedRow } from "./grid_view";
import { formatted } from "./scale";
import type { Session } from "./session";
import { Sheet } from "./sheet";
import { cellWords, Shell } from "./shell";
import { SweepScrub } from "./sweep_scrub";

export const SWEEP_STATE = ["attribute", "low", "high", "rows", "columns", "seed"];

const LABELS = 104;

export function renderSweep(session: Session, el: HTMLElement): () => void {
  const shell = new Shell(el, session, "Attribute sweep");
  const known = session.get<Condition[]>("controls");
  const given = session.get<number>("given");
  const labels = element("div", { class: "gw-rowlabels", style: `width:${LABELS}px` });
  const about = (cell: number) => {
    const { frame } = session;
    if (!frame || cell >= frame.flux.shape[0]) return null;
    const column = `galaxy ${cell % frame.columns}${given ? "" : `, seed ${session.get<number>("seed")}`}`;
    return {
      picture: { frame, cell },
      title: `${column}: ${current().label} ${frame.rowLabels[Math.floor(cell / frame.columns)]}`,
      attributes: attributesOf(frame, cell, "predicted"),
    };
  };
  const desk = new Desk(el, session, shell, { about });
  const sheet = new Sheet({
    ...desk.sheetOptions,
    label: "galaxies, a value a row",
    side: 80,
    hover: (cell) => shell.point(cell),
    select: (cells) => session.setSelection(cells),
    describe: (cell) => cellWords(session.frame, cell),
  });
  const name = element("div", { class: "gw-axis" });
  const scrub = new SweepScrub(session, desk.viewing, () => current(), {
    pixelScale: desk.sheetOptions.pixelScale,
    probe: desk.sheetOptions.probe,
    labels: LABELS,
  });
  shell.stage.append(name, element("div", { class: "gw-rows" }, labels, sheet.root), scrub.line);
  desk.attach(sheet, true);
  shell.onWidth((width) => {
    for (const each of [sheet, scrub.sheet]) each.fit(width - LABELS - 8);
  });

  const current = () => known.find((condition) => condition.name === session.get<string>("attribute")) as Condition;
  const draw = () => {
    const { frame } = session;
    if (!frame) return;
    sheet.show(
      Array.from({ length: frame.rows * frame.columns }, (_, cell) => ({ frame, cell })),
      frame.rows,
      frame.columns,
      desk.viewing.settings,
    );
    sheet.cells.select(session.selection);
    scrub.draw();
    desk.refresh();
    if (labels.childElementCount !== frame.rows) labels.replaceChildren(...frame.rowLabels.map(() => element("div")));
    frame.rowLabels.forEach((text, index) => {
      (labels.children[index] as HTMLElement).textContent = text;
    });
    name.textContent = `${current().label}, increasing downwards ↓`;
  };
  sheet.painted = () => labels.style.setProperty("--gw-cell", `${sheet.cellSide}px`);

  const attribute = choice(
    "attribute",
    known.map(
      (condition) =>
        [condition.name, condition.unit ? `${condition.label} (${condition.unit})` : condition.label] as const,
    ),
    session.get<string>("attribute"),
    (value) => session.set({ attribute: value, low: null, high: null }),
  );
  const low = field("first value", (value) => session.set({ low: value }));
  const high = field("last value", (value) => session.set({ high: value }));
  const count = (label: string, trait: string) =>
    field(label, (value) => session.set({ [trait]: Math.min(32, Math.max(1, Math.round(value))) }));
  const [rows, columns] = [count("number of values", "rows"), count("number of galaxies", "columns")];
  const seed = seedRow(session);
  const show = () => {
    const condition = current();
    attribute.value = condition.name;
    const whole = Boolean(condition.categories);
    for (const [typed, trait, usual] of [
      [low, "low", condition.low],
      [high, "high", condition.high],
    ] as const) {
      typed.disabled = whole;
      if (document.activeElement !== typed)
        typed.value = whole ? "" : formatted(session.get<number | null>(trait) ?? usual, condition);
    }
    rows.disabled = whole;
    rows.value = String(session.get<number>("rows"));
    columns.value = String(session.get<number>("columns"));
    columns.disabled = given > 0;
    seed.show();
  };
  const range = element("span", { class: "gw-pair" }, low, element("small", {}, "to"), high);
  const size = element(
    "span",
    { class: "gw-pair" },
    rows,
    element("small", {}, "values ×"),
    columns,
    element("small", {}, "galaxies"),
  );
  const display = displaySection(session);
  const parts = [
    row("attribute", "", attribute),
    row("range", "", range),
    row("size", "", size),
    ...(given ? [] : [seed.root]),
  ];
  shell.panel.append(section("Sweep", ...parts), scrub.root, display.root);
  show();
  shell.onEnd(display.end);
  shell.onEnd(desk.viewing.listen(draw));
  shell.onEnd(
    session.listen((what) => {
      if (what === "frame") scrub.renew();
      if (what === "frame") draw();
      if (what === "selection") sheet.cells.select(session.selection);
      if (what === "state") show();
    }),
  );
  scrub.renew();
  draw();
  return () => shell.dispose();
}
