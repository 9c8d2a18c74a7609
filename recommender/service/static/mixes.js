/* Mixes: the library in a handful of lists to listen to. */

import { address, ask } from "./api.js";
import { announce, counted, el, icon, notice } from "./dom.js";
import { keep } from "./keep.js";
import { player } from "./player.js";
import { hash } from "./route.js";
import { songList } from "./rows.js";
import { empty } from "./songs.js";

const WAIT_MS = 1500;
const COVER_PX = 192;
const TONES = 12; // colours of the map

/** Show all mixes. */
export async function mixes(place, _now, signal) {
  const head = el("div", { class: "head" }, el("h1", {}, "Mixes"));
  place.replaceChildren(head, el("p", { class: "soft" }, "Listening through the library…"));
  const found = await made(signal);
  if (!found.length) {
    place.replaceChildren(head, notice("No mixes yet", "They are made of songs that sound alike, once there are some."), empty());
    return;
  }
  place.replaceChildren(head, el("p", { class: "lead" }, "Songs of yours that belong together. A mix stays the same one while your library grows."),
    el("ul", { class: "mixes" }, found.map((mix) => el("li", {}, covers(mix),
      el("a", { class: "title", dir: "auto", href: hash({ mix: mix.mix_id }) }, mix.name),
      el("span", { class: "soft" }, counted(mix.songs, "song")), playButton(mix)))));
  announce(counted(found.length, "mix", "mixes"));
}

async function made(signal) {
  for (;;) {
    const answer = await ask("api/mixes", {}, { signal });
    if (!answer.waiting) return answer.mixes;
    await new Promise((done) => setTimeout(done, WAIT_MS));
    signal.throwIfAborted();
  }
}

/** Return the covers of a mix's first songs; where a song has none there is a plain field, in a colour of the mix. */
function covers(mix) {
  const box = el("div", { class: "covers", "aria-hidden": "true" }, mix.covers.map((id) => {
    const picture = el("img", { alt: "", loading: "lazy", src: address(`api/tracks/${id}/cover`, { size: COVER_PX }), onload: () => picture.classList.add("there"), onerror: () => picture.remove() });
    return el("span", {}, picture);
  }));
  box.style.setProperty("--tone", `var(--map-${mix.mix_id % TONES})`);
  return box;
}

function playButton(mix) {
  let asking = false; // a button that is disabled would lose the focus
  return el("button", { type: "button", class: "round", "aria-label": `Play ${mix.name}`, onclick: async () => {
    if (asking) return;
    asking = true;
    try {
      player.play((await ask(`api/mixes/${mix.mix_id}`)).tracks, 0);
    } catch (error) {
      announce(error.message);
    } finally {
      asking = false;
    }
  } }, icon("play"));
}

/** Show one mix. */
export async function mix(place, now, signal) {
  const found = await ask(`api/mixes/${encodeURIComponent(now.mix)}`, {}, { signal });
  const said = el("span", { class: "soft said" });
  const save = el("button", { type: "button", class: "plain", onclick: async () => {
    try {
      const { playlist_id: id } = await ask(`api/mixes/${found.mix_id}/playlist`, {}, { method: "PUT" });
      said.replaceChildren("Saved as a playlist, which is filled anew when you save it again. ", el("a", { class: "link", href: hash({ playlist: id }) }, "Open it"));
      announce("Saved as a playlist");
    } catch (error) {
      said.textContent = error.message;
      announce(error.message);
    }
  } }, found.playlist_id ? "Fill its playlist anew" : "Save as its playlist");
  place.replaceChildren(el("div", { class: "head" }, el("h1", { dir: "auto" }, found.name),
    el("div", { class: "row" }, el("button", { type: "button", class: "main", onclick: () => player.play(found.tracks, 0) }, "Play"), save)),
    el("p", { class: "lead", dir: "auto" }, found.reason), el("p", {}, said),
    el("div", { class: "list-head" }, el("p", { class: "count" }, counted(found.tracks.length, "song")), keep(() => found.tracks, () => found.name)),
    songList(found.tracks));
  announce(`${found.name}, ${counted(found.tracks.length, "song")}`);
}
