/* A song and one that is like it, drawn one above the other, with the passages that match. */

import { clock, el, icon, svg, titleOf } from "./dom.js";
import { player } from "./player.js";
import { Band, drawing, share, span } from "./waves.js";

const HEIGHT = 120;
const BAND = 48;

/** Return the drawing of both songs and the buttons that start each at its passage. */
export function pair(query, match, queue, index) {
  const known = match.query_start_s !== null && match.query_start_s !== undefined;
  const its = known ? [match.match_start_s, match.match_end_s] : null;
  const mine = known ? [match.query_start_s, match.query_end_s] : null;
  const count = innerWidth < 560 ? 80 : 130;
  const upper = new Band(query, { top: 0, height: BAND, marked: mine, count });
  const lower = new Band(match, { top: HEIGHT - BAND, height: BAND, marked: its, count });
  const node = drawing([upper, lower], words(query, match, known), HEIGHT, known && link(upper, lower, mine, its));
  const playMine = (at_s, until_s) => player.play([query, ...queue.slice(index)], 0, at_s, until_s);
  const playIts = (at_s, until_s) => player.play(queue, index, at_s, until_s);
  node.addEventListener("click", (event) => clicked(event, node, { upper, lower, playMine, playIts }));
  if (!known) return el("div", { class: "pair" }, node);
  return el("div", { class: "pair" }, node, el("div", { class: "pair-buttons" },
    from(query, mine, "mine", playMine), el("span", { class: "about", "aria-hidden": "true" }, "≈"), from(match, its, "its", playIts)));
}

function words(query, match, known) {
  if (!known) return `${titleOf(query)} and ${titleOf(match)}`;
  return `${titleOf(query)} ${span(match.query_start_s, match.query_end_s)} sounds like ${titleOf(match)} ${span(match.match_start_s, match.match_end_s)}`;
}

function link(upper, lower, mine, its) {
  const points = [[upper.at(mine[0]), BAND], [upper.at(mine[1]), BAND], [lower.at(its[1]), HEIGHT - BAND], [lower.at(its[0]), HEIGHT - BAND]];
  return svg("polygon", { class: "tie", points: points.map((point) => point.map((n) => n.toFixed(1)).join(",")).join(" ") });
}

function from(track, [at_s, until_s], kind, play) {
  const name = `Play ${titleOf(track)} from ${clock(at_s)} to ${clock(until_s)}`;
  return el("button", { type: "button", class: "from", data: { kind, at: at_s }, "aria-label": name, title: name, onclick: () => play(at_s, until_s) },
    icon("play"), clock(at_s));
}

/** A click on a passage plays that, a click beside it where the pointer is. */
function clicked(event, node, { upper, lower, playMine, playIts }) {
  const box = node.getBoundingClientRect();
  const high = (event.clientY - box.top) / Math.max(1, box.height) < 0.5;
  const band = high ? upper : lower;
  const second = share(node, event) * band.length;
  const [start, end] = band.marked || [null, null];
  const within = start !== null && second >= start && second <= end;
  (high ? playMine : playIts)(within ? start : second, within ? end : null);
}
