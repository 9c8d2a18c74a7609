/* The playlists that are kept in the catalogue. */

import { ask, send } from "./api.js";
import { announce, counted, el, notice } from "./dom.js";
import { go, hash } from "./route.js";
import { keep, prompted } from "./keep.js";
import { songList } from "./rows.js";

/** Show all playlists. */
export async function playlists(place, _now, signal) {
  const found = (await ask("api/playlists", {}, { signal })).playlists;
  place.replaceChildren(el("div", { class: "head" }, el("h1", {}, "Playlists")), found.length ? el("ul", { class: "lists" }, found.map(line))
    : notice("No playlist yet", "Below each list of songs’ title is “Save as playlist”. Players that speak OpenSubsonic see the same ones."));
  announce(counted(found.length, "playlist"));
}

function line(one) {
  const songs = one.songs ?? one.song_count ?? one.track_count ?? 0;
  return el("li", {}, el("a", { class: "title", dir: "auto", href: hash({ playlist: one.playlist_id }) }, one.name),
    el("span", { class: "soft" }, counted(typeof songs === "number" ? songs : songs.length, "song")));
}

/** Show one playlist. */
export async function playlist(place, now, signal) {
  const at = `api/playlists/${encodeURIComponent(now.playlist)}`;
  const found = await ask(at, {}, { signal });
  const tracks = found.tracks;
  const rename = el("button", { type: "button", class: "plain", onclick: async () => {
    const name = await prompted("Rename the playlist", "Name", found.name);
    if (!name) return;
    await send(at, { name }, "PUT");
    await playlist(place, now, signal);
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
  place.replaceChildren(el("div", { class: "head" }, el("h1", { dir: "auto" }, found.name), el("div", { class: "row" }, rename, remove)),
    el("div", { class: "list-head" }, el("p", { class: "count" }, counted(tracks.length, "song")), keep(() => tracks, () => found.name)),
    tracks.length ? songList(tracks) : notice("The playlist is empty"));
  announce(`${found.name}, ${counted(tracks.length, "song")}`);
}
