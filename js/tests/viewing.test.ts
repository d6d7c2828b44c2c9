/** Undo, one band alone, and what is known of a galaxy's attributes. */
import { beforeEach, describe, expect, it } from "vitest";
import { attributesOf } from "../src/attributes";
import { History } from "../src/history";
import type { Display } from "../src/lupton";
import type { Frame } from "../src/protocol";
import { touched } from "../src/selection";
import type { Happening, Session } from "../src/session";
import { Viewing } from "../src/viewing";

describe("a history", () => {
  it("goes back and forth, and forgets what was undone when something new is done", () => {
    const history = new History("a");
    for (const state of ["b", "c"]) history.record(state);
    expect(history.step(1)).toBeNull();
    expect(history.step(-1)).toBe("b");
    expect(history.step(-1)).toBe("a");
    expect(history.step(-1)).toBeNull();
    expect(history.step(1)).toBe("b");
    history.record("d");
    expect(history.can(1)).toBe(false);
    expect(history.step(-1)).toBe("b");
  });
  it("takes a drag of a slider as one step, and a pause as two", () => {
    let time = 0;
    const history = new History(0, () => time);
    for (let value = 1; value <= 50; value++) {
      time += 16;
      history.record(value, "stretch");
    }
    time += 5000;
    history.record(51, "stretch");
    expect([history.step(-1), history.step(-1), history.step(-1)]).toEqual([50, 0, null]);
  });
  it("keeps a hundred steps, and no more", () => {
    const history = new History(0);
    for (let value = 1; value <= 500; value++) history.record(value);
    let steps = 0;
    while (history.step(-1) !== null) steps += 1;
    expect(steps).toBe(99);
  });
});

class Sitting {
  display: Display = { bands: ["i", "r", "g"], scale: [1, 1, 1], stretch: 10, Q: 8 };
  selection: number[] = [];
  held = false;
  readonly stateNames = ["seed", "conditions"];
  readonly state: Record<string, unknown> = { seed: 1, conditions: {} };
  #hear: (what: Happening) => void = () => {};
  listen(hear: (what: Happening) => void) {
    this.#hear = hear;
    return () => {};
  }
  setDisplay(changes: Partial<Display>) {
    this.display = { ...this.display, ...changes };
    this.#hear("display");
  }
  get(name: string) {
    return this.state[name];
  }
  set(changes: Record<string, unknown>) {
    Object.assign(this.state, changes);
    this.#hear("state");
  }
  setSelection(selection: readonly number[]) {
    this.selection = [...selection];
    this.#hear("selection");
  }
}

describe("a viewing", () => {
  it("undoes what was asked for, a drag as a whole, and tells the kernel", () => {
    for (let mag_r = 18; mag_r < 20; mag_r += 0.1) {
      sitting.held = true;
      sitting.set({ conditions: { mag_r } });
    }
    sitting.held = false;
    for (const seed of [2, 3]) sitting.set({ seed });
    sitting.setSelection([4]);
    for (const left of [3, 2, 1]) {
      viewing.step(-1);
      expect([sitting.state.seed, sitting.selection]).toEqual([left, []]);
      expect(Object.keys(sitting.state.conditions as object)).toEqual(["mag_r"]);
    }
    viewing.step(-1);
    expect(sitting.state).toEqual({ seed: 1, conditions: {} });
    expect(viewing.can(-1)).toBe(false);
    for (let step = 0; step < 4; step++) viewing.step(1);
    expect(sitting.state.seed).toBe(3);
    expect(sitting.selection).toEqual([4]);
  });

  it("does not take what is told again for a change", () => {
    sitting.set({ seed: 1 });
    expect(viewing.can(-1)).toBe(false);
  });

  let sitting: Sitting;
  let viewing: Viewing;
  beforeEach(() => {
    sitting = new Sitting();
    viewing = new Viewing(sitting as unknown as Session);
  });

  it("undoes and redoes selections, displays and looks in the order in which they were made", () => {
    sitting.setSelection([3]);
    viewing.set({ invert: true });
    sitting.setDisplay({ stretch: 50 });
    viewing.step(-1);
    expect([sitting.display.stretch, viewing.settings.invert, sitting.selection]).toEqual([10, true, [3]]);
    viewing.step(-1);
    viewing.step(-1);
    expect([viewing.settings.invert, sitting.selection]).toEqual([false, []]);
    expect(viewing.step(-1)).toBe(false);
    for (let step = 0; step < 3; step++) viewing.step(1);
    expect([sitting.display.stretch, viewing.settings.invert, sitting.selection]).toEqual([50, true, [3]]);
  });

  it("shows a band that is here without asking for another, and fetches one that is not", () => {
    viewing.showBand("r");
    expect(viewing.settings.band).toBe("r");
    expect(sitting.display.bands).toEqual(["i", "r", "g"]);
    viewing.showBand("u");
    expect(sitting.display.bands).toEqual(["u", "u", "u"]);
    viewing.showBand(null);
    expect(viewing.settings).toMatchObject({ band: null, bands: ["i", "r", "g"] });
    viewing.step(-1);
    expect(viewing.settings).toMatchObject({ band: "u", bands: ["u", "u", "u"] });
  });

  it("undoes the drag of a slider as a whole, and what was clicked soon after on its own", () => {
    for (let stretch = 11; stretch < 30; stretch++) sitting.setDisplay({ stretch });
    sitting.setSelection([1]);
    sitting.setSelection([1, 2]);
    viewing.step(-1);
    expect(sitting.selection).toEqual([1]);
    viewing.step(-1);
    expect([sitting.selection, sitting.display.stretch]).toEqual([[], 29]);
    viewing.step(-1);
    expect(sitting.display.stretch).toBe(10);
  });

  it("undoes what the editor compares, and a reset of the colours leaves it", () => {
    viewing.set({ residual: "u" });
    viewing.set({ pair: [0, 3] });
    viewing.reset({ ...sitting.display, Q: 3 });
    expect(viewing.settings).toMatchObject({ residual: "u", pair: [0, 3], Q: 3 });
    for (let step = 0; step < 2; step++) viewing.step(-1);
    expect(viewing.settings).toMatchObject({ residual: "u", pair: [0, 1], Q: 8 });
    viewing.step(-1);
    expect(viewing.settings).toMatchObject({ residual: null, pair: [0, 1] });
  });

  it("undoes a pan or a turn of the wheel as a whole, of each picture by itself, and the settings stay", () => {
    const { settings } = viewing;
    for (let factor = 1.25; factor < 5; factor *= 1.25) viewing.zoom("sheet", { factor, x: 0.5, y: 0.5 });
    for (let x = 0.5; x < 0.6; x += 0.01) viewing.zoom("large", { factor: 2, x, y: 0.5 });
    sitting.setSelection([2]);
    viewing.step(-1);
    viewing.step(-1);
    expect([viewing.zooms.large.factor, sitting.selection]).toEqual([1, []]);
    expect(viewing.zooms.sheet.factor).toBeGreaterThan(4);
    viewing.step(-1);
    expect(viewing.zooms.sheet.factor).toBe(1);
    viewing.step(1);
    expect(viewing.zooms.sheet.factor).toBeGreaterThan(4);
    expect(viewing.settings).toEqual(settings);
  });

  it("is reset in one step", () => {
    viewing.set({ map: "magma", invert: true });
    viewing.showBand("r");
    viewing.reset({ ...sitting.display, Q: 3 });
    expect(viewing.settings).toMatchObject({ band: null, map: "gray", invert: false, Q: 3 });
    viewing.step(-1);
    expect(viewing.settings).toMatchObject({ band: "r", map: "magma", invert: true, Q: 8 });
  });
});

describe("the attributes of a galaxy", () => {
  const column = (name: string, label: string, value: number | string | null) => ({
    name,
    label,
    unit: name.endsWith("area") ? "arcsec2" : "",
    values: [null, value],
  });
  const frame = {
    attributes: [
      column("requested_area", "requested isophotal area", 3),
      column("area", "isophotal area", 3.1234),
      column("morphology", "Hubble type", "Sb"),
      column("redshift", "redshift", null),
    ],
  } as Frame;

  it("stand in one row a quantity: requested, measured on the picture, predicted where no picture shows it", () => {
    const rows = attributesOf(frame, 1, "predicted");
    expect(rows.map(({ label }) => label)).toEqual(["isophotal area", "Hubble type", "redshift"]);
    expect(rows[0]).toMatchObject({
      unit: "arcsec²",
      value: 3.1234,
      words: { requested: "3", measured: "3.123" },
    });
    expect(rows[1]?.words).toEqual({ value: "Sb" });
    expect(rows[2]?.words).toEqual({ value: "–" });
  });
  it("of a catalogue are its own values", () => {
    expect(attributesOf(frame, 1, "catalogue")[0]?.words).toEqual({ requested: "3", value: "3.123" });
  });
  it("have what was asked of all galaxies beside them", () => {
    const rows = attributesOf(frame, 1, "predicted", { redshift: [0.1, 0.2], morphology: ["Sb", "Sc"], mag_r: 18 });
    expect(rows.map(({ words }) => words.requested)).toEqual(["3", "Sb, Sc", "0.1 to 0.2"]);
  });
});

describe("a rectangle", () => {
  const boxes = Array.from({ length: 6 }, (_, cell) => {
    const [left, top] = [(cell % 3) * 10, Math.floor(cell / 3) * 10];
    return { left, right: left + 9, top, bottom: top + 9 };
  });
  it("selects the cells that it touches, beside those that were", () => {
    expect(touched(boxes, { left: 5, right: 12, top: 2, bottom: 30 }, [])).toEqual([0, 1, 3, 4]);
    expect(touched(boxes, { left: 21, right: 22, top: 1, bottom: 2 }, [2, 5])).toEqual([2, 5]);
  });
});
