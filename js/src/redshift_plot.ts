/** A small plot of the density of a redshift. */

import { drawn, ticks } from "./profile_plot";
import { brief } from "./scale";

export interface RedshiftDensity {
  z: readonly number[];
  density: readonly number[];
}

const [WIDTH, HEIGHT] = [236, 84];
const BOX = { left: 8, right: WIDTH - 8, top: 4, bottom: HEIGHT - 18 };

/** The plot, from the first to the last of the given redshifts. */
export function redshiftPlot({ z, density }: RedshiftDensity): SVGElement {
  const plot = drawn("svg", { viewBox: `0 0 ${WIDTH} ${HEIGHT}`, class: "gw-profile", role: "img" });
  plot.setAttribute("aria-label", redshiftInWords({ z, density }));
  const [low, high] = [z[0] ?? 0, z.at(-1) ?? 1];
  const top = Math.max(...density, 1e-9);
  const across = (value: number) => BOX.left + ((value - low) / Math.max(high - low, 1e-9)) * (BOX.right - BOX.left);
  const down = (value: number) => BOX.bottom - (value / top) * (BOX.bottom - BOX.top);
  const points = z.map((value, at) => `${across(value).toFixed(1)},${down(density[at] ?? 0).toFixed(1)}`);
  // the curve need not come down to zero at its ends, and the area under it does
  const under = [`${BOX.left},${BOX.bottom}`, ...points, `${BOX.right},${BOX.bottom}`];
  plot.append(
    drawn("polygon", { points: under.join(" "), class: "gw-under" }),
    drawn("line", { x1: BOX.left, x2: BOX.right, y1: BOX.bottom, y2: BOX.bottom, class: "gw-gridline" }),
    drawn("polyline", { points: points.join(" "), class: "gw-density" }),
  );
  for (const tick of ticks(low, Math.max(high, low + 1e-6)))
    plot.append(
      drawn("line", { x1: across(tick), x2: across(tick), y1: BOX.bottom, y2: BOX.bottom + 3, class: "gw-tick" }),
      drawn("text", { x: across(tick), y: BOX.bottom + 13, "text-anchor": "middle" }, String(tick)),
    );
  return plot;
}

/** Where the density is highest. */
export function redshiftInWords({ z, density }: RedshiftDensity): string {
  const best = z[density.indexOf(Math.max(...density))];
  return `density of the redshift${best === undefined ? "" : `, highest at ${brief(best)}`}`;
}
