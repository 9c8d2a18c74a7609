/* Where the points of a map are on the screen: zoom, pan, which is under the pointer, which lies next that way. */

const MOST = 60;
const EDGE_PX = 28;

/** A map's points, x and y in −1..1, seen through a window of pixels. */
export class View {
  constructor(points) {
    Object.assign(this, { points, width: 1, height: 1, zoom: 1, x: 0, y: 0 });
  }

  /** Pixels that one unit takes. */
  get scale() {
    return Math.max(1, (Math.min(this.width, this.height) / 2 - EDGE_PX) * this.zoom);
  }

  /** At no zoom a wide window shows the map as wide as it is. */
  get stretch() {
    return Math.max(1, (this.width / 2 - EDGE_PX) / Math.max(1, this.height / 2 - EDGE_PX));
  }

  resize(width, height) {
    Object.assign(this, { width, height });
    this.keep();
  }

  place(point) {
    return [this.width / 2 + (point.x - this.x) * this.scale * this.stretch, this.height / 2 - (point.y - this.y) * this.scale];
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
    return [this.x + (px - this.width / 2) / (this.scale * this.stretch), this.y - (py - this.height / 2) / this.scale];
  }

  pan(dx, dy) {
    this.x -= dx / (this.scale * this.stretch);
    this.y += dy / this.scale;
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

  show(point) {
    const [px, py] = this.place(point);
    if (px < EDGE_PX || px > this.width - EDGE_PX) this.x = point.x;
    if (py < EDGE_PX || py > this.height - EDGE_PX) this.y = point.y;
    this.keep();
  }

  /** Return the number of the point nearest to a pixel, of those within some pixels; −1 where there is none. */
  nearest(px, py, within = 16, wanted = () => true) {
    let best = -1;
    let least = within * within;
    this.points.forEach((point, i) => {
      const [x, y] = this.place(point);
      const far = (x - px) ** 2 + (y - py) ** 2;
      if (far <= least && wanted(point)) [best, least] = [i, far];
    });
    return best;
  }

  /** Return the number of the point that lies nearest in a direction, sideways counting twice. */
  next(from, [dx, dy], wanted = () => true) {
    const [px, py] = from >= 0 ? this.place(this.points[from]) : [this.width / 2, this.height / 2];
    let best = from;
    let least = Infinity;
    this.points.forEach((point, i) => {
      const [x, y] = this.place(point);
      const along = (x - px) * dx + (y - py) * dy;
      const aside = Math.abs((x - px) * dy) + Math.abs((y - py) * dx);
      if (i === from || along <= aside / 2 || !wanted(point)) return;
      if (along + 2 * aside < least) [best, least] = [i, along + 2 * aside];
    });
    return best;
  }
}
