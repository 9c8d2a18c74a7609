/* The map of the library: what sounds alike lies near. */

import { ask } from "./api.js";
import { announce, counted, el, icon, titleOf } from "./dom.js";
import { FlatPainter } from "./map_flat.js";
import { GlPainter } from "./map_gl.js";
import { hands, keys } from "./map_hands.js";
import { areas, choice, COLOURINGS, legend } from "./map_legend.js";
import { Writer } from "./map_names.js";
import { Picker } from "./map_pick.js";
import { MapSongs } from "./map_songs.js";
import { player } from "./player.js";
import { change, hash } from "./route.js";
import { empty } from "./songs.js";
import { View } from "./view.js";

const WAIT_MS = 1500;
const MOST_QUEUED = 50;
const AREA_ZOOM = 4;
const TIP_PX = { gap: 14, edge: 4 };

/** Show the map. */
export async function map(place, now, signal) {
  place.replaceChildren(el("div", { class: "head" }, el("h1", {}, "Map")), el("p", { class: "soft" }, "Laying out the library…"));
  const found = await laidOut(signal);
  if (!found?.count) {
    place.replaceChildren(el("h1", {}, "Nothing here yet"), empty());
    return null;
  }
  const chart = new Chart(new MapSongs(found), signal);
  chart.show(place, now.colour);
  announce(`${counted(found.count, "song")} on the map`);
  return (other) => chart.colourBy(other.colour);
}

async function laidOut(signal) {
  for (;;) {
    try {
      const answer = await ask("api/map/columns", {}, { signal });
      if (!answer.waiting) return answer;
    } catch (error) {
      if (error.status === 409 && /analysed/.test(error.message)) return null;
      throw error;
    }
    await new Promise((done) => setTimeout(done, WAIT_MS));
    signal.throwIfAborted();
  }
}

class Chart {
  constructor(songs, signal) {
    Object.assign(this, { songs, signal, view: new View(songs), pointed: -1, only: null, due: false });
    this.canvas = el("canvas", { tabindex: 0, role: "application", class: "map", "aria-label": `Map of ${counted(songs.count, "song")}. Arrow keys go from song to song, Enter plays, L chooses the songs around, B begins and ends a line, C changes the colours.` });
    this.pen = this.canvas.getContext("2d");
    this.picker = new Picker(this);
    this.writer = new Writer(this);
    this.tip = el("div", { class: "tip", hidden: true });
    this.card = el("p", { class: "map-card soft" });
    this.legend = el("div");
    this.wanted = (i) => this.only === null || this.classes.of[i] === this.only;
  }

  show(place, colouring) {
    const button = (name, words, act) => el("button", { type: "button", class: "round", "aria-label": words, title: words, onclick: act }, icon(name));
    this.choice = choice(colouring, (value) => this.choose(value));
    const tools = el("div", { class: "map-tools" }, this.choice, this.picker.buttons,
      button("plus", "Zoom in", () => this.zoom(1.6)), button("minus", "Zoom out", () => this.zoom(1 / 1.6)), button("whole", "Show the whole map", () => this.whole()));
    this.box = el("div", { class: "map-box" });
    place.replaceChildren(
      el("div", { class: "head" }, el("h1", {}, "Map"), el("p", { class: "soft" }, `${counted(this.songs.count, "song")}; what sounds alike lies near`), tools),
      this.box, this.picker.box, this.card, this.legend, areas(this.songs.regions, (region) => this.goTo(region)) ?? "");
    this.say();
    this.takePainter();
    this.colourBy(colouring);
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
    addEventListener("theme", () => this.restyle(), { signal: this.signal });
    matchMedia("(prefers-color-scheme: dark)").addEventListener("change", () => this.restyle(), { signal: this.signal });
  }

  /** Paint by WebGL, or without it where there is none on graphics hardware, or not any more. */
  takePainter(without = false) {
    const canvas = el("canvas", { class: "points", "aria-hidden": "true" });
    canvas.addEventListener("webglcontextlost", () => this.takePainter(true));
    this.painter = (without ? null : GlPainter.made(canvas, this.view)) ?? new FlatPainter(without ? canvas : el("canvas", { class: "points", "aria-hidden": "true" }), this.view);
    this.box.dataset.painter = this.painter.kind;
    this.box.replaceChildren(this.painter.canvas, this.canvas, this.tip);
    if (this.classes) this.resize();
  }

  /** The user chooses what the colours mean: the address keeps it. */
  choose(colouring) {
    change({ colour: colouring === "label" ? null : colouring }, { quietly: true });
  }

  colourBy(colouring) {
    this.colouring = Object.hasOwn(COLOURINGS, colouring ?? "") ? colouring : "label";
    this.choice.querySelector("select").value = this.colouring;
    this.classes = this.songs.colours[this.colouring];
    this.only = null;
    const made = legend(this.classes, this.colouring, (only) => { this.only = only; this.draw(); });
    this.legend.replaceWith(made);
    this.legend = made;
    this.restyle();
  }

  /** The next way to colour. */
  recolour() {
    const names = Object.keys(COLOURINGS);
    const next = names[(names.indexOf(this.colouring) + 1) % names.length];
    this.choose(next);
    announce(`Coloured by ${next}`);
  }

  /** Read the colours of the theme. */
  restyle() {
    const style = getComputedStyle(this.canvas);
    const colour = (name) => style.getPropertyValue(name).trim();
    const parts = (text) => [1, 3, 5].map((at) => Number.parseInt(text.slice(at, at + 2), 16));
    this.look = Object.fromEntries(["ink", "soft", "card", "accent"].map((name) => [name, colour(`--${name}`)]));
    this.painter.colour(this.classes, this.classes.shades.map((name) => parts(colour(name))));
    this.draw();
  }

  resize() {
    const ratio = devicePixelRatio || 1;
    const { clientWidth: width, clientHeight: height } = this.canvas;
    for (const canvas of [this.canvas, this.painter.canvas]) Object.assign(canvas, { width: Math.round(width * ratio), height: Math.round(height * ratio) });
    this.view.resize(width, height);
    this.restyle();
    this.point(this.pointed);
  }

  zoom(factor) {
    this.view.zoomAt(factor);
    this.point(-1);
  }

  whole() {
    this.view.whole();
    this.point(-1);
  }

  goTo(region) {
    this.view.look(...this.view.fitted(region.x, region.y), AREA_ZOOM);
    this.point(-1);
    announce(`${region.name}: ${counted(region.tracks, "song")}`);
  }

  /** Point at a song: its title is shown beside it. */
  point(i, { aloud = false } = {}) {
    this.pointed = i;
    this.tip.hidden = i < 0;
    this.canvas.classList.toggle("over", i >= 0);
    if (i >= 0) {
      const track = this.songs.track(i);
      const said = [track.genre, ...(this.colouring === "label" ? [] : [this.classes.names[this.classes.of[i]]])].join(" · ");
      this.tip.replaceChildren(el("b", { dir: "auto" }, titleOf(track)), el("span", { dir: "auto" }, track.artist || "Unknown artist"), el("span", { class: "soft" }, said));
      this.placeTip(...this.view.place(i));
      if (aloud) announce(`${titleOf(track)}, ${track.artist || "unknown artist"}, ${said}`);
    }
    this.draw();
  }

  /** Put the tip beside a point, or above or below it where that is too narrow, and within the map. */
  placeTip(x, y) {
    const { view: { width, height }, tip: { offsetWidth: wide, offsetHeight: high } } = this;
    const within = (at, size, room) => Math.max(TIP_PX.edge, Math.min(room - size - TIP_PX.edge, at));
    const beside = x > width / 2 ? x - TIP_PX.gap - wide : x + TIP_PX.gap;
    const left = within(beside, wide, width);
    const aside = left === beside ? 0 : (y > height / 2 ? -1 : 1) * (high / 2 + TIP_PX.gap);
    this.tip.style.setProperty("--x", `${left}px`);
    this.tip.style.setProperty("--y", `${within(y + aside - high / 2, high, height)}px`);
  }

  /** The pointer is over a song, or over none: only another one than before is worth a frame. */
  hover(i) {
    if (i !== this.pointed) this.point(i);
  }

  /** Play a song, then those that lie nearest to it on the map. */
  play(i) {
    if (i < 0) return;
    const near = this.view.around(...this.view.place(i), MOST_QUEUED + 1, (other) => other !== i && this.wanted(other)).slice(0, MOST_QUEUED);
    player.play([i, ...near].map((one) => this.songs.track(one)), 0);
  }

  say() {
    const i = player.track ? this.songs.at(player.track.track_id) : -1;
    const track = i >= 0 && this.songs.track(i);
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
    const { view, pen, look } = this;
    const ratio = devicePixelRatio || 1;
    const room = Math.sqrt((view.width * view.height) / view.count);
    const radius = Math.min(9, Math.min(6, Math.max(1.6, 0.3 * room)) * view.zoom ** 0.35);
    this.painter.paint(radius, this.only, ratio);
    pen.setTransform(ratio, 0, 0, ratio, 0, 0);
    pen.clearRect(0, 0, view.width, view.height);
    this.picker.paint(pen, radius, look);
    this.writer.paint(pen, radius, look);
    this.rings(pen, player.track ? [this.songs.at(player.track.track_id)] : [], radius + 4.5, look.accent, 3);
    this.rings(pen, [this.pointed], radius + 2.5, look.ink, 2);
  }

  /** Draw rings round songs. */
  rings(pen, songs, radius, colour, width) {
    Object.assign(pen, { strokeStyle: colour, lineWidth: width });
    pen.beginPath();
    for (const i of songs) {
      if (i < 0) continue;
      const [x, y] = this.view.place(i);
      if (!this.view.holds(x, y, radius)) continue;
      pen.moveTo(x + radius, y);
      pen.arc(x, y, radius, 0, 7);
    }
    pen.stroke();
  }
}
