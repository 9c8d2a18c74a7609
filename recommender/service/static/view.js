/* Where the points of a map are on the screen: zoom, pan, which is under the pointer, which lies next that way. */

const MOST = 60;
const EDGE_PX = 28;

/** A map's points, seen through a window of pixels; the whole map fills the window but for its edge. */
export class View {
  constructor(points) {
    const middle = (name) => {
      const values = points.map((point) => point[name]);
      const [low, high] = [values.reduce((a, b) => Math.min(a, b)), values.reduce((a, b) => Math.max(a, b))];
      return [(low + high) / 2, (high - low) / 2 || 1];
    };
    const [[x, width], [y, height]] = [middle("x"), middle("y")];
    this.points = points.map((point) => ({ x: (point.x - x) / width, y: (point.y - y) / height }));
    Object.assign(this, { width: 1, height: 1, zoom: 1, x: 0, y: 0 });
  }

  /** Pixels from the middle of the map to its edges. */
  get reach() {
    return [this.width, this.height].map((side) => Math.max(1, side / 2 - EDGE_PX) * this.zoom);
  }

  resize(width, height) {
    Object.assign(this, { width, height });
    this.keep();
  }

  /** Return the pixels of a point, by its number. */
  place(i) {
    const [wide, high] = this.reach;
    return [this.width / 2 + (this.points[i].x - this.x) * wide, this.height / 2 - (this.points[i].y - this.y) * high];
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

  /** Keep the map in the window. */
  keep() {
    const most = 1 - 1 / this.zoom;
    this.x = Math.min(most, Math.max(-most, this.x));
    this.y = Math.min(most, Math.max(-most, this.y));
  }

  whole() {
    Object.assign(this, { zoom: 1, x: 0, y: 0 });
  }

  /** Move so that a point can be seen. */
  show(i) {
    const [px, py] = this.place(i);
    if (px < EDGE_PX || px > this.width - EDGE_PX) this.x = this.points[i].x;
    if (py < EDGE_PX || py > this.height - EDGE_PX) this.y = this.points[i].y;
    this.keep();
  }

  /** Return the number of the point nearest to a pixel, of those within some pixels; −1 where there is none. */
  nearest(px, py, within = 16, wanted = () => true) {
    let best = -1;
    let least = within * within;
    for (let i = 0; i < this.points.length; i += 1) {
      const [x, y] = this.place(i);
      const far = (x - px) ** 2 + (y - py) ** 2;
      if (far <= least && wanted(i)) [best, least] = [i, far];
    }
    return best;
  }

  /** Return the number of the point that lies nearest in a direction, sideways counting twice. */
  next(from, [dx, dy], wanted = () => true) {
    const [px, py] = from >= 0 ? this.place(from) : [this.width / 2, this.height / 2];
    let best = from;
    let least = Infinity;
    for (let i = 0; i < this.points.length; i += 1) {
      const [x, y] = this.place(i);
      const along = (x - px) * dx + (y - py) * dy;
      const aside = Math.abs((x - px) * dy) + Math.abs((y - py) * dx);
      if (i === from || along <= aside / 2 || !wanted(i)) continue;
      if (along + 2 * aside < least) [best, least] = [i, along + 2 * aside];
    }
    return best;
  }
}
