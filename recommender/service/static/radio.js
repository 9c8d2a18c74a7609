/* Radios: songs without end, like a song, an artist, a genre, ten years, a list, or what one plays most. */

import { ask, send } from "./api.js";
import { announce, counted, el, focusTitle, keepFocus, later, notice, titleOf } from "./dom.js";
import { keep } from "./keep.js";
import { player } from "./player.js";
import { go, hash } from "./route.js";
import { songList } from "./rows.js";
import { lessLike, playRadio, startRadio } from "./station.js";

const KINDS = [["taste", "what I play most", null], ["genre", "a genre", "jazz"], ["decade", "ten years", "1990s"], ["artist", "an artist", "name"]];

/** Show all radios. */
export async function radios(place, _now, signal) {
  const [found, less] = await Promise.all([ask("api/radios", {}, { signal }), ask("api/less-like", {}, { signal })]);
  place.replaceChildren(el("div", { class: "head" }, el("h1", {}, "Radio")),
    el("p", { class: "lead" }, "Songs without end. The menu beside each song, and “Radio” above each playlist and shortlist, start one like it; here are others."), starter(),
    found.radios.length ? el("ul", { class: "lists radios" }, found.radios.map((one) => line(one, () => radios(place, _now, signal)))) : notice("No radio yet"),
    less.tracks.length ? unwanted(less.tracks) : "");
  announce(counted(found.radios.length, "radio"));
}

function starter() {
  const said = el("span", { class: "soft said", role: "status" });
  const seed = el("input", { type: "text", id: "radio-seed", maxlength: 200, "aria-label": "Which", hidden: true });
  const kind = el("select", { id: "radio-kind", onchange: () => {
    const example = KINDS.find(([name]) => name === kind.value)[2];
    seed.hidden = example === null;
    seed.required = example !== null;
    seed.placeholder = example || "";
  } }, KINDS.map(([value, words]) => el("option", { value }, words)));
  return el("form", { class: "row radio-start", onsubmit: async (event) => {
    event.preventDefault();
    try {
      go({ radio: String(await startRadio({ kind: kind.value, seed: kind.value === "taste" ? "" : seed.value.trim() })) });
    } catch (error) {
      said.textContent = error.message;
    }
  } }, el("label", { class: "order" }, "Like ", kind), seed, el("button", { class: "main" }, "Start"), said);
}

/** Return what a radio is called at the beginning of a line. */
function named(one) {
  return one.kind === "taste" ? "What you play most" : one.name;
}

function line(one, again) {
  const remove = el("button", { type: "button", class: "link", "aria-label": `Delete the radio ${one.name}`, onclick: async () => {
    await ask(`api/radios/${one.radio_id}`, {}, { method: "DELETE" });
    const refocus = keepFocus(document.getElementById("place"));
    await again();
    refocus();
  } }, "Delete");
  return el("li", {}, el("a", { class: "title", dir: "auto", href: hash({ radio: one.radio_id }) }, named(one)), el("span", { class: "row soft" }, counted(one.songs, "song"), remove));
}

/** Songs that less is wanted like, each with a way back. */
function unwanted(tracks) {
  const list = el("ul", { class: "lists" }, tracks.map((track) => {
    const item = el("li", {}, el("a", { class: "title", dir: "auto", href: hash({ track: track.track_id }) }, titleOf(track)),
      el("button", { type: "button", class: "link", "aria-label": `Undo: less like ${titleOf(track)}`, onclick: async () => { await lessLike(track, false); item.remove(); focusTitle(document.getElementById("place")); announce("Undone"); } }, "Undo"));
    return item;
  }));
  return el("section", { class: "unwanted" }, el("h2", {}, "Less like these"), list);
}

/** Show one radio: what it played, and how far from its seed it may go. */
export async function radio(place, now, signal) {
  const at = `api/radios/${encodeURIComponent(now.radio)}`;
  const found = await ask(at, {}, { signal });
  const list = el("div", { class: "played" });
  const on = el("button", { type: "button", class: "main", onclick: () => playRadio(found.radio_id).catch((error) => announce(error.message)) }, found.songs ? "Go on" : "Play");
  place.replaceChildren(el("div", { class: "head" }, el("h1", { dir: "auto" }, named(found)), el("div", { class: "row" }, on)),
    el("div", { class: "controls", role: "group", "aria-label": "How it plays" }, slider(at, found, "far", "How far", "near", "far"), slider(at, found, "discover", "Discovery", "any", "rarely played")), list);
  const draw = async () => {
    const { played } = await ask(at, {}, { signal });
    const newest = played.reverse();
    const refocus = keepFocus(list);
    list.replaceChildren(el("div", { class: "list-head" }, el("p", { class: "count" }, counted(newest.length, "song")), newest.length ? keep(() => newest, () => named(found)) : ""), newest.length ? reasoned(newest, found.radio_id) : notice("Nothing was played yet"));
    refocus();
  };
  await draw();
  const update = later(300, () => draw().catch(() => {})); // left, or gone: what is shown stays
  for (const name of ["track", "queue"]) player.addEventListener(name, update, { signal });
  announce(found.name);
}

/** The last song first, each with the reason why it was played. */
function reasoned(tracks, id) {
  const list = songList(tracks.map((track) => ({ ...track, radio_id: id })));
  tracks.forEach(({ reason, outcome }, i) => {
    const told = { skipped: " · skipped", starred: " · starred" }[outcome] || "";
    list.children[i].querySelector(".names").append(el("span", { class: "because", dir: "auto" }, reason + told));
  });
  return list;
}

function slider(at, found, name, label, low, high) {
  const value = el("output", { for: `radio-${name}` }, found[name].toFixed(1));
  const tell = later(300, (number) => send(at, { [name]: number }, "PUT").then(() => announce(`${label}: ${number.toFixed(1)}, from the next songs on`), (error) => announce(error.message)));
  const input = el("input", { type: "range", id: `radio-${name}`, min: 0, max: 1, step: 0.1, "aria-label": label, oninput: () => {
    value.textContent = Number(input.value).toFixed(1);
    input.style.setProperty("--done", `${100 * input.value}%`);
    tell(Number(input.value));
  } });
  input.value = found[name];
  input.style.setProperty("--done", `${100 * found[name]}%`);
  return el("div", {}, el("div", { class: "slider-head" }, el("span", {}, label), value), input,
    el("div", { class: "slider-ends soft" }, el("span", {}, low), el("span", {}, high)));
}
