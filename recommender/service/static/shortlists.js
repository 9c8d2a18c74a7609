/* Shortlists: songs chosen for a purpose, with notes; heard beside what they were found by; handed on as files. */

import { ask, send } from "./api.js";
import { announce, clock, counted, el, icon, notice, titleOf } from "./dom.js";
import { keep, prompted } from "./keep.js";
import { player } from "./player.js";
import { go, hash } from "./route.js";
import { songList } from "./rows.js";
import * as settings from "./settings.js";
import { made } from "./shortlisting.js";
import { handle, sortable } from "./sortable.js";
import { radioButton } from "./station.js";
import { span } from "./waves.js";

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
  const here = new Comparison(found.entries);
  place.replaceChildren(
    el("div", { class: "head" }, el("h1", { dir: "auto" }, found.name), el("div", { class: "row" }, found.entries.length ? radioButton("shortlist", found.shortlist_id) : "", renaming(at, found, place, now, signal), deleting(at))),
    el("div", { class: "list-head" }, count, here.loopBox, files(at), keep(() => here.entries.map((entry) => entry.track), () => found.name)), body);
  const draw = () => {
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
    await shortlist(place, now, signal);
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
    draw();
    const left = document.querySelectorAll("main .take-out");
    left[Math.min(i, left.length - 1)]?.focus();
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

/** What is heard side by side: A is what a song was found by, or the song that is held; B is the song itself. */
class Comparison {
  constructor(entries) {
    Object.assign(this, { entries, held: null, now: null, loop: false });
    this.loopBox = el("label", { class: "check" }, el("input", { type: "checkbox", id: "loop", onchange: (event) => this.repeat(event.target.checked) }), "Loop the passage");
  }

  /** Return the song of one side of an entry, and from where to where it is heard; null where there is none. */
  sideOf(entry, side) {
    const own = (of) => ({ track: of.track, from: of.match_start_s ?? 0, to: of.match_end_s });
    if (side === "B") return own(entry);
    if (this.held && this.held !== entry) return own(this.held);
    return entry.query ? { track: entry.query, from: entry.query_start_s ?? 0, to: entry.query_end_s } : null;
  }

  hear(entry, side, offset_s = 0) {
    const sound = this.sideOf(entry, side);
    if (!sound) {
      announce("There is nothing beside it: hold another song as A");
      return;
    }
    this.now = { entry, side };
    const at_s = offset_s > 0 && (sound.to === null || sound.from + offset_s < sound.to) ? sound.from + offset_s : sound.from;
    player.play([sound.track], 0, at_s, sound.to, { loop_s: this.loop && sound.to !== null ? sound.from : null });
    this.mark();
  }

  /** Go to the other side, at the same place in the passage; of another song, when one of that has the focus. */
  other() {
    const i = [...document.querySelectorAll("main .song")].indexOf(document.activeElement?.closest(".song"));
    const entry = this.entries[i] || this.now?.entry || this.entries[0];
    if (!entry) return;
    if (this.now?.entry !== entry) {
      this.hear(entry, "B");
      return;
    }
    const before = this.sideOf(entry, this.now.side);
    const offset_s = before && player.has(before.track) ? player.time - before.from : 0;
    this.hear(entry, this.now.side === "B" && this.sideOf(entry, "A") ? "A" : "B", offset_s);
  }

  repeat(on) {
    this.loop = on;
    const sound = this.now && this.sideOf(this.now.entry, this.now.side);
    if (sound && player.has(sound.track)) player.loop(on ? sound.from : null, sound.to);
  }

  hold(entry) {
    this.held = this.held === entry ? null : entry;
    announce(this.held ? `${titleOf(entry.track)} is A for all others` : "A is what each song was found by");
    this.mark();
  }

  take(i) {
    const [gone] = this.entries.splice(i, 1);
    if (this.held === gone) this.held = null;
    if (this.now?.entry === gone) this.now = null;
  }

  buttons(i) {
    const entry = this.entries[i];
    const side = (name) => el("button", { type: "button", class: `from side-${name.toLowerCase()}`, onclick: () => this.hear(entry, name) });
    return el("div", { class: "sides" }, side("A"), el("span", { class: "soft beside", dir: "auto" }), el("span", { class: "about", "aria-hidden": "true" }, "≈"), side("B"),
      el("button", { type: "button", class: "link hold", "aria-label": `Hold as A: ${titleOf(entry.track)}`, onclick: () => this.hold(entry) }, "Hold as A"));
  }

  /** Show what each button plays, and which one plays. */
  mark() {
    document.querySelectorAll("main .sides").forEach((row, i) => {
      const entry = this.entries[i];
      for (const side of ["A", "B"]) {
        const sound = this.sideOf(entry, side);
        const button = row.querySelector(`.side-${side.toLowerCase()}`);
        const words = sound && (sound.to === null ? clock(sound.from) : span(sound.from, sound.to));
        button.hidden = !sound;
        button.setAttribute("aria-pressed", String(this.now?.entry === entry && this.now.side === side));
        if (!sound) continue;
        button.replaceChildren(icon("play"), `${side} ${words}`);
        button.setAttribute("aria-label", `${side} ${words}: ${titleOf(sound.track)}`);
      }
      const beside = this.sideOf(entry, "A");
      row.querySelector(".beside").textContent = beside ? titleOf(beside.track) : entry.query_name;
      row.querySelector(".about").hidden = !beside;
      row.querySelector(".hold").setAttribute("aria-pressed", String(this.held === entry));
    });
  }

  listen(signal) {
    addEventListener("keydown", (event) => {
      if (event.key.toLowerCase() !== "x" || !settings.get("keys") || event.ctrlKey || event.metaKey || event.altKey || event.defaultPrevented) return;
      if (event.target instanceof Element && event.target.closest("dialog, textarea, select, input:not([type=checkbox]):not([type=range])")) return;
      event.preventDefault();
      this.other();
    }, { signal });
  }
}
