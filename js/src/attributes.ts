/** What the page knows of a galaxy's attributes: what was requested, what the table says, what was measured on the picture. */

import type { Asked } from "./controls";
import type { Column, Frame } from "./protocol";
import { unitWords, withUnit } from "./scale";

/** Where the words of an attribute come from; `value` is the table's own column. */
export type Kind = "requested" | "value" | "predicted" | "measured";

export interface Attribute {
  name: string;
  label: string;
  unit: string;
  /** What the table's own columns are: predicted by the model, or of a catalogue. */
  origin: string;
  value: number | string | null;
  words: Partial<Record<Kind, string>>;
}

const REQUESTED = "requested_";
/** What no picture shows: of a drawn galaxy the decoders predict it; everything else is measured on the picture that was drawn. */
const UNSEEN = new Set(["redshift", "morphology"]);

/** Attributes of a cell, one row a quantity, from the frame's columns and from what a view asks of all its galaxies. */
export function attributesOf(
  frame: Frame,
  cell: number,
  origin: string,
  asked: Record<string, Asked> = {},
): Attribute[] {
  const rows = new Map<string, Attribute>();
  const rowOf = (name: string, { label, unit }: Pick<Column, "label" | "unit">) => {
    const row = rows.get(name) ?? { name, label, unit, origin, value: null, words: {} };
    rows.set(name, row);
    return row;
  };
  for (const column of frame.attributes) {
    const value = column.values[cell] ?? null;
    const requested = column.name.startsWith(REQUESTED);
    const name = column.name.slice(requested ? REQUESTED.length : 0);
    const row = rowOf(name, {
      label: column.label.replace(/^requested /, ""),
      unit: unitWords(column.unit),
    });
    const measured = origin === "predicted" && !UNSEEN.has(name);
    row.words[requested ? "requested" : measured ? "measured" : "value"] = inWords(value, row.unit);
    if (!requested) row.value = value;
  }
  for (const [name, value] of Object.entries(asked)) {
    const row = rows.get(name);
    if (row && value !== undefined) row.words.requested ??= askedInWords(value, row.unit);
  }
  return [...rows.values()];
}

function inWords(value: number | string | null, unit: string): string {
  return value === null ? "–" : typeof value === "number" ? withUnit(value, unit) : value;
}

function askedInWords(asked: Exclude<Asked, undefined>, unit: string): string {
  if (typeof asked === "number") return withUnit(asked, unit);
  return asked.map((part) => inWords(part, unit)).join(typeof asked[0] === "number" ? " to " : ", ");
}
