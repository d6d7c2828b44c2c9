/** How far a slow thing is that the kernel makes, and the button that stops it or begins it anew; galwidget/widgets/chore.py. */

import { element, say } from "./dom";
import type { Session } from "./session";

/**
 * @param needed names of what the present view waits for; none hides it.
 * @param changed told whether it is on the screen, whenever that may have changed.
 */
export function making(session: Session, needed: () => string[], changed: (there: boolean) => void) {
  const words = element("small", { role: "status" });
  const bar = element("progress", { class: "gw-progress", max: 1 });
  const halt = element("button", { type: "button", class: "gw-button" });
  const root = element("div", { class: "gw-making", hidden: true }, words, element("div", {}, bar, halt));
  /** What the button asked for and what has not come about. */
  let asked: "stop" | "resume" | null = null;
  const isStopped = () => needed().filter((name) => session.get<string[]>("stopped").includes(name));

  const show = () => {
    const { what, ready = 0, total = 0 } = session.get<{ what?: string; ready?: number; total?: number }>("progress");
    const stopped = what === undefined ? isStopped() : [];
    root.hidden = !needed().length || (what === undefined && !stopped.length);
    if (root.hidden || asked === (stopped.length ? "stop" : "resume")) asked = null;
    bar.hidden = !total || stopped.length > 0;
    bar.value = total ? ready / total : 0;
    say(
      words,
      stopped.length ? `${stopped.join(", ")}: stopped` : `${what}${total ? `: ${ready} of ${total} galaxies` : ""}`,
    );
    say(halt, stopped.length ? "Begin again" : "Stop");
    halt.disabled = asked !== null;
    changed(!root.hidden);
  };
  halt.addEventListener("click", () => {
    asked = isStopped().length ? "resume" : "stop";
    session.order(asked);
    show();
  });
  for (const name of ["progress", "stopped"]) session.model.on(`change:${name}`, show);
  const end = () => {
    for (const name of ["progress", "stopped"]) session.model.off(`change:${name}`, show);
  };
  return { root, show, end };
}
