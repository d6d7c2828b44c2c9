/** AttributeSweep: a value a row, increasing downwards; a galaxy a column, or a value of a second attribute, increasing to the right. */

import { type Attribute, attributesOf } from "./attributes";
import { type Condition, field, row } from "./controls";
import { Desk } from "./desk";
import { button, choice, element, section } from "./dom";
import { outsideOf } from "./inspector";
import type { Frame } from "./protocol";
import { formatted, unitWords } from "./scale";
import { seedRow, type Walk, walkKeys } from "./seeds";
import type { Session } from "./session";
import { Sheet } from "./sheet";
import { cellWords, Shell } from "./shell";
import { SweepScrub } from "./sweep_scrub";

export const SWEEP_STATE = [
  "attribute",
  "low",
  "high",
  "rows",
  "columns",
  "across",
  "across_low",
  "across_high",
  "galaxy",
  "seed",
];

const LABELS = 104;
const VALUES_WORDS = "measured values in the pictures; those asked for stand beside the rows and over the columns";
/** Values of a second attribute, where the number of columns was that of the galaxies. */
const VALUES = 8;

export function renderSweep(session: Session, el: HTMLElement): () => void {
  const shell = new Shell(el, session, "Attribute sweep");
  const known = session.get<Condition[]>("controls");
  const given = session.get<number>("given");
  const nameOf = (name: string) => known.find((condition) => condition.name === name);
  const current = () => nameOf(session.get<string>("attribute")) as Condition;
  const across = () => nameOf(session.get<string>("across"));
  const labels = element("div", { class: "gw-rowlabels", style: `width:${LABELS}px` });
  const heads = element("div", { class: "gw-columnlabels", style: `margin-left:${LABELS + 8}px` });
  const titleOf = (frame: Frame, cell: number) => {
    const column = cell % frame.columns;
    const galaxy = across() ? session.get<number>("galaxy") : column;
    const drawn = given ? "" : `, seed ${session.get<number>("seed")}`;
    const second = across() ? `, ${across()?.label} ${frame.columnLabels[column]} ${across()?.unit}`.trimEnd() : "";
    return `galaxy ${galaxy}${drawn}: ${current().label} ${frame.rowLabels[Math.floor(cell / frame.columns)]}${second}`;
  };
  const about = (cell: number) => {
    const { frame } = session;
    if (!frame || cell >= frame.flux.shape[0]) return null;
    const attributes = attributesOf(frame, cell, "predicted");
    return { picture: { frame, cell }, title: titleOf(frame, cell), attributes, outside: outsideOf(frame, cell) };
  };
  const walk = given ? galaxyRow(session, given) : seedRow(session);
  const desk = new Desk(el, session, shell, {
    about,
    keys: [...walkKeys(given ? "galaxy (of a plane)" : "seed", walk), ["v", VALUES_WORDS, () => values.click()]],
  });
  const sheet = new Sheet({
    ...desk.sheetOptions,
    label: "galaxies, a value a row",
    side: 80,
    hover: (cell) => shell.point(cell),
    select: (cells) => session.setSelection(cells),
    describe: (cell) => cellWords(session.frame, cell),
  });
  const axes = element("div", { class: "gw-axis" });
  const scrub = new SweepScrub(session, desk.viewing, () => current(), {
    pixelScale: desk.sheetOptions.pixelScale,
    probe: desk.sheetOptions.probe,
    labels: LABELS,
  });
  shell.stage.append(axes, heads, element("div", { class: "gw-rows" }, labels, sheet.root), scrub.line);
  desk.attach(sheet, true);
  let written = false;
  const values = button("values", `${VALUES_WORDS} (v)`, () => {
    written = !written;
    if (session.frame) write(session.frame);
  });
  desk.add(values);
  shell.onWidth((width) => {
    for (const each of [sheet, scrub.sheet]) each.fit(width - LABELS - 8);
  });

  const draw = (frame: Frame) => {
    sheet.show(
      Array.from({ length: frame.rows * frame.columns }, (_, cell) => ({ frame, cell })),
      frame.rows,
      frame.columns,
      desk.viewing.settings,
    );
    write(frame);
    desk.flag(frame);
    scrub.draw();
    for (const [list, words] of [
      [labels, frame.rowLabels],
      [heads, frame.columnLabels],
    ] as const) {
      if (list.childElementCount !== words.length) list.replaceChildren(...words.map(() => element("div")));
      words.forEach((text, index) => {
        (list.children[index] as HTMLElement).textContent = text;
      });
    }
    const second = across();
    const unit = second?.unit ? ` (${unitWords(second.unit)})` : "";
    const right = second ? `; ${second.label}${unit}, increasing to the right →` : "";
    axes.textContent = `${current().label}, increasing downwards ↓${right}`;
  };
  /** In each picture a line an attribute: what is measured on it. */
  const write = (frame: Frame) => {
    values.setAttribute("aria-pressed", String(written));
    const names = [session.get<string>("attribute"), session.get<string>("across")];
    for (let cell = 0; cell < frame.rows * frame.columns; cell++) {
      const has = written ? attributesOf(frame, cell, "predicted") : [];
      const lines = names.flatMap((name) => has.filter((attribute) => attribute.name === name)).map(found);
      if (written || lastWritten) sheet.cells.caption(cell, lines.join("\n"));
    }
    lastWritten = written;
  };
  let lastWritten = false;
  sheet.painted = () => {
    for (const list of [labels, heads]) list.style.setProperty("--gw-cell", `${sheet.cellSide}px`);
  };

  const named = (condition: Condition) =>
    [condition.name, condition.unit ? `${condition.label} (${condition.unit})` : condition.label] as const;
  const attribute = choice("attribute", known.map(named), session.get<string>("attribute"), (value) =>
    session.set({ attribute: value, low: null, high: null }),
  );
  const second = choice(
    "attribute to the right",
    [["", "galaxies"], ...known.map(named)],
    session.get<string>("across"),
    (value) => {
      const columns = given ? { columns: value ? VALUES : given } : {};
      session.set({ across: value, across_low: null, across_high: null, ...columns });
    },
  );
  const ranges = [rangeRow(session, "range", "", current), rangeRow(session, "range to the right", "across_", across)];
  const count = (label: string, trait: string) =>
    field(label, (value) => session.set({ [trait]: Math.min(32, Math.max(1, Math.round(value))) }));
  const [rows, columns] = [count("number of values", "rows"), count("number of columns", "columns")];
  const what = element("small", {});
  const show = () => {
    const [down, right] = [current(), across()];
    attribute.value = down.name;
    second.value = right?.name ?? "";
    // an attribute cannot be swept against itself
    for (const option of attribute.options) option.disabled = option.value === second.value;
    for (const option of second.options) option.disabled = option.value === attribute.value;
    for (const range of ranges) range.show();
    rows.disabled = Boolean(down.categories);
    rows.value = String(session.get<number>("rows"));
    columns.value = String(session.get<number>("columns"));
    columns.disabled = right ? Boolean(right.categories) : given > 0;
    what.textContent = right ? "values" : "galaxies";
    walk.root.hidden = given > 0 && !right;
    walk.show();
  };
  const size = element("span", { class: "gw-pair" }, rows, element("small", {}, "values ×"), columns, what);
  const parts = [
    row("attribute", "", attribute),
    ...ranges.slice(0, 1).map(({ root }) => root),
    row("to the right", "", second),
    ...ranges.slice(1).map(({ root }) => root),
    row("size", "", size),
    walk.root,
  ];
  shell.panel.append(section("Sweep", ...parts), scrub.root);
  shell.onEnd(session.listen((what) => what === "frame" && scrub.renew()));
  scrub.renew();
  return desk.follow({ draw, select: () => sheet.cells.select(session.selection), show });
}

/** First and last value of an attribute; `prefix` is that of its traits. */
function rangeRow(session: Session, label: string, prefix: string, condition: () => Condition | undefined) {
  const [low, high] = (["low", "high"] as const).map((end) => {
    const named = `${end === "low" ? "first" : "last"} value${prefix ? " to the right" : ""}`;
    return { end, typed: field(named, (value) => session.set({ [prefix + end]: value })) };
  }) as [End, End];
  const root = row(label, "", element("span", { class: "gw-pair" }, low.typed, element("small", {}, "to"), high.typed));
  const show = () => {
    const now = condition();
    root.hidden = !now;
    if (!now) return;
    for (const { end, typed } of [low, high]) {
      typed.disabled = Boolean(now.categories);
      if (document.activeElement === typed) continue;
      typed.value = now.categories ? "" : formatted(session.get<number | null>(prefix + end) ?? now[end], now);
    }
  };
  return { root, show };
}

interface End {
  end: "low" | "high";
  typed: HTMLInputElement;
}

/** Which of the given galaxies is swept in two attributes. */
function galaxyRow(session: Session, given: number): Walk {
  const where = element("span", { class: "gw-where" });
  const step = (by: 1 | -1) => {
    if (session.get<string>("across")) session.set({ galaxy: (session.get<number>("galaxy") + by + given) % given });
  };
  const root = row(
    "galaxy",
    "",
    element(
      "span",
      { class: "gw-seed" },
      button("‹", "previous galaxy (p)", () => step(-1)),
      where,
      button("›", "next galaxy (n)", () => step(1)),
    ),
  );
  const show = () => {
    where.textContent = `${session.get<number>("galaxy")} of ${given}`;
  };
  return { root, show, step };
}

function found({ words }: Attribute): string {
  return words.measured ?? words.value ?? "–";
}
