/* The large drawing of a song: play from a point by clicking, choose a passage by dragging or by its times. */

import { clock, el, icon, seconds, svg, titleOf } from "./dom.js";
import { player } from "./player.js";
import { change, number } from "./route.js";
import * as settings from "./settings.js";
import { Band, drawing, share, span } from "./waves.js";

const LEAST_S = 3;
const NEXT_S = 30;
const HEIGHT = 100;
const DRAG_PX = 5;

/** Return the drawing of a song with its passage, and a function that shows another passage. */
export function largeDrawing(track, play) {
  const band = new Band(track, { height: HEIGHT, count: innerWidth < 560 ? 100 : 260 });
  const chosen = svg("rect", { class: "chosen", y: 0, height: HEIGHT, x: 0, width: 0 });
  const node = drawing([band], `The sound of ${titleOf(track)} over time`, HEIGHT, chosen);
  node.classList.add("large");
  const show = (from, to) => {
    chosen.setAttribute("x", from === null ? 0 : band.at(from));
    chosen.setAttribute("width", from === null ? 0 : Math.max(0, band.at(to) - band.at(from)));
    band.mark(from === null ? null : [from, to]);
  };
  listen(node, band, show, play);
  const times = form(track, play);
  const box = el("div", { class: "large-drawing" }, node, axis(track), el("div", { class: "passage-row" }, times.node, pictures()));
  const update = (place) => {
    const [from, to] = passageOf(place, track);
    show(from, to);
    times.show(from, to);
  };
  return { node: box, update };
}

/** Return the passage that a place names, [from, to] in seconds within the song; two nulls for the whole song. */
export function passageOf(place, track) {
  const end = track.duration_s || Infinity;
  const to = number(place.to);
  if (to === null || to - number(place.from, 0) < LEAST_S) return [null, null];
  return [Math.max(0, number(place.from, 0)), Math.min(to, end)];
}

function choose(from, to) {
  change({ from: from === null ? "" : from.toFixed(1), to: to === null ? "" : to.toFixed(1) });
}

function listen(node, band, show, play) {
  let began = null;
  let drag = null;
  const reset = () => { began = drag = null; };
  node.addEventListener("pointerdown", (event) => {
    if (event.button !== 0) return;
    began = { x: event.clientX, share: share(node, event), marked: band.marked };
    node.setPointerCapture(event.pointerId);
  });
  node.addEventListener("pointermove", (event) => {
    if (!began || (!drag && Math.abs(event.clientX - began.x) < DRAG_PX)) return;
    drag = [began.share, share(node, event)].sort((a, b) => a - b).map((part) => part * band.length);
    show(...drag);
  });
  node.addEventListener("pointercancel", () => { if (began) show(...(began.marked || [null, null])); reset(); });
  node.addEventListener("pointerup", (event) => {
    if (!began) return;
    if (!drag) play(share(node, event) * band.length);
    else choose(...atLeast(drag, band.length));
    reset();
  });
}

function atLeast([from, to], length) {
  if (to - from >= LEAST_S) return [from, to];
  const start = Math.max(0, Math.min(from, length - LEAST_S));
  return [start, Math.min(length, start + LEAST_S)];
}

function axis(track) {
  const length = track.duration_s || 0;
  return el("div", { class: "axis soft", "aria-hidden": "true" }, [0, 0.25, 0.5, 0.75, 1].map((part) => el("span", {}, clock(part * length))));
}

function form(track, play) {
  const from = el("input", { type: "text", id: "from", inputmode: "numeric", size: 5, placeholder: "0:00", "aria-label": "From, minutes and seconds" });
  const to = el("input", { type: "text", id: "to", inputmode: "numeric", size: 5, placeholder: clock(track.duration_s), "aria-label": "To, minutes and seconds" });
  const said = el("span", { class: "soft", role: "status" });
  const whole = el("button", { type: "button", class: "plain", hidden: true, onclick: () => { from.focus(); choose(null, null); } }, "Whole song");
  const hear = el("button", { type: "button", class: "from", hidden: true, onclick: () => play(seconds(from.value) || 0, seconds(to.value)) });
  const here = el("button", { type: "button", class: "plain", hidden: true, onclick: () => choose(...fromHere(track)) }, `Next ${NEXT_S} s`);
  here.title = "Take the passage that begins where the song is now";
  const follow = () => {
    if (!node.isConnected) player.removeEventListener("track", follow);
    here.hidden = !player.has(track);
  };
  player.addEventListener("track", follow);
  const node = el("form", { class: "passage", onsubmit: (event) => {
    event.preventDefault();
    const [start, end] = [seconds(from.value || "0"), seconds(to.value || clock(track.duration_s))];
    const wrong = start === null || end === null ? "Write times like 1:05." : end - start < LEAST_S ? `A passage is ${LEAST_S} s long at least.` : "";
    said.textContent = wrong;
    if (!wrong) choose(start, end);
  } }, el("span", { class: "label" }, "Passage"), from, el("span", { "aria-hidden": "true" }, "–"), to,
  el("button", { class: "plain" }, "Find it"), here, hear, whole, said);
  here.hidden = !player.has(track);
  const show = (start, end) => {
    from.value = start === null ? "" : clock(start);
    to.value = start === null ? "" : clock(end);
    whole.hidden = hear.hidden = start === null;
    if (start !== null) hear.replaceChildren(icon("play"), span(start, end));
    said.textContent = "";
  };
  return { node, show };
}

/** Return the passage that begins where the player is in a song, [from, to] in seconds. */
function fromHere(track) {
  const length = track.duration_s || player.duration;
  const from = Math.max(0, Math.min(player.time, length - LEAST_S));
  return [from, Math.min(length, from + NEXT_S)];
}

function pictures() {
  const button = (kind, words) => el("button", { type: "button", "aria-pressed": String(settings.get("picture") === kind), onclick: () => {
    settings.set("picture", kind);
    dispatchEvent(new Event("picture"));
  } }, words);
  return el("div", { class: "switch", role: "group", "aria-label": "How songs are drawn" }, button("wave", "Waveform"), button("mel", "Spectrum"));
}

/** Play a song, then the list; or a passage of it. */
export function playFirst(track, tracks, at_s = 0, until_s = null) {
  player.play([track, ...tracks], 0, at_s, until_s);
}
