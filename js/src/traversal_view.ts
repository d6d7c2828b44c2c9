/** LatentTraversal: a latent dimension a row; the scrub runs through strips that are already here. */

import { attributesOf } from "./attributes";
import { row, Slider } from "./controls";
import { Desk, NARROW } from "./desk";
import { button, choice, element, say, section } from "./dom";
import { outsideOf } from "./inspector";
import type { Picture } from "./paint";
import type { Frame } from "./protocol";
import { Resting } from "./resting";
import { signed } from "./scale";
import { galaxiesRow, walkKeys } from "./seeds";
import type { Session } from "./session";
import { Sheet } from "./sheet";
import { cellWords, Shell } from "./shell";
import { loop, nearestStep, pingPong, Strips } from "./strip";

export const TRAVERSAL_STATE = ["seed", "galaxy", "drawn", "dims", "extent", "steps", "position"];

const SLIDERS = 206;
const PERIOD = 4000;
const WAYS = [
  ["back", "there and back"],
  ["loop", "loop"],
] as const;

interface About {
  here: number[];
  dims: number[];
  extent: number;
}

export function renderTraversal(session: Session, el: HTMLElement): () => void {
  const shell = new Shell(el, session, "Latent traversal");
  const given = session.get<number>("given");
  const strips = new Strips();
  let scrub = 0;
  let fetching = false;
  let generation = 0;

  const sliders = element("div", { class: "gw-rowlabels gw-dims", style: `width:${SLIDERS}px` });
  const about = (cell: number) => {
    const { frame } = session;
    if (!frame || cell >= frame.flux.shape[0]) return null;
    const { extent } = frame.about as unknown as About;
    const at = extent * ((2 * (cell % frame.columns)) / (frame.columns - 1) - 1);
    const own = given > 0 && !session.get<boolean>("drawn");
    const whose = own ? `galaxy ${session.get<number>("galaxy")}` : `seed ${session.get<number>("seed")}`;
    return {
      picture: { frame, cell },
      title: `${frame.rowLabels[Math.floor(cell / frame.columns)]} = ${signed(at, 2)}, ${whose}`,
      attributes: attributesOf(frame, cell, "predicted"),
      outside: outsideOf(frame, cell),
    };
  };
  // what the sliders moved was of the galaxy before
  const walk = galaxiesRow(session, given, () => 1, { position: {} });
  const keys = walkKeys(given ? "of the galaxies, or seed" : "seed", walk);
  const desk = new Desk(el, session, shell, { about, keys });
  const { pixelScale, probe } = desk.sheetOptions;
  const live = new Sheet({ label: "where the scrub stands", side: 80, pixelScale, probe });
  const sheet = new Sheet({
    ...desk.sheetOptions,
    label: "a latent dimension a row",
    side: 80,
    hover: (cell) => shell.point(cell),
    select: (cells) => session.setSelection(cells),
    describe: (cell) => cellWords(session.frame, cell),
  });
  const here = new Sheet({
    label: "the galaxy where the sliders stand",
    side: 192,
    pan: true,
    pixelScale,
    probe,
  });
  here.root.append(here.bar);
  sheet.root.classList.add("gw-marked");
  const sliding = element("div", { class: "gw-rows" }, sliders, live.root);
  const lines = element("div", { class: "gw-rows" }, sliding, sheet.root);
  shell.stage.append(lines);
  desk.attach(sheet, true);
  let stacked = false;
  /** Where the sliders do not stand beside the rows, the rows say which they are, in as few letters as there is room for. */
  const name = () => {
    const { frame } = session;
    frame?.rowLabels.forEach((label, index) => {
      sheet.cells.caption(index * frame.columns, stacked ? (label.split(":")[0] as string) : "");
    });
  };

  shell.onWidth((width) => {
    stacked = width < NARROW;
    lines.classList.toggle("gw-stacked", stacked);
    name();
    if (stacked) {
      sheet.fit(width);
      live.fit(width - SLIDERS - 8, 64);
      return;
    }
    const room = width - SLIDERS - 24;
    const columns = session.get<number>("steps") + 1;
    sheet.fit((room * (columns - 1)) / columns);
    live.fit(room / columns, Math.min(80, sheet.cellSide));
  });

  const controls: Slider[] = [];
  let built = "";
  const buildSliders = (about: About, labels: readonly string[]) => {
    const wanted = JSON.stringify([about.dims, about.extent, labels]);
    if (wanted === built) return;
    built = wanted;
    const scale = { low: -about.extent, high: about.extent };
    controls.splice(0);
    const made = about.dims.map((dim, index) => {
      const label = labels[index] ?? `z${dim}`;
      const slider = new Slider(`latent dimension ${label}`, "", scale, (value) =>
        session.set({ position: { ...session.get<Record<string, number>>("position"), [dim]: value } }),
      );
      controls.push(slider);
      return element("div", {}, element("span", { class: "gw-dim" }, label), slider.root);
    });
    sliders.replaceChildren(...made);
  };

  const resting = new Resting(session, () => drawScrub());
  /** What the scrub shows in a row: the exact picture where it rests, the strip's step, or the nearest cell until the strip is there. */
  const scrubbed = (index: number): Picture | null => {
    const exact = resting.frame(scrub);
    if (exact) return { frame: exact, cell: index };
    const strip = strips.at(index, scrub);
    if (strip) return strip;
    const { frame } = session;
    return frame ? { frame, cell: index * frame.columns + nearestStep(scrub, frame.columns) } : null;
  };
  const drawScrub = () => {
    const { frame } = session;
    if (!frame) return;
    live.show(
      Array.from({ length: frame.rows }, (_, index) => scrubbed(index)),
      frame.rows,
      1,
      desk.viewing.settings,
    );
    sheet.root.style.setProperty("--gw-mark", String(nearestStep(scrub, frame.columns)));
  };
  const draw = (frame: Frame) => {
    const about = frame.about as unknown as About;
    buildSliders(about, frame.rowLabels);
    about.here.forEach((value, index) => {
      if (!session.busy || document.activeElement !== controls[index]?.input) controls[index]?.show(value);
    });
    const cells = frame.rows * frame.columns;
    sheet.show(
      Array.from({ length: cells }, (_, cell) => ({ frame, cell })),
      frame.rows,
      frame.columns,
      desk.viewing.settings,
    );
    name();
    desk.flag(frame);
    here.show([{ frame, cell: cells }], 1, 1, desk.viewing.settings);
    drawScrub();
  };
  sheet.painted = () => {
    sliders.style.setProperty("--gw-cell", `${(stacked ? live : sheet).cellSide}px`);
    if (!stacked && live.cellSide !== sheet.cellSide) live.fit(sheet.cellSide + 1, sheet.cellSide);
  };

  /** Fetch the strips one after the other, once the picture has settled; a new picture makes those on their way worthless. */
  const prefetch = async () => {
    if (fetching) return;
    fetching = true;
    const mine = generation;
    while (mine === generation && session.frame && !session.busy) {
      const index = strips.missing(session.frame.rows);
      const frame = index === null ? null : await session.strip(index);
      if (index === null || !frame) break;
      if (mine === generation) strips.add(index, frame);
      drawScrub();
    }
    fetching = false;
    if (mine !== generation && !session.busy) void prefetch();
  };

  const slider = new Slider("scrub", "", { low: -1, high: 1 }, (value) => {
    stop();
    scrub = value;
    resting.moved(scrub);
    drawScrub();
  });
  slider.show(0);
  let playing = 0;
  const stop = () => {
    cancelAnimationFrame(playing);
    playing = 0;
    say(play, "▶");
    play.setAttribute("aria-pressed", "false");
  };
  const start = () => {
    const round = way.value === "loop";
    const done = round ? (PERIOD * (scrub + 1)) / 4 : (PERIOD * Math.acos(-scrub)) / (2 * Math.PI);
    const begun = performance.now() - done;
    resting.forget();
    const step = () => {
      scrub = (round ? loop : pingPong)(performance.now() - begun, PERIOD);
      slider.show(scrub);
      drawScrub();
      playing = requestAnimationFrame(step);
    };
    say(play, "❚❚");
    play.setAttribute("aria-pressed", "true");
    playing = requestAnimationFrame(step);
  };
  const way = choice("how it plays", WAYS, "back", () => {
    if (!playing) return;
    stop();
    start();
  });
  const play = button("▶", "play there and back, or in a loop", () => (playing ? rest() : start()), "gw-play");
  const rest = () => {
    stop();
    resting.moved(scrub);
  };

  const back = button(
    "back to the galaxy",
    "undo what the sliders moved",
    () => session.set({ position: {} }),
    "gw-quiet",
  );
  const galaxy = section("Galaxy", element("div", { class: "gw-here" }, here.root), walk.root);
  galaxy.querySelector("h4")?.append(back);
  shell.panel.append(
    section("Scrub", row("all rows", "", element("span", { class: "gw-playing" }, play, way, slider.root))),
    galaxy,
  );

  shell.onEnd(stop);
  shell.onEnd(() => resting.forget());
  shell.onEnd(
    session.listen((what) => {
      if (what === "frame") {
        strips.clear();
        resting.forget();
        generation += 1;
      }
      if (what === "status" && !session.busy && session.frame) void prefetch();
    }),
  );
  return desk.follow({ draw, select: () => sheet.cells.select(session.selection), show: () => walk.show() });
}
