/* A field that suggests while one types. */

import { ask } from "./api.js";
import { el, later, titleOf } from "./dom.js";
import { go } from "./route.js";
import { isOfSound, knownNames, look } from "./vocabulary.js";

/**
 * Make a field suggest: `options(text)` gives `[{node, …}]`, `choose(option)` takes one, `enter(text)` what was typed.
 */
export function combobox(input, list, { options, choose, enter = () => {} }) {
  let found = [];
  let at = -1;
  let turn = 0;
  for (const [name, value] of [["role", "combobox"], ["aria-autocomplete", "list"], ["aria-controls", list.id], ["autocomplete", "off"]]) input.setAttribute(name, value);
  list.setAttribute("role", "listbox");
  const show = (open) => {
    list.hidden = !open;
    input.setAttribute("aria-expanded", String(open));
    if (!open) point(-1);
  };
  const point = (index) => {
    at = index;
    [...list.children].forEach((item, i) => item.setAttribute("aria-selected", String(i === at)));
    if (at < 0) return input.removeAttribute("aria-activedescendant");
    input.setAttribute("aria-activedescendant", list.children[at].id);
    return list.children[at].scrollIntoView({ block: "nearest" });
  };
  const take = (option) => { turn += 1; show(false); input.blur(); choose(option); };
  const suggest = later(120, async () => {
    const mine = ++turn;
    const text = input.value.trim();
    const made = text ? await options(text).catch(() => []) : [];
    if (mine !== turn) return;
    found = made;
    point(-1); // what was pointed at is another option now, or none
    list.dataset.of = text;
    list.replaceChildren(...found.map((option, i) => el("li", { role: "option", id: `${list.id}-${i}`, "aria-selected": "false",
      onpointerdown: (event) => event.preventDefault(), onclick: () => take(option) }, option.node)));
    show(found.length > 0);
  });
  input.addEventListener("input", suggest);
  input.addEventListener("blur", () => { turn += 1; show(false); });
  input.addEventListener("keydown", (event) => {
    const step = { ArrowDown: 1, ArrowUp: -1 }[event.key];
    if (step && !list.hidden) {
      event.preventDefault();
      point(((at + 1 + step + found.length + 1) % (found.length + 1)) - 1);
    } else if (event.key === "Escape" && !list.hidden) {
      event.preventDefault();
      show(false);
    } else if (event.key === "Enter") {
      event.preventDefault();
      if (at >= 0) take(found[at]);
      else { turn += 1; show(false); enter(input.value); }
    }
  });
  show(false);
}

/** Return songs whose names hold a text, as suggestions. */
export async function songOptions(text) {
  const found = await ask("api/search", { q: text, limit: 7 });
  return found.tracks.map((track) => ({ track, node: el("span", { class: "suggestion" },
    el("span", { dir: "auto" }, titleOf(track)), el("span", { class: "soft", dir: "auto" }, track.artist || "")) }));
}

/** Make the page's search field work. */
export function searchBox() {
  const input = document.getElementById("search-box");
  document.getElementById("search").addEventListener("submit", (event) => event.preventDefault());
  combobox(input, document.getElementById("search-list"), {
    options: async (text) => {
      const [songs, names] = await Promise.all([songOptions(text), knownNames().catch(() => [])]);
      return [...soundOptions(text, names), ...songs];
    },
    choose: (option) => { go(option.track ? { track: String(option.track.track_id) } : { find: option.words }); },
    enter: (text) => { input.blur(); look(text); },
  });
}

/** Suggest genres and tags: what is typed, if it names some, or else names that begin like its last word. */
function soundOptions(text, names) {
  const lower = text.toLowerCase();
  const cut = lower.lastIndexOf(" ") + 1;
  const before = lower.slice(0, cut).trim();
  const begun = names.filter((name) => name.toLowerCase().startsWith(lower.slice(cut))).map((name) => `${before} ${name}`.trim());
  const wanted = [lower, ...begun].filter((words) => isOfSound(words, names));
  return [...new Set(wanted)].slice(0, 3).map((words) => ({ words, node: el("span", { class: "suggestion" },
    el("span", {}, words), el("span", { class: "soft" }, "in the sound")) }));
}
