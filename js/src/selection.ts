/** Which cells are selected, and where the keyboard is: pure functions of what was there and what was done. */

export interface Modifiers {
  shiftKey: boolean;
  ctrlKey: boolean;
  metaKey: boolean;
}

export interface Selection {
  /** Selected cells, in order. */
  cells: readonly number[];
  /** Where a shift-click's range begins. */
  anchor: number;
}

const sorted = (cells: Iterable<number>): number[] => [...new Set(cells)].sort((a, b) => a - b);

/** A cell was clicked: alone, with shift (the block from the anchor), or with ctrl or cmd (in or out). */
export function picked(before: Selection, cell: number, columns: number, keys: Modifiers): Selection {
  if (keys.shiftKey) {
    const block = blockOf(before.anchor, cell, columns);
    return { cells: sorted(keys.ctrlKey || keys.metaKey ? [...before.cells, ...block] : block), anchor: before.anchor };
  }
  if (keys.ctrlKey || keys.metaKey) {
    const without = before.cells.filter((other) => other !== cell);
    return { cells: without.length < before.cells.length ? without : sorted([...before.cells, cell]), anchor: cell };
  }
  const alone = before.cells.length === 1 && before.cells[0] === cell;
  return { cells: alone ? [] : [cell], anchor: cell };
}

/** Cells of the rectangle between two cells of a grid. */
export function blockOf(one: number, other: number, columns: number): number[] {
  const [top, bottom] = order(Math.floor(one / columns), Math.floor(other / columns));
  const [left, right] = order(one % columns, other % columns);
  const cells = [];
  for (let row = top; row <= bottom; row++)
    for (let column = left; column <= right; column++) cells.push(row * columns + column);
  return cells;
}

function order(a: number, b: number): [number, number] {
  return a < b ? [a, b] : [b, a];
}

/** Where a key moves the focus on a grid of `total` cells; null when it is no key of the grid. */
export function moved(focus: number, key: string, columns: number, total: number, ctrl = false): number | null {
  const last = total - 1;
  const rowStart = focus - (focus % columns);
  switch (key) {
    case "ArrowLeft":
      return Math.max(0, focus - 1);
    case "ArrowRight":
      return Math.min(last, focus + 1);
    case "ArrowUp":
      return focus - columns >= 0 ? focus - columns : focus;
    case "ArrowDown":
      return focus + columns <= last ? focus + columns : focus;
    case "Home":
      return ctrl ? 0 : rowStart;
    case "End":
      return ctrl ? last : Math.min(last, rowStart + columns - 1);
    default:
      return null;
  }
}

/** A rectangle on the screen. */
export interface Box {
  left: number;
  right: number;
  top: number;
  bottom: number;
}

/** Cells that a rectangle touches, and those that were selected before. */
export function touched(boxes: readonly Box[], drawn: Box, before: readonly number[]): number[] {
  const inside = boxes.flatMap((box, cell) =>
    box.left < drawn.right && box.right > drawn.left && box.top < drawn.bottom && box.bottom > drawn.top ? [cell] : [],
  );
  return sorted([...before, ...inside]);
}
