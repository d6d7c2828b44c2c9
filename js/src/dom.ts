/** Small elements by the line; text is always text, so that no name from a file becomes markup. */

type Attributes = Record<string, string | number | boolean | null | undefined>;

/**
 * JupyterLab keeps its shortcuts from what carries this. It looks at the focused element itself before its parents, and has shortcuts for
 * `:focus` (arrow keys that fold headings): so each element that takes the focus carries it.
 */
export const OWN_KEYS = { "data-lm-suppress-shortcuts": "true" };
const TAKES_FOCUS = new Set<string>(["button", "input", "select"]);

/** An element with attributes and children; strings become text nodes. */
export function element<K extends keyof HTMLElementTagNameMap>(
  tag: K,
  attributes: Attributes = {},
  ...children: (Node | string)[]
): HTMLElementTagNameMap[K] {
  const made = document.createElement(tag);
  for (const [name, value] of Object.entries(TAKES_FOCUS.has(tag) ? { ...OWN_KEYS, ...attributes } : attributes)) {
    if (value === false || value === null || value === undefined) continue;
    made.setAttribute(name, value === true ? "" : String(value));
  }
  made.append(...children);
  return made;
}

/** Have a node say `text`; the same again costs the page no layout. */
export function say(node: Node, text: string): void {
  if (node.textContent !== text) node.textContent = text;
}

/** A button that does one thing; its name for a screen reader and for a voice is what is written on it, and what it does. */
export function button(label: string, title: string, act: () => void, kind = ""): HTMLButtonElement {
  const written = /[\p{L}\p{N}]/u.test(label) && !title.toLowerCase().includes(label.toLowerCase());
  const name = { title, "aria-label": written ? `${label}: ${title}` : title };
  const made = element("button", { type: "button", class: `gw-button ${kind}`.trim(), ...name }, label);
  made.addEventListener("click", act);
  return made;
}

/** A titled group of controls. */
export function section(title: string, ...children: Node[]): HTMLElement {
  return element("section", { class: "gw-section", "aria-label": title }, element("h4", {}, title), ...children);
}

/** A choice among names. */
export function choice(
  label: string,
  names: readonly (readonly [value: string, text: string])[],
  value: string,
  act: (value: string) => void,
): HTMLSelectElement {
  const made = element("select", { class: "gw-choice", "aria-label": label });
  for (const [name, text] of names) made.append(element("option", { value: name }, text));
  made.value = value;
  made.addEventListener("change", () => act(made.value));
  return made;
}

/** Do `act` once, at the next frame of the screen, however often it is asked for. */
export function everyFrame(act: () => void): () => void {
  let pending = false;
  return () => {
    if (pending) return;
    pending = true;
    requestAnimationFrame(() => {
      pending = false;
      act();
    });
  };
}
