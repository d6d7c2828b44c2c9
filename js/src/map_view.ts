/** The galaxies of a map beneath it: the point that was decoded, and those that were selected on the map. */

import { attributesOf } from "./attributes";
import { Desk } from "./desk";
import { outsideOf } from "./inspector";
import type { Frame } from "./protocol";
import type { Session } from "./session";
import { Sheet } from "./sheet";
import { cellWords, Shell } from "./shell";
import { COUNTED } from "./viewing";

export const MAP_STATE = [COUNTED];

/** What the kernel says of the cells; galwidget/widgets/map_sheet.py. */
interface Found {
  titles: string[];
  /** How many of them, the first ones, were decoded. */
  decoded?: number;
  /** Whether the others are of a telescope. */
  seen?: boolean;
}

export function renderMapGalaxies(session: Session, el: HTMLElement): () => void {
  const shell = new Shell(el, session, "Galaxies of the map");
  shell.hint = "Enter, or a double click, opens the side panel of a galaxy";
  const found = () => (session.frame?.about ?? { titles: [] }) as unknown as Found;
  const titleOf = (cell: number) => found().titles[cell] ?? "";
  const about = (cell: number) => {
    const { frame } = session;
    if (!frame || cell >= frame.flux.shape[0]) return null;
    const { decoded = 0, seen } = found();
    const attributes = attributesOf(frame, cell, seen && cell >= decoded ? "catalogue" : "predicted");
    return { picture: { frame, cell }, title: titleOf(cell), attributes, outside: outsideOf(frame, cell) };
  };
  const desk = new Desk(el, session, shell, { about });
  const sheet = new Sheet({
    ...desk.sheetOptions,
    label: "galaxies of the map",
    side: 80,
    hover: (cell) => shell.point(cell),
    describe: (cell) => [titleOf(cell), ...cellWords(session.frame, cell).split(", ").slice(1)].join(", "),
  });
  shell.stage.append(sheet.root);
  desk.attach(sheet, false);
  shell.onWidth((width) => sheet.fit(width));

  const draw = (frame: Frame) => {
    const count = frame.flux.shape[0];
    sheet.root.hidden = count === 0;
    if (!count) return;
    const pictures = Array.from({ length: frame.rows * frame.columns }, (_, cell) =>
      cell < count ? { frame, cell } : null,
    );
    sheet.show(pictures, frame.rows, frame.columns, desk.viewing.settings);
    for (let cell = 0; cell < frame.rows * frame.columns; cell++)
      sheet.cells.caption(cell, cell < (found().decoded ?? 0) ? "decoded" : "");
    desk.flag(frame);
  };
  return desk.follow({ draw, select: () => {}, show: () => {} });
}
