/* The queue outlives a reload: the browser keeps it, and where in its song one was. */

import { player } from "./player.js";

const KEY = "deepcuts-queue";
const MOST = 500;
const EVERY_MS = 5000;
const KEPT = ["track_id", "title", "artist", "album", "duration_s", "path", "radio_id", "position"];

/** Have the queue of before, silent, and keep the one that comes. */
export function resumeQueue() {
  restore();
  for (const name of ["queue", "track"]) player.addEventListener(name, save);
  addEventListener("pagehide", save);
  setInterval(() => { if (player.playing) save(); }, EVERY_MS);
}

function save() {
  const first = Math.max(0, player.index - MOST / 2);
  const some = player.queue.slice(first, first + MOST);
  const kept = some.filter((track) => track.track_id && !track.source);
  const index = kept.indexOf(player.track);
  try {
    if (index < 0) localStorage.removeItem(KEY);
    else localStorage.setItem(KEY, JSON.stringify({ tracks: kept.map((track) => Object.fromEntries(KEPT.map((name) => [name, track[name]]))), index, time: player.time }));
  } catch {
    // The browser keeps nothing.
  }
}

function restore() {
  try {
    const { tracks, index, time } = JSON.parse(localStorage.getItem(KEY)) || {};
    if (!Array.isArray(tracks) || !tracks[index]?.track_id || !tracks.every((track) => Number.isInteger(track?.track_id))) return;
    player.restore(tracks, index, Number.isFinite(time) ? time : 0);
  } catch {
    // It is not what this page wrote.
  }
}
