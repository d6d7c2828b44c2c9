/**
 * The anywidget module: it finds the front end in the page, or starts the one that came with the widget.
 *
 * A page never forgets a module that it has loaded, and anywidget loads one for each widget: a cell that is run again would cost the whole
 * front end each time.
 */

import type { AnyModel, InitializeProps, RenderProps } from "@anywidget/types";

type FrontEnd = typeof import("./index");

const KEY = Symbol.for("galwidget");
const page = globalThis as { [KEY]?: Map<string, Promise<FrontEnd>> };

/** The front end of a source text, evaluated once a page. */
function frontEnd(source: string): Promise<FrontEnd> {
  page[KEY] ??= new Map();
  const known = page[KEY].get(source);
  if (known) return known;
  const url = URL.createObjectURL(new Blob([source], { type: "text/javascript" }));
  const started = (import(url) as Promise<FrontEnd>).finally(() => URL.revokeObjectURL(url));
  page[KEY].set(source, started);
  return started;
}

export default () => {
  let widget: ReturnType<FrontEnd["default"]>;
  return {
    async initialize(props: InitializeProps) {
      const { model } = props as { model: AnyModel };
      widget = (await frontEnd(model.get("_bundle"))).default();
      const end = widget.initialize(props);
      return () => {
        end();
        // JupyterLab keeps the model of a closed widget
        model.set("_bundle", "");
      };
    },
    render: (props: RenderProps) => widget.render(props),
  };
};
