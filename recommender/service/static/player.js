/* The player: one sound at a time, and the list that it goes through. */

import { decodedSoundOf, send, soundOf } from "./api.js";
import * as settings from "./settings.js";

const COUNTED_S = 240;
const SOON_S = 0.5;

class Player extends EventTarget {
  constructor() {
    super();
    this.audio = new Audio();
    this.audio.preload = "auto";
    this.audio.volume = settings.get("volume");
    this.queue = [];
    this.index = -1;
    this.startAt = null;
    this.stopAt = null;
    this.stopping = 0;
    this.heard = 0;
    this.last = null;
    this.failures = 0;
    for (const name of ["play", "pause", "waiting", "playing"]) this.audio.addEventListener(name, () => this.tell("state"));
    for (const name of ["durationchange", "seeked"]) this.audio.addEventListener(name, () => this.tell("time"));
    this.audio.addEventListener("timeupdate", () => this.listened());
    this.audio.addEventListener("loadedmetadata", () => this.jump());
    this.audio.addEventListener("playing", () => { this.failures = 0; });
    this.audio.addEventListener("ended", () => this.next());
    this.audio.addEventListener("error", () => this.failed());
  }

  tell(name, detail = null) {
    this.dispatchEvent(new CustomEvent(name, { detail }));
  }

  get track() {
    return this.queue[this.index] || null;
  }

  get playing() {
    return Boolean(this.track) && !this.audio.paused;
  }

  get duration() {
    const known = this.audio.duration;
    return Number.isFinite(known) && known > 0 ? known : this.track?.duration_s || 0;
  }

  get time() {
    return this.startAt ?? this.audio.currentTime;
  }

  /** Whether a song is the one in the player. */
  has(track) {
    return Boolean(this.track) && soundOf(this.track) === soundOf(track);
  }

  /** Play a list from one of its songs on, and that from a second on; where a passage's end is given, no further than that. */
  play(tracks, index = 0, at_s = 0, until_s = null) {
    const same = this.queue[this.index] && tracks[index] && soundOf(tracks[index]) === soundOf(this.queue[this.index]);
    this.queue = [...tracks];
    this.index = index;
    if (same && !this.audio.error) {
      this.seek(at_s);
      this.resume();
      this.tell("track");
    } else {
      this.load(at_s);
    }
    this.stopAt = until_s;
    this.tell("queue");
  }

  load(at_s = 0) {
    this.stopAt = null;
    this.heard = 0;
    this.last = null;
    this.startAt = at_s;
    this.decoded = false;
    this.audio.src = soundOf(this.track);
    this.resume();
    this.tell("track");
    this.tell("time");
  }

  /** Let the service decode what the browser could not; return whether there is any hope. */
  decode() {
    if (this.decoded || this.track.source) return false;
    this.decoded = true;
    this.startAt ??= this.audio.currentTime;
    this.audio.src = decodedSoundOf(this.track);
    this.resume();
    return true;
  }

  jump() {
    if (this.startAt) this.audio.currentTime = this.startAt;
    this.startAt = null;
  }

  resume() {
    this.audio.play().catch((error) => {
      if (error.name === "NotAllowedError") this.tell("problem", "The browser wants a click before it plays: press play.");
    });
  }

  toggle() {
    if (!this.track) return;
    if (this.audio.paused) this.resume();
    else this.audio.pause();
  }

  /** Go to a second of the song. */
  seek(to_s) {
    const at_s = Math.min(Math.max(0, to_s), Math.max(0, this.duration - 0.05));
    if (this.audio.readyState === 0) this.startAt = at_s;
    else this.audio.currentTime = at_s;
    this.last = null;
    this.stopAt = null;
    this.tell("time");
  }

  /** Pause where the passage that was asked for ends; playing on goes beyond it. */
  stopInTime() {
    clearTimeout(this.stopping);
    if (this.stopAt === null || this.audio.paused) return;
    const left_s = this.stopAt - this.audio.currentTime;
    if (left_s > SOON_S) return;
    this.stopping = setTimeout(() => {
      if (this.stopAt === null) return;
      this.stopAt = null;
      this.audio.pause();
    }, Math.max(0, 1000 * left_s));
  }

  next() {
    if (this.index + 1 < this.queue.length) this.at(this.index + 1);
    else this.tell("state");
  }

  previous() {
    if (this.time > 3 || this.index <= 0) this.seek(0);
    else this.at(this.index - 1);
  }

  at(index) {
    this.index = index;
    this.load();
    this.tell("queue");
  }

  set volume(value) {
    this.audio.volume = value;
    this.audio.muted = false;
    settings.set("volume", value);
    this.tell("volume");
  }

  get volume() {
    return this.audio.volume;
  }

  mute() {
    this.audio.muted = !this.audio.muted;
    this.tell("volume");
  }

  /** Count what was listened to, jumps left out, and tell the service once a song is a play. */
  listened() {
    const now = this.audio.currentTime;
    const step = this.last === null ? 0 : now - this.last;
    this.last = now;
    if (step > 0 && step < 2) this.count(step);
    this.stopInTime();
    this.tell("time");
  }

  count(step) {
    const enough = Math.min(this.duration / 2, COUNTED_S);
    const before = this.heard;
    this.heard += step;
    const { track_id: id } = this.track || {};
    if (!id || !settings.get("plays") || before >= enough || this.heard < enough) return;
    send(`api/tracks/${id}/plays`, {}).catch(() => {}); // a play that is not counted must not stop the music
  }

  failed() {
    if (!this.track || !this.audio.getAttribute("src") || this.decode()) return;
    this.startAt = null;
    this.failures += 1;
    this.tell("problem", "This song cannot be played: its file is gone, or damaged.");
    this.tell("state");
    if (this.index + 1 < this.queue.length && this.failures < 3) this.next();
  }
}

export const player = new Player();
