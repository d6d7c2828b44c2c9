/** AttributeSweep: a value a row, increasing downwards; a galaxy a column, or a value of a second attribute, increasing to the right. */

import { type Attribute, attributesOf } from "./attributes";
import { type Condition, counted, field, row } from "./controls";
import { Desk } from "./desk";
import { button, choice, element, say, section } from "./dom";
import { outsideOf } from "./inspector";
import type { Frame } from "./protocol";
import { formatted, unitWords } from "./scale";
import { galaxiesRow, walkKeys } from "./seeds";
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
  "drawn",
  "seed",
];

const LABELS = 104;
const VALUES_WORDS = "in each picture: the value requested → the value measured on it";
/** Columns, where they are of another kind than they were. */
const VALUES = 8;

export function renderSweep(session: Session, el: HTMLElement): () => void {
  const shell = new Shell(el, session, "Attribute sweep");
  const known = session.get<Condition[]>("controls");
  const given = session.get<number>("given");
  const nameOf = (name: string) => known.find((condition) => condition.name === name);
  const current = () => nameOf(session.get<string>("attribute")) as Condition;
  const across = () => nameOf(session.get<string>("across"));
  const own = () => given > 0 && !session.get<boolean>("drawn");
  const labels = element("div", { class: "gw-rowlabels", style: `width:${LABELS}px` });
  const heads = element("div", { class: "gw-columnlabels", style: `margin-left:${LABELS + 8}px` });
  const titleOf = (frame: Frame, cell: number) => {
    const column = cell % frame.columns;
    const first = own() ? session.get<number>("galaxy") : 0;
    const galaxy = across() ? first : first + column;
    const drawn = own() ? "" : `, seed ${session.get<number>("seed")}`;
    const second = across() ? `, ${across()?.label} ${frame.columnLabels[column]} ${across()?.unit}`.trimEnd() : "";
    return `galaxy ${galaxy}${drawn}: ${current().label} ${frame.rowLabels[Math.floor(cell / frame.columns)]}${second}`;
  };
  const about = (cell: number) => {
    const { frame } = session;
    if (!frame || cell >= frame.flux.shape[0]) return null;
    const attributes = attributesOf(frame, cell, "predicted");
    return { picture: { frame, cell }, title: titleOf(frame, cell), attributes, outside: outsideOf(frame, cell) };
  };
  const walk = galaxiesRow(session, given, () => (across() ? 1 : session.get<number>("columns")));
  const desk = new Desk(el, session, shell, {
    about,
    keys: [...walkKeys(given ? "of the galaxies, or seed" : "seed", walk), ["v", VALUES_WORDS, () => values.click()]],
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
  sheet.root.classList.add("gw-values");
  let written = true;
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
        say(list.children[index] as HTMLElement, text);
      });
    }
    const second = across();
    const unit = second?.unit ? ` (${unitWords(second.unit)})` : "";
    const right = second ? `; ${second.label}${unit}, increasing to the right →` : "";
    say(axes, `${current().label}, increasing downwards ↓${right}`);
  };
  /** In each picture a line an attribute: what is requested, and what is measured on it once that is here. */
  const write = (frame: Frame) => {
    values.setAttribute("aria-pressed", String(written));
    const [down, right] = [session.get<string>("attribute"), session.get<string>("across")];
    for (let cell = 0; cell < frame.rows * frame.columns; cell++) {
      const has = new Map(attributesOf(frame, cell, "predicted").map((one) => [one.name, one]));
      const lines = [comparison(frame.rowLabels[Math.floor(cell / frame.columns)], has.get(down))];
      if (right) lines.push(comparison(frame.columnLabels[cell % frame.columns], has.get(right)));
      if (written || lastWritten) sheet.cells.caption(cell, written ? lines.join("\n") : "");
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
      // there may be fewer galaxies, or more, than values that one wants
      const columns = own() ? { columns: VALUES } : {};
      session.set({ across: value, across_low: null, across_high: null, ...columns });
    },
  );
  const ranges = [rangeRow(session, "range", "", current), rangeRow(session, "range to the right", "across_", across)];
  const rows = counted(session, "number of values", "rows");
  const columns = counted(session, "number of columns", "columns");
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
    columns.disabled = Boolean(right?.categories);
    say(what, right ? "values" : "galaxies");
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
  shell.onEnd(() => scrub.end());
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

/** What a row or a column asks for and what a picture has, in the same digits. */
function comparison(label = "", found: Attribute | undefined): string {
  const requested = label.split(" ")[0] as string;
  if (!found) return requested;
  const { value, words } = found;
  const digits = requested.split(".")[1]?.length ?? 0;
  const has = typeof value === "number" ? value.toFixed(digits) : (words.measured ?? words.value ?? "–");
  return `${requested}→\u200b${has}`; // in two lines where there is no room for one
}
