/** Arrows to north and east, where the galaxies' place on the sky is known. */

import type { Compass } from "./protocol";

const SVG = "http://www.w3.org/2000/svg";
/** Side of the drawing, and lengths of an arrow and to its letter, in CSS pixels. */
const [SIDE, ARROW, LETTER] = [44, 13, 18.5];
/** Degrees that the stamps of one field may differ and still share one compass. */
const ALIKE = 1;

/** The one compass of galaxies that all lie alike; null where they do not, or where one is not known. */
export function shared(compasses: readonly (Compass | null)[]): Compass | null {
  const [first] = compasses;
  if (!first) return null;
  const off = (one: number, other: number) => Math.abs(((one - other + 540) % 360) - 180);
  return compasses.every((other) => other && first.every((angle, at) => off(angle, other[at] as number) < ALIKE))
    ? first
    : null;
}

/** A drawing that turns to whatever compass it is given, and hides without one. */
export class CompassRose {
  readonly root = document.createElementNS(SVG, "svg");
  #drawn = "";

  constructor() {
    this.root.classList.add("gw-compass");
    this.root.setAttribute("viewBox", `${-SIDE / 2} ${-SIDE / 2} ${SIDE} ${SIDE}`);
    this.root.setAttribute("role", "img");
    this.show(null);
  }

  show(compass: Compass | null): void {
    const drawn = JSON.stringify(compass);
    if (drawn === this.#drawn) return;
    this.#drawn = drawn;
    this.root.style.display = compass ? "" : "none";
    if (!compass) return;
    this.root.setAttribute("aria-label", `north ${inWords(compass[0])}, east ${inWords(compass[1])}`);
    // the corner between the arrows stands where their middle is the middle of the drawing
    const [north, east] = compass.map(towards) as [Point, Point];
    const start: Point = [(-(north[0] + east[0]) * ARROW) / 2, (-(north[1] + east[1]) * ARROW) / 2];
    this.root.replaceChildren(...arrow(start, north, "N"), ...arrow(start, east, "E"));
  }
}

type Point = readonly [right: number, down: number];

/** Unit vector of a direction on the screen. */
function towards(angle: number): Point {
  const turn = (angle * Math.PI) / 180;
  return [-Math.sin(turn), -Math.cos(turn)];
}

function inWords(angle: number): string {
  const names = ["up", "up left", "left", "down left", "down", "down right", "right", "up right"];
  return names[Math.round((((angle % 360) + 360) % 360) / 45) % 8] as string;
}

/** An arrow from a point and the letter at its end. */
function arrow([x, y]: Point, [right, down]: Point, letter: string): SVGElement[] {
  const at = (along: number, across: number) =>
    `${(x + right * along - down * across).toFixed(2)} ${(y + down * along + right * across).toFixed(2)}`;
  const line = document.createElementNS(SVG, "path");
  line.setAttribute("d", `M${at(0, 0)}L${at(ARROW, 0)}M${at(ARROW - 4, -2.5)}L${at(ARROW, 0)}L${at(ARROW - 4, 2.5)}`);
  const text = document.createElementNS(SVG, "text");
  text.setAttribute("x", (x + right * LETTER).toFixed(2));
  text.setAttribute("y", (y + down * LETTER).toFixed(2));
  text.textContent = letter;
  return [line, text];
}
