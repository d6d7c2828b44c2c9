import { describe, expect, it } from "vitest";
import { insertBelow } from "../src/stitch";

const VIEW = "application/vnd.jupyter.widget-view+json";
const shows = (...ids: string[]) => ({
  toJSON: () => ({
    outputs: [{ data: { "text/plain": "" } }, {}, ...ids.map((id) => ({ data: { [VIEW]: { model_id: id } } }))],
  }),
});

/** A notebook as far as JupyterLab's manager shows it, and the cells put into it. */
function notebook(cells: { toJSON(): unknown }[], children: Record<string, string[]> = {}) {
  const put: [number, Record<string, unknown>][] = [];
  const sharedModel = { cells, insertCell: (index: number, cell: Record<string, unknown>) => put.push([index, cell]) };
  const manager = {
    context: { model: { sharedModel } },
    has_model: (id: string) => id in children,
    get_model: async (id: string) => ({ get: () => children[id]?.map((child) => ({ model_id: child })) }),
  };
  return { manager, put };
}

describe("a stitched cell", () => {
  it("goes below the cell that shows the widget", async () => {
    const { manager, put } = notebook([{ toJSON: () => ({ source: "# words" }) }, shows("a"), shows("b"), shows("c")]);
    expect(await insertBelow(manager, "b", "selected")).toBe(true);
    expect(put).toEqual([[3, { cell_type: "code", source: "selected", metadata: {} }]]);
  });

  it("finds a widget inside of tabs and boxes", async () => {
    const { manager, put } = notebook([shows("x"), shows("tabs")], { tabs: ["box", "y"], box: ["z", "b"] });
    expect(await insertBelow(manager, "b", "")).toBe(true);
    expect(put[0]?.[0]).toBe(2);
  });

  it("is refused where no output shows the widget", async () => {
    const { manager, put } = notebook([shows("a")]);
    expect(await insertBelow(manager, "b", "")).toBe(false);
    expect(put).toEqual([]);
  });

  it.each([
    ["no manager", undefined],
    ["no context", {}],
    ["a context of another kind", { context: { model: {} } }],
    ["a notebook that takes no cells", { context: { model: { sharedModel: { cells: [shows("b")] } } } }],
  ])("is refused by a host with %s", async (_, manager) => {
    expect(await insertBelow(manager, "b", "")).toBe(false);
  });
});
