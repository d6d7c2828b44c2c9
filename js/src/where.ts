/** Select by attribute: a condition is typed, the kernel says which galaxies fulfil it. */

import { element, say } from "./dom";
import type { Session } from "./session";

let made = 0;

export class Where {
  readonly root: HTMLElement;
  readonly #field: HTMLInputElement;
  readonly #words = element("small", { role: "status" });
  readonly #names = element("datalist", {});

  constructor(private readonly session: Session) {
    this.#names.id = `gw-where-${made++}`;
    this.#field = element("input", {
      type: "text",
      class: "gw-field gw-where-field",
      placeholder: "mag_r < 19",
      "aria-label": "select by attribute",
      title: 'select by attribute (/): mag_r < 19 and morphology == "Sc"',
      spellcheck: "false",
      autocapitalize: "off",
      list: this.#names.id,
    });
    // inside JupyterLab Enter does not end in a change event
    this.#field.addEventListener("keydown", (event) => {
      if (event.key === "Enter") void this.#run();
    });
    this.#field.addEventListener("focus", () => this.#offer());
    this.root = element("span", { class: "gw-where-line" }, this.#field, this.#names, this.#words);
    this.root.hidden = Boolean(session.get<boolean | undefined>("saved"));
  }

  focus(): void {
    this.#field.focus();
  }

  /** The names of what the galaxies have, to be completed. */
  #offer(): void {
    const names = (this.session.frame?.attributes ?? []).map((column) => column.name);
    this.#names.replaceChildren(...names.map((name) => element("option", { value: name })));
  }

  async #run(): Promise<void> {
    const condition = this.#field.value.trim();
    if (!condition) return;
    say(this.#words, "");
    const found = await this.session.where(condition);
    if (found) {
      this.session.setSelection(found.selection);
      say(this.#words, `${found.selection.length} of ${found.total}`);
    } else if (!this.session.error) say(this.#words, "no answer: the kernel is gone or was asked again");
  }
}
