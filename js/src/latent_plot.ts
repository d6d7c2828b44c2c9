/** A small plot of a posterior: each latent dimension's mean and how far it is spread. */

import { drawn } from "./profile_plot";
import { brief, signed, withError } from "./scale";

export interface Posterior {
  mean: readonly number[];
  std: readonly number[];
}

const [WIDTH, HEIGHT] = [236, 64];
/** Standard deviations of the prior that are shown at least; room beyond the last. */
const [REACH, ROOM] = [3, 1.1];

/** The plot, whose scale is the same for every galaxy as far as none is farther out. */
export function latentPlot({ mean, std }: Posterior): SVGElement {
  const plot = drawn("svg", {
    viewBox: `0 0 ${WIDTH} ${HEIGHT}`,
    class: "gw-profile",
    role: "img",
    "aria-label": inWords({ mean, std }),
  });
  const reach = Math.max(REACH, ...mean.map((value, dim) => Math.abs(value) + (std[dim] ?? 0)));
  const y = (value: number) => (HEIGHT / 2) * (1 - value / (ROOM * reach));
  plot.append(drawn("line", { x1: 0, x2: WIDTH, y1: y(0), y2: y(0), class: "gw-gridline" }));
  mean.forEach((value, dim) => {
    const x = ((dim + 0.5) * WIDTH) / mean.length;
    const spread = std[dim] ?? 0;
    const mark = drawn("g", {});
    mark.append(
      drawn("title", {}, `z${dim} = ${spread ? withError(value, spread) : signed(value, 2)}`),
      drawn("line", { x1: x, x2: x, y1: y(value - spread), y2: y(value + spread), class: "gw-half gw-spread" }),
      drawn("circle", { cx: x, cy: y(value), r: 2, class: "gw-point" }),
    );
    plot.append(mark);
  });
  return plot;
}

/** What there is to say of it. */
export function inWords({ mean, std }: Posterior): string {
  const widest = Math.max(0, ...std);
  const spread = widest > 0 ? `posterior spread ${brief(Math.min(...std))} to ${brief(widest)}` : "a point";
  return `latent, ${mean.length} numbers: ${spread}`;
}
