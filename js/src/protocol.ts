/** The kernel's messages, checked before anything trusts them; galwidget/widgets/messages.py describes the wire. */

import { decodeCompanded } from "./companded";
import { decodeHalves } from "./half";

export interface Layer {
  /** n, band, y, x. */
  shape: [number, number, number, number];
  data: Float32Array;
}

export interface Column {
  name: string;
  label: string;
  unit: string;
  values: (number | string | null)[];
}

/** Galaxies on a grid, ready to be coloured. */
export interface Frame {
  flux: Layer;
  /** Perhaps in 8 bits and without attributes, to be followed by the exact picture. */
  draft: boolean;
  /** The attributes are being measured and will follow. */
  pending: boolean;
  residual?: Layer;
  /** A galaxy as other surveys see it, each on its own pixels. */
  seen: Layer[];
  bands: string[];
  rows: number;
  columns: number;
  first: number;
  rowLabels: string[];
  columnLabels: string[];
  attributes: Column[];
  about: Record<string, unknown>;
  /** Of each galaxy, the directions of north and east, degrees from up counter-clockwise; null where they are not known. */
  compass: (Compass | null)[];
}

/** Of one galaxy: where it is in latent space, and what the model predicts of it: value and error, or category and probability. */
export interface Details {
  latent: { mean: number[]; std: number[] } | null;
  predicted: Record<string, [value: number | string, error: number]>;
  redshift: { z: number[]; density: number[] } | null;
}

export type Compass = readonly [north: number, east: number];

export type Answer =
  | { type: "frame" | "strip" | "exact"; seq: number; row: number | null; frame: Frame }
  | { type: "attributes"; seq: number; attributes: Column[]; about: Record<string, unknown> }
  | { type: "code"; seq: number; code: string; modelId: string }
  | { type: "where"; seq: number; selection: number[]; total: number }
  | { type: "details"; seq: number; details: Details }
  | { type: "superseded"; seq: number }
  | { type: "error"; seq: number | null; message: string };

/** More than any widget asks for: a length above it is a damaged or hostile message, not a picture. */
const MOST_PIXELS = 1 << 27;

type Fields = Record<string, unknown>;

function fields(value: unknown, what: string): Fields {
  if (typeof value !== "object" || value === null || Array.isArray(value)) throw new Error(`${what} is not an object`);
  return value as Fields;
}

function count(value: unknown, what: string): number {
  if (!Number.isSafeInteger(value) || (value as number) < 0)
    throw new Error(`${what} is ${String(value)}, not a count`);
  return value as number;
}

function strings(value: unknown, what: string): string[] {
  if (!Array.isArray(value)) throw new Error(`${what} is not a list`);
  return value.map(String);
}

function numbers(value: unknown, what: string): number[] {
  if (!Array.isArray(value)) throw new Error(`${what} is not a list`);
  return value.map(Number);
}

function parseLayer(described: Fields, bytes: DataView | undefined): Layer {
  const shape = described.shape;
  if (!Array.isArray(shape) || shape.length !== 4) throw new Error("a layer's shape is not (n, band, y, x)");
  const pixels = shape.reduce<number>((product, side) => product * count(side, "a side of a layer"), 1);
  if (pixels > MOST_PIXELS) throw new Error(`a layer of ${pixels} pixels was announced`);
  if (!bytes) throw new Error("a layer came without its pixels");
  const scale = Number(described.scale);
  if (!(scale > 0 && Number.isFinite(scale))) throw new Error(`a layer's scale is ${String(described.scale)}`);
  const data =
    described.encoding === "u8"
      ? decodeCompanded(bytes, shape as Layer["shape"], numbers(described.knee, "knee"), numbers(described.top, "top"))
      : decodeHalves(bytes, pixels, scale);
  return { shape: shape as Layer["shape"], data };
}

function parseColumn(value: unknown): Column {
  const column = fields(value, "an attribute");
  if (!Array.isArray(column.values)) throw new Error("an attribute has no values");
  const values = column.values.map((entry) => (typeof entry === "number" || entry === null ? entry : String(entry)));
  return { name: String(column.name), label: String(column.label), unit: String(column.unit ?? ""), values };
}

function parseDetails(content: Fields): Details {
  const predicted: Details["predicted"] = {};
  for (const [name, pair] of Object.entries(fields(content.predicted ?? {}, "predicted"))) {
    if (!Array.isArray(pair) || pair.length !== 2) throw new Error("a prediction is not a value and its error");
    predicted[name] = [typeof pair[0] === "number" ? pair[0] : String(pair[0]), Number(pair[1])];
  }
  const part = (name: string) => (content[name] ? fields(content[name], name) : null);
  const [place, found] = [part("latent"), part("redshift")];
  const latent = place && {
    mean: numbers(place.mean, "a latent's mean"),
    std: numbers(place.std, "a latent's spread"),
  };
  const redshift = found && { z: numbers(found.z, "redshifts"), density: numbers(found.density, "a density") };
  if (redshift && redshift.z.length !== redshift.density.length)
    throw new Error("a density has not one value a redshift");
  return { latent, predicted, redshift };
}

function parseFrame(content: Fields, buffers: readonly DataView[]): Frame {
  if (!Array.isArray(content.layers)) throw new Error("a frame came without layers");
  const layers = new Map<string, Layer>();
  const seen: Layer[] = [];
  content.layers.forEach((value, index) => {
    const described = fields(value, "a layer");
    const layer = parseLayer(described, buffers[index]);
    if (described.name === "seen") seen.push(layer);
    else layers.set(String(described.name), layer);
  });
  const flux = layers.get("flux");
  if (!flux) throw new Error("a frame came without flux");
  const bands = strings(content.bands, "bands");
  if (bands.length !== flux.shape[1]) throw new Error(`${bands.length} bands are named, ${flux.shape[1]} came`);
  const residual = layers.get("residual");
  return {
    flux,
    draft: content.draft === true,
    pending: content.pending === true,
    ...(residual ? { residual } : {}),
    seen,
    bands,
    rows: count(content.rows, "rows"),
    columns: count(content.columns, "columns"),
    first: count(content.first ?? 0, "first"),
    rowLabels: strings(content.row_labels ?? [], "row_labels"),
    columnLabels: strings(content.column_labels ?? [], "column_labels"),
    compass: Array.isArray(content.compass) ? content.compass.map(parseCompass) : [],
    ...parseAttributes(content),
  };
}

function parseCompass(value: unknown): Compass | null {
  const [north, east] = Array.isArray(value) ? value.map(Number) : [];
  return Number.isFinite(north) && Number.isFinite(east) ? [north as number, east as number] : null;
}

function parseAttributes(content: Fields): Pick<Frame, "attributes" | "about"> {
  return {
    attributes: Array.isArray(content.attributes) ? content.attributes.map(parseColumn) : [],
    about: fields(content.about ?? {}, "about"),
  };
}

/** A message as an `Answer`; what cannot be read becomes an error in words, never an exception. */
export function parseAnswer(message: unknown, buffers: readonly DataView[]): Answer {
  let seq: number | null = null;
  try {
    const content = fields(message, "the message");
    seq = Number.isSafeInteger(content.seq) ? (content.seq as number) : null;
    switch (content.type) {
      case "frame":
      case "strip":
      case "exact":
        if (seq === null) throw new Error("a frame came without its number");
        return {
          type: content.type,
          seq,
          row: typeof content.row === "number" ? content.row : null,
          frame: parseFrame(content, buffers),
        };
      case "attributes":
        if (seq === null) throw new Error("attributes came without their number");
        return { type: "attributes", seq, ...parseAttributes(content) };
      case "code":
        if (seq === null) throw new Error("code came without its number");
        if (typeof content.code !== "string") throw new Error("an answer for code came without it");
        return { type: "code", seq, code: content.code, modelId: String(content.model_id) };
      case "where": {
        if (seq === null) throw new Error("a selection came without its number");
        if (!Array.isArray(content.selection)) throw new Error("an answer for a selection came without it");
        const selection = content.selection.map((index) => count(index, "a selected galaxy"));
        return { type: "where", seq, selection, total: count(content.total, "the number of galaxies") };
      }
      case "details":
        if (seq === null) throw new Error("details came without their number");
        return { type: "details", seq, details: parseDetails(content) };
      case "superseded":
        if (seq === null) throw new Error("an answer came without its number");
        return { type: "superseded", seq };
      case "error":
        return { type: "error", seq, message: String(content.message ?? "the kernel gave no reason") };
      default:
        throw new Error(`a message of type ${String(content.type)}`);
    }
  } catch (error) {
    return { type: "error", seq, message: `The kernel's answer cannot be read: ${(error as Error).message}` };
  }
}
