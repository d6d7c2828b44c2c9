/** The keys, written down: what `?` shows. */

import { element, OWN_KEYS } from "./dom";

const KEYS: readonly (readonly [keys: string, deed: string])[] = [
  ["arrows, Home, End", "go from galaxy to galaxy; Ctrl+Home and Ctrl+End to the first and the last"],
  ["Space, click", "select; with Shift the block from the last one, with Ctrl or Cmd one more"],
  ["drag", "select a rectangle; on a large picture, pan"],
  ["Ctrl+A, Escape, i", "select all, none, the others"],
  ["/", 'select by attribute: mag_r < 19 and morphology == "Sc"'],
  ["Enter, double click", "side panel of the galaxy; a double click on a large picture shows it whole again"],
  ["+ − 0", "zoom in, out, back; the wheel too, on a large picture once it was clicked, elsewhere with Ctrl"],
  ["Shift+arrows", "pan a large picture that is zoomed"],
  ["s", "stitch: a cell below this one that makes the selected galaxies (all, where none is) again"],
  ["x", "light or dark sky"],
  ["Ctrl+Z, Ctrl+Shift+Z", "undo and redo what was asked for, selected, zoomed, or changed in the display"],
  ["?", "this list"],
];

/** The list, hidden until it is asked for; `more` are the view's own keys. */
export function keysHelp(more: readonly (readonly [key: string, deed: string, ...rest: unknown[]])[]): HTMLElement {
  const list = element("dl", {});
  for (const [keys, deed] of [...more, ...KEYS]) list.append(element("dt", {}, keys), element("dd", {}, deed));
  const shown = { class: "gw-help", role: "dialog", "aria-label": "Keys", tabindex: -1, hidden: true };
  return element("div", { ...OWN_KEYS, ...shown }, list);
}
