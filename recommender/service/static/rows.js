/* Lists of songs: what every list has in common. */

import { actsButton } from "./acts.js";
import { chips } from "./chips.js";
import { ask, sentence } from "./api.js";
import { clock, counted, el, icon, titleOf } from "./dom.js";
import { hash } from "./route.js";
import { player } from "./player.js";
import { drawnOf, foundBy, shortlistButton } from "./shortlisting.js";

/** Return a list of songs. With a `query` each is shown beside it, as `beside(query, track, tracks, i)` draws both; `asked` says why a song is in it. */
export function songList(tracks, { query = null, beside = null, start = 0, asked = null } = {}) {
  const list = el("ol", { class: query ? "songs compared" : "songs", onkeydown: walk },
    tracks.map((track, i) => row(track, { query, beside, asked, tracks, i, number: start + i + 1 })));
  drawnOf.set(list, tracks);
  mark(list);
  return list;
}

function row(track, { query, beside, asked, tracks, i, number }) {
  if (query) foundBy.set(track, query);
  const play = el("button", { type: "button", class: "round play", data: { play: track.track_id }, onclick: () => toggle(tracks, i) });
  const item = el("li", { class: "song", data: { track: track.track_id } },
    el("div", { class: "song-head" }, el("span", { class: "number", "aria-hidden": "true" }, track.rank || number), play, names(track), figures(track)),
    el("div", { class: "song-foot" }, chips(track, { most: query ? 4 : 3 }), el("div", { class: "song-links" }, links(track, query), shortlistButton(track), actsButton(track))));
  if (asked) addReasons(track, asked, item);
  if (query) item.querySelector(".song-head").after(beside(query, track, tracks, i));
  return item;
}

function names(track) {
  const more = [track.artist, track.album].filter(Boolean).join(" · ");
  return el("div", { class: "names" },
    el("a", { class: "title", dir: "auto", href: hash({ track: track.track_id }) }, titleOf(track)),
    el("span", { class: "soft by", dir: "auto" }, more || "Unknown artist"),
    track.because && el("span", { class: "because" }, "because you play ", el("span", { dir: "auto" }, titleOf(track.because))));
}

function figures(track) {
  return el("div", { class: "figures" },
    track.similarity !== undefined && figure("alike", track.similarity, "How alike the two songs are: 0 is unrelated, 1 the same"),
    track.strengths && figure("fits", track.score, "How well it fits the words: 0.50 is as well as songs usually do"),
    track.plays > 0 && el("span", { class: "soft plays" }, counted(track.plays, "play")),
    el("span", { class: "soft length" }, track.duration_s ? clock(track.duration_s) : ""));
}

function figure(name, value, title) {
  const bar = el("span", { class: "bar-of", "aria-hidden": "true" });
  bar.style.setProperty("--value", `${100 * value}%`);
  return el("span", { class: "alike", title }, bar, el("span", { class: "unseen" }, `${name} `), el("span", {}, value.toFixed(2)));
}

function links(track, query) {
  return el("a", { class: "link", href: hash({ track: track.track_id }) }, query ? "More like this" : "Similar");
}

function addReasons(track, asked, item) {
  const box = el("div", { class: "why", hidden: true });
  const why = el("button", { type: "button", class: "link", "aria-expanded": "false", onclick: () => reasons(why, box, track, asked) }, "Why");
  item.querySelector(".song-links").prepend(why);
  item.append(box);
}

/** Show why a song is in the list; it is asked for when it is wanted. */
async function reasons(button, box, track, asked) {
  const open = button.getAttribute("aria-expanded") !== "true";
  button.setAttribute("aria-expanded", String(open));
  box.hidden = !open;
  if (!open || box.childElementCount) return;
  box.append(el("p", { class: "soft" }, "Looking for reasons…"));
  try {
    const words = await asked(track);
    box.replaceChildren(el("ul", {}, words.map((line) => el("li", {}, sentence(line)))));
  } catch (error) {
    box.replaceChildren(el("p", {}, error.message));
  }
}

function toggle(tracks, i) {
  if (player.has(tracks[i])) player.toggle();
  else player.play(tracks, i);
}

/** Arrow keys go from the play button of one song to that of the next. */
function walk(event) {
  const step = { ArrowDown: 1, ArrowUp: -1 }[event.key];
  if (!step || event.altKey || !event.target.matches(".play")) return;
  const buttons = [...event.currentTarget.querySelectorAll(".play")];
  const next = buttons[buttons.indexOf(event.target) + step];
  if (!next) return;
  event.preventDefault();
  next.focus();
}

/** Show which song is in the player. */
function mark(root) {
  for (const item of root.querySelectorAll(".song")) {
    const current = Boolean(player.track) && String(player.track.track_id) === item.dataset.track;
    const playing = current && player.playing;
    const button = item.querySelector(".play");
    item.classList.toggle("current", current);
    if (button.dataset.state === String(playing)) continue;
    button.dataset.state = String(playing);
    button.setAttribute("aria-label", `${playing ? "Pause" : "Play"} ${item.querySelector(".title").textContent}`);
    button.replaceChildren(icon(playing ? "pause" : "play"));
  }
}

for (const name of ["track", "state"]) player.addEventListener(name, () => mark(document));

/** Return a function that asks why a track is in the list that `parameters` lead to. */
export function why(path, parameters) {
  let asked = null;
  return async (track) => {
    asked ??= ask(path, { ...parameters, explain: true });
    asked.catch(() => { asked = null; });
    const answer = await asked;
    const found = answer.results.find((one) => one.track_id === track.track_id);
    return found?.reasons?.words || ["the list has changed since it was made; ask again"];
  };
}

/** Return why a list has fewer songs than were asked for, or none. */
export function shortfall({ shortfall: reason, results }) {
  if (!reason) return "";
  return el("p", { class: "soft shortfall" }, results.length ? `Fewer than asked for: ${reason}.` : sentence(reason));
}
