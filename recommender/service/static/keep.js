/* Keeping a list: as a playlist of the catalogue, or as a file for other players. */

import { send } from "./api.js";
import { announce, counted, el, titleOf } from "./dom.js";
import { hash } from "./route.js";

/** Return the buttons that keep a list of songs; `tracks` gives it when one is pressed. */
export function keep(tracks, name) {
  const said = el("span", { class: "soft said" });
  return el("div", { class: "keep" }, said,
    el("button", { type: "button", class: "plain", onclick: () => save(tracks(), name(), said) }, "Save as playlist"),
    el("button", { type: "button", class: "plain", onclick: () => download(tracks(), name()) }, "Download M3U8"));
}

/** Save songs as a playlist, under a name that is asked for; `said` is where it is told. */
export async function save(tracks, suggested, said) {
  const name = await prompted("Save as playlist", "Name", suggested);
  if (!name) return;
  try {
    const made = await send("api/playlists", { name, track_ids: tracks.map((track) => track.track_id) });
    const open = made?.playlist_id ? el("a", { class: "link", href: hash({ playlist: made.playlist_id }) }, "Open it") : null;
    said.replaceChildren(`Saved ${counted(tracks.length, "song")}. `, ...(open ? [open] : []));
    announce(said.textContent);
  } catch (error) {
    said.textContent = error.message;
    announce(error.message);
  }
}

/** Ask for a line of text in a dialog; null where none is given. */
export function prompted(title, label, suggested = "") {
  const dialog = document.getElementById("ask");
  const value = document.getElementById("ask-value");
  document.getElementById("ask-title").textContent = title;
  document.getElementById("ask-label").textContent = label;
  document.getElementById("ask-no").onclick = () => dialog.close("");
  value.value = suggested.slice(0, 200);
  dialog.returnValue = "";
  dialog.showModal();
  value.select();
  return new Promise((done) => {
    dialog.addEventListener("close", () => done(dialog.returnValue === "yes" ? value.value.trim() || null : null), { once: true });
  });
}

const oneLine = (text) => (text || "").replace(/[\r\n]+/g, " ");

/** Return an M3U8 playlist; a path that a line cannot hold is left out. */
export function m3u8(tracks) {
  const lines = tracks.filter((track) => track.path && !/[\r\n]/.test(track.path)).map((track) => {
    const by = track.artist ? `${track.artist} - ` : "";
    const bounds = track.range ? [["start", track.range.start_s], ["stop", track.range.end_s]] : [];
    const part = bounds.filter(([, at]) => at !== null).map(([name, at]) => `#EXTVLCOPT:${name}-time=${at}\n`).join("");
    return `#EXTINF:${Math.round(track.duration_s || -1)},${oneLine(by + titleOf(track))}\n${part}${track.range ? track.range.file : track.path}\n`;
  });
  return `#EXTM3U\n${lines.join("")}`;
}

function download(tracks, name) {
  const url = URL.createObjectURL(new Blob([m3u8(tracks)], { type: "audio/x-mpegurl" }));
  const file = `${name.replace(/[^\p{L}\p{N} ._-]+/gu, " ").trim() || "deepcuts"}.m3u8`;
  el("a", { href: url, download: file }).click();
  setTimeout(() => URL.revokeObjectURL(url), 1000);
  announce(`${file} is downloaded`);
}
