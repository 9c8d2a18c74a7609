/* What is heard side by side in a shortlist: a song, and what it was found by. */

import { announce, clock, el, icon, tell, titleOf } from "./dom.js";
import { AUDIO_FILES, own } from "./kept_file.js";
import { player } from "./player.js";
import * as settings from "./settings.js";
import { nameOf } from "./shortlisting.js";
import { span } from "./waves.js";

/** What is heard side by side: A is what a song was found by, or the song that is held; B is the song itself. */
export class Comparison {
  constructor(entries, ownTrack = null) {
    Object.assign(this, { entries, ownTrack, held: null, now: null, loop: false });
    this.loopBox = el("label", { class: "check" }, el("input", { type: "checkbox", id: "loop", onchange: (event) => this.repeat(event.target.checked) }), "Loop the passage");
  }

  /** Return the song of one side of an entry, and from where to where it is heard; null where there is none. */
  sideOf(entry, side) {
    const itself = (of) => ({ track: of.track, from: of.match_start_s ?? 0, to: of.match_end_s });
    if (side === "B") return itself(entry);
    if (this.held && this.held !== entry) return itself(this.held);
    const query = entry.query || (this.ownTrack && entry.query_name === nameOf(this.ownTrack) ? this.ownTrack : null);
    return query && { track: query, from: entry.query_start_s ?? 0, to: entry.query_end_s };
  }

  hear(entry, side, offset_s = 0) {
    const sound = this.sideOf(entry, side);
    if (!sound) {
      tell(entry.query_name ? `Choose the file ${entry.query_name} to hear it beside the song` : "There is nothing beside it: hold another song as A");
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
    this.hear(entry, this.now.side === "B" ? "A" : "B", offset_s);
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

  /** Take the file that an entry was found by, where this tab does not have it. */
  give(entry, file) {
    if (!file) return;
    const name = nameOf({ path: file.name });
    if (name === entry.query_name) this.ownTrack = own(file);
    tell(name === entry.query_name ? `${name} is A` : `That is ${name}, not ${entry.query_name}`);
    this.mark();
  }

  buttons(i) {
    const entry = this.entries[i];
    const side = (name) => el("button", { type: "button", class: `from side-${name.toLowerCase()}`, onclick: () => this.hear(entry, name) });
    return el("div", { class: "sides" }, side("A"), el("span", { class: "soft beside", dir: "auto" }), el("label", { class: "link give" }, "Choose the file", el("input", { type: "file", class: "unseen", "aria-label": `Choose the file ${entry.query_name}, to hear it beside ${titleOf(entry.track)}`, accept: AUDIO_FILES, onchange: (event) => this.give(entry, event.target.files[0]) })),
      el("span", { class: "about", "aria-hidden": "true" }, "≈"), side("B"),
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
      const name = beside ? titleOf(beside.track) : entry.query_name;
      Object.assign(row.querySelector(".beside"), { textContent: name, title: name });
      row.querySelector(".give").hidden = Boolean(beside || !entry.query_name);
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
