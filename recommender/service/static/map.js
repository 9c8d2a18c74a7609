/* The map of the library: what sounds alike lies near. */

import { ask } from "./api.js";
import { announce, counted, el, icon, notice, titleOf } from "./dom.js";
import { hands, keys } from "./map_hands.js";
import { colours, legend } from "./map_legend.js";
import { Picker } from "./map_pick.js";
import { player } from "./player.js";
import { hash } from "./route.js";
import { empty } from "./songs.js";
import { View } from "./view.js";

const WAIT_MS = 1500;
const MOST_TITLES = 60;
const MOST_QUEUED = 50;
const MOST_ROUND = 2000; // more dots are drawn as squares, which takes a third of the time

/** Show the map. */
export async function map(place, _now, signal) {
  place.replaceChildren(el("div", { class: "head" }, el("h1", {}, "Map")), el("p", { class: "soft" }, "Laying out the library…"));
  const found = await laidOut(signal);
  if (!found.length) {
    place.replaceChildren(el("h1", {}, "Nothing here yet"), empty());
    return null;
  }
  new Chart(found, signal).show(place);
  announce(`${counted(found.length, "song")} on the map`);
  return null;
}

async function laidOut(signal) {
  for (;;) {
    try {
      const answer = await ask("api/map", {}, { signal });
      if (!answer.waiting && answer.tracks) return answer.tracks;
    } catch (error) {
      if (error.status === 409 && /analysed/.test(error.message)) return [];
      throw error;
    }
    await new Promise((done) => setTimeout(done, WAIT_MS));
    signal.throwIfAborted();
  }
}

class Chart {
  constructor(tracks, signal) {
    Object.assign(this, { tracks, signal, view: new View(tracks), pointed: -1, only: null, due: false });
    this.canvas = el("canvas", { tabindex: 0, role: "application", class: "map", "aria-label": `Map of ${counted(tracks.length, "song")}. Arrow keys go from song to song, Enter plays, L chooses the songs around, B begins and ends a line.` });
    this.picker = new Picker(this);
    this.tip = el("div", { class: "tip", hidden: true });
    this.card = el("p", { class: "map-card soft" });
    this.wanted = (i) => this.only === null || genreOf(this.tracks[i]) === this.only;
  }

  show(place) {
    const button = (name, words, act) => el("button", { type: "button", class: "round", "aria-label": words, title: words, onclick: act }, icon(name));
    const tools = el("div", { class: "map-tools" }, this.picker.buttons,
      button("plus", "Zoom in", () => this.zoom(1.6)), button("minus", "Zoom out", () => this.zoom(1 / 1.6)), button("whole", "Show the whole map", () => this.whole()));
    this.colours = colours(this.tracks.map(genreOf));
    this.groups = [...this.colours.keys()].reverse().map((name) => [name, [...this.tracks.keys()].filter((i) => this.group(this.tracks[i]) === name)]);
    place.replaceChildren(
      el("div", { class: "head" }, el("h1", {}, "Map"), el("p", { class: "soft" }, `${counted(this.tracks.length, "song")}; what sounds alike lies near`), tools),
      el("div", { class: "map-box" }, this.canvas, this.tip),
      this.picker.box, this.card, legend(this.colours, this.tracks.map(genreOf), (name) => { this.only = name; this.draw(); }));
    this.say();
    hands(this);
    keys(this);
    const watcher = new ResizeObserver(() => this.resize());
    watcher.observe(this.canvas);
    this.signal.addEventListener("abort", () => watcher.disconnect());
    for (const name of ["track", "state"]) {
      const listener = () => { this.say(); this.draw(); };
      player.addEventListener(name, listener);
      this.signal.addEventListener("abort", () => player.removeEventListener(name, listener));
    }
    addEventListener("theme", () => this.draw(), { signal: this.signal });
    matchMedia("(prefers-color-scheme: dark)").addEventListener("change", () => this.draw(), { signal: this.signal });
  }

  /** The name in the legend that a song is shown under; the frequent ones are drawn over the others. */
  group(track) {
    return this.colours.has(genreOf(track)) ? genreOf(track) : "other";
  }

  resize() {
    const ratio = devicePixelRatio || 1;
    const { clientWidth: width, clientHeight: height } = this.canvas;
    Object.assign(this.canvas, { width: Math.round(width * ratio), height: Math.round(height * ratio) });
    this.view.resize(width, height);
    this.draw();
  }

  zoom(factor) {
    this.view.zoomAt(factor);
    this.point(-1);
  }

  whole() {
    this.view.whole();
    this.point(-1);
  }

  /** Point at a song: its title is shown beside it. */
  point(i, { aloud = false } = {}) {
    this.pointed = i;
    this.tip.hidden = i < 0;
    this.canvas.classList.toggle("over", i >= 0);
    if (i >= 0) {
      const track = this.tracks[i];
      this.tip.replaceChildren(el("b", { dir: "auto" }, titleOf(track)), el("span", { dir: "auto" }, track.artist || "Unknown artist"), el("span", { class: "soft" }, genreOf(track)));
      const [x, y] = this.view.place(i);
      const left = x > this.view.width / 2;
      this.tip.classList.toggle("left", left);
      this.tip.style.setProperty("--x", `${left ? this.view.width - x : x}px`);
      this.tip.style.setProperty("--y", `${y}px`);
      if (aloud) announce(`${titleOf(track)}, ${track.artist || "unknown artist"}, ${genreOf(track)}`);
    }
    this.draw();
  }

  /** Play a song, then those that lie nearest to it on the map. */
  play(i) {
    if (i < 0) return;
    const start = this.tracks[i];
    const far = (track) => (track.x - start.x) ** 2 + (track.y - start.y) ** 2;
    const near = this.tracks.filter((track, other) => other !== i && this.wanted(other)).sort((a, b) => far(a) - far(b));
    player.play([start, ...near.slice(0, MOST_QUEUED)], 0);
  }

  say() {
    const track = player.track && this.tracks.find((one) => one.track_id === player.track.track_id);
    this.card.replaceChildren(...(track
      ? ["Playing ", el("b", { dir: "auto" }, titleOf(track)), " · ", el("a", { class: "link", href: hash({ track: track.track_id }) }, "Songs like this")]
      : ["Point at a song to see its title, click to play it."]));
  }

  draw() {
    if (this.due) return;
    this.due = true;
    requestAnimationFrame(() => { this.due = false; this.paint(); });
  }

  paint() {
    const { view } = this;
    const pen = this.canvas.getContext("2d");
    const ratio = devicePixelRatio || 1;
    const style = getComputedStyle(this.canvas);
    const colour = (name) => style.getPropertyValue(name).trim();
    pen.setTransform(ratio, 0, 0, ratio, 0, 0);
    pen.clearRect(0, 0, view.width, view.height);
    const room = Math.sqrt((view.width * view.height) / this.tracks.length);
    const radius = Math.min(9, Math.min(6, Math.max(1.6, 0.3 * room)) * view.zoom ** 0.35);
    const seen = this.groups.map(([name, points]) => [name, points.map((i) => view.place(i)).filter(([x, y]) => view.holds(x, y, radius))]);
    const many = seen.reduce((sum, [, places]) => sum + places.length, 0) > MOST_ROUND;
    for (const [name, places] of seen) {
      pen.fillStyle = colour(this.colours.get(name));
      pen.globalAlpha = this.only !== null && this.only !== name ? 0.1 : 0.9;
      pen.beginPath();
      for (const [x, y] of places) (many ? square : circle)(pen, x, y, this.only === name ? 1.6 * radius : radius);
      pen.fill();
    }
    pen.globalAlpha = 1;
    this.picker.paint(pen, radius, colour);
    this.titles(pen, radius, colour);
    if (player.track) this.ring(pen, this.tracks.findIndex((one) => one.track_id === player.track.track_id), radius + 4.5, colour("--accent"), 3);
    this.ring(pen, this.pointed, radius + 2.5, colour("--ink"), 2);
  }

  /** Write titles beside the songs in sight, where there are few, and room to the right or left. */
  titles(pen, radius, colour) {
    const { view } = this;
    const seen = [...this.tracks.keys()].filter(this.wanted).map((i) => [i, ...view.place(i)]).filter(([, x, y]) => view.holds(x, y));
    if (seen.length > MOST_TITLES) return;
    Object.assign(pen, { font: `12.5px ${getComputedStyle(document.body).fontFamily}`, fillStyle: colour("--soft"), textBaseline: "middle" });
    const taken = seen.map(([, x, y]) => [x - radius, y - radius, x + radius, y + radius]);
    for (const [i, x, y] of seen) {
      const text = shortened(titleOf(this.tracks[i]));
      const wide = pen.measureText(text).width + 4;
      const box = [x + radius + 5, x - radius - 5 - wide].map((left) => [left, y - 9, left + wide, y + 9])
        .find((one) => one[0] > 4 && one[2] < view.width - 4 && !taken.some((other) => overlap(one, other)));
      if (i === this.pointed || !box) continue;
      taken.push(box);
      pen.fillText(text, box[0], y);
    }
  }

  ring(pen, i, radius, colour, width) {
    if (i < 0) return;
    const [x, y] = this.view.place(i);
    pen.strokeStyle = colour;
    pen.lineWidth = width;
    pen.beginPath();
    pen.arc(x, y, radius, 0, 7);
    pen.stroke();
  }
}

function overlap(one, other) {
  return one[0] < other[2] && other[0] < one[2] && one[1] < other[3] && other[1] < one[3];
}

function shortened(text) {
  const letters = [...text];
  return letters.length > 26 ? `${letters.slice(0, 25).join("").trim()}…` : text;
}

function circle(pen, x, y, radius) {
  pen.moveTo(x + radius, y);
  pen.arc(x, y, radius, 0, 7);
}

function square(pen, x, y, radius) {
  pen.rect(x - 0.9 * radius, y - 0.9 * radius, 1.8 * radius, 1.8 * radius);
}

/** Return the top genre of a song on the map. */
function genreOf(track) {
  return track.genre.split("/")[0];
}
