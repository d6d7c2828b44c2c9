/** The panel of GalaxyFinder: which galaxy, like and unlike which, with what changed, and the marks of odd ones. */

import { type Asked, CategoryControl, type Condition, ConditionControl, field, row } from "./controls";
import { button, choice, element, say, section } from "./dom";
import type { Found } from "./find_view";
import type { Session } from "./session";

/** Something that a key and a button do. */
export interface Act {
  key: string;
  deed: string;
  act: () => void;
}

interface Part<Shown extends unknown[] = []> {
  root: HTMLElement;
  show: (...shown: Shown) => void;
}

const VIEWS = [
  ["alike", "look-alikes"],
  ["odd", "oddities"],
] as const;

const WAYS = [
  ["identity", "all that was seen"],
  ["kind", "the kind of galaxy"],
] as const;

const ORDERS = [
  ["score", "oddest first"],
  ["marking", "what to mark next"],
] as const;

function doing(label: string, { deed, key, act }: Act): HTMLButtonElement {
  return button(label, `${deed} (${key})`, act);
}

/** Galaxies and where one came from. */
export function querySection(session: Session, acts: Record<string, Act>, walk: (row: number) => void): Part {
  const total = session.get<number>("total");
  const view = choice("what is shown", VIEWS, session.get<string>("view"), (value) => session.set({ view: value }));
  const typed = field("row of the galaxy", (value) => walk(Math.min(total - 1, Math.max(0, Math.round(value)))));
  const like = doing("find its like", acts.walk as Act);
  const galaxy = row(
    "galaxy",
    "",
    element("span", { class: "gw-seed" }, typed, element("small", {}, `of ${total}`), like),
  );
  const back = doing("‹ back", acts.back as Act);
  const trail = element("span", { class: "gw-trail" });
  const way = row("way here", "", element("span", { class: "gw-seed" }, back, trail));
  const by = choice("alike in", WAYS, session.get<string>("by"), (value) => session.set({ by: value }));
  const questions = session.get<string[] | undefined>("questions") ?? [];
  by.title = questions.length
    ? `the kind: what people would say of the pictures (${questions.join(", ")})`
    : "the kind: colours, their gradients, concentration and flattening, whatever brightness and size";
  const alike = row("alike in", "", by);
  const tell = element("input", { type: "checkbox", "aria-label": "tell Hubble types" });
  tell.addEventListener("change", () => session.set({ types: tell.checked }));
  const types = row(
    "types",
    "",
    element("span", { class: "gw-seed" }, tell, element("small", {}, "learnt in a minute")),
  );
  types.hidden = !session.get<boolean>("types_known");
  const root = section("Find", row("show", "", view), galaxy, alike, way, types);
  const show = () => {
    const odd = session.get<string>("view") === "odd";
    view.value = odd ? "odd" : "alike";
    if (document.activeElement !== typed) typed.value = String(session.get<number>("query"));
    const rows = session.get<number[]>("trail");
    back.disabled = rows.length === 0;
    way.hidden = alike.hidden = odd;
    by.value = session.get<string>("by");
    tell.checked = session.get<boolean>("types");
    trail.replaceChildren(
      ...rows.slice(-6).flatMap((one, index, shown) => {
        const place = rows.length - shown.length + index;
        const go = () => session.set({ query: one, trail: rows.slice(0, place), edits: {}, plus: [], minus: [] });
        return [button(String(one), `back to galaxy ${one}`, go, "gw-quiet"), element("small", {}, "›")];
      }),
      element("small", {}, rows.length ? String(session.get<number>("query")) : "click a neighbour to walk on"),
    );
  };
  return { root, show };
}

/** More galaxies that the neighbours shall be like, and unlike. */
export function exampleSection(session: Session, acts: Record<string, Act>): Part {
  const lists = (["plus", "minus"] as const).map((name) => ({ name, shown: element("span", { class: "gw-trail" }) }));
  const rows = lists.map(({ name, shown }) => {
    const label = name === "plus" ? "like these too" : "unlike these";
    const add = doing(name === "plus" ? "+ this" : "− this", acts[name] as Act);
    return row(label, "", element("span", { class: "gw-seed" }, add, shown));
  });
  const clear = button("none", "no more examples", () => session.set({ plus: [], minus: [] }), "gw-quiet");
  const root = section("Examples", ...rows);
  root.querySelector("h4")?.append(clear);
  const show = () => {
    for (const { name, shown } of lists) {
      const chosen = session.get<number[]>(name);
      const drop = (one: number) => () => session.set({ [name]: chosen.filter((other) => other !== one) });
      shown.replaceChildren(
        ...chosen.map((one) => button(`${one} ×`, `no longer galaxy ${one}`, drop(one), "gw-quiet")),
        ...(chosen.length ? [] : [element("small", {}, "the galaxy at hand")]),
      );
    }
  };
  return { root, show };
}

/** Attributes asked of the galaxy: like this, but redder. */
export function changeSection(session: Session): Part<[Record<string, number | string>]> {
  const edits = () => session.get<Record<string, Asked>>("edits");
  const edit = (name: string) => (value: Asked) => {
    const { [name]: _, ...others } = edits();
    session.set({ edits: value === undefined ? others : { ...others, [name]: value } });
  };
  const known = session.get<Condition[]>("controls");
  const numbers = known
    .filter(({ categories }) => !categories)
    .map((one) => ({ one, control: new ConditionControl(one, edit(one.name), { ranges: false, free: "as is" }) }));
  const names = known
    .filter(({ categories }) => categories)
    .map((one) => ({ one, control: new CategoryControl(one, edit(one.name), false) }));
  const root = section("Like this, but", ...[...numbers, ...names].map(({ control }) => control.root));
  const undo = button("as it is", "undo all changes", () => session.set({ edits: {} }), "gw-quiet");
  root.querySelector("h4")?.append(undo);
  const show = (values: Record<string, number | string>) => {
    const now = edits();
    for (const { one, control } of numbers) {
      const value = values[one.name];
      control.show(now[one.name], typeof value === "number" ? value : Number.NaN);
    }
    for (const { one, control } of names) control.show(now[one.name], String(values[one.name] ?? ""));
  };
  return { root, show };
}

/** Pages of odd galaxies, and the marks that teach the order. */
export function oddSection(session: Session, acts: Record<string, Act>, found: () => Found): Part {
  const total = () => found().total ?? session.get<number>("total");
  const size = () => session.get<number>("k");
  const where = element("span", { class: "gw-where" });
  const turn = (by: number) => () => {
    const last = Math.ceil(total() / size()) - 1;
    session.set({ page: Math.min(last, Math.max(0, session.get<number>("page") + by)) });
  };
  const order = choice("order of the oddities", ORDERS, session.get<string>("order"), (value) =>
    session.set({ order: value, page: 0 }),
  );
  order.title = "to mark next: odd ones unlike each other until one is interesting, then those like it";
  const pager = element(
    "span",
    { class: "gw-seed" },
    button("‹", "the page before", turn(-1)),
    where,
    button("›", "the next page", turn(1)),
  );
  const marks = element(
    "span",
    { class: "gw-seed" },
    doing("interesting", acts.yes as Act),
    doing("boring", acts.no as Act),
  );
  const count = element("small", {});
  const learn = doing("order by marks", acts.learn as Act);
  const forget = button(
    "forget marks",
    "forget all marks: the order of the score",
    () => session.set({ interesting: [], boring: [], learned: {}, page: 0 }),
    "gw-quiet",
  );
  const root = section(
    "Oddities",
    row("order", "", order),
    row("page", "", pager),
    row("galaxy at hand", "", marks),
    row("marks", "", count),
    row("", "", element("span", { class: "gw-seed" }, learn, forget)),
  );
  const show = () => {
    order.value = session.get<string>("order");
    const first = found().page_first ?? 0;
    const last = Math.min(total(), first + size());
    say(where, last ? `${first + 1}–${last} of ${total()}` : "all are marked");
    const [yes, no] = [session.get<number[]>("interesting"), session.get<number[]>("boring")];
    const learned = session.get<Record<string, number[]>>("learned");
    const same = (one: number[], other: number[] = []) =>
      one.length === other.length && one.every((row) => other.includes(row));
    const followed = same(yes, learned.interesting) && same(no, learned.boring);
    learn.disabled = followed;
    forget.disabled = yes.length + no.length === 0;
    say(
      count,
      `${yes.length} interesting, ${no.length} boring${followed && !forget.disabled ? "; the order follows" : ""}`,
    );
  };
  return { root, show };
}
