/** Bands to colours, stretch and softening: all of it done here, in the browser. */

import { field, row, Slider } from "./controls";
import { button, choice, element, section } from "./dom";
import type { Display } from "./lupton";
import { brief } from "./scale";
import type { Session } from "./session";

const COLOURS = ["red", "green", "blue"] as const;

/** The panel's section for the display; follows the session until `end` is called. */
export function displaySection(session: Session): { root: HTMLElement; end: () => void } {
  const first = session.display;
  const bands = session.get<string[]>("bands");
  const stretchScale = { low: first.stretch / 30, high: first.stretch * 100, log: true };

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
  const stretch = new Slider("stretch", "nJy", stretchScale, (value) => session.setDisplay({ stretch: value }));
  const soften = new Slider("softening Q", "", { low: 0.1, high: 100, log: true }, (value) =>
    session.setDisplay({ Q: value }),
  );

  const channels = element("span", { class: "gw-channels" });
  COLOURS.forEach((colour, index) => {
    const swatch = element("i", { class: `gw-swatch gw-${colour}`, "aria-hidden": "true" });
    channels.append(element("span", {}, swatch, selects[index] as Node, scales[index] as Node));
  });

  const show = () => {
    const { display } = session;
    selects.forEach((select, index) => {
      select.value = display.bands[index] as string;
    });
    scales.forEach((scale, index) => {
      if (document.activeElement !== scale) scale.value = brief(display.scale[index] as number);
    });
    stretch.show(display.stretch);
    soften.show(display.Q);
  };
  show();
  const reset = button(
    "reset",
    "back to the display of the survey",
    () => session.setDisplay({ ...first }),
    "gw-quiet",
  );
  const root = section("Display", channels, row("stretch", "nJy", stretch.root), row("softening Q", "", soften.root));
  root.querySelector("h4")?.append(reset);
  return { root, end: session.listen((what) => what === "display" && show()) };
}

function replaced<T extends Display["bands"] | Display["scale"]>(list: T, index: number, value: T[number]): T {
  const copy = [...list];
  copy[index] = value;
  return copy as T;
}
