/* A radio that plays goes on without end, and learns from what is skipped and what is heard to its end. */

import { ask, send } from "./api.js";
import { announce, el, tell } from "./dom.js";
import { player } from "./player.js";
import { go } from "./route.js";

const FEW = 3;
const MORE = 5;
const FINISHED = 0.8;
const SKIPPED = 0.5;
let asking = false;

/** Return a radio's next songs, which know of which radio they are. */
export async function nextSongs(id, n = MORE) {
  const { results } = await send(`api/radios/${id}/next`, { n });
  return results.map((track) => ({ ...track, radio_id: id }));
}

/** Make a radio and play it; return its id. */
export async function startRadio(wanted) {
  const made = await send("api/radios", wanted);
  await playRadio(made.radio_id);
  return made.radio_id;
}

/** Return the button that starts a radio like a list: a playlist or a shortlist, by its id. */
export function radioButton(kind, id) {
  let starting = false; // a button that is disabled would lose the focus
  const button = el("button", { type: "button", class: "plain", onclick: async () => {
    if (starting) return;
    starting = true;
    try {
      go({ radio: String(await startRadio({ kind, seed: String(id) })) });
    } catch (error) {
      tell(error.message);
    } finally {
      starting = false;
    }
  } }, "Radio");
  button.title = "Songs like these without end";
  return button;
}

/** Let a radio that there is play its next songs. */
export async function playRadio(id) {
  const songs = await nextSongs(id);
  if (songs.length) player.play(songs);
  return songs;
}

/** Keep the queue of a radio filled, and tell it how songs were left. */
export function keepRadio() {
  for (const name of ["track", "queue"]) player.addEventListener(name, refill);
  player.addEventListener("left", (event) => left(event.detail));
}

async function refill() {
  const id = player.track?.radio_id;
  if (!id || asking || !player.playing || player.queue.length - player.index - 1 >= FEW) return;
  asking = true;
  try {
    const songs = await nextSongs(id);
    if (player.track?.radio_id === id && songs.length) player.add(songs);
  } catch (error) {
    announce(error.message);
  } finally {
    asking = false;
  }
}

function left({ track, share }) {
  if (!track.radio_id) return;
  if (share >= FINISHED) note(track, "finished");
  else if (share < SKIPPED) note(track, "skipped");
}

/** Tell a radio what became of one of its songs. */
export function note(track, outcome) {
  return send(`api/radios/${track.radio_id}/songs/${track.position}`, { outcome }, "PUT").catch(() => null); // it is gone: the music goes on
}

/** Want less like a song from now on, or no longer so. */
export function lessLike(track, wanted) {
  return ask(`api/tracks/${track.track_id}/less-like`, {}, { method: wanted ? "PUT" : "DELETE" });
}
