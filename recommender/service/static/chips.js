/* What is said of a song, as chips: its verdict, tags, tempo and key, and the filters that they become when they are clicked. */

import { el } from "./dom.js";
import { go, here } from "./route.js";

const SURE = 0.4; // from here on a tempo or key is written into files, too
const SHOWN_TAG = 0.15;
const FILTERED = ["songs", "search", "find", "track", "deepcuts", "file", "like", "likelist"];

/** Return what a song is, by its one verdict, as buttons that filter. */
export function chips(track, { most = 4 } = {}) {
  const verdict = track.verdict ?? track.judgement?.verdict ?? "";
  const known = genresOf(track);
  const tags = verdict === "not music" ? [] : (track.tags || []).filter((tag) => tag.probability >= SHOWN_TAG && !known.some((genre) => genre.name === tag.name));
  const items = [...known.map((genre) => chip("genre", genre.name, genre.said)), unknown(verdict),
    ...tags.slice(0, Math.max(0, most - known.length)).map((tag) => chip("tag", tag.name, `${Math.round(tag.probability * 100)} % sure`)), ...measured(track)].filter(Boolean);
  return items.length ? el("ul", { class: "chips", "aria-label": "Verdict, tags, tempo and key" }, items) : el("div", {});
}

/** Return the genres of a song: the user's label, and the model's verdict where that is one. */
export function genresOf({ label, verdict, judgement }) {
  const said = verdict ?? judgement?.verdict ?? "";
  const own = label ? [{ name: label, said: "your label" }] : [];
  const known = said && said !== "not music" && !said.startsWith("unsure");
  return known && said !== label ? [...own, { name: said, said: "the model's verdict" }] : own;
}

function unknown(verdict) {
  return verdict === "not music" || verdict.startsWith("unsure") ? el("li", { class: "soft verdict" }, verdict) : null;
}

function measured({ tempo_bpm: tempo, tempo_confidence: tempoSure, key, key_confidence: keySure }) {
  const share = (sure) => `${Math.round(sure * 100)} % sure`;
  return [tempo && tempoSure >= SURE ? chip("tempo", String(Math.round(tempo)), share(tempoSure), `${Math.round(tempo)} bpm`) : null,
    key && keySure >= SURE ? chip("key", key, share(keySure)) : null];
}

function chip(kind, name, said, shown = name) {
  const words = `${kind.charAt(0).toUpperCase()}${kind.slice(1)} ${shown}, ${said}: show only such songs`;
  return el("li", {}, el("button", { type: "button", class: `chip ${kind}`, title: words, "aria-label": words, onclick: () => add(kind, name) }, shown));
}

/** Filter by a genre, a tag, a tempo or a key too; a song from elsewhere leads to all songs like it in that. */
export function add(kind, name) {
  const place = here();
  const at = FILTERED.includes(place.name) ? place : { name: "songs" };
  const now = at[kind];
  if (Array.isArray(now) && now.includes(name)) return;
  go({ ...at, [kind]: kind === "tempo" ? name : [...(now || []), name] });
}
