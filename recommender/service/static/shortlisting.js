/* Songs into a shortlist, from any list: into the one that was used last, or another. */

import { ask, send } from "./api.js";
import { counted, el, tell, titleOf } from "./dom.js";
import { prompted } from "./prompt.js";
import * as settings from "./settings.js";

const PASSAGE = ["query_start_s", "query_end_s", "match_start_s", "match_end_s"];

/** The song or file that each song of a list was found by. */
export const foundBy = new WeakMap();

/** The songs of each list that is drawn. */
export const drawnOf = new WeakMap();

/** What this page has put into shortlists: their ids with those of songs. */
const put = new Set();

/** Return what an entry calls the file that it was found by. */
export function nameOf(track) {
  return titleOf(track).slice(0, 500);
}

/** Return a song as an entry: with the passages that matched, where it was found by a song. */
function entryOf(track) {
  const query = foundBy.get(track) || track.because || null;
  const entry = { track_id: track.track_id };
  if (query?.track_id) entry.query_track_id = query.track_id;
  else if (query) entry.query_name = nameOf(query);
  if (query && PASSAGE.every((name) => Number.isFinite(track[name]))) for (const name of PASSAGE) entry[name] = track[name];
  if (query && Number.isFinite(track.similarity)) entry.similarity = Math.min(1, Math.max(0, track.similarity));
  return entry;
}

/** Whether a shortlist's entry is one that is to be put in: the same song, by the same passages where some matched. */
function same(one, entry) {
  if (one.track.track_id !== entry.track_id) return false;
  if (!Number.isFinite(entry.match_start_s)) return true;
  return (one.query?.track_id ?? null) === (entry.query_track_id ?? null) && PASSAGE.every((name) => Math.abs((one[name] ?? Infinity) - entry[name]) < 0.01);
}

/** Return the button that puts a song into the shortlist in use. */
export function shortlistButton(track) {
  const button = el("button", { type: "button", class: "link to-shortlist", "aria-label": `Shortlist ${titleOf(track)}`, title: "Put it into the shortlist in use (L); the menu beside has the others",
    onclick: async () => told(async () => {
      const said = await addTo(await inUse(), track);
      mark(button, track);
      return said;
    }) }, "Shortlist");
  mark(button, track);
  return button;
}

/** Show on a song's button that the shortlist in use has it from here. */
function mark(button, track) {
  if (!put.has(`${settings.get("shortlist")} ${track.track_id}`)) return;
  button.textContent = "Shortlisted";
  button.setAttribute("aria-label", `Shortlisted: ${titleOf(track)}`);
}

/** Forget that a song was put into the shortlist in use: it was taken out. */
export function forget(track) {
  put.delete(`${settings.get("shortlist")} ${track.track_id}`);
}

/** Note that a shortlist, which is in use from now on, has some songs; show it where they are listed. */
function note(shortlist, tracks) {
  settings.set("shortlist", shortlist.shortlist_id);
  for (const track of tracks) put.add(`${shortlist.shortlist_id} ${track.track_id}`);
  for (const list of document.querySelectorAll("main .songs")) {
    const buttons = list.querySelectorAll(".to-shortlist");
    (drawnOf.get(list) || []).forEach((track, i) => buttons[i] && mark(buttons[i], track));
  }
}

/** Put the song of the list that has the focus, or that is in the player, into the shortlist in use. */
export function shortlistFocused() {
  const row = document.activeElement?.closest(".song") || document.querySelector(".song.current");
  row?.querySelector(".to-shortlist")?.click();
}

/** Put all songs of a list into the shortlist in use, but those that it has. */
export function shortlistAll(tracks) {
  return told(async () => addAll(await inUse(), tracks.filter((track) => track.track_id)));
}

/** Put all songs that are listed into the shortlist in use. */
export function shortlistShown() {
  const tracks = [...document.querySelectorAll("main .songs")].flatMap((list) => drawnOf.get(list) || []);
  if (tracks.length) shortlistAll(tracks);
}

async function addAll(shortlist, tracks) {
  if (!shortlist) return null;
  const at = `api/shortlists/${shortlist.shortlist_id}`;
  const there = new Set((await ask(at)).entries.map((entry) => entry.track.track_id));
  const added = tracks.filter((track) => !there.has(track.track_id));
  if (added.length) await send(`${at}/entries`, { entries: added.map(entryOf) });
  note(shortlist, tracks);
  const before = tracks.length - added.length;
  if (!added.length) return `All of it is on the shortlist ${shortlist.name} already`;
  return `${counted(added.length, "song")} more on the shortlist ${shortlist.name}${before ? `; ${before} ${before === 1 ? "was" : "were"} on it already` : ""}`;
}

/** Return all shortlists. */
export async function allShortlists() {
  return (await ask("api/shortlists")).shortlists;
}

/** Return the shortlist that was used last, or else the only one; a new one where there is neither, null where it gets no name. */
async function inUse() {
  const known = await allShortlists();
  return known.find((one) => one.shortlist_id === settings.get("shortlist")) || (known.length === 1 ? known[0] : made());
}

/** Ask for a name, and make a shortlist. */
export async function made() {
  const name = await prompted("New shortlist", "Name");
  return name ? send("api/shortlists", { name }) : null;
}

/** Put a song into a shortlist, which is the one in use from now on; return what is to be said of it. */
export async function addTo(shortlist, track) {
  if (!shortlist) return null;
  const at = `api/shortlists/${shortlist.shortlist_id}`;
  const entry = entryOf(track);
  const there = (await ask(at)).entries.some((one) => same(one, entry));
  if (!there) await send(`${at}/entries`, { entries: [entry] });
  note(shortlist, [track]);
  if (there) return `${titleOf(track)} is on the shortlist ${shortlist.name} already`;
  return `${titleOf(track)} is on the shortlist ${shortlist.name}`;
}

/** Do something, and say what came of it. */
async function told(act) {
  try {
    const said = await act();
    if (said) tell(said);
  } catch (error) {
    tell(error.message);
  }
}
