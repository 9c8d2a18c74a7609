/* Shortlists: songs chosen for a purpose, with notes; heard beside what they were found by; handed on as files. */

import { ask, send } from "./api.js";
import { announce, counted, el, focusTitle, keepFocus, notice, titleOf } from "./dom.js";
import { keep } from "./keep.js";
import { ownFile } from "./kept_file.js";
import { prompted } from "./prompt.js";
import { go, hash } from "./route.js";
import { songList } from "./rows.js";
import * as settings from "./settings.js";
import { forget, made } from "./shortlisting.js";
import { Comparison } from "./sides.js";
import { handle, sortable } from "./sortable.js";
import { radioButton } from "./station.js";

/** Show all shortlists. */
export async function shortlists(place, _now, signal) {
  const found = (await ask("api/shortlists", {}, { signal })).shortlists;
  const anew = el("button", { type: "button", class: "plain", onclick: async () => {
    const one = await made();
    if (one) go({ shortlist: String(one.shortlist_id) });
  } }, "New shortlist");
  place.replaceChildren(el("div", { class: "head" }, el("h1", {}, "Shortlists"), anew),
    found.length ? el("ul", { class: "lists" }, found.map((one) => el("li", {}, el("a", { class: "title", dir: "auto", href: hash({ shortlist: one.shortlist_id }) }, one.name),
      el("span", { class: "soft" }, counted(one.songs, "song")))))
      : notice("No shortlist yet", "“Shortlist” beside each song, or the key L, puts it into one, with the passage that matched."));
  announce(counted(found.length, "shortlist"));
}

/** Show one shortlist. */
export async function shortlist(place, now, signal) {
  const at = `api/shortlists/${encodeURIComponent(now.shortlist)}`;
  const found = await ask(at, {}, { signal });
  document.title = `${found.name} · deepcuts`;
  settings.set("shortlist", found.shortlist_id);
  const body = el("div");
  const count = el("p", { class: "count" });
  const here = new Comparison(found.entries, (await ownFile())?.track);
  const radio = radioButton("shortlist", found.shortlist_id);
  const uses = [here.loopBox, files(at), keep(() => here.entries.map((entry) => entry.track), () => found.name, null, { shortlist: false })];
  place.replaceChildren(
    el("div", { class: "head" }, el("h1", { dir: "auto" }, found.name), el("div", { class: "row" }, radio, renaming(at, found, place, now, signal), deleting(at))),
    el("div", { class: "list-head" }, count, uses), body);
  const draw = () => {
    for (const use of [radio, ...uses]) use.hidden = !here.entries.length;
    count.textContent = counted(here.entries.length, "song");
    body.replaceChildren(here.entries.length ? editable(at, here, draw) : notice("The shortlist is empty", "“Shortlist” beside each song, in any list, puts it here."));
    here.mark();
  };
  draw();
  here.listen(signal);
  announce(`${found.name}, ${counted(found.entries.length, "song")}`);
}

function renaming(at, found, place, now, signal) {
  return el("button", { type: "button", class: "plain", onclick: async () => {
    const name = await prompted("Rename the shortlist", "Name", found.name);
    if (!name) return;
    await send(at, { name }, "PUT");
    const refocus = keepFocus(place);
    await shortlist(place, now, signal);
    refocus();
  } }, "Rename");
}

function deleting(at) {
  const remove = el("button", { type: "button", class: "plain", onclick: async () => {
    if (remove.dataset.sure !== "yes") {
      remove.dataset.sure = "yes";
      remove.textContent = "Delete it? Press again";
      return;
    }
    await ask(at, {}, { method: "DELETE" });
    go({ shortlists: "" }, { quietly: true });
  } }, "Delete");
  return remove;
}

/** Return the links to the files that a shortlist is handed on as. */
function files(at) {
  const link = (path, words, title) => el("a", { class: "plain", href: `${at}${path}`, title, ...(path === ".html" ? { target: "_blank" } : { download: "" }) }, words);
  return el("div", { class: "row files", role: "group", "aria-label": "As files" },
    link(".csv", "CSV", "For spreadsheets: passages, tempo, key, notes"),
    link(".zip", "Excerpts, FLAC", "30 s of each song, from where its passage begins"),
    link(".zip?format=mp3", "Excerpts, MP3", "30 s of each song, from where its passage begins"),
    link(".html", "Print", "A sheet to print"));
}

/** Return the entries as a list: put in order by dragging or keys, each with its passages and its note. */
function editable(at, here, draw) {
  const list = songList(here.entries.map((entry) => ({ ...entry.track, similarity: entry.similarity ?? undefined })));
  const box = () => document.querySelector("main .songs");
  const without = async (i) => {
    const { entry_id: id, track } = here.entries[i];
    try {
      await ask(`${at}/entries/${id}`, {}, { method: "DELETE" });
    } catch (error) {
      announce(error.message);
      return;
    }
    here.take(i);
    forget(track);
    draw();
    const left = document.querySelectorAll("main .take-out");
    if (left.length) left[Math.min(i, left.length - 1)].focus();
    else focusTitle(document.getElementById("place"));
    announce(`${titleOf(track)} is off the shortlist`);
  };
  [...list.children].forEach((item, i) => {
    item.querySelector(".play").classList.add("held");
    item.querySelector(".number").before(handle());
    item.querySelector(".to-shortlist")?.remove();
    item.querySelector(".acts").before(el("button", { type: "button", class: "link take-out", "aria-label": `Take out ${titleOf(here.entries[i].track)}`, onclick: () => without(i) }, "Take out"));
    item.append(el("div", { class: "entry" }, here.buttons(i), note(at, here.entries[i])));
  });
  list.addEventListener("keydown", (event) => {
    const item = event.target.closest("li");
    if (event.key !== "Delete" || !item || event.target.matches("textarea")) return;
    event.preventDefault();
    without([...list.children].indexOf(item));
  });
  return sortable(list, async (from, to) => {
    const before = [...here.entries];
    here.entries.splice(to, 0, ...here.entries.splice(from, 1));
    draw();
    try {
      await send(`${at}/entries/${here.entries[to].entry_id}`, { place: to }, "PUT");
    } catch (error) {
      here.entries = before;
      draw();
      announce(error.message);
    }
    return box();
  });
}

function note(at, entry) {
  const name = titleOf(entry.track);
  return el("textarea", { class: "note", rows: 1, maxlength: 5000, placeholder: "Note", "aria-label": `Note on ${name}`, value: entry.note, onchange: async (event) => {
    const said = event.target.value;
    try {
      await send(`${at}/entries/${entry.entry_id}`, { note: said }, "PUT");
      entry.note = said;
      announce(`The note on ${name} is kept`);
    } catch (error) {
      announce(error.message);
    }
  } });
}
