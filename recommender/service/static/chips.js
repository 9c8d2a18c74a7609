/* Genres and tags: what is said of a song, and the filters that they become when they are clicked. */

import { once } from "./api.js";
import { el, whenSeen } from "./dom.js";
import { change, go, here } from "./route.js";

const SURE = 0.4; // from here on the filter of a genre lets a song pass
const SHOWN_TAG = 0.15;

/** Return what a song is most probably, as buttons that filter; its genres follow when they are in sight. */
export function chips(track, { genres = 2, most = 4 } = {}) {
  const list = el("ul", { class: "chips", "aria-label": "Genres and tags" });
  const show = (song) => {
    const known = genresOf(song);
    const none = song.judgement?.label === "not music" ? [el("li", { class: "soft" }, "not music")] : [];
    const first = known.slice(0, genres);
    const others = (track.tags || []).filter((tag) => tag.probability >= SHOWN_TAG && !first.some((genre) => genre.name === tag.name));
    list.replaceChildren(...none, ...first.map((one) => chip("genre", one)), ...others.slice(0, most - first.length).map((one) => chip("tag", one)));
  };
  show(track.judgement ? track : {});
  if (!track.judgement && track.track_id) {
    whenSeen(list, async () => {
      const details = await once(`api/tracks/${track.track_id}`).catch(() => null); // tags alone, then
      if (details?.judgement || details?.label) show(details);
    });
  }
  return list;
}

/** Return the genres by which the filter knows a song: the user's label, and the finest that the model is sure of. */
export function genresOf({ label, judgement }) {
  const music = judgement && judgement.label !== "not music"; // of no genre, then, but the user's own
  const sure = (music ? judgement.hierarchy : []).filter((node) => node.probability >= SURE && !node.name.endsWith("/other"));
  const finest = sure.filter((node) => !sure.some((other) => other.name.startsWith(`${node.name}/`)));
  const own = label ? [{ name: label, own: true }] : [];
  return [...own, ...finest.filter((node) => node.name !== label)];
}

function chip(kind, { name, probability, own }) {
  const said = own ? "your label" : `${Math.round(probability * 100)} % sure`;
  const words = `${kind === "genre" ? "Genre" : "Tag"} ${name}, ${said}: show only such songs`;
  return el("li", {}, el("button", { type: "button", class: `chip ${kind}`, title: words, "aria-label": words, onclick: () => add(kind, name) }, name));
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
