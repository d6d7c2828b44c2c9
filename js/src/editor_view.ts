/** GalaxyEditor: a galaxy, its reconstruction, the residual in sigma, and the edited galaxy, with a slider an attribute. */

import { attributesOf } from "./attributes";
import { Blink } from "./blink";
import { DIVERGING, gradient } from "./colour_map";
import { type Asked, CategoryControl, type Condition, ConditionControl, field, row } from "./controls";
import { Desk } from "./desk";
import { button, choice, element, say, section } from "./dom";
import { flag, outsideOf } from "./inspector";
import type { Picture } from "./paint";
import type { Frame } from "./protocol";
import { SeenBy } from "./seen_by";
import type { Session } from "./session";
import { Sheet } from "./sheet";
import { cellWords, Shell } from "./shell";

export const EDITOR_STATE = ["index", "edits", "view", "fwhm", "telescope", "surveys", "seed"];

/** Sigma where the residual's colours end. */
const LIMIT = 5;
/** The galaxy of each panel in the frame; the third panel is the residual. */
const PANELS = [0, 1, null, 2] as const;
const NAMES = ["galaxy", "reconstruction", "residual", "edited"] as const;
const RESIDUAL = 2;
/** What stands beside the galaxy. */
const VIEWS = [
  ["reconstruction", "reconstruction"],
  ["denoised", "denoised"],
  ["deconvolved", "deconvolved"],
] as const;
/** CSS pixels of a panel below which four of them stand in two rows. */
const NARROW = 130;

interface About {
  chi2: number;
  values: Record<string, number | string>;
}

export function renderEditor(session: Session, el: HTMLElement): () => void {
  const shell = new Shell(el, session, "Galaxy editor");
  const bands = session.get<string[]>("bands");
  const total = session.get<number>("total");
  const edits = () => session.get<Record<string, Asked>>("edits");
  const view = () => session.get<string>("view");
  const known = (): About => (session.frame?.about ?? { chi2: Number.NaN, values: {} }) as unknown as About;
  const firstBand = session.display.bands[1];
  const residualBand = () => Math.max(0, bands.indexOf(desk.viewing.settings.residual ?? firstBand));
  let columns: number = PANELS.length;
  const galaxyOf = (panel: number | null) => (panel === null ? null : (PANELS[panel] ?? null));

  const pictureOf = (panel: number): Picture | null => {
    const { frame } = session;
    if (!frame) return null;
    const cell = galaxyOf(panel);
    return cell === null ? { frame, cell: 0, residual: { band: residualBand(), limit: LIMIT } } : { frame, cell };
  };
  const captionOf = (panel: number): string => {
    switch (panel) {
      case 1:
        return view() === "deconvolved"
          ? `deconvolved to ${session.get<number>("fwhm")}″`
          : `${view()}, χ² ${known().chi2.toFixed(2)} a pixel`;
      case RESIDUAL:
        return `residual in ${bands[residualBand()]}`;
      default:
        return panel === 3 && !session.get<boolean>("telescope")
          ? "edited, before the telescope"
          : (NAMES[panel] as string);
    }
  };
  const about = (panel: number) => {
    const picture = pictureOf(panel);
    if (!picture) return null;
    const asked = panel === 3 ? edits() : {};
    return {
      picture,
      title: `galaxy ${session.get<number>("index")} of ${total}${panel === 0 ? "" : `, ${captionOf(panel)}`}`,
      attributes: attributesOf(picture.frame, picture.cell, picture.cell === 0 ? "catalogue" : "predicted", asked),
      outside: outsideOf(picture.frame, picture.cell),
    };
  };

  const blink = new Blink(() => draw());
  const keys = [["b", "blink two of the four pictures", () => blink.toggle()]] as const;
  const desk = new Desk(el, session, shell, { about, keys, beside: true });
  const sheet = new Sheet({
    ...desk.sheetOptions,
    label: "galaxy, reconstruction, residual, edited galaxy",
    side: 192,
    pan: true,
    hover: (panel) => shell.point(galaxyOf(panel)),
    select: (panels) => session.setSelection(panels.map(galaxyOf).filter((galaxy) => galaxy !== null)),
    describe: (panel) => `${captionOf(panel)}: ${cellWords(session.frame, galaxyOf(panel) ?? 0)}`,
  });
  const bar = element("span", { class: "gw-bar", style: `background:${gradient(DIVERGING)}` });
  const legend = element("span", { class: "gw-legend", "aria-hidden": "true", "data-limit": `${LIMIT}σ` }, bar);
  const seenBy = new SeenBy(session);
  const flags = element("div", { class: "gw-flag", role: "status", hidden: true });
  shell.stage.append(sheet.root, flags, seenBy.root);
  desk.attach(sheet, false);
  const draw = () => {
    if (session.frame) drawFrame(session.frame);
  };
  const drawFrame = (frame: Frame) => {
    // while it blinks, the second picture stands in the place of the first
    const { pair } = desk.viewing.settings;
    const seen = PANELS.map((_, panel) => (blink.second && panel === pair[0] ? pair[1] : panel));
    sheet.show(seen.map(pictureOf), PANELS.length / columns, columns, desk.viewing.settings);
    seen.forEach((panel, place) => {
      sheet.cells.caption(place, captionOf(panel), place === RESIDUAL ? legend : undefined);
    });
    seenBy.draw(frame, desk.viewing.settings);
    raise(frame);
    blinking.setAttribute("aria-pressed", String(blink.running || blink.second));
    desk.refresh();
    show();
  };
  /** What the model does not know, under the pictures. */
  const raise = (frame: Frame) => {
    const lines = PANELS.flatMap((galaxy, panel) => {
      const words = galaxy === null ? "" : outsideOf(frame, galaxy);
      return words ? [`${NAMES[panel]} ${flag(words)}`] : [];
    });
    flags.hidden = lines.length === 0;
    say(flags, lines.join("\n"));
  };
  const select = () =>
    sheet.cells.select(
      PANELS.flatMap((galaxy, panel) => (galaxy !== null && session.selection.includes(galaxy) ? [panel] : [])),
    );

  const edit = (name: string, value: Asked) => {
    const { [name]: _, ...others } = edits();
    session.set({ edits: value === undefined ? others : { ...others, [name]: value } });
  };
  const conditions = session.get<Condition[]>("controls").map((condition) => {
    const act = (value: Asked) => edit(condition.name, value);
    return { condition, act };
  });
  const numbers = conditions
    .filter(({ condition }) => !condition.categories)
    .map(({ condition, act }) => ({
      condition,
      control: new ConditionControl(condition, act, { ranges: false, free: "as is" }),
    }));
  const names = conditions
    .filter(({ condition }) => condition.categories)
    .map(({ condition, act }) => ({ condition, control: new CategoryControl(condition, act, false) }));

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
    bands[residualBand()] as string,
    (band) => desk.viewing.set({ residual: band }),
  );
  const beside = choice("beside the galaxy", VIEWS, view(), (value) => session.set({ view: value }));
  const width = field("width of the PSF of the deconvolved galaxy, arcsec", (value) =>
    session.set({ fwhm: Math.min(5, Math.max(0.1, value)) }),
  );
  const sharpness = element(
    "span",
    { class: "gw-fwhm" },
    element("small", {}, "to "),
    width,
    element("small", {}, "″"),
  );
  const panels = NAMES.map((name, panel) => [String(panel), name] as const);
  const compare = (which: 0 | 1) =>
    choice(which ? "blink with" : "blink", panels, String(which), (panel) => {
      const [one, other] = desk.viewing.settings.pair;
      desk.viewing.set({ pair: which ? [one, Number(panel)] : [Number(panel), other] });
    });
  const blinking = button("blink", "blink the two pictures (b)", () => blink.toggle());
  desk.add(blinking);
  const compared = [compare(0), compare(1)] as const;
  const comparison = element("span", { class: "gw-seed" }, compared[0], element("small", {}, "with"), compared[1]);
  const show = () => {
    const { values } = known();
    const now = edits();
    for (const { condition, control } of numbers) control.show(now[condition.name], numeric(values[condition.name]));
    for (const { condition, control } of names) control.show(now[condition.name], String(values[condition.name] ?? ""));
    say(where, `${session.get<number>("index")} of ${total}`);
    beside.value = view();
    sharpness.hidden = view() !== "deconvolved";
    if (document.activeElement !== width) width.value = String(session.get<number>("fwhm"));
    const { pair } = desk.viewing.settings;
    compared.forEach((shown, which) => {
      shown.value = String(pair[which]);
    });
    residual.value = bands[residualBand()] as string;
    for (const { options } of compared) say(options[1] as HTMLOptionElement, view());
    telescope.value = session.get<boolean>("telescope") ? "yes" : "no";
    seenBy.show();
  };
  const attributes = section("Change", ...[...numbers, ...names].map(({ control }) => control.root));
  attributes
    .querySelector("h4")
    ?.append(button("as it is", "undo all changes", () => session.set({ edits: {} }), "gw-quiet"));
  shell.panel.append(
    section(
      "Galaxy",
      row("galaxy", "", pager),
      row("beside it", "", beside, sharpness),
      row("edited, seen", "", telescope),
      row("residual in", "", residual),
      row("blink", "", comparison),
    ),
    attributes,
    seenBy.panel,
  );
  shell.onWidth((width) => {
    columns = width / PANELS.length < NARROW ? 2 : PANELS.length;
    sheet.fit(width);
    draw();
  });
  shell.onEnd(() => blink.stop());
  return desk.follow({ draw: drawFrame, select, show });
}

function numeric(value: number | string | undefined): number {
  return typeof value === "number" ? value : Number.NaN;
}
