/* Genres and tags: what is said of a song, and the filters that they become when they are clicked. */

import { el } from "./dom.js";
import { change, go, here } from "./route.js";

const SURE_GENRE = 0.3;
const SURE_TAG = 0.15;

/** Return the genres and tags that are most probable, as buttons that filter. */
export function chips(track, { genres = 2, tags = 3 } = {}) {
  const shown = pick(track.genres, SURE_GENRE, genres);
  const others = (track.tags || []).filter((tag) => !shown.some((genre) => genre.name === tag.name));
  const found = [...shown.map((one) => ["genre", one]), ...pick(others, SURE_TAG, tags).map((one) => ["tag", one])];
  return el("ul", { class: "chips", "aria-label": "Genres and tags" }, found.map(([kind, one]) => el("li", {}, chip(kind, one))));
}

function pick(named, sure, most) {
  return (named || []).filter((one) => one.probability >= sure).slice(0, most);
}

function chip(kind, { name, probability }) {
  const said = `${kind} ${name}, ${Math.round(probability * 100)} % sure: show only such songs`;
  return el("button", { type: "button", class: `chip ${kind}`, title: said, "aria-label": said, onclick: () => add(kind, name) }, name);
}

/** Filter by a genre or a tag too. */
export function add(kind, name) {
  const place = here();
  const at = ["songs", "track", "deepcuts", "file"].includes(place.name) ? place : { name: "songs", genre: [], tag: [] };
  if (!at[kind].includes(name)) go({ ...at, [kind]: [...at[kind], name] });
}

/** Return the filters in force, each a button that takes it away. */
export function filters(place) {
  const found = ["genre", "tag"].flatMap((kind) => place[kind].map((name) => [kind, name]));
  if (!found.length) return null;
  return el("div", { class: "filters", role: "group", "aria-label": "Filters" }, el("span", { class: "soft" }, "Only"),
    found.map(([kind, name]) => el("button", { type: "button", class: "chip active", "aria-label": `Remove the filter ${kind} ${name}`, onclick: () => drop(kind, name) },
      name, el("span", { "aria-hidden": "true" }, " ×"))));
}

function drop(kind, name) {
  change({ [kind]: here()[kind].filter((other) => other !== name) });
}
