/** Stitch: a cell under the widget's own that makes the selected galaxies again; where the host takes no cell, the code to be copied. */

import type { AnyModel } from "@anywidget/types";
import { button, choice, element, OWN_KEYS, say } from "./dom";
import type { Session } from "./session";

const FORMS = [
  ["galaxies", "Galaxies"],
  ["table", "table"],
  ["arrays", "arrays"],
  ["fits", "FITS"],
] as const;
/** What only galaxies that were seen become: those that Find looks through. */
const SEEN_FORMS = [...FORMS, ["compressed", "compressed file"]] as const;

const VIEW = "application/vnd.jupyter.widget-view+json";

/** The parts of JupyterLab that are needed, none of which anywidget promises: each is looked for. */
interface SharedNotebook {
  cells: readonly { toJSON(): unknown }[];
  insertCell(index: number, cell: Record<string, unknown>): unknown;
  undoManager?: { stopCapturing?(): void };
}
interface Widget {
  model_id?: string;
  get?(name: string): unknown;
}
interface Manager {
  context?: { model?: { sharedModel?: SharedNotebook } };
  has_model?(id: string): boolean;
  get_model?(id: string): Promise<Widget>;
}

/** Put a code cell under the first cell whose output shows the widget `modelId`, alone or inside of others; false where that cannot be done. */
export async function insertBelow(manager: unknown, modelId: string, source: string): Promise<boolean> {
  const shared = (manager as Manager | undefined)?.context?.model?.sharedModel;
  if (!Array.isArray(shared?.cells) || typeof shared.insertCell !== "function") return false;
  for (const [index, cell] of shared.cells.entries()) {
    for (const id of viewsIn(cell.toJSON())) {
      if (!(await holds(manager as Manager, id, modelId))) continue;
      // changes of the same half second are one step of undo: the cell is to be a step of its own
      shared.undoManager?.stopCapturing?.();
      shared.insertCell(index + 1, { cell_type: "code", source, metadata: {} });
      shared.undoManager?.stopCapturing?.();
      return true;
    }
  }
  return false;
}

/** Names of the widgets that a cell's outputs show. */
function viewsIn(cell: unknown): string[] {
  const { outputs } = cell as { outputs?: { data?: Record<string, { model_id?: string }> }[] };
  return (outputs ?? []).flatMap((output) => output.data?.[VIEW]?.model_id ?? []);
}

/** Whether the widget `id` is `wanted`, or a box or a tab that has it. */
async function holds(manager: Manager, id: string, wanted: string): Promise<boolean> {
  if (id === wanted) return true;
  if (!manager.has_model?.(id)) return false;
  const children = (await manager.get_model?.(id))?.get?.("children");
  for (const child of Array.isArray(children) ? (children as Widget[]) : [])
    if (child.model_id && (await holds(manager, child.model_id, wanted))) return true;
  return false;
}

export class Stitch {
  /** The button, and what the cell ends with. */
  readonly root: HTMLElement;
  /** What became of it, and the code where no cell could be put. */
  readonly shown: HTMLElement;
  readonly #words = element("small", { role: "status" });
  readonly #code = element("pre", { ...OWN_KEYS, tabindex: 0, "aria-label": "code of the selected galaxies" });
  readonly #form: HTMLSelectElement;

  constructor(private readonly session: Session) {
    const forms = session.get<string>("kind") === "finder" ? SEEN_FORMS : FORMS;
    this.#form = choice("the new cell gives", forms, "galaxies", () => {});
    const title = "a cell below this one that makes the selected galaxies again (s)";
    const stitch = button("stitch", title, () => void this.run(), "gw-tool");
    this.root = element("span", { class: "gw-stitch" }, stitch, this.#form);
    this.root.hidden = Boolean(session.get<boolean | undefined>("saved"));
    const close = button("×", "close the code", () => this.#show("", ""), "gw-quiet");
    this.shown = element(
      "div",
      { class: "gw-stitched", hidden: true },
      element("header", {}, this.#words, close),
      this.#code,
    );
  }

  /** Ask for the code and put it under the widget. */
  async run(): Promise<void> {
    if (this.root.hidden) return;
    const answer = await this.session.code(this.#form.value);
    if (!answer) {
      // an error of the kernel's own is shown where all of them are
      if (!this.session.error) this.#show("the kernel is gone or was asked again: no code came", "");
      return;
    }
    const manager = (this.session.model as AnyModel & { widget_manager?: unknown }).widget_manager;
    const put = await insertBelow(manager, answer.modelId, answer.code).catch(() => false);
    if (put) this.#show("a cell was put below this one; undo takes it away", "");
    else if (await copied(answer.code))
      this.#show("this host takes no new cell: the code is copied, paste it into one", answer.code);
    else this.#show("this host takes no new cell and no copy: select the code and copy it", answer.code);
  }

  #show(words: string, code: string): void {
    this.shown.hidden = !words;
    say(this.#words, words);
    say(this.#code, code);
    this.#code.hidden = !code;
  }
}

async function copied(text: string): Promise<boolean> {
  try {
    await navigator.clipboard.writeText(text);
    return true;
  } catch {
    return false;
  }
}
