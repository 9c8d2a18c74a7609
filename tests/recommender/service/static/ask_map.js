/* What the tests ask of the map's modules: a function for each. */
(() => {
  const seeded = (seed) => () => { seed = (seed * 1103515245 + 12345) % 2147483648; return seed / 2147483648; };
  const random = seeded(7);
  const columns = (count) => ({ count, x: Float32Array.from({ length: count }, () => 3 * random() - 1), y: Float32Array.from({ length: count }, () => random()) });
  const nearest = async () => {
    const { View } = await import("./static/view.js");
    const view = new View(columns(2500));
    view.resize(700, 450);
    const wrong = [];
    for (let n = 0; n < 300; n += 1) {
      if (n % 60 === 0) view.look(random() - 0.5, random() - 0.5, [1, 1.7, 4, 16, 60][n / 60]);
      const [x, y, within] = [740 * random() - 20, 490 * random() - 20, 40 * random()];
      const far = (i) => Math.hypot(view.place(i)[0] - x, view.place(i)[1] - y);
      const every = [...Array(view.count).keys()].filter((i) => i % 3 > 0).sort((a, b) => far(a) - far(b));
      const wanted = far(every[0]) <= within ? every[0] : -1;
      if (view.nearest(x, y, within, (i) => i % 3 > 0) !== wanted) wrong.push(["nearest", x, y]);
      if (String(view.around(x, y, 5, (i) => i % 3 > 0)) !== String(every.slice(0, 5))) wrong.push(["around", x, y]);
      const seen = [...Array(view.count).keys()].filter((i) => view.holds(...view.place(i)));
      if (String(view.inSight(9999)) !== String(seen) || view.inCells() < seen.length) wrong.push(["in sight", view.zoom]);
      if (seen.length > 3 && view.inSight(3) !== null) wrong.push(["too many", view.zoom]);
    }
    return wrong;
  };
  const names = async () => {
    const [{ View }, { placedNames }] = [await import("./static/view.js"), await import("./static/map_names.js")];
    const view = new View(columns(50));
    const regions = Array.from({ length: 57 }, (_, n) => ({ name: "x".repeat(4 + n % 19), x: 3 * random() - 1, y: random(), level: n < 9 ? 0 : 1 }));
    const found = [];
    for (const [width, height] of [[1200, 500], [358, 480]]) for (const zoom of [1, 2, 5, 20]) {
      view.resize(width, height);
      view.look(0.1, -0.2, zoom);
      const placed = placedNames(regions, view, (name, size) => 0.6 * size * name.length);
      found.push({ width, height, zoom, placed: placed.map((one) => [regions.indexOf(one.region), one.box]) });
    }
    return found;
  };
  const beside = async () => {
    const [{ View }, { placedNames }] = [await import("./static/view.js"), await import("./static/map_names.js")];
    const songs = columns(8);
    const view = new View(songs);
    const regions = [0, 3, 5].map((i) => ({ name: "Classical: jazz", x: songs.x[i], y: songs.y[i], level: 0 }));
    const found = [];
    for (const [width, height] of [[1200, 500], [288, 480]]) {
      view.resize(width, height);
      const circles = [...Array(8).keys()].map((i) => view.place(i)).map(([x, y]) => [x - 6, y - 6, x + 6, y + 6]);
      found.push({ circles, boxes: placedNames(regions, view, (name, size) => 0.6 * size * name.length, circles).map((one) => one.box) });
    }
    return found;
  };
  const many = async () => {
    const [{ View }, { FlatPainter }, { MapSongs }] = [await import("./static/view.js"), await import("./static/map_flat.js"), await import("./static/map_songs.js")];
    const bytes = (values, Kind) => btoa(String.fromCharCode(...new Uint8Array(Kind.from(values).buffer)));
    const count = 4000;
    const every = (make) => Array.from({ length: count }, (_, i) => make(i));
    const place = () => bytes(every(() => Math.floor(65535 * random())), Uint16Array);
    const kinds = { names: ["a", "b", "c"], grey: 1, ordered: false, of: bytes(every((i) => i % 3), Uint8Array) };
    const names = { names: ["n"], of: bytes(every(() => 0), Uint32Array) };
    const songs = new MapSongs({ count, track_ids: bytes(every((i) => i + 5), Int32Array), x: place(), y: place(), titles: every((i) => `t${i}`), artists: names, labels: names, regions: [], colours: { label: kinds } });
    const view = new View(songs);
    view.resize(600, 400);
    const canvas = Object.assign(document.createElement("canvas"), { width: 600, height: 400 });
    const painter = new FlatPainter(canvas, view);
    const shades = [[255, 0, 0], [0, 255, 0], [0, 0, 255]];
    painter.colour(songs.colours.label, shades);
    const told = {};
    for (const only of [null, 2]) {
      painter.paint(2, only, 1);
      const { data } = canvas.getContext("2d").getImageData(0, 0, 600, 400);
      let missing = 0;
      let pale = 0;
      for (let i = 0; i < count; i += 1) {
        const [x, y] = view.place(i).map(Math.round);
        const at = 4 * (y * 600 + x);
        if (data[at + 3] === 0) missing += 1;
        if (i % 3 !== 2 && data[at + 3] < 40) pale += 1;
      }
      told[String(only)] = { missing, pale };
    }
    return [told, songs.at(9), songs.at(4), songs.track(4), songs.colours.label.shades, songs.colours.label.layers];
  };
  /* Paint with every point asked, class after class: what the painter must come to by looking at fewer. */
  const plainly = (pen, view, classes, shades, radius, only) => {
    const image = pen.createImageData(view.width, view.height);
    const pixels = new Uint32Array(image.data.buffer);
    pen.clearRect(0, 0, view.width, view.height);
    for (const k of classes.drawn(only)) {
      const around = only === k ? 1.6 * radius : radius;
      const songs = [...Array(view.count).keys()].filter((i) => classes.of[i] === k);
      const side = Math.max(1, Math.round(1.8 * around));
      const colour = (((only !== null && only !== k ? 26 : 230) << 24) | (shades[k][2] << 16) | (shades[k][1] << 8) | shades[k][0]) >>> 0;
      Object.assign(pen, { fillStyle: `rgb(${shades[k].join(" ")})`, globalAlpha: only !== null && only !== k ? 0.1 : 0.9 });
      pen.beginPath();
      for (const i of songs) {
        const [px, py] = view.place(i);
        const [x, y] = [Math.round(px - side / 2), Math.round(py - side / 2)];
        if (view.holds(px, py, around)) pen.moveTo(px + around, py);
        if (view.holds(px, py, around)) pen.arc(px, py, around, 0, 7);
        if (x >= 0 && y >= 0 && x + side <= view.width && y + side <= view.height) for (let row = 0; row < side; row += 1) pixels.fill(colour, (y + row) * view.width + x, (y + row) * view.width + x + side);
      }
      if (view.inCells() <= 2000) pen.fill();
    }
    if (view.inCells() > 2000) pen.putImageData(image, 0, 0);
  };
  const asIfAll = async () => {
    const [{ View }, { FlatPainter }] = [await import("./static/view.js"), await import("./static/map_flat.js")];
    const view = new View(columns(9000));
    view.resize(600, 400);
    const of = Uint8Array.from({ length: 9000 }, () => Math.floor(3 * random() ** 2));
    const starts = [0, 1, 2, 3].map((k) => of.filter((one) => one < k).length);
    const classes = { of, starts: Uint32Array.from(starts), drawn: (only) => (only === null ? [2, 1, 0] : [...[2, 1, 0].filter((k) => k !== only), only]) };
    const shades = [[255, 0, 0], [0, 255, 0], [0, 0, 255]];
    const [pen, plain] = [0, 1].map(() => Object.assign(document.createElement("canvas"), { width: 600, height: 400 }).getContext("2d", { willReadFrequently: true }));
    const painter = new FlatPainter(pen.canvas, view);
    painter.colour(classes, shades);
    const told = [];
    for (const [x, y, zoom] of [[0, 0, 1], [0.3, -0.2, 1.7], [-0.4, 0.5, 1.7], [0.1, 0.2, 3], [0.11, 0.2, 3], [0.9, 0.9, 20]]) for (const only of [null, 1]) {
      view.look(x, y, zoom);
      const radius = Math.min(9, 2 * zoom ** 0.35);
      painter.paint(radius, only, 1);
      plainly(plain, view, classes, shades, radius, only);
      const [mine, theirs] = [pen, plain].map((one) => one.getImageData(0, 0, 600, 400).data);
      let apart = 0;
      for (let at = 0; at < mine.length; at += 1) apart = Math.max(apart, Math.abs(mine[at] - theirs[at]));
      const painted = mine.reduce((sum, value) => sum + (value > 0 ? 1 : 0), 0);
      const looked = [0, 1, 2].reduce((sum, k) => sum + painter.songs(k).length, 0);
      pen.clearRect(0, 0, 600, 400);
      painter.paint(radius, only, 1);  // as it is: not painted again
      const again = pen.getImageData(0, 0, 600, 400).data.some((value) => value > 0);
      painter.colour(classes, shades);
      told.push({ zoom, squares: view.inCells() > 2000, apart, painted, looked, again });
    }
    return told;
  };
  return { nearest, names, beside, many, asIfAll };
})()
