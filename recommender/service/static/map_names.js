/* Words on the map: the names of its areas, and titles beside songs; none lies on another. */

import { titleOf } from "./dom.js";

const NEAR_ZOOM = 1.8; // from here on the smaller areas are named
const NAME_PX = [16, 13];
const MOST_TITLES = 60;
const MOST_LOOKED_AT = 5000;
const GAP_PX = 4;
const ASIDE = [0, -1, 1, -2, 2, -3, 3].flatMap((down) => [0, -0.5, 0.5].map((right) => [right, 0.75 * down]))
  .sort(([right, down], [other, lower]) => Math.hypot(2 * right, down) - Math.hypot(2 * other, lower)); // the nearest first

/**
 * Return which areas are named, and where: those that come first have the room. `wide(name, px)` measures.
 * `songs` are the boxes of songs that a name lies beside where there is room for that, not on.
 */
export function placedNames(regions, view, wide, songs = []) {
  const placed = [];
  for (const region of regions) {
    const size = NAME_PX[Math.min(region.level, 1)];
    const [x, y] = view.pixels(...view.fitted(region.x, region.y));
    if ((region.level > 0 && view.zoom < NEAR_ZOOM) || !view.holds(x, y)) continue;
    const width = wide(region.name, size);
    const at = ([right, down]) => {
      const left = Math.min(view.width - width - GAP_PX, Math.max(GAP_PX, x - width / 2 + right * width));
      const middle = Math.min(view.height - size, Math.max(size, y + down * size));
      return { region, size, box: [left - GAP_PX, middle - 0.7 * size, left + width + GAP_PX, middle + 0.7 * size], left, middle };
    };
    const free = (songs.length ? ASIDE : ASIDE.slice(0, 1)).map(at).filter(({ box }) => !placed.some((other) => overlap(box, other.box)));
    const best = free.find(({ box }) => !songs.some((song) => overlap(box, song))) ?? free[0];
    if (width < view.width - 2 * GAP_PX && best) placed.push(best);
  }
  return placed;
}

/** Writes on a chart. */
export class Writer {
  constructor(chart) {
    Object.assign(this, { chart, widths: new Map(), named: [], font: getComputedStyle(document.body).fontFamily });
  }

  /** Write the names of areas, and titles where there are few songs; `radius` is that of a song. */
  paint(pen, radius, look) {
    const { chart: { songs, view, wanted } } = this;
    const seen = (view.inCells() > MOST_LOOKED_AT ? null : view.inSight(MOST_TITLES, wanted)) ?? [];
    const places = seen.map((i) => [i, ...view.place(i)]);
    const circles = places.map(([, x, y]) => [x - radius, y - radius, x + radius, y + radius]);
    this.named = placedNames(songs.regions, view, (name, size) => this.width(pen, name, this.nameFont(size)), circles);
    this.titles(pen, radius, look, places, circles);
    Object.assign(pen, { strokeStyle: look.card, fillStyle: look.ink, lineWidth: 4, lineJoin: "round", textBaseline: "middle" });
    for (const { region, size, left, middle } of this.named) {
      pen.font = this.nameFont(size);
      pen.strokeText(region.name, left, middle);
      pen.fillText(region.name, left, middle);
    }
  }

  nameFont(size) {
    return `${size > 14 ? 700 : 600} ${size}px ${this.font}`;
  }

  width(pen, text, font) {
    const key = `${font} ${text}`;
    if (!this.widths.has(key)) {
      pen.font = font;
      this.widths.set(key, pen.measureText(text).width);
    }
    return this.widths.get(key);
  }

  /** Write titles beside the songs in sight, where there are few, and room to the right or left. */
  titles(pen, radius, look, places, circles) {
    const { chart: { view, songs, pointed } } = this;
    const font = `12.5px ${this.font}`;
    Object.assign(pen, { font, fillStyle: look.soft, textBaseline: "middle" });
    const taken = [...this.named.map((one) => one.box), ...circles];
    for (const [i, x, y] of places) {
      const text = shortened(titleOf(songs.track(i)));
      const wide = this.width(pen, text, font) + 4;
      const box = [x + radius + 5, x - radius - 5 - wide].map((left) => [left, y - 9, left + wide, y + 9])
        .find((one) => one[0] > 4 && one[2] < view.width - 4 && !taken.some((other) => overlap(one, other)));
      if (i === pointed || !box) continue;
      taken.push(box);
      pen.font = font;
      pen.fillText(text, box[0], y);
    }
  }
}

function overlap(one, other) {
  return one[0] < other[2] && other[0] < one[2] && one[1] < other[3] && other[1] < one[3];
}

function shortened(text) {
  const letters = [...text];
  return letters.length > 26 ? `${letters.slice(0, 25).join("").trim()}…` : text;
}
