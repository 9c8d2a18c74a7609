/* A song of the library and what sounds like it. */

import { ask } from "./api.js";
import { chips } from "./chips.js";
import { combobox, songOptions } from "./box.js";
import { compare } from "./compare.js";
import { el, titleOf } from "./dom.js";
import { moreSongs } from "./like.js";
import { go } from "./route.js";
import { why } from "./rows.js";

/** Show a song. */
export async function song(place, now, signal) {
  const id = encodeURIComponent(now.track);
  const track = await ask(`api/tracks/${id}`, {}, { signal });
  document.title = `${titleOf(track)} · deepcuts`;
  const path = `api/tracks/${id}/similar`;
  const parts = [chips(track, { genres: 3, most: 8 }), el("div", { class: "about-song" }, judgement(track), others(track, now), walkFrom(track))];
  return compare(place, track, parts, now, {
    asked: (parameters, until) => ask(path, parameters, { signal: until }),
    reasons: (parameters) => why(path, parameters),
    signal,
  });
}

/** Return what the model says of a song. */
export function judgement(track) {
  const said = track.judgement;
  if (!said) return el("p", { class: "soft judged" }, "This song is not analysed yet: run deepcuts ingest.");
  const { name, probability } = said.nearest;
  const share = `${Math.round(probability * 100)} %`;
  const words = said.label === "not music" ? ["This sounds like something other than music."] : said.unknown ? ["The model is ", el("b", {}, said.verdict), `: ${said.unknown}.`] : ["The model hears ", el("b", {}, name), ` (${share}).`];
  return el("p", { class: "soft judged" }, words);
}

/** Return fields to choose songs that the list is to be like as well, or unlike. */
function others(track, now) {
  const id = String(track.track_id);
  return el("details", { class: "walk" }, el("summary", {}, "Like this and another song, or unlike one"), moreSongs([id], [], now));
}

/** Return a field to choose the song that a walk from this one leads to. */
function walkFrom(track) {
  const input = el("input", { type: "search", id: "walk-box", placeholder: "another song", "aria-label": "Walk from this song to another: its title or artist" });
  const list = el("ul", { class: "suggestions", id: "walk-list" });
  const field = el("div", { class: "walk-field" }, input, list);
  combobox(input, list, { options: songOptions, choose: (option) => go({ path: String(track.track_id), to: String(option.track.track_id) }) });
  return el("details", { class: "walk" }, el("summary", {}, "Walk from here to another song"), field);
}
