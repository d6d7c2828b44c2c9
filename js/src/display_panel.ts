/** Bands to colours or one band alone, stretch and softening: all of it done here, in the browser. */

import { type ColourMap, gradient, SINGLE_BAND } from "./colour_map";
import { field, row, Slider } from "./controls";
import { button, choice, element, section } from "./dom";
import type { Display } from "./lupton";
import { brief } from "./scale";
import type { Session } from "./session";
import { viewingOf } from "./viewing";

const COLOURS = ["red", "green", "blue"] as const;
const ALL = "";

/** The panel's section for the display; follows the session until `end` is called. */
export function displaySection(session: Session): { root: HTMLElement; end: () => void } {
  const viewing = viewingOf(session);
  const first = session.display;
  const bands = session.get<string[]>("bands");
  const stretchScale = { low: first.stretch / 30, high: first.stretch * 100, log: true };

  const shown = choice(
    "bands shown",
    [[ALL, "three bands"], ...bands.map((band) => [band, `${band} alone`] as const)],
    ALL,
    (band) => viewing.showBand(band === ALL ? null : band),
  );
  const sky = button("light sky", "dark galaxies on a light sky, hues kept (x)", () =>
    viewing.set({ invert: !viewing.settings.invert }),
  );

  const selects = COLOURS.map((colour, index) =>
    choice(
      `band shown as ${colour}`,
      bands.map((band) => [band, band] as const),
      first.bands[index] as string,
      (band) => session.setDisplay({ bands: replaced(session.display.bands, index, band) }),
    ),
  );
  const scales = COLOURS.map((colour, index) =>
    field(
      `factor of ${colour}`,
      (value) => value > 0 && session.setDisplay({ scale: replaced(session.display.scale, index, value) }),
    ),
  );
  const channels = element("span", { class: "gw-channels" });
  COLOURS.forEach((colour, index) => {
    const swatch = element("i", { class: `gw-swatch gw-${colour}`, "aria-hidden": "true" });
    channels.append(element("span", {}, swatch, selects[index] as Node, scales[index] as Node));
  });

  const map = choice(
    "colours of the band",
    SINGLE_BAND.map((name) => [name, name] as const),
    "gray",
    (name) => viewing.set({ map: name as ColourMap }),
  );
  const bar = element("span", { class: "gw-bar", "aria-hidden": "true" });
  const alone = row("colour map", "", map, bar);

  const stretch = new Slider("stretch", "nJy", stretchScale, (value) => session.setDisplay({ stretch: value }));
  const soften = new Slider("softening Q", "", { low: 0.1, high: 100, log: true }, (value) =>
    session.setDisplay({ Q: value }),
  );

  let painted = "";
  const paintBar = (name: ColourMap, reversed: boolean) => {
    if (painted === `${name} ${reversed}`) return;
    painted = `${name} ${reversed}`;
    bar.style.background = gradient(name, reversed);
  };
  const show = () => {
    const { settings } = viewing;
    shown.value = settings.band ?? ALL;
    channels.hidden = settings.band !== null;
    alone.hidden = settings.band === null;
    map.value = settings.map;
    paintBar(settings.map, settings.invert);
    sky.setAttribute("aria-pressed", String(settings.invert));
    selects.forEach((select, index) => {
      select.value = settings.bands[index] as string;
    });
    scales.forEach((scale, index) => {
      if (document.activeElement !== scale) scale.value = brief(settings.scale[index] as number);
    });
    stretch.show(settings.stretch);
    soften.show(settings.Q);
  };
  show();
  const reset = button("reset", "back to the display of the survey", () => viewing.reset(first), "gw-quiet");
  const root = section(
    "Display",
    row("show", "", shown, sky),
    channels,
    alone,
    row("stretch", "nJy", stretch.root),
    row("softening Q", "", soften.root),
  );
  root.querySelector("h4")?.append(reset);
  return { root, end: viewing.listen(show) };
}

function replaced<T extends Display["bands"] | Display["scale"]>(list: T, index: number, value: T[number]): T {
  const copy = [...list];
  copy[index] = value;
  return copy as T;
}
