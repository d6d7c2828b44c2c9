/** A widget's model in a page without a kernel: its state, and the answers that were written into the page. */

import type { AnyModel } from "@anywidget/types";

/** One answer of the kernel; each buffer gzipped, in base64. */
interface Packed {
  content: Record<string, unknown>;
  buffers: string[];
}

/** What galwidget/widgets/export.py writes of a widget. */
export interface Saved {
  state: Record<string, unknown>;
  frame: Packed;
  strips: Packed[];
}

type Listener = (...values: unknown[]) => void;

/** Controls that work without a kernel. */
const WORKING = ["Display", "Scrub"];

/** anywidget's model as far as a session needs it: traits, and answers to requests. */
export async function savedModel({ state, frame, strips }: Saved): Promise<AnyModel> {
  const traits: Record<string, unknown> = { ...state, saved: true };
  const hear = new Map<string, Set<Listener>>();
  const [picture, ...rows] = await Promise.all([frame, ...strips].map(unpacked));
  const say = (name: string, ...values: unknown[]) => {
    for (const listener of hear.get(name) ?? []) listener(...values);
  };
  const model = {
    get: (name: string) => traits[name],
    set: (name: string, value: unknown) => {
      traits[name] = value;
      say(`change:${name}`);
    },
    save_changes: () => {},
    on: (name: string, listener: Listener) => {
      hear.set(name, (hear.get(name) ?? new Set()).add(listener));
    },
    off: (name: string, listener: Listener) => hear.get(name)?.delete(listener),
    send: ({ type, seq, row }: { type: string; seq: number; row?: number }) => {
      const answer = type === "frame" ? picture : type === "strip" ? rows[row ?? 0] : undefined;
      const none = { content: { type: "superseded" }, buffers: [] };
      const { content, buffers } = answer ?? none;
      if (type !== "state") queueMicrotask(() => say("msg:custom", { ...content, seq }, buffers));
    },
  };
  return model as unknown as AnyModel;
}

/** What would ask the kernel for galaxies is there to be read, and cannot be used. */
export function withoutKernel(el: HTMLElement): void {
  for (const section of el.querySelectorAll<HTMLElement>(".gw-section")) {
    if (WORKING.includes(section.getAttribute("aria-label") ?? "")) continue;
    // a picture in it can still be zoomed
    for (const part of section.children) (part as HTMLElement).inert = !part.querySelector("canvas");
  }
  for (const sliders of el.querySelectorAll<HTMLElement>(".gw-dims")) sliders.inert = true;
}

async function unpacked({ content, buffers }: Packed): Promise<{ content: Packed["content"]; buffers: DataView[] }> {
  return { content, buffers: await Promise.all(buffers.map(inflated)) };
}

async function inflated(text: string): Promise<DataView> {
  const bytes = Uint8Array.from(atob(text), (letter) => letter.charCodeAt(0));
  const stream = new Blob([bytes]).stream().pipeThrough(new DecompressionStream("gzip"));
  return new DataView(await new Response(stream).arrayBuffer());
}
