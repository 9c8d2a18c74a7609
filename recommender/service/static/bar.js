/* The player's bar. */

import { address } from "./api.js";
import { clock, el, icon, tell, titleOf } from "./dom.js";
import { player } from "./player.js";
import { queuePanel } from "./queue.js";
import { hash } from "./route.js";
import * as settings from "./settings.js";

/** Make the bar. */
export function playerBar() {
  const bar = document.getElementById("bar");
  const button = (name, words, act, more = {}) => el("button", { type: "button", class: "round", "aria-label": words, title: words, onclick: act, ...more }, icon(name));
  const play = button("play", "Play", () => player.toggle(), { id: "bar-play", class: "round big" });
  const names = el("div", { class: "bar-names" });
  const cover = el("img", { class: "cover", alt: "", hidden: true, onerror: () => { cover.hidden = true; }, onload: () => { cover.hidden = false; } });
  const now = el("span", { class: "time soft", id: "bar-time" }, "0:00");
  const end = el("span", { class: "time soft" }, "0:00");
  const seek = el("input", { type: "range", id: "seek", class: "seek", min: 0, max: 1, step: 0.1, value: 0, "aria-label": "Place in the song", oninput: () => player.seek(Number(seek.value)) });
  const sound = button("sound", "Sound off", () => player.mute(), { id: "mute" });
  const volume = el("input", { type: "range", id: "volume", class: "volume", min: 0, max: 1, step: 0.05, "aria-label": "Volume", oninput: () => { player.volume = Number(volume.value); } });
  volume.value = settings.get("volume");
  const open = button("list", "Queue", null, { id: "queue-open", "aria-expanded": "false", "aria-controls": "queue" });
  bar.append(el("div", { class: "frame bar-row" },
    el("div", { class: "bar-buttons" }, button("previous", "Previous song (P)", () => player.previous(), { id: "previous" }), play, button("next", "Next song (N)", () => player.next(), { id: "next" })),
    el("div", { class: "bar-song" }, cover, names), el("div", { class: "bar-seek" }, now, seek, end), el("div", { class: "bar-sound" }, sound, volume), open));

  player.addEventListener("track", () => shown(bar, names, cover));
  player.addEventListener("state", () => swap(play, player.playing ? "pause" : "play", player.playing ? "Pause" : "Play"));
  player.addEventListener("volume", () => {
    const off = player.audio.muted || player.volume === 0;
    swap(sound, off ? "silent" : "sound", off ? "Sound on" : "Sound off");
    volume.value = player.volume;
  });
  player.addEventListener("time", () => {
    seek.max = player.duration || 1;
    seek.value = player.time;
    seek.setAttribute("aria-valuetext", `${clock(player.time)} of ${clock(player.duration)}`);
    seek.style.setProperty("--done", `${(100 * player.time) / (player.duration || 1)}%`);
    now.textContent = clock(player.time);
    end.textContent = clock(player.duration);
  });
  player.addEventListener("problem", (event) => { names.querySelector(".by").textContent = event.detail; tell(event.detail); });
  queuePanel(document.getElementById("queue"), open);
  systemKeys();
}

function swap(button, name, words) {
  if (button.dataset.drawn === name) return;
  button.dataset.drawn = name;
  button.setAttribute("aria-label", words);
  button.title = words;
  button.replaceChildren(icon(name));
}

function shown(bar, names, cover) {
  const { track } = player;
  if (!track) return;
  bar.hidden = false;
  document.body.classList.add("with-bar");
  const to = track.track_id ? hash({ track: track.track_id }) : "#file";
  names.replaceChildren(el("a", { class: "title", dir: "auto", id: "bar-title", href: to }, titleOf(track)), el("span", { class: "soft by", dir: "auto" }, track.artist || "Unknown artist"));
  const picture = track.track_id ? address(`api/tracks/${track.track_id}/cover`, { size: 96 }) : "";
  if (cover.dataset.of !== picture) {
    cover.hidden = true;
    cover.dataset.of = picture;
    if (picture) cover.src = picture;
    else cover.removeAttribute("src");
  }
  tellSystem(track, picture);
}

/** Tell the system what plays, where the browser can. */
function tellSystem(track, picture) {
  if (!("mediaSession" in navigator)) return;
  const artwork = picture ? [{ src: new URL(picture, document.baseURI).href }] : [];
  navigator.mediaSession.metadata = new MediaMetadata({ title: titleOf(track), artist: track.artist || "", album: track.album || "", artwork });
}

/** Let the system's own media keys and its place in the song work. */
function systemKeys() {
  const session = navigator.mediaSession;
  if (!session) return;
  const acts = {
    play: () => player.resume(),
    pause: () => player.audio.pause(),
    stop: () => player.audio.pause(),
    nexttrack: () => player.next(),
    previoustrack: () => player.previous(),
    seekto: (asked) => player.seek(asked.seekTime),
    seekbackward: (asked) => player.seek(player.time - (asked.seekOffset || 10)),
    seekforward: (asked) => player.seek(player.time + (asked.seekOffset || 10)),
  };
  for (const [name, act] of Object.entries(acts)) {
    try {
      session.setActionHandler(name, act);
    } catch {
      // The browser does not know it.
    }
  }
  player.addEventListener("state", () => { session.playbackState = player.playing ? "playing" : "paused"; });
  player.addEventListener("time", () => {
    const duration = player.duration;
    if (duration > 0) session.setPositionState?.({ duration, position: Math.min(Math.max(0, player.time), duration) });
  });
}
