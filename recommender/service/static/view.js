/* Where the points of a map are on the screen: zoom, pan, which is under the pointer, which lies next that way. */

const MOST = 60;
const EDGE_PX = 28;
const IN_A_CELL = 3;
const MOST_CELLS = 256;

/** A map's points, seen through a window of pixels; the whole map fills the window but for its edge. */
export class View {
  constructor({ count, x, y }) {
    const middle = (values) => {
      let [low, high] = count ? [Infinity, -Infinity] : [0, 0];
      for (const value of values) {
        if (value < low) low = value;
        if (value > high) high = value;
      }
      return [(low + high) / 2, (high - low) / 2 || 1];
    };
    this.frame = [middle(x), middle(y)];
    const fitted = (values, [from, half]) => values.map((value) => (value - from) / half);
    Object.assign(this, { count, xs: fitted(x, this.frame[0]), ys: fitted(y, this.frame[1]), width: 1, height: 1, zoom: 1, x: 0, y: 0 });
    this.sortIntoCells();
  }

  /** The points of a cell are found without asking all others. */
  sortIntoCells() {
    this.cells = Math.min(MOST_CELLS, Math.max(1, Math.ceil(Math.sqrt(this.count / IN_A_CELL))));
    const cell = (i) => this.cell(this.ys[i]) * this.cells + this.cell(this.xs[i]);
    this.starts = new Uint32Array(this.cells ** 2 + 1);
    for (let i = 0; i < this.count; i += 1) this.starts[cell(i) + 1] += 1;
    for (let k = 0; k < this.cells ** 2; k += 1) this.starts[k + 1] += this.starts[k];
    const next = this.starts.slice();
    this.sorted = new Uint32Array(this.count);
    for (let i = 0; i < this.count; i += 1) {
      const k = cell(i);
      this.sorted[next[k]] = i;
      next[k] += 1;
    }
  }

  cell(value) {
    return Math.min(this.cells - 1, Math.max(0, Math.floor(((value + 1) / 2) * this.cells)));
  }

  /** Return the runs of `sorted` that hold all points between pixels, and some more. */
  runs(left, top, right, bottom) {
    const [x0, y1] = this.unplace(left, top).map((value) => this.cell(value));
    const [x1, y0] = this.unplace(right, bottom).map((value) => this.cell(value));
    return Array.from({ length: y1 - y0 + 1 }, (_, row) => [this.starts[(y0 + row) * this.cells + x0], this.starts[(y0 + row) * this.cells + x1 + 1]]);
  }

  /** Return how many points are in sight, or nearly. */
  inCells() {
    return this.runs(0, 0, this.width, this.height).reduce((sum, [from, to]) => sum + to - from, 0);
  }

  /** Return the points in sight that are wanted; null where there are more than some. */
  inSight(most, wanted = () => true) {
    const found = [];
    for (const [from, to] of this.runs(0, 0, this.width, this.height)) {
      for (let at = from; at < to; at += 1) {
        const i = this.sorted[at];
        if (wanted(i) && this.holds(...this.place(i))) found.push(i);
        if (found.length > most) return null;
      }
    }
    return found.sort((a, b) => a - b);
  }

  /** Pixels from the middle of the map to its edges. */
  get reach() {
    return [Math.max(1, this.width / 2 - EDGE_PX) * this.zoom, Math.max(1, this.height / 2 - EDGE_PX) * this.zoom];
  }

  resize(width, height) {
    Object.assign(this, { width, height });
    this.keep();
  }

  /** Return the pixels of a point, by its number. */
  place(i) {
    return this.pixels(this.xs[i], this.ys[i]);
  }

  pixels(x, y) {
    const [wide, high] = this.reach;
    return [this.width / 2 + (x - this.x) * wide, this.height / 2 - (y - this.y) * high];
  }

  /** Return where something of the map's own coordinates is among the points. */
  fitted(x, y) {
    return [x, y].map((value, axis) => (value - this.frame[axis][0]) / this.frame[axis][1]);
  }

  /** Whether a pixel is in the window, or as near to it. */
  holds(x, y, near = 0) {
    return x > -near && y > -near && x < this.width + near && y < this.height + near;
  }

  zoomAt(factor, px = this.width / 2, py = this.height / 2) {
    const before = this.unplace(px, py);
    this.zoom = Math.min(MOST, Math.max(1, this.zoom * factor));
    const after = this.unplace(px, py);
    this.x += before[0] - after[0];
    this.y += before[1] - after[1];
    this.keep();
  }

  unplace(px, py) {
    const [wide, high] = this.reach;
    return [this.x + (px - this.width / 2) / wide, this.y - (py - this.height / 2) / high];
  }

  pan(dx, dy) {
    const [wide, high] = this.reach;
    this.x -= dx / wide;
    this.y += dy / high;
    this.keep();
  }

  /** Look at a place from as near. */
  look(x, y, zoom) {
    Object.assign(this, { x, y, zoom });
    this.keep();
  }

  /** Keep the map in the window. */
  keep() {
    const most = 1 - 1 / this.zoom;
    this.x = Math.min(most, Math.max(-most, this.x));
    this.y = Math.min(most, Math.max(-most, this.y));
  }

  whole() {
    this.look(0, 0, 1);
  }

  /** Move so that a point can be seen. */
  show(i) {
    const [px, py] = this.place(i);
    if (px < EDGE_PX || px > this.width - EDGE_PX) this.x = this.xs[i];
    if (py < EDGE_PX || py > this.height - EDGE_PX) this.y = this.ys[i];
    this.keep();
  }

  /** Return the number of the point nearest to a pixel, of those within some pixels; −1 where there is none. */
  nearest(px, py, within = 16, wanted = () => true) {
    let best = -1;
    let least = within * within;
    for (const [from, to] of this.runs(px - within, py - within, px + within, py + within)) {
      for (let at = from; at < to; at += 1) {
        const i = this.sorted[at];
        const [x, y] = this.place(i);
        const far = (x - px) ** 2 + (y - py) ** 2;
        if (far <= least && wanted(i)) [best, least] = [i, far];
      }
    }
    return best;
  }

  /** Return the numbers of the points nearest to a pixel, the nearest first. */
  around(px, py, n, wanted = () => true) {
    const far = new Float64Array(this.count);
    const found = [];
    for (let i = 0; i < this.count; i += 1) {
      const [x, y] = this.place(i);
      far[i] = (x - px) ** 2 + (y - py) ** 2;
      if (wanted(i)) found.push(i);
    }
    return found.sort((a, b) => far[a] - far[b]).slice(0, n);
  }

  /** Return the number of the point that lies nearest in a direction, sideways counting twice. */
  next(from, [dx, dy], wanted = () => true) {
    const [px, py] = from >= 0 ? this.place(from) : [this.width / 2, this.height / 2];
    let best = from;
    let least = Infinity;
    for (let i = 0; i < this.count; i += 1) {
      const [x, y] = this.place(i);
      const along = (x - px) * dx + (y - py) * dy;
      const aside = Math.abs((x - px) * dy) + Math.abs((y - py) * dx);
      if (i === from || along <= aside / 2 || !wanted(i)) continue;
      if (along + 2 * aside < least) [best, least] = [i, along + 2 * aside];
    }
    return best;
  }
}
