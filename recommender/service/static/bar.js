/* The player's bar and its queue. */

import { announce, clock, el, icon, titleOf } from "./dom.js";
import { player } from "./player.js";
import { hash } from "./route.js";
import * as settings from "./settings.js";

/** Make the bar. */
export function playerBar() {
  const bar = document.getElementById("bar");
  const queue = document.getElementById("queue");
  const button = (name, words, act, more = {}) => el("button", { type: "button", class: "round", "aria-label": words, title: words, onclick: act, ...more }, icon(name));
  const play = button("play", "Play", () => player.toggle(), { id: "bar-play", class: "round big" });
  const names = el("div", { class: "bar-names" });
  const now = el("span", { class: "time soft", id: "bar-time" }, "0:00");
  const end = el("span", { class: "time soft" }, "0:00");
  const seek = el("input", { type: "range", id: "seek", class: "seek", min: 0, max: 1, step: 0.1, value: 0, "aria-label": "Place in the song", oninput: () => player.seek(Number(seek.value)) });
  const sound = button("sound", "Sound off", () => player.mute(), { id: "mute" });
  const volume = el("input", { type: "range", id: "volume", class: "volume", min: 0, max: 1, step: 0.05, "aria-label": "Volume", oninput: () => { player.volume = Number(volume.value); } });
  volume.value = settings.get("volume");
  const open = button("list", "Queue", () => showQueue(queue, open), { id: "queue-open", "aria-expanded": "false", "aria-controls": "queue" });
  bar.append(el("div", { class: "frame bar-row" },
    el("div", { class: "bar-buttons" }, button("previous", "Previous song (P)", () => player.previous(), { id: "previous" }), play, button("next", "Next song (N)", () => player.next(), { id: "next" })),
    names, el("div", { class: "bar-seek" }, now, seek, end), el("div", { class: "bar-sound" }, sound, volume), open));

  player.addEventListener("track", () => shown(bar, names, seek));
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
  player.addEventListener("problem", (event) => { names.querySelector(".by").textContent = event.detail; announce(event.detail); });
  for (const name of ["queue", "track"]) player.addEventListener(name, () => { if (!queue.hidden) listQueue(queue); });
  queue.addEventListener("keydown", (event) => { if (event.key === "Escape") { showQueue(queue, open); open.focus(); } });
}

function swap(button, name, words) {
  if (button.dataset.drawn === name) return;
  button.dataset.drawn = name;
  button.setAttribute("aria-label", words);
  button.title = words;
  button.replaceChildren(icon(name));
}

function shown(bar, names) {
  const { track } = player;
  if (!track) return;
  bar.hidden = false;
  document.body.classList.add("with-bar");
  const to = track.track_id ? hash({ track: track.track_id }) : "#file";
  names.replaceChildren(el("a", { class: "title", dir: "auto", id: "bar-title", href: to }, titleOf(track)), el("span", { class: "soft by", dir: "auto" }, track.artist || "Unknown artist"));
  tellSystem(track);
}

/** Let the system's own media keys work, where the browser has them. */
function tellSystem(track) {
  if (!("mediaSession" in navigator)) return;
  navigator.mediaSession.metadata = new MediaMetadata({ title: titleOf(track), artist: track.artist || "", album: track.album || "" });
  navigator.mediaSession.setActionHandler("nexttrack", () => player.next());
  navigator.mediaSession.setActionHandler("previoustrack", () => player.previous());
}

function showQueue(queue, open) {
  queue.hidden = !queue.hidden;
  open.setAttribute("aria-expanded", String(!queue.hidden));
  if (!queue.hidden) {
    listQueue(queue);
    queue.querySelector("[aria-current]")?.focus();
  }
}

function listQueue(queue) {
  const focused = queue.contains(document.activeElement);
  queue.replaceChildren(el("h2", {}, "Queue"), el("ol", {}, player.queue.map((track, i) => el("li", {},
    el("button", { type: "button", class: "queued", "aria-current": i === player.index ? "true" : null, onclick: () => player.at(i) },
      el("span", { class: "title", dir: "auto" }, titleOf(track)), el("span", { class: "soft", dir: "auto" }, track.artist || ""))))));
  if (focused) queue.querySelector("[aria-current]")?.focus();
}
