/* The map's points without WebGL: few as circles, many as squares of pixels that are written by hand. */

const MOST_ROUND = 2000;
const LOOKED_AT = 1.6; // the class that is shown alone has so much larger points

/** Paints into a plain canvas: only the points that may be in sight, and nothing where all is as it was. */
export class FlatPainter {
  constructor(canvas, view) {
    Object.assign(this, { canvas, view, kind: "canvas", pen: canvas.getContext("2d"), image: null, painted: null, seen: new Uint32Array(view.count) });
    canvas.addEventListener("contextrestored", () => { this.painted = null; });
  }

  /** Colour by classes; `shades` are their colours, each as red, green, blue in 0..255. */
  colour(classes, shades) {
    Object.assign(this, { classes, shades, painted: null });
  }

  paint(radius, only, ratio) {
    const { canvas, view } = this;
    if (!canvas.width || !canvas.height) return;
    const asked = [view.x, view.y, view.zoom, view.width, view.height, canvas.width, canvas.height, radius, only, ratio].join(" ");
    if (asked === this.painted) return;
    this.painted = asked;
    this.sort(LOOKED_AT * radius);
    if (view.inCells() > MOST_ROUND) this.squares(radius * ratio, only, ratio);
    else this.circles(radius, only, ratio);
  }

  /** Put the points that may be in sight, or as near to it, into their classes. */
  sort(near) {
    const { seen, classes: { of, starts }, view } = this;
    const { sorted, width, height } = view;
    this.ends = starts.slice();
    for (const [from, to] of view.runs(-near, -near, width + near, height + near)) {
      for (let at = from; at < to; at += 1) {
        const i = sorted[at];
        seen[this.ends[of[i]]] = i;
        this.ends[of[i]] += 1;
      }
    }
  }

  /** Return the points of a class that may be in sight. */
  songs(k) {
    return this.seen.subarray(this.classes.starts[k], this.ends[k]);
  }

  circles(radius, only, ratio) {
    const { pen, view } = this;
    pen.setTransform(ratio, 0, 0, ratio, 0, 0);
    pen.clearRect(0, 0, view.width, view.height);
    for (const k of this.classes.drawn(only)) {
      const around = only === k ? LOOKED_AT * radius : radius;
      pen.fillStyle = `rgb(${this.shades[k].join(" ")})`;
      pen.globalAlpha = only !== null && only !== k ? 0.1 : 0.9;
      pen.beginPath();
      for (const i of this.songs(k)) {
        const [x, y] = view.place(i);
        if (!view.holds(x, y, around)) continue;
        pen.moveTo(x + around, y);
        pen.arc(x, y, around, 0, 7);
      }
      pen.fill();
    }
  }

  squares(radius, only, ratio) {
    const { pen, view } = this;
    const { width, height } = this.canvas;
    if (this.image?.width !== width || this.image.height !== height) {
      this.image = pen.createImageData(width, height);
      this.pixels = new Uint32Array(this.image.data.buffer);
    }
    this.pixels.fill(0);
    const [wide, high] = view.reach.map((reach) => reach * ratio);
    const [left, top] = [width / 2 - view.x * wide, height / 2 + view.y * high];
    for (const k of this.classes.drawn(only)) {
      const [red, green, blue] = this.shades[k];
      const alpha = only !== null && only !== k ? 26 : 230;
      const colour = ((alpha << 24) | (blue << 16) | (green << 8) | red) >>> 0;
      const side = Math.max(1, Math.round(1.8 * (only === k ? LOOKED_AT * radius : radius)));
      this.fill(this.songs(k), colour, side, [left - side / 2, wide, top - side / 2, high]);
    }
    pen.putImageData(this.image, 0, 0);
  }

  /** Write squares into the pixels. Plain loops: this is done a hundred thousand times a frame. */
  fill(songs, colour, side, [left, wide, top, high]) {
    const { pixels, view: { xs, ys }, canvas: { width, height } } = this;
    for (let n = 0; n < songs.length; n += 1) {
      const x = Math.round(left + xs[songs[n]] * wide);
      const y = Math.round(top - ys[songs[n]] * high);
      if (x < 0 || y < 0 || x + side > width || y + side > height) continue;
      for (let row = y * width + x; row < (y + side) * width; row += width) {
        for (let at = row; at < row + side; at += 1) pixels[at] = colour;
      }
    }
  }
}
