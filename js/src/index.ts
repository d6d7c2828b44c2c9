/** The front end: one session a widget, one view each time it is shown. */

import type { AnyModel, InitializeProps, RenderProps } from "@anywidget/types";
import { EDITOR_STATE, renderEditor } from "./editor_view";
import { FINDER_STATE, renderFinder } from "./find_view";
import { GRID_STATE, renderGrid } from "./grid_view";
import { MAP_STATE, renderMapGalaxies } from "./map_view";
import { type Saved, savedModel, withoutKernel } from "./saved";
import { Session } from "./session";
import { renderSweep, SWEEP_STATE } from "./sweep_view";
import { renderTraversal, TRAVERSAL_STATE } from "./traversal_view";

const KINDS = {
  grid: [renderGrid, GRID_STATE],
  sweep: [renderSweep, SWEEP_STATE],
  traversal: [renderTraversal, TRAVERSAL_STATE],
  editor: [renderEditor, EDITOR_STATE],
  finder: [renderFinder, FINDER_STATE],
  map: [renderMapGalaxies, MAP_STATE],
} as const;

const kindOf = (model: AnyModel) => KINDS[model.get("kind") as keyof typeof KINDS];

const widget = () => {
  let session: Session | undefined;
  return {
    initialize({ model }: InitializeProps) {
      session = new Session(model, kindOf(model)[1]);
      return () => session?.dispose();
    },
    render({ model, el }: RenderProps) {
      return session && kindOf(model)[0](session, el);
    },
  };
};

export default widget;

/** Show a widget whose answers were written into the page: galwidget/widgets/export.py calls this. */
export async function showSaved(saved: Saved, el: HTMLElement): Promise<void> {
  const model = await savedModel(saved);
  const { initialize, render } = widget();
  initialize({ model } as InitializeProps);
  render({ model, el } as RenderProps);
  withoutKernel(el);
}
