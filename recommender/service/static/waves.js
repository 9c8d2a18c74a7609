/* Drawings of songs: the waveform or the log-mel, passages marked, the moment that is heard. */

import { address, once } from "./api.js";
import { clock, svg, whenSeen } from "./dom.js";
import { player } from "./player.js";
import * as settings from "./settings.js";

const POINTS = 400;
const AT_ONCE = 3;
const WIDTH = 1000;

let asking = 0;
const waiting = [];

async function inTurn(act) {
  if (asking >= AT_ONCE) await new Promise((go) => waiting.push(go));
  asking += 1;
  try {
    return await act();
  } finally {
    asking -= 1;
    waiting.shift()?.();
  }
}

/** Return a song's peaks, 0..1, evenly over its length. */
async function peaksOf(track) {
  if (track.peaks) return track.peaks;
  const found = await inTurn(() => once(`api/tracks/${track.track_id}/waveform`, { points: POINTS }));
  return found.peaks;
}

/** Return fewer peaks, the greatest of each few, so that the loudest is 1. */
export function thinned(peaks, bars) {
  const n = Math.min(bars, peaks.length);
  const most = Math.max(1e-3, ...peaks);
  return Array.from({ length: n }, (_, i) => {
    const part = peaks.slice(Math.floor((i * peaks.length) / n), Math.max(Math.floor(((i + 1) * peaks.length) / n), Math.floor((i * peaks.length) / n) + 1));
    return Math.max(...part) / most;
  });
}

function bars(heights, wanted, top, height) {
  const step = WIDTH / heights.length;
  return heights.map((value, i) => {
    if (!wanted((i + 0.5) / heights.length)) return "";
    const half = Math.max(0.02, value) * height * 0.48;
    return `M${((i + 0.5) * step).toFixed(1)} ${(top + height / 2 - half).toFixed(1)}v${(2 * half).toFixed(1)}`;
  }).join("");
}

/**
 * One song drawn as a band of an SVG of 1000 units across.
 * `marked` is its passage in seconds, [start, end], or null; `count` how many bars are drawn.
 */
export class Band {
  constructor(track, { top = 0, height = 100, marked = null, count = 130 } = {}) {
    Object.assign(this, { track, top, height, marked, count, heights: null });
    this.quiet = svg("path", { class: "wave" });
    this.loud = svg("path", { class: "wave on" });
    this.picture = svg("g");
    this.head = svg("line", { class: "playhead", y1: top, y2: top + height, x1: 0, x2: 0, visibility: "hidden" });
    this.node = svg("g", {}, this.picture, this.quiet, this.loud, this.head);
    this.draw();
  }

  get length() {
    return this.track.duration_s || 1;
  }

  at(second) {
    return (Math.min(Math.max(0, second), this.length) / this.length) * WIDTH;
  }

  mark(marked) {
    this.marked = marked;
    this.draw();
  }

  async load() {
    if (settings.get("picture") === "mel" && this.track.track_id) return this.showMel();
    try {
      this.heights = thinned(await peaksOf(this.track), this.count);
    } catch {
      this.heights = []; // the song is listed all the same; its drawing stays empty
    }
    this.draw();
  }

  showMel() {
    const href = address(`api/tracks/${this.track.track_id}/mel.png`, { width: this.count > 200 ? 1000 : 400, height: this.count > 200 ? 128 : 64 });
    this.image = svg("image", { href, x: 0, y: this.top, width: WIDTH, height: this.height, preserveAspectRatio: "none" });
    this.draw();
  }

  draw() {
    const [start, end] = this.marked || [null, null];
    const inside = (share) => start !== null && share * this.length >= start && share * this.length <= end;
    if (this.image) {
      this.drawMel(start, end);
    } else if (this.heights) {
      this.quiet.setAttribute("d", bars(this.heights, (share) => !inside(share), this.top, this.height));
      this.loud.setAttribute("d", bars(this.heights, inside, this.top, this.height));
    } else {
      this.quiet.setAttribute("d", `M0 ${this.top + this.height / 2}h${WIDTH}`);
    }
  }

  drawMel(start, end) {
    const shade = (from, to) => svg("rect", { class: "shade", x: from, y: this.top, width: Math.max(0, to - from), height: this.height });
    const shades = start === null ? [] : [shade(0, this.at(start)), shade(this.at(end), WIDTH)];
    const frame = start === null ? [] : [svg("rect", { class: "marked", x: this.at(start), y: this.top, width: this.at(end) - this.at(start), height: this.height })];
    this.picture.replaceChildren(this.image, ...shades, ...frame);
    this.quiet.removeAttribute("d");
  }

  /** Show where the player is in this song, if it is in it. */
  follow() {
    const on = player.has(this.track);
    this.head.setAttribute("visibility", on ? "visible" : "hidden");
    if (!on) return;
    const x = this.at(player.time).toFixed(1);
    this.head.setAttribute("x1", x);
    this.head.setAttribute("x2", x);
  }
}

const bandsOf = new WeakMap();
for (const name of ["time", "track"]) {
  player.addEventListener(name, () => {
    for (const node of document.querySelectorAll(".drawing")) for (const band of bandsOf.get(node) || []) band.follow();
  });
}

/** Return an SVG of bands, which is filled when it comes into sight. */
export function drawing(bands, name, height, ...more) {
  const node = svg("svg", { class: "drawing", viewBox: `0 0 ${WIDTH} ${height}`, preserveAspectRatio: "none", role: "img", "aria-label": name },
    ...more, ...bands.map((band) => band.node));
  whenSeen(node, () => { for (const band of bands) band.load(); });
  bandsOf.set(node, bands);
  for (const band of bands) band.follow();
  return node;
}

/** Return which share, 0..1, of a drawing's width a pointer is at. */
export function share(node, event) {
  const box = node.getBoundingClientRect();
  return Math.min(1, Math.max(0, (event.clientX - box.left) / Math.max(1, box.width)));
}

/** Return a passage in words. */
export function span(start, end) {
  return `${clock(start)}–${clock(end)}`;
}
