/** A press of the pointer that becomes a drag or stays a click. */

export interface DragActs {
  /** The button went down; false leaves the press to others. */
  begin: (event: PointerEvent) => boolean;
  /** The pointer moved, by so many CSS pixels since the last time. */
  move: (event: PointerEvent, right: number, down: number) => void;
  /** The drag is over. */
  end: () => void;
  /** The button went up where it went down. */
  click: (event: PointerEvent) => void;
}

/** CSS pixels that a hand trembles. */
const TREMOR = 4;

export function onDrag(target: HTMLElement, acts: DragActs): void {
  let pressed: { id: number; x: number; y: number; dragging: boolean } | null = null;
  target.addEventListener("pointerdown", (event) => {
    pressed = acts.begin(event) ? { id: event.pointerId, x: event.clientX, y: event.clientY, dragging: false } : null;
  });
  target.addEventListener("pointermove", (event) => {
    if (pressed?.id !== event.pointerId) return;
    const [right, down] = [event.clientX - pressed.x, event.clientY - pressed.y];
    if (!pressed.dragging) {
      if (Math.hypot(right, down) < TREMOR) return;
      target.setPointerCapture(event.pointerId);
      pressed.dragging = true;
    }
    [pressed.x, pressed.y] = [event.clientX, event.clientY];
    acts.move(event, right, down);
  });
  target.addEventListener("pointerup", (event) => {
    if (pressed?.id !== event.pointerId) return;
    if (pressed.dragging) acts.end();
    else acts.click(event);
    pressed = null;
  });
  target.addEventListener("pointercancel", () => {
    if (pressed?.dragging) acts.end();
    pressed = null;
  });
}
