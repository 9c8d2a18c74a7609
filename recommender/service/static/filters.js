/* The filters of lists: what the address says of them, how the service is asked, and the chips that take them away. */

import { el, seconds } from "./dom.js";
import { LISTS, change, here } from "./route.js";

const decimal = (text) => (/^\d+(\.\d+)?$/.test(text) ? Number(text) : null);
const share = (text) => (decimal(text) <= 1 ? decimal(text) : null);
const RANGES = {
  year: { names: ["year_from", "year_to"], read: decimal, alone: true, words: (text) => text, hint: "1994, 1990-1999, 1990- or -1999" },
  length: { names: ["duration_from_s", "duration_to_s"], read: seconds, words: (text) => `${text} long`, hint: "2:00-5:00, 2:00- or -5:00" },
  tempo: { names: ["tempo_from", "tempo_to"], read: decimal, alone: true, words: (text) => `${text} bpm`, hint: "120, 90-130, 90- or -130" },
  energy: { names: ["energy_from", "energy_to"], read: share, words: (text) => `energy ${text}`, hint: "0.4-0.7, 0.6- or -0.3, from 0 to 1" },
};
const WORDS = { not_artist: (name) => `not by ${name}`, not_album: (name) => `not on ${name}` };

/** Return the ends of a range as one writes it, null where one is open; null where it cannot be read. */
export function ends(name, text) {
  const { read, alone } = RANGES[name];
  const parts = String(text || "").toLowerCase().replaceAll("bpm", "").replace(/[\s]/g, "").replace(/[–—]/g, "-").split("-");
  if (parts.length > 2 || (parts.length === 1 && !alone) || !parts.some(Boolean)) return null;
  const [low, high] = [parts[0], parts.at(-1)].map((part) => (part ? read(part) : null));
  const wrong = (part, value) => part && value === null;
  if (wrong(parts[0], low) || wrong(parts.at(-1), high) || (low !== null && high !== null && low > high)) return null;
  return [low, high];
}

/** Return how a range is written. */
export function hint(name) {
  return `Write ${RANGES[name].hint}`;
}

/** Return what the service is asked by, of the filters that are set. */
export function asked(place) {
  const said = Object.fromEntries(LISTS.map((name) => [name, place[name]]));
  for (const [name, { names }] of Object.entries(RANGES)) {
    const found = ends(name, place[name]);
    if (found) [said[names[0]], said[names[1]]] = found;
  }
  const voice = ["sung", "instrumental"].includes(place.voice) ? place.voice : "";
  return { ...said, voice, unplayed: place.unplayed === "1", related_keys: place.related === "1" && place.key.length > 0 };
}

/** Return the filters that are set: what each is called, and what the address is without it. */
export function active(place) {
  const lists = LISTS.flatMap((name) => place[name].map((value) => ({
    words: WORDS[name]?.(value) ?? value, said: WORDS[name]?.(value) ?? `${name} ${value}`, without: () => ({ [name]: here()[name].filter((other) => other !== value) }) })));
  const single = (name, words) => ({ words, said: words, without: () => ({ [name]: "" }) });
  const ranges = Object.keys(RANGES).filter((name) => ends(name, place[name])).map((name) => single(name, RANGES[name].words(place[name])));
  const { voice, unplayed, related_keys: related } = asked(place);
  return [...lists, related && single("related", "related keys, too"), voice && single("voice", voice), ...ranges, unplayed && single("unplayed", "never played")].filter(Boolean);
}

/** Whether any filter is set. */
export function anySet(place) {
  return active(place).length > 0;
}

/** Return the filters in force, each a button that takes it away; nothing where there is none. */
export function filters(place) {
  const found = active(place);
  if (!found.length) return null;
  return el("div", { class: "filters", role: "group", "aria-label": "Filters" }, el("span", { class: "soft" }, "Only"),
    found.map(({ words, said, without }) => el("button", { type: "button", class: "chip active", "aria-label": `Remove the filter ${said}`, onclick: () => change(without()) },
      el("span", { dir: "auto" }, words))));
}

/** Return what to do where filters leave nothing; nothing where none is set. */
export function takeOneAway(place) {
  return anySet(place) ? ["Take one of the filters away."] : [];
}
