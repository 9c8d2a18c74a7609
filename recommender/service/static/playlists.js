/* The playlists that are kept in the catalogue. */

import { ask, send, sentence } from "./api.js";
import { announce, counted, el, focusTitle, keepFocus, notice, titleOf } from "./dom.js";
import { go, hash } from "./route.js";
import { keep } from "./keep.js";
import { prompted } from "./prompt.js";
import { songList } from "./rows.js";
import { handle, sortable } from "./sortable.js";
import { radioButton } from "./station.js";

/** Show all playlists. */
export async function playlists(place, _now, signal) {
  const found = (await ask("api/playlists", {}, { signal })).playlists;
  place.replaceChildren(el("div", { class: "head" }, el("h1", {}, "Playlists")), found.length ? el("ul", { class: "lists" }, found.map(line))
    : notice("No playlist yet", "Below each list of songs’ title is “Save as playlist”, and the menu beside each song adds it to one. Players that speak OpenSubsonic see the same ones."));
  announce(counted(found.length, "playlist"));
}

function line(one) {
  const songs = one.songs ?? one.song_count ?? one.track_count ?? 0;
  return el("li", {}, el("a", { class: "title", dir: "auto", href: hash({ playlist: one.playlist_id }) }, one.name),
    el("span", { class: "soft" }, counted(typeof songs === "number" ? songs : songs.length, "song"), one.rules ? " · keeps itself up to date" : ""));
}

/** Show one playlist. */
export async function playlist(place, now, signal) {
  const at = `api/playlists/${encodeURIComponent(now.playlist)}`;
  const found = await ask(at, {}, { signal });
  let tracks = found.tracks;
  const again = async () => {
    const refocus = keepFocus(place);
    await playlist(place, now, signal);
    refocus();
  };
  const rename = el("button", { type: "button", class: "plain", onclick: async () => {
    const name = await prompted("Rename the playlist", "Name", found.name);
    if (!name) return;
    await send(at, { name }, "PUT");
    await again();
  } }, "Rename");
  const remove = el("button", { type: "button", class: "plain", onclick: async () => {
    if (remove.dataset.sure !== "yes") {
      remove.dataset.sure = "yes";
      remove.textContent = "Delete it? Press again";
      return;
    }
    await ask(at, {}, { method: "DELETE" });
    go({ playlists: "" }, { quietly: true });
  } }, "Delete");
  const body = el("div");
  const count = el("p", { class: "count" });
  const uses = [keep(() => tracks, () => found.name), radioButton("playlist", found.playlist_id),
    el("a", { class: "plain", href: hash({ likelist: found.playlist_id }) }, "Songs like these")];
  place.replaceChildren(el("div", { class: "head" }, el("h1", { dir: "auto" }, found.name), el("div", { class: "row" }, uses.slice(1), rename, remove)),
    found.rules ? rulesOf(found, again) : "", el("div", { class: "list-head" }, count, uses[0]), body);
  const draw = () => {
    for (const use of uses) use.hidden = !tracks.length;
    count.textContent = counted(tracks.length, "song");
    if (found.rules) body.replaceChildren(tracks.length ? songList(tracks) : notice("No song is like that just now", "It is filled when there are some."));
    else body.replaceChildren(tracks.length ? editable(tracks, kept) : notice("The playlist is empty", "The menu beside each song, in any list, adds it to a playlist."));
  };
  /** Store another order, or other songs; return whether that went well, else it is undone. */
  const kept = async (changed) => {
    const before = tracks;
    tracks = changed;
    draw();
    try {
      await send(at, { track_ids: changed.map((track) => track.track_id) }, "PUT");
      return true;
    } catch (error) {
      tracks = before;
      draw();
      announce(error.message);
      return false;
    }
  };
  draw();
  announce(`${found.name}, ${counted(tracks.length, "song")}`);
}

/** Return what a playlist is filled with, and the button by which it stays as it is. */
function rulesOf(found, again) {
  const freeze = el("button", { type: "button", class: "plain", title: "Let it stay as it is: from then on it is changed by hand", onclick: async () => {
    await send(`api/playlists/${found.playlist_id}`, { rules: null }, "PUT");
    await again();
    announce("It stays as it is from now on");
  } }, "Freeze");
  return el("div", { class: "rules" }, el("p", { class: "soft" }, "Keeps itself up to date with"),
    el("ul", { class: "chips", "aria-label": "What it is filled with" }, found.rules_in_words.map((words) => el("li", { class: "chip", dir: "auto" }, words))), freeze,
    found.problem ? el("p", { class: "problem" }, `It could not be filled anew: ${sentence(found.problem)}`) : "");
}

/** Return a list that is put in order by dragging or keys, and out of which songs can be taken. */
function editable(tracks, kept) {
  const list = songList(tracks);
  const without = async (i) => {
    const name = titleOf(tracks[i]);
    const box = list.parentElement;
    const stored = await kept(tracks.filter((_, other) => other !== i));
    const left = box.querySelectorAll(".take-out");
    if (left.length) left[Math.min(i, left.length - 1)].focus();
    else focusTitle(document.getElementById("place"));
    if (stored) announce(`${name} is out of the playlist`);
  };
  [...list.children].forEach((item, i) => {
    item.querySelector(".play").classList.add("held");
    item.querySelector(".number").before(handle());
    item.querySelector(".acts").before(el("button", { type: "button", class: "link take-out", "aria-label": `Take out ${titleOf(tracks[i])}`, onclick: () => without(i) }, "Take out"));
  });
  list.addEventListener("keydown", (event) => {
    const at = [...list.children].indexOf(event.target.closest("li"));
    if (event.key !== "Delete" || at < 0) return;
    event.preventDefault();
    without(at);
  });
  return sortable(list, async (from, to) => {
    const changed = [...tracks];
    changed.splice(to, 0, ...changed.splice(from, 1));
    const box = list.parentElement;
    await kept(changed);
    return box.firstElementChild;
  });
}
