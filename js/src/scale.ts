/** A quantity on a slider: even steps between two values, on a linear or logarithmic scale, and the digits worth showing. */

export interface Scale {
  low: number;
  high: number;
  log?: boolean;
}

/** Steps of a slider: fine to the hand, coarse enough for the arrow keys. */
export const STEPS = 200;

export function toValue(step: number, { low, high, log }: Scale): number {
  const at = step / STEPS;
  return log && low > 0 ? low * (high / low) ** at : low + (high - low) * at;
}

export function toStep(value: number, { low, high, log }: Scale): number {
  const at = log && low > 0 ? Math.log(value / low) / Math.log(high / low) : (value - low) / (high - low);
  return Math.round(STEPS * Math.min(1, Math.max(0, Number.isFinite(at) ? at : 0)));
}

/** Decimals that tell two neighbouring values of the slider apart. */
export function decimals({ low, high, log }: Scale): number {
  const span = log && low > 0 ? low : (high - low) / 10;
  return Math.max(0, Math.min(5, 1 - Math.floor(Math.log10(Math.abs(span) || 1))));
}

export function formatted(value: number | null | undefined, scale: Scale): string {
  return value === null || value === undefined || !Number.isFinite(value) ? "" : value.toFixed(decimals(scale));
}

/** A unit as people write it: arcsec², not arcsec2. */
export function unitWords(unit: string): string {
  return unit.replace(/(?<=[a-z])2\b/g, "²");
}

/** A number with its sign, typeset. */
export function signed(value: number, digits: number): string {
  return `${value < 0 ? "−" : "+"}${Math.abs(value).toFixed(digits)}`;
}

/** A number of any size in four digits, for read-outs. */
export function brief(value: number): string {
  if (!Number.isFinite(value)) return "–";
  const size = Math.abs(value);
  if (size !== 0 && (size < 1e-3 || size >= 1e5)) return value.toExponential(2);
  return String(Number(value.toPrecision(4)));
}

/** A number in the digits that its unit has: magnitudes in hundredths, colours in thousandths, so that they stand under each other. */
export function withUnit(value: number, unit: string): string {
  return unit === "mag" && Number.isFinite(value) ? value.toFixed(Math.abs(value) < 5 ? 3 : 2) : brief(value);
}

/** A number and its error, both to the error's second digit. */
export function withError(value: number, error: number): string {
  if (!(error > 0) || !Number.isFinite(error)) return brief(value);
  const digits = Math.min(8, Math.max(0, 1 - Math.floor(Math.log10(error))));
  return `${value.toFixed(digits)} ± ${error.toFixed(digits)}`;
}
