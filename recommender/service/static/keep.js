/* Keeping a list: as a playlist of the catalogue, or as a file for other players. */

import { once, send } from "./api.js";
import { announce, counted, el, titleOf } from "./dom.js";
import { prompted } from "./prompt.js";
import { hash } from "./route.js";
import * as settings from "./settings.js";
import { shortlistAll } from "./shortlisting.js";

/**
 * Return the buttons that keep a list of songs; `tracks` gives it when one is pressed, `rules` what the service makes it anew from.
 * A shortlist itself is not put into another.
 */
export function keep(tracks, name, rules = null, { shortlist = true } = {}) {
  const said = el("span", { class: "soft said" });
  return el("div", { class: "keep" }, said,
    el("button", { type: "button", class: "plain", onclick: () => save(tracks(), name(), said, rules?.()) }, "Save as playlist"),
    shortlist && el("button", { type: "button", class: "plain", title: "Put all of the list into the shortlist in use (Shift and L)", onclick: () => shortlistAll(tracks()) }, "Shortlist all"),
    el("button", { type: "button", class: "plain", onclick: () => download(tracks(), name()) }, "Download M3U8"), naming());
}

/** Return what songs are called in an M3U8: full paths are right for players beside the service, addresses for all others. */
function pathsChosen() {
  return settings.get("paths") ?? (["localhost", "127.0.0.1", "[::1]"].includes(location.hostname) ? "absolute" : "addresses");
}

/** Return the choice of what songs are called in an M3U8. */
function naming() {
  return el("select", { class: "naming", "aria-label": "Songs in the M3U8 by", title: "Relative paths are from the library’s folder: put the file there", onchange: (event) => {
    settings.set("paths", event.target.value);
    for (const other of document.querySelectorAll("select.naming")) other.value = event.target.value;
  } }, [["absolute", "full paths"], ["relative", "relative paths"], ["addresses", "addresses"]].map(([value, words]) => el("option", { value, selected: value === pathsChosen() }, words)));
}

const NUMBERS = ["like", "unlike", "playlist", "discover", "diversity"];

/** Return a list as a playlist is filled with it: what the service is asked by, empty values left out. */
export function wanted(list, asked) {
  const set = Object.entries(asked).filter(([, value]) => value !== null && value !== undefined && value !== "" && value !== false && !(Array.isArray(value) && !value.length));
  return { list, ...Object.fromEntries(set.map(([name, value]) => [name, !NUMBERS.includes(name) ? value : Array.isArray(value) ? value.map(Number) : Number(value)])) };
}

/** Save songs as a playlist, under a name that is asked for; `said` is where it is told. With `rules` it may keep itself up to date. */
export async function save(tracks, suggested, said, rules = null) {
  const name = await prompted("Save as playlist", "Name", suggested, { offered: Boolean(rules) });
  if (!name) return;
  const kept = rules && document.getElementById("ask-keep").checked;
  try {
    const made = await send("api/playlists", kept ? { name, rules } : { name, track_ids: tracks.map((track) => track.track_id) });
    const open = made?.playlist_id ? el("a", { class: "link", href: hash({ playlist: made.playlist_id }) }, "Open it") : null;
    said.replaceChildren(`Saved ${counted(made?.songs ?? tracks.length, "song")}${kept ? ", kept up to date" : ""}. `, ...(open ? [open] : []));
    announce(said.textContent);
  } catch (error) {
    said.textContent = error.message;
    announce(error.message);
  }
}

const oneLine = (text) => (text || "").replace(/[\r\n]+/g, " ");

/** Return the folder that holds all of some, without a slash at its end. */
function commonFolder(folders) {
  const [first = [], ...others] = folders.map((folder) => folder.replace(/\/+$/, "").split("/"));
  const differs = first.findIndex((part, i) => others.some((other) => other[i] !== part));
  return first.slice(0, differs < 0 ? first.length : differs).join("/");
}

/** Return how M3U8 names a file: with its path from a folder, where that is given. */
function named(path, base) {
  const below = base !== null && path.startsWith(`${base}/`) ? path.slice(base.length + 1) : path;
  return /^[#\s\ufeff]/.test(below) ? `./${below}` : below;
}

/**
 * Return an M3U8 playlist; a path that a line cannot hold is left out.
 * `paths` says what songs are called: "absolute", "relative" to the folder of `roots`, or "addresses" of this service.
 */
export function m3u8(tracks, paths = "absolute", roots = []) {
  const base = paths === "relative" ? commonFolder(roots) : null;
  const addressed = paths === "addresses";
  const lines = tracks.filter((track) => addressed || (track.path && !/[\r\n]/.test(track.path))).map((track) => {
    const by = track.artist ? `${track.artist} - ` : "";
    if (addressed) return `#EXTINF:${Math.round(track.duration_s || -1)},${oneLine(by + titleOf(track))}\n${new URL(`api/tracks/${track.track_id}/audio`, document.baseURI)}\n`;
    const bounds = track.range ? [["start", track.range.start_s], ["stop", track.range.end_s]] : [];
    const part = bounds.filter(([, at]) => at !== null).map(([name, at]) => `#EXTVLCOPT:${name}-time=${at}\n`).join("");
    return `#EXTINF:${Math.round(track.duration_s || -1)},${oneLine(by + titleOf(track))}\n${part}${named(track.range ? track.range.file : track.path, base)}\n`;
  });
  return `#EXTM3U\n${lines.join("")}`;
}

async function download(tracks, name) {
  const paths = pathsChosen();
  let roots = [];
  try {
    if (paths === "relative") roots = (await once("api/status")).roots.map((root) => root.path).filter((root) => tracks.some((track) => track.path.startsWith(`${root}/`)));
  } catch (error) {
    announce(error.message);
    return;
  }
  const url = URL.createObjectURL(new Blob([m3u8(tracks, paths, roots)], { type: "audio/x-mpegurl" }));
  const file = `${name.replace(/[^\p{L}\p{N} ._-]+/gu, " ").trim() || "deepcuts"}.m3u8`;
  el("a", { href: url, download: file }).click();
  setTimeout(() => URL.revokeObjectURL(url), 1000);
  announce(`${file} is downloaded`);
}
