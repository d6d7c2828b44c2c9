/** GalaxyEditor: a galaxy, its reconstruction, the residual in sigma, and the edited galaxy, with a slider an attribute. */

import { type Asked, CategoryControl, type Condition, ConditionControl, row } from "./controls";
import { displaySection } from "./display_panel";
import { button, choice, element, section } from "./dom";
import { divergingColour } from "./lupton";
import type { Session } from "./session";
import { type Picture, Sheet } from "./sheet";
import { cellWords, Shell } from "./shell";

export const EDITOR_STATE = ["index", "edits", "telescope"];

/** Sigma where the residual's colours end. */
const LIMIT = 5;
/** The galaxy of each panel in the frame; the third panel is the residual. */
const PANELS = [0, 1, null, 2] as const;

interface About {
  chi2: number;
  values: Record<string, number | string>;
}

export function renderEditor(session: Session, el: HTMLElement): () => void {
  const shell = new Shell(el, session, "Galaxy editor");
  const bands = session.get<string[]>("bands");
  let residualBand = Math.max(0, bands.indexOf(session.display.bands[1]));
  const galaxyOf = (panel: number | null) => (panel === null ? null : (PANELS[panel] ?? null));
  const sheet = new Sheet({
    label: "galaxy, reconstruction, residual, edited galaxy",
    side: 192,
    hover: (panel) => shell.point(galaxyOf(panel)),
    select: (panels) => session.setSelection(panels.map(galaxyOf).filter((galaxy) => galaxy !== null)),
    describe: (panel) => cellWords(session.frame, galaxyOf(panel) ?? 0),
  });
  const captions = ["galaxy", "reconstruction", "residual", "edited"].map((text) => element("span", {}, text));
  const bar = element("canvas", { class: "gw-bar", width: 64, height: 1, "aria-hidden": "true" });
  const legend = element("div", { class: "gw-legend" }, `−${LIMIT}σ`, bar, `+${LIMIT}σ`);
  shell.stage.append(element("div", { class: "gw-captions" }, ...captions), sheet.root, legend);
  shell.onWidth((width) => sheet.fit(width));
  paintBar(bar);

  const draw = () => {
    const { frame } = session;
    if (!frame) return;
    const about = frame.about as unknown as About;
    const pictures = PANELS.map(
      (cell): Picture =>
        cell === null ? { frame, cell: 0, residual: { band: residualBand, limit: LIMIT } } : { frame, cell },
    );
    sheet.show(pictures, 1, PANELS.length, session.display);
    select();
    (captions[1] as HTMLElement).textContent = `reconstruction, χ² ${about.chi2.toFixed(2)} a pixel`;
    (captions[2] as HTMLElement).textContent = `residual in ${bands[residualBand]}`;
    (captions[3] as HTMLElement).textContent = session.get<boolean>("telescope")
      ? "edited"
      : "edited, before the telescope";
    show();
  };
  const select = () =>
    sheet.select(
      PANELS.flatMap((galaxy, panel) => (galaxy !== null && session.selection.includes(galaxy) ? [panel] : [])),
    );
  sheet.painted = () => shell.stage.style.setProperty("--gw-cell", `${sheet.cellSide}px`);

  const edits = () => session.get<Record<string, Asked>>("edits");
  const edit = (name: string, value: Asked) => {
    const { [name]: _, ...others } = edits();
    session.set({ edits: value === undefined ? others : { ...others, [name]: value } });
  };
  const known = session.get<Condition[]>("controls").map((condition) => {
    const act = (value: Asked) => edit(condition.name, value);
    return { condition, act };
  });
  const numbers = known
    .filter(({ condition }) => !condition.categories)
    .map(({ condition, act }) => ({
      condition,
      control: new ConditionControl(condition, act, { ranges: false, free: "as is" }),
    }));
  const names = known
    .filter(({ condition }) => condition.categories)
    .map(({ condition, act }) => ({ condition, control: new CategoryControl(condition, act, false) }));

  const total = session.get<number>("total");
  const where = element("span", { class: "gw-where" });
  const turn = (by: number) => () =>
    session.set({ index: (session.get<number>("index") + by + total) % total, edits: {} });
  const pager = element(
    "span",
    { class: "gw-seed" },
    button("‹", "previous galaxy", turn(-1)),
    where,
    button("›", "next galaxy", turn(1)),
  );
  const telescope = choice(
    "edited galaxy seen",
    [
      ["yes", "through its PSF"],
      ["no", "before the telescope"],
    ],
    session.get<boolean>("telescope") ? "yes" : "no",
    (value) => session.set({ telescope: value === "yes" }),
  );
  const residual = choice(
    "band of the residual",
    bands.map((band) => [band, band] as const),
    bands[residualBand] as string,
    (band) => {
      residualBand = bands.indexOf(band);
      draw();
    },
  );
  const show = () => {
    const { values } = (session.frame?.about ?? { values: {} }) as unknown as About;
    const now = edits();
    for (const { condition, control } of numbers) control.show(now[condition.name], numeric(values[condition.name]));
    for (const { condition, control } of names) control.show(now[condition.name], String(values[condition.name] ?? ""));
    where.textContent = `${session.get<number>("index")} of ${total}`;
    telescope.value = session.get<boolean>("telescope") ? "yes" : "no";
  };
  const attributes = section("Change", ...[...numbers, ...names].map(({ control }) => control.root));
  attributes
    .querySelector("h4")
    ?.append(button("as it is", "undo all changes", () => session.set({ edits: {} }), "gw-quiet"));
  const display = displaySection(session);
  shell.panel.append(
    section("Galaxy", row("galaxy", "", pager), row("edited, seen", "", telescope), row("residual in", "", residual)),
    attributes,
    display.root,
  );
  show();
  shell.onEnd(display.end);
  shell.onEnd(
    session.listen((what) => {
      if (what === "frame" || what === "display") draw();
      if (what === "selection") select();
      if (what === "state") show();
    }),
  );
  draw();
  return () => shell.dispose();
}

function numeric(value: number | string | undefined): number {
  return typeof value === "number" ? value : Number.NaN;
}

function paintBar(bar: HTMLCanvasElement): void {
  const context = bar.getContext("2d");
  if (!context) return;
  for (let x = 0; x < bar.width; x++) {
    const [red, green, blue] = divergingColour(LIMIT * (2 * (x / (bar.width - 1)) - 1), LIMIT);
    context.fillStyle = `rgb(${red} ${green} ${blue})`;
    context.fillRect(x, 0, 1, 1);
  }
}
