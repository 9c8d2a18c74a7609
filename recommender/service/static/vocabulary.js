/* The words that the sound can be searched by, and where a text that was typed leads. */

import { ask, once } from "./api.js";
import { titleOf } from "./dom.js";
import { go } from "./route.js";

/** Return the names of all genres and tags, in lower case. */
export async function knownNames() {
  const [genres, tags] = await Promise.all([once("api/genres"), once("api/tags")]);
  const names = (answer) => (answer.genres || answer.tags || []).map((one) => (typeof one === "string" ? one : one.name));
  return [...new Set([...names(genres), ...names(tags)])];
}

/** Whether a text is nothing but names of genres and tags; the longest name that fits is taken first. */
export function isOfSound(text, names) {
  const known = new Set(names.map((name) => name.toLowerCase()));
  const words = text.toLowerCase().split(/[\s,]+/).filter(Boolean);
  let at = 0;
  while (at < words.length) {
    const length = [4, 3, 2, 1].find((n) => known.has(words.slice(at, at + n).join(" ")) && at + n <= words.length);
    if (!length) return false;
    at += length;
  }
  return words.length > 0;
}

/** Whether a song or an artist is called just that. */
async function isCalled(text) {
  const found = await ask("api/search", { q: text, limit: 7 }).catch(() => ({ tracks: [] }));
  return found.tracks.some((track) => [titleOf(track), track.artist].some((name) => name?.toLowerCase() === text.toLowerCase()));
}

/** Go where a text leads: to sounds if it names them, or all of it says some and no song or artist is called so, else to titles and artists. */
export async function look(text) {
  const wanted = text.trim();
  if (!wanted) return;
  const names = await knownNames().catch(() => []);
  const all = () => ask("api/find", { words: wanted, n: 1 }).then((answer) => !answer.not_searched.length).catch(() => false);
  go(isOfSound(wanted, names) || (!(await isCalled(wanted)) && (await all())) ? { find: wanted } : { search: wanted });
}
