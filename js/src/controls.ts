/** Sliders with a value that can be read and typed, and the control of a condition: free, set, or a range. */

import { button, element } from "./dom";
import { formatted, type Scale, STEPS, toStep, toValue, unitWords } from "./scale";
import type { Session } from "./session";

/** Rows or columns of galaxies on a grid. */
const MOST = 32;

export interface Condition extends Scale {
  name: string;
  label: string;
  unit: string;
  default: number;
  categories: string[] | null;
}

/** What is asked of a condition: undefined is free, a number, a pair, or names of categories. */
export type Asked = number | [number, number] | string[] | undefined;

/** A row of the panel: label and unit on the left, then the controls. */
export function row(label: string, unit: string, ...children: Node[]): HTMLElement {
  const name = element("span", { class: "gw-label", title: unit ? `${label} (${unit})` : label }, label);
  if (unit) name.append(" ", element("small", {}, unitWords(unit)));
  return element("div", { class: "gw-row" }, name, ...children);
}

/** One thumb. */
function thumb(label: string, title: string): HTMLInputElement {
  return element("input", { type: "range", min: 0, max: STEPS, step: 1, "aria-label": label, title });
}

/** A number that is typed. */
export function field(label: string, act: (value: number) => void): HTMLInputElement {
  const made = element("input", {
    type: "text",
    inputmode: "decimal",
    class: "gw-field",
    "aria-label": label,
    spellcheck: "false",
  });
  let done = "";
  const commit = () => {
    const text = made.value.trim();
    const value = Number(text);
    if (text === "" || text === done || !Number.isFinite(value)) return;
    done = text;
    act(value);
  };
  made.addEventListener("focus", () => {
    done = made.value.trim();
  });
  made.addEventListener("change", commit);
  // inside JupyterLab Enter does not end in a change event
  made.addEventListener("keydown", (event) => {
    if (event.key === "Enter") commit();
  });
  return made;
}

/** A whole number that is typed, from 1 to `most`, which is a trait of the state. */
export function counted(session: Session, label: string, trait: string, most = MOST): HTMLInputElement {
  return field(label, (value) => session.set({ [trait]: Math.min(most, Math.max(1, Math.round(value))) }));
}

/** A slider and its value, for one number. */
export class Slider {
  readonly root: HTMLElement;
  readonly input: HTMLInputElement;
  readonly #field: HTMLInputElement;
  #value = Number.NaN;

  constructor(
    label: string,
    private readonly unit: string,
    private scale: Scale,
    act: (value: number) => void,
    released: () => void = () => {},
  ) {
    this.input = thumb(label, label);
    this.#field = field(`${label}, typed`, (value) => {
      this.show(value);
      act(value);
      released();
    });
    this.input.addEventListener("input", () => {
      this.show(toValue(this.input.valueAsNumber, this.scale));
      act(this.#value);
    });
    this.input.addEventListener("change", released);
    this.root = element("span", { class: "gw-slider" }, this.input, this.#field);
  }

  show(value: number, scale: Scale = this.scale): void {
    this.scale = scale;
    this.#value = value;
    const step = String(toStep(value, scale));
    if (this.input.value !== step) this.input.value = step;
    const text = formatted(value, scale);
    if (document.activeElement !== this.#field || this.#field.value === "") this.#field.value = text;
    this.input.setAttribute("aria-valuetext", `${text} ${this.unit}`.trim());
  }
}

const MODES = [
  ["free", "any", "free: whatever the galaxies have"],
  ["set", "=", "set: this value"],
  ["range", "↔", "range: between two values"],
] as const;
type Mode = (typeof MODES)[number][0];

/** The control of one condition. */
export class ConditionControl {
  readonly root: HTMLElement;
  readonly #modes = new Map<Mode, HTMLButtonElement>();
  readonly #thumbs: [HTMLInputElement, HTMLInputElement];
  readonly #fields: [HTMLInputElement, HTMLInputElement];
  readonly #track = element("span", { class: "gw-track" });
  #asked: Asked;
  #resting: number;

  constructor(
    private readonly condition: Condition,
    private readonly act: (asked: Asked) => void,
    options: { ranges: boolean; free: string } = { ranges: true, free: "any" },
  ) {
    const { label, unit, low, high } = condition;
    this.#resting = condition.default;
    const modes = element("span", {
      class: "gw-modes",
      role: "radiogroup",
      "aria-label": `${label}: free, set or range`,
    });
    for (const [mode, sign, title] of MODES) {
      if (mode === "range" && !options.ranges) continue;
      const made = button(
        mode === "free" ? options.free : sign,
        `${label} ${title}`,
        () => this.#enter(mode),
        "gw-mode",
      );
      made.setAttribute("role", "radio");
      this.#modes.set(mode, made);
      modes.append(made);
    }
    this.#thumbs = [thumb(label, label), thumb(`${label}, highest`, `${label}, highest`)];
    this.#fields = [
      field(`${label}, typed`, (value) => this.#typed(0, value)),
      field(`${label}, highest, typed`, (value) => this.#typed(1, value)),
    ];
    for (const input of this.#thumbs) input.addEventListener("input", () => this.#slid(input));
    this.#track.append(...this.#thumbs);
    this.root = row(label, unit, modes, this.#track, element("span", { class: "gw-fields" }, ...this.#fields));
    this.root.classList.toggle("gw-single", !options.ranges);
    this.#thumbs[1].value = String(toStep(high, condition));
    this.#thumbs[0].value = String(toStep(low, condition));
    this.show(undefined);
  }

  /** Show what is asked; `resting` is where a free slider stands. */
  show(asked: Asked, resting: number = this.#resting): void {
    this.#asked = asked;
    this.#resting = resting;
    const mode: Mode = asked === undefined ? "free" : Array.isArray(asked) ? "range" : "set";
    this.root.dataset.mode = mode;
    for (const [name, made] of this.#modes) made.setAttribute("aria-checked", String(name === mode));
    const numbers = (Array.isArray(asked) ? asked : [asked ?? resting]) as number[];
    this.#thumbs.forEach((input, index) => {
      const value = numbers[index] ?? (numbers[0] as number);
      if (index < numbers.length) input.value = String(toStep(value, this.condition));
      input.hidden = index >= numbers.length;
      const text = formatted(value, this.condition);
      input.setAttribute("aria-valuetext", mode === "free" ? "free" : `${text} ${this.condition.unit}`.trim());
      const typed = this.#fields[index] as HTMLInputElement;
      typed.hidden = index >= numbers.length;
      if (document.activeElement !== typed) typed.value = mode === "free" && !Number.isFinite(value) ? "" : text;
    });
    const [from, to] = mode === "range" ? [this.#thumbs[0].value, this.#thumbs[1].value] : ["0", this.#thumbs[0].value];
    this.#track.style.setProperty("--from", `${(100 * Number(from)) / STEPS}%`);
    this.#track.style.setProperty("--to", `${(100 * Number(to)) / STEPS}%`);
  }

  #enter(mode: Mode): void {
    const one = Array.isArray(this.#asked)
      ? ((this.#asked[0] as number) + (this.#asked[1] as number)) / 2
      : (this.#asked ?? this.#resting);
    const { low, high } = this.condition;
    const around = (high - low) / 10;
    const range: [number, number] = [Math.max(low, (one as number) - around), Math.min(high, (one as number) + around)];
    this.#ask(
      mode === "free" ? undefined : mode === "set" ? (one as number) : Array.isArray(this.#asked) ? this.#asked : range,
    );
  }

  #slid(input: HTMLInputElement): void {
    const value = toValue(input.valueAsNumber, this.condition);
    if (!Array.isArray(this.#asked)) {
      this.#ask(value);
      return;
    }
    // two thumbs that meet push each other
    const other = this.#asked[input === this.#thumbs[0] ? 1 : 0] as number;
    const first = input === this.#thumbs[0];
    this.#ask(first ? [value, Math.max(value, other)] : [Math.min(value, other), value]);
  }

  #typed(index: 0 | 1, value: number): void {
    if (!Array.isArray(this.#asked)) {
      this.#ask(value);
      return;
    }
    const both = [...this.#asked] as [number, number];
    both[index] = value;
    this.#ask(both[0] <= both[1] ? both : [both[1], both[0]]);
  }

  #ask(asked: Asked): void {
    this.show(asked);
    this.act(asked);
  }
}

/** The control of a condition with names for values: any, or one or more of them. */
export class CategoryControl {
  readonly root: HTMLElement;
  readonly #buttons = new Map<string, HTMLButtonElement>();
  #asked: string[] = [];

  constructor(
    condition: Condition,
    private readonly act: (asked: Asked) => void,
    private readonly several = true,
  ) {
    const names = element("span", { class: "gw-modes gw-categories", role: "group", "aria-label": condition.label });
    for (const name of condition.categories ?? []) {
      const made = button(name, `${condition.label} ${name}`, () => this.#toggle(name), "gw-mode");
      this.#buttons.set(name, made);
      names.append(made);
    }
    this.root = row(condition.label, condition.unit, names);
  }

  show(asked: Asked, resting?: string): void {
    this.#asked = Array.isArray(asked) ? asked.map(String) : [];
    for (const [name, made] of this.#buttons) {
      made.setAttribute("aria-pressed", String(this.#asked.includes(name)));
      made.classList.toggle("gw-resting", this.#asked.length === 0 && name === resting);
    }
  }

  #toggle(name: string): void {
    const there = this.#asked.includes(name);
    const asked = this.several
      ? there
        ? this.#asked.filter((other) => other !== name)
        : [...this.#asked, name]
      : there
        ? []
        : [name];
    this.show(asked);
    this.act(asked.length ? asked : undefined);
  }
}
