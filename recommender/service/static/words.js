/* What was typed: songs by their names, or songs that sound as the words say. */

import { ask, sentence } from "./api.js";
import { announce, counted, el, notice } from "./dom.js";
import { hash } from "./route.js";
import { asked, filters, takeOneAway } from "./filters.js";
import { keep, wanted } from "./keep.js";
import { panel } from "./panel.js";
import { songList } from "./rows.js";
import { empty } from "./songs.js";
import { knownNames } from "./vocabulary.js";

function ways(text, at) {
  const way = (name, words) => el("a", { href: hash({ [name]: text }), "aria-current": name === at ? "page" : null }, words);
  return el("nav", { class: "switch", "aria-label": "Where to look" }, way("search", "In titles and artists"), way("find", "In the sound"));
}

/** Show songs whose title, artist or album holds the words. */
export async function search(place, setting, signal) {
  const text = setting.search;
  return listed(place, setting, "search", async (now) => {
    const found = await ask("api/tracks", { q: text, sort: "artist", limit: 100, ...asked(now) }, { signal });
    const said = found.total > found.tracks.length ? `the first ${found.tracks.length} of ${counted(found.total, "song")}` : counted(found.tracks.length, "song");
    return show(now, "search", found.tracks, said, ["songs", { words: text, sort: "artist", n: 10000, ...asked(now) }]);
  });
}

/** Show songs that are what the words say. */
export async function find(place, setting, signal) {
  const text = setting.find;
  return listed(place, setting, "find", async (now) => {
    try {
      const found = await ask("api/find", { words: text, n: 50, ...asked(now) }, { signal });
      const meant = [...found.terms.map((term) => (term.wanted ? inSentence(term.name) : `not ${inSentence(term.name)}`)), ...found.filters].join(", ");
      return [el("p", { class: "soft meant" }, `Songs that are ${meant}.`, found.not_searched.length ? ` Not searched for: ${sentence(found.not_searched.join("; "))}` : ""),
        ...show(now, "find", found.results, counted(found.results.length, "song"), ["find", { words: text, n: 50, ...asked(now) }])];
    } catch (error) {
      if (error.status !== 404 && error.status !== 422) throw error;
      const names = await knownNames().catch(() => []);
      return [notice("No such word", error.message), vocabulary(names)];
    }
  });
}

/** Return a name as it stands within a sentence: its one capital is small there, as in "Mellow". */
function inSentence(name) {
  return /^\p{Lu}\P{Lu}+$/u.test(name) ? name.toLowerCase() : name;
}

/** Show a list below the words that it is of, and the filters; return the function that shows it anew. */
async function listed(place, setting, at, made) {
  const choice = panel(setting);
  const body = el("div");
  place.replaceChildren(head(setting[at], at), choice.node, body);
  const update = async (now) => {
    choice.update(now);
    const parts = await made(now);
    const isEmpty = !parts.some((part) => part.classList?.contains("songs")) && !(await ask("api/tracks", { limit: 1 })).total;
    choice.node.hidden = isEmpty;
    body.replaceChildren(...(isEmpty ? [empty()] : parts));
  };
  await update(setting);
  return update;
}

function vocabulary(names) {
  return el("ul", { class: "chips words", "aria-label": "Words that are known" },
    names.map((name) => el("li", {}, el("a", { class: "chip", href: hash({ find: name }) }, name))));
}

function head(text, at) {
  return el("div", { class: "head" }, el("h1", { dir: "auto" }, `“${text}”`), ways(text, at));
}

function show(now, at, tracks, said, rules) {
  const text = now[at];
  const none = at === "search"
    ? notice("No song is called that", ...takeOneAway(now), "Look in the sound instead, if these are genres or moods.")
    : notice("No song sounds like that", ...takeOneAway(now), "Use fewer words.");
  announce(`${said} for ${text}`);
  return [el("div", { class: "list-head" }, el("p", { class: "count" }, said), filters(now) || "", tracks.length ? keep(() => tracks, () => text, () => wanted(...rules)) : ""),
    tracks.length ? songList(tracks) : none];
}
