/* What can be done with a song, in one small menu beside it. */

import { ask, send } from "./api.js";
import { el, icon, tell, titleOf } from "./dom.js";
import { player } from "./player.js";
import { prompted } from "./prompt.js";
import { go } from "./route.js";
import { addTo as addToShortlist, allShortlists, made } from "./shortlisting.js";
import { lessLike, note, startRadio } from "./station.js";

const STARS = [1, 2, 3, 4, 5];
const EDGE_PX = 8;
let menu = null;
let opener = null;

/** Return the button that opens the menu of a song of the library. */
export function actsButton(track) {
  const button = el("button", { type: "button", class: "round small acts", "aria-haspopup": "menu", "aria-expanded": "false", "aria-label": `More for ${titleOf(track)}`, title: "More",
    onclick: () => (opener === button ? close() : open(button, track)) }, icon("more"));
  return button;
}

async function open(button, track) {
  close();
  opener = button;
  button.setAttribute("aria-expanded", "true");
  menu = el("div", { class: "menu", role: "menu", "aria-label": `For ${titleOf(track)}`, onkeydown: keys }, mainItems(track, null));
  document.getElementById("place").append(menu); // within a landmark
  place();
  menu.querySelector("button").focus({ preventScroll: true });
  const mine = menu;
  const marks = await ask(`api/tracks/${track.track_id}`).catch(() => null);
  if (menu !== mine || !marks || mine.dataset.at) return;
  const at = items().indexOf(document.activeElement);
  fill(mainItems(track, marks), at);
}

function mainItems(track, marks) {
  const starred = Boolean(marks?.starred);
  return [
    act("Play next", () => { player.add([track], { next: true }); return `${titleOf(track)} comes next`; }),
    act("Add to queue", () => { player.add([track]); return `${titleOf(track)} is in the queue`; }),
    act("Add to playlist…", () => playlists(track), { stays: true }),
    act("Add to shortlist…", () => shortlists(track), { stays: true }),
    act("Start a radio", () => radio(track)),
    act("Less like this", () => less(track)),
    act(starred ? "Take the star away" : "Star", () => star(track, !starred)),
    el("div", { class: "menu-stars", role: "group", "aria-label": "Rating" }, STARS.map((n) => el("button", { type: "button", role: "menuitemradio", class: "round small", "aria-checked": String(marks?.rating === n), "aria-label": n === 1 ? "1 star of 5" : `${n} stars of 5`, title: marks?.rating === n ? "Take the rating away" : null,
      data: { on: n <= (marks?.rating || 0) }, onclick: () => finish(() => rate(track, marks?.rating === n ? null : n)) }, icon("star")))),
  ];
}

function act(words, does, { stays = false } = {}) {
  return el("button", { type: "button", role: "menuitem", class: "menu-item", onclick: () => (stays ? does() : finish(does)) }, words);
}

/** Do what was chosen, and say what came of it. */
async function finish(does) {
  const back = opener;
  close();
  back?.focus({ preventScroll: true });
  try {
    const said = await does();
    if (said) tell(said);
  } catch (error) {
    tell(error.message);
  }
}

async function radio(track) {
  go({ radio: String(await startRadio({ kind: "song", seed: String(track.track_id) })) });
}

async function less(track) {
  await lessLike(track, true);
  return `Radio, mixes and deep cuts play less like ${titleOf(track)} from now on`;
}

async function star(track, on) {
  if (on && track.radio_id) note(track, "starred");
  await ask(`api/tracks/${track.track_id}/star`, {}, { method: on ? "PUT" : "DELETE" });
  return `${titleOf(track)} ${on ? "is starred" : "has no star any more"}`;
}

async function rate(track, rating) {
  const at = `api/tracks/${track.track_id}/rating`;
  if (rating === null) await ask(at, {}, { method: "DELETE" });
  else await send(at, { rating }, "PUT");
  return rating === null ? `${titleOf(track)} is not rated any more` : `${titleOf(track)} has ${rating} of 5 stars`;
}

/** Show the playlists that it may be added to, in the menu's place. */
async function playlists(track) {
  const mine = menu;
  mine.dataset.at = "playlists";
  const found = await ask("api/playlists").catch(() => ({ playlists: [] }));
  if (menu !== mine) return;
  fill([
    act("New playlist…", () => anew(track)),
    ...found.playlists.filter((one) => !one.rules).map((one) => act(one.name, () => addTo(one, track))),
  ], 0);
}

/** Show the shortlists that it may be put into, in the menu's place. */
async function shortlists(track) {
  const mine = menu;
  mine.dataset.at = "shortlists";
  const found = await allShortlists().catch(() => []);
  if (menu !== mine) return;
  fill([
    act("New shortlist…", async () => addToShortlist(await made(), track)),
    ...found.map((one) => act(one.name, () => addToShortlist(one, track))),
  ], 0);
}

async function anew(track) {
  const name = await prompted("New playlist", "Name");
  if (!name) return null;
  await send("api/playlists", { name, track_ids: [track.track_id] });
  return `${titleOf(track)} is in ${name}`;
}

async function addTo(one, track) {
  const now = await ask(`api/playlists/${one.playlist_id}`);
  const ids = now.tracks.map((held) => held.track_id);
  if (ids.includes(track.track_id)) return `${titleOf(track)} is in ${one.name} already`;
  await send(`api/playlists/${one.playlist_id}`, { track_ids: [...ids, track.track_id] }, "PUT");
  return `${titleOf(track)} is in ${one.name}`;
}

function items() {
  return [...menu.querySelectorAll("button")];
}

function fill(content, at) {
  menu.replaceChildren(...content);
  place();
  items()[Math.max(0, at)]?.focus({ preventScroll: true });
}

/** Put the menu beside its button, within the window. */
function place() {
  const at = opener.getBoundingClientRect();
  const { width, height } = menu.getBoundingClientRect();
  const left = Math.max(EDGE_PX, Math.min(at.right - width, innerWidth - width - EDGE_PX));
  const below = at.bottom + height + EDGE_PX < innerHeight;
  menu.style.setProperty("--x", `${left}px`);
  menu.style.setProperty("--y", `${Math.max(EDGE_PX, below ? at.bottom : at.top - height)}px`);
}

function keys(event) {
  const all = items();
  const to = { ArrowDown: 1, ArrowRight: 1, ArrowUp: -1, ArrowLeft: -1, Home: -Infinity, End: Infinity }[event.key];
  if (event.key === "Escape" || event.key === "Tab") {
    const back = opener;
    close();
    back.focus({ preventScroll: true });
    if (event.key === "Escape") event.preventDefault();
  } else if (to) {
    event.preventDefault();
    const next = all.indexOf(document.activeElement) + to;
    all[next === Infinity ? all.length - 1 : next === -Infinity ? 0 : (next + all.length) % all.length].focus({ preventScroll: true });
  } else {
    return;
  }
  event.stopPropagation();
}

function close() {
  menu?.remove();
  opener?.setAttribute("aria-expanded", "false");
  menu = opener = null;
}

addEventListener("pointerdown", (event) => { if (menu && !menu.contains(event.target) && !opener.contains(event.target)) close(); });
for (const name of ["hashchange", "resize"]) addEventListener(name, close);
addEventListener("scroll", () => { if (menu) place(); }, { passive: true });
