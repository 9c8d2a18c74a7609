/* The list that the player goes through: its order, what comes next, shuffled or repeated. It knows no sound and no page. */

export const REPEATS = ["off", "all", "one"];

/** Songs in the order in which they are played, one of them the current one. */
export class QueueList {
  constructor() {
    this.items = [];
    this.index = -1;
    this.shuffled = false;
    this.repeat = "off";
  }

  get tracks() {
    return this.items.map((item) => item.track);
  }

  get current() {
    return this.items[this.index]?.track || null;
  }

  /** Take other songs; one of them is the current one. Where it is shuffled, that one comes first. */
  set(tracks, index) {
    this.items = tracks.map((track, number) => ({ track, number }));
    this.index = index;
    if (this.shuffled) this.mix();
  }

  /** Put songs behind the current one, or at the end. */
  add(tracks, { next = false } = {}) {
    const last = this.items.reduce((most, item) => Math.max(most, item.number), -1);
    const base = next && this.current ? this.items[this.index].number : last;
    const step = next ? 1e-6 : 1;
    const added = tracks.map((track, i) => ({ track, number: base + (i + 1) * step }));
    this.items.splice(next ? this.index + 1 : this.items.length, 0, ...added);
    if (!this.shuffled) this.renumber();
  }

  /** Take a song out; return whether it was the current one. Then the one behind it is, or the last. */
  remove(at) {
    const current = at === this.index;
    this.items.splice(at, 1);
    if (at < this.index || this.index >= this.items.length) this.index -= 1;
    return current;
  }

  /** Put a song in another's place. */
  move(from, to) {
    const [item] = this.items.splice(from, 1);
    this.items.splice(to, 0, item);
    if (this.index === from) this.index = to;
    else if (from < this.index && to >= this.index) this.index -= 1;
    else if (from > this.index && to <= this.index) this.index += 1;
    if (!this.shuffled) this.renumber();
  }

  /** Leave nothing but the current song. */
  clear() {
    this.items = this.items.slice(this.index, this.index + 1);
    this.index = this.items.length - 1;
  }

  shuffle(on) {
    this.shuffled = on;
    if (on) this.mix();
    else this.order();
  }

  /** The current song first, the others in an order that nobody knows. */
  mix() {
    const [current] = this.items.splice(Math.max(0, this.index), this.index < 0 ? 0 : 1);
    for (let i = this.items.length - 1; i > 0; i -= 1) {
      const other = Math.floor(Math.random() * (i + 1));
      [this.items[i], this.items[other]] = [this.items[other], this.items[i]];
    }
    if (!current) return;
    this.items.unshift(current);
    this.index = 0;
  }

  order() {
    const current = this.items[this.index];
    this.items.sort((a, b) => a.number - b.number);
    this.index = this.items.indexOf(current);
    this.renumber();
  }

  renumber() {
    this.items.forEach((item, number) => { item.number = number; });
  }

  /** Return where the list goes on from here, −1 where it ends. A song that is to be repeated is left only by hand. */
  after({ byHand = false } = {}) {
    if (this.repeat === "one" && !byHand) return this.index;
    if (this.index + 1 < this.items.length) return this.index + 1;
    return this.repeat === "off" || !this.items.length ? -1 : 0;
  }

  /** Return where it comes from, −1 where it begins. */
  before() {
    return this.index > 0 || this.repeat === "off" ? this.index - 1 : this.items.length - 1;
  }
}
