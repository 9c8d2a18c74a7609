/* Choosing songs on the map: within a lasso, along a line, or by keys; what is chosen plays, or becomes a playlist. */

import { announce, counted, el, titleOf } from "./dom.js";
import { save } from "./keep.js";
import { player } from "./player.js";

const AROUND = 25;
const STEP_PX = 40;
const REACH_PX = 80;
const [FEWEST, MOST] = [5, 30];
const SHOWN = 12;
const MOST_RINGS = 2000;

/** What is chosen on a chart, and how. */
export class Picker {
  constructor(chart) {
    Object.assign(this, { chart, mode: null, trail: [], chosen: [], from: -1, around: AROUND });
    this.box = el("section", { class: "picked", "aria-label": "Chosen on the map", hidden: true });
    this.buttons = [["lasso", "Lasso"], ["line", "Line"]].map(([mode, words]) => el("button", { type: "button", class: "plain", "aria-pressed": "false", data: { mode }, onclick: () => this.turn(mode) }, words));
    for (const node of [this.box, ...this.buttons]) node.addEventListener("keydown", (event) => { if (event.key === "Escape") this.escape(); });
  }

  /** Draw from now on, or move the map again. */
  turn(mode) {
    this.mode = this.mode === mode ? null : mode;
    for (const button of this.buttons) button.setAttribute("aria-pressed", String(button.dataset.mode === this.mode));
    this.chart.canvas.classList.toggle("drawing", Boolean(this.mode));
    announce(this.mode ? `Draw a ${this.mode} over the map` : "The map moves again");
  }

  /** Let go what is under way, or else what is chosen; return whether there was anything. */
  escape() {
    const drawn = this.mode !== null || this.start !== undefined;
    if (!drawn && this.box.hidden) return false;
    this.start = undefined;
    if (this.mode) this.turn(this.mode);
    else if (!drawn) this.clear();
    return true;
  }

  begin(at) {
    this.trail = [at];
  }

  move(at) {
    this.trail.push(at);
    this.chart.point(-1);
  }

  /** Choose what was drawn round, or along. */
  end() {
    const { trail, mode } = this;
    this.trail = [];
    if (trail.length > 2) this.choose(mode === "lasso" ? this.within(trail) : this.along(trail), mode === "lasso" ? "Drawn on the map" : "A line on the map");
    else this.chart.draw();
  }

  within(shape) {
    const { view, wanted } = this.chart;
    const found = [];
    for (let i = 0; i < view.count; i += 1) if (wanted(i) && inside(view.place(i), shape)) found.push(i);
    return found;
  }

  /** Return songs along a line, evenly, each the nearest that is left. */
  along(line) {
    const lengths = line.slice(1).map((to, i) => Math.hypot(to[0] - line[i][0], to[1] - line[i][1]));
    const whole = lengths.reduce((sum, one) => sum + one, 0);
    const n = Math.max(FEWEST, Math.min(MOST, Math.round(whole / STEP_PX) + 1));
    const found = [];
    for (let step = 0; step < n; step += 1) {
      const i = this.chart.view.nearest(...pointAt(line, lengths, (whole * step) / (n - 1)), REACH_PX, (one) => this.chart.wanted(one) && !found.includes(one));
      if (i >= 0) found.push(i);
    }
    return found;
  }

  /** Keys: L chooses the songs around the one that is pointed at, each time twice as many; B begins a line there, and ends it; Escape lets go. */
  key(name) {
    const { chart } = this;
    if (name === "escape") return this.escape();
    if (chart.pointed < 0 || !["l", "b"].includes(name)) return false;
    const at = chart.view.place(chart.pointed);
    if (name === "l") {
      this.around = this.from === chart.pointed && this.chosen.length ? 2 * this.around : AROUND;
      this.from = chart.pointed;
      this.choose(chart.view.around(...at, this.around, chart.wanted), `Around ${this.title(chart.pointed)}`);
    } else if (this.start === undefined) {
      this.start = chart.pointed;
      announce(`A line from ${this.title(this.start)}; go to another song and press B`);
    } else {
      const from = this.start;
      this.start = undefined;
      this.choose(this.along([chart.view.place(from), at]), `From ${this.title(from)} to ${this.title(chart.pointed)}`);
    }
    return true;
  }

  title(i) {
    return titleOf(this.chart.songs.track(i));
  }

  choose(songs, name) {
    this.chosen = songs;
    const tracks = songs.map((i) => this.chart.songs.track(i));
    const said = el("span", { class: "soft said" });
    const rest = tracks.length - SHOWN;
    this.box.hidden = false;
    this.box.replaceChildren(el("div", { class: "row" }, el("b", {}, `${counted(tracks.length, "song")} chosen`),
      tracks.length > 0 && el("button", { type: "button", class: "plain", onclick: () => player.play(tracks, 0) }, "Play them"),
      tracks.length > 0 && el("button", { type: "button", class: "plain", onclick: () => save(tracks, name, said) }, "Save as playlist"),
      el("button", { type: "button", class: "plain", onclick: () => this.clear() }, "Let go"), said),
    el("p", { class: "soft", dir: "auto" }, tracks.slice(0, SHOWN).map(titleOf).join(" · "), rest > 0 && ` · and ${counted(rest, "other")}`));
    announce(`${counted(tracks.length, "song")} chosen`);
    this.chart.draw();
  }

  clear() {
    this.chosen = [];
    this.box.hidden = true;
    this.chart.draw();
    this.chart.canvas.focus();
  }

  paint(pen, radius, look) {
    this.chart.rings(pen, this.chosen.slice(0, MOST_RINGS), radius + 1.5, look.accent, 1.5);
    if (this.trail.length < 2) return;
    pen.strokeStyle = look.accent;
    pen.lineWidth = 2;
    pen.beginPath();
    this.trail.forEach(([x, y], i) => (i ? pen.lineTo(x, y) : pen.moveTo(x, y)));
    if (this.mode === "lasso") pen.closePath();
    pen.stroke();
  }
}

/** Whether a point is within a shape: a ray from it crosses the edge an odd number of times. */
function inside([x, y], shape) {
  let within = false;
  shape.forEach(([ax, ay], i) => {
    const [bx, by] = shape[(i + shape.length - 1) % shape.length];
    if (ay > y !== by > y && x < ((bx - ax) * (y - ay)) / (by - ay) + ax) within = !within;
  });
  return within;
}

function pointAt(line, lengths, far) {
  let left = far;
  for (const [i, length] of lengths.entries()) {
    if (left <= length || i === lengths.length - 1) {
      const share = length ? Math.min(1, left / length) : 0;
      return [0, 1].map((axis) => line[i][axis] + share * (line[i + 1][axis] - line[i][axis]));
    }
    left -= length;
  }
  return line[0];
}
