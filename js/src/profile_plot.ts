/** A small plot of radial profiles: surface brightness over radius, a line a band, in the page's own colours. */

import type { Ring } from "./photometry";
import { surfaceBrightness } from "./photometry";

export interface Profile {
  band: string;
  colour: string;
  rings: readonly Ring[];
}

const [WIDTH, HEIGHT] = [236, 150];
const BOX = { left: 30, right: WIDTH - 4, top: 6, bottom: HEIGHT - 26 };
/** Magnitudes from the brightest down that are worth a look, and the fewest. */
const [DEEPEST, SHALLOWEST] = [9, 3];
const NAMESPACE = "http://www.w3.org/2000/svg";

/** An element of a plot. */
export function drawn(tag: string, attributes: Record<string, string | number>, text = ""): SVGElement {
  const made = document.createElementNS(NAMESPACE, tag);
  for (const [name, value] of Object.entries(attributes)) made.setAttribute(name, String(value));
  made.textContent = text;
  return made;
}

const write = (x: number, y: number, text: string, anchor = "middle") =>
  drawn("text", { x, y, "text-anchor": anchor }, text);
const rule = (x1: number, y1: number, x2: number, y2: number, kind: string) =>
  drawn("line", { x1, y1, x2, y2, class: kind });

/** Round numbers from `low` to `high`, some three to five of them. */
export function ticks(low: number, high: number): number[] {
  const least = (high - low) / 5.5;
  const decade = 10 ** Math.floor(Math.log10(least));
  const step = decade * ([1, 2, 5, 10].find((digit) => digit * decade >= least) as number);
  const first = Math.ceil(low / step - 1e-9);
  return Array.from({ length: Math.floor(high / step + 1e-9) - first + 1 }, (_, index) =>
    Number(((first + index) * step).toPrecision(10)),
  );
}

/** Bands of a survey, from blue to red, in colours that show on light and on dark. */
export function bandColour(index: number, count: number): string {
  return `hsl(${Math.round(265 * (1 - index / Math.max(1, count - 1)))} 62% 52%)`;
}

/**
 * The plot; a ring whose mean is not above its standard error ends its band's line there.
 *
 * `half` is a half-light radius in arcsec to be marked, or null.
 */
export function profilePlot(profiles: readonly Profile[], pixelScale: number, half: number | null): SVGElement {
  const plot = drawn("svg", { viewBox: `0 0 ${WIDTH} ${HEIGHT}`, class: "gw-profile", role: "img" });
  const lines = profiles.map(({ band, colour, rings }) => {
    const end = rings.findIndex(({ flux, error }) => !(flux > error));
    const points = rings.slice(0, end < 0 ? rings.length : end).map(({ radius, flux }) => ({
      radius: radius * pixelScale,
      brightness: surfaceBrightness(flux, pixelScale),
    }));
    return { band, colour, points };
  });
  const all = lines.flatMap(({ points }) => points);
  if (!all.length) {
    plot.append(write(WIDTH / 2, HEIGHT / 2, "no light above the noise"));
    plot.setAttribute("aria-label", "radial profile: no light above the noise");
    return plot;
  }
  const bright = Math.min(...all.map(({ brightness }) => brightness));
  const faint = Math.max(...all.map(({ brightness }) => brightness));
  const [high, low] = [bright - 0.3, Math.max(bright + SHALLOWEST, Math.min(faint + 0.2, bright + DEEPEST))];
  const furthest = Math.max(...profiles.flatMap(({ rings }) => rings.map(({ radius }) => radius * pixelScale)));
  const across = (radius: number) => BOX.left + (radius / furthest) * (BOX.right - BOX.left);
  const down = (brightness: number) => BOX.top + ((brightness - high) / (low - high)) * (BOX.bottom - BOX.top);
  for (const radius of ticks(0, furthest))
    plot.append(
      rule(across(radius), BOX.bottom, across(radius), BOX.bottom + 3, "gw-tick"),
      write(across(radius), BOX.bottom + 12, String(radius)),
    );
  for (const brightness of ticks(high, low))
    plot.append(
      rule(BOX.left, down(brightness), BOX.right, down(brightness), "gw-gridline"),
      write(BOX.left - 4, down(brightness) + 3, String(brightness), "end"),
    );
  if (half !== null && half < furthest) {
    plot.append(rule(across(half), BOX.top, across(half), BOX.bottom, "gw-half"));
    plot.append(write(across(half) + 3, BOX.bottom - 4, "r½", "start"));
  }
  lines.forEach(({ band, colour, points }, index) => {
    const inside = points.filter(({ brightness }) => brightness <= low);
    const path = inside.map(({ radius, brightness }) => `${across(radius).toFixed(1)},${down(brightness).toFixed(1)}`);
    plot.append(drawn("polyline", { points: path.join(" "), stroke: colour, class: "gw-line-of-band" }));
    // profiles fall, so that the upper right corner is free
    const name = write(BOX.right - 14 * (lines.length - index), BOX.top + 9, band, "start");
    name.setAttribute("fill", colour);
    plot.append(name);
  });
  plot.append(rule(BOX.left, BOX.bottom, BOX.right, BOX.bottom, "gw-tick"));
  plot.append(write((BOX.left + BOX.right) / 2, HEIGHT - 2, "radius (arcsec)"));
  const bands = lines.map(({ band }) => band).join(", ");
  plot.setAttribute("aria-label", `radial profile in ${bands}, from ${bright.toFixed(1)} mag/arcsec² in the centre`);
  return plot;
}
