/* The songs of the map in columns: numbers in typed arrays, and an object only for the song that is asked for. */

/** Return numbers that came as bytes in base64. */
function numbers(text, Kind) {
  const raw = atob(text);
  const bytes = new Uint8Array(raw.length);
  for (let i = 0; i < raw.length; i += 1) bytes[i] = raw.charCodeAt(i);
  return new Kind(bytes.buffer);
}

/** What the service says of the map. */
export class MapSongs {
  constructor(answer) {
    const coordinates = (text) => Float32Array.from(numbers(text, Uint16Array), (value) => (value / 65535) * 2 - 1);
    const named = ({ names, of }) => ({ names, of: numbers(of, Uint32Array) });
    Object.assign(this, { count: answer.count, ids: numbers(answer.track_ids, Int32Array), x: coordinates(answer.x), y: coordinates(answer.y), titles: answer.titles, regions: answer.regions });
    this.artists = named(answer.artists);
    this.labels = named(answer.labels);
    this.colours = Object.fromEntries(Object.entries(answer.colours).map(([name, one]) => [name, new Classes({ ...one, of: numbers(one.of, Uint8Array) })]));
    this.numbers = null;
  }

  track(i) {
    return { track_id: this.ids[i], title: this.titles[i], artist: this.artists.names[this.artists.of[i]], genre: this.label(i) };
  }

  label(i) {
    return this.labels.names[this.labels.of[i]];
  }

  /** Return the number of a song by its id; −1 where it is not on the map. */
  at(trackId) {
    if (!this.numbers) this.numbers = new Map(Array.from(this.ids, (id, i) => [id, i]));
    return this.numbers.get(trackId) ?? -1;
  }
}

/** The classes that songs are coloured by, each with its colour and its songs. */
class Classes {
  constructor({ names, grey, ordered, of }) {
    const coloured = names.length - grey;
    const step = (k) => (coloured > 1 ? Math.round((k * 6) / (coloured - 1)) : 6);
    Object.assign(this, { names, ordered, of });
    this.shades = names.map((_, k) => (k >= coloured ? "--map-rest" : ordered ? `--scale-${step(k)}` : `--map-${k}`));
    this.starts = new Uint32Array(names.length + 1);
    for (const k of of) this.starts[k + 1] += 1;
    for (let k = 0; k < names.length; k += 1) this.starts[k + 1] += this.starts[k];
    const next = this.starts.slice();
    this.order = new Uint32Array(of.length);
    of.forEach((k, i) => { this.order[next[k]] = i; next[k] += 1; });
    const first = [...names.keys()].slice(0, coloured);
    this.layers = [...[...names.keys()].slice(coloured), ...(ordered ? first : first.reverse())];
  }

  size(k) {
    return this.starts[k + 1] - this.starts[k];
  }

  /** Return the songs of a class. */
  songs(k) {
    return this.order.subarray(this.starts[k], this.starts[k + 1]);
  }

  /** Return the classes in the order in which they are drawn: grey ones first; one that is looked at is the last. */
  drawn(only) {
    return only === null ? this.layers : [...this.layers.filter((k) => k !== only), only];
  }
}
