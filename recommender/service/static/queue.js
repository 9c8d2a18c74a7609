/* The queue's panel: what comes next, put in order, taken out, shuffled, repeated, kept. */

import { announce, counted, el, icon, titleOf } from "./dom.js";
import { save } from "./keep.js";
import { player } from "./player.js";
import { REPEATS } from "./queue_list.js";
import { handle, sortable } from "./sortable.js";

const REPEATED = { off: "Repeat: off", all: "Repeat: all", one: "Repeat: one song" };

/** Make the panel, opened and closed by a button. */
export function queuePanel(panel, open) {
  open.addEventListener("click", () => toggle(panel, open));
  for (const name of ["queue", "track"]) player.addEventListener(name, () => { if (!panel.hidden) list(panel); });
  panel.addEventListener("click", (event) => { if (event.target.closest("a")) toggle(panel, open); }); // it would lie on what is opened
  panel.addEventListener("keydown", (event) => { if (event.key === "Escape") toggle(panel, open); });
}

function toggle(panel, open) {
  if (panel.contains(document.activeElement)) open.focus(); // it would be lost
  panel.hidden = !panel.hidden;
  open.setAttribute("aria-expanded", String(!panel.hidden));
  if (panel.hidden) return;
  list(panel);
  panel.querySelector("[aria-current]")?.focus();
}

function list(panel) {
  const focused = panel.contains(document.activeElement) ? document.activeElement.dataset.name || "current" : null;
  const items = el("ol", {}, player.queue.map(item));
  items.addEventListener("keydown", (event) => {
    const at = [...items.children].indexOf(event.target.closest("li"));
    if (event.key !== "Delete" || at < 0) return;
    event.preventDefault();
    remove(panel, at);
  });
  panel.replaceChildren(el("h2", {}, "Queue"), tools(), sortable(items, (from, to) => { player.move(from, to); return panel.querySelector("ol"); }));
  const wanted = focused && focused !== "current" ? panel.querySelector(`[data-name="${focused}"]`) : null;
  if (focused) (wanted || panel.querySelector("[aria-current]") || panel.querySelector("button"))?.focus();
}

function tools() {
  const said = el("span", { class: "soft said" });
  const button = (name, words, pressed, act) => el("button", { type: "button", class: "plain", data: { name }, "aria-pressed": pressed, onclick: act }, words);
  const { shuffled, repeat } = player.list;
  return el("div", { class: "row queue-tools" },
    button("shuffle", "Shuffle", String(shuffled), () => player.shuffle(!shuffled)),
    button("repeat", REPEATED[repeat], String(repeat !== "off"), () => player.repeat(REPEATS[(REPEATS.indexOf(repeat) + 1) % REPEATS.length])),
    button("clear", "Clear", null, () => player.clear()),
    button("keep", "Save", null, () => save(player.queue.filter((track) => track.track_id && !track.source), "Queue", said)), said);
}

function item(track, i) {
  return el("li", { class: "queue-item" }, handle(),
    el("button", { type: "button", class: "queued held", "aria-current": i === player.index ? "true" : null, onclick: () => player.at(i) },
      el("span", { class: "title", dir: "auto" }, titleOf(track)), el("span", { class: "soft", dir: "auto" }, track.artist || "")),
    el("button", { type: "button", class: "round small", "aria-label": `Take ${titleOf(track)} out`, onclick: (event) => remove(event.target.closest(".queue"), i) }, icon("cross")));
}

function remove(panel, at) {
  const name = titleOf(player.queue[at]);
  player.remove(at);
  const left = panel.querySelectorAll(".queued");
  (left[Math.min(at, left.length - 1)] || panel.querySelector("button"))?.focus();
  announce(`${name} is out of the queue; ${counted(left.length, "song")} left`);
}
