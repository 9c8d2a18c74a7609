/* The player: the sound of one song, passing into that of the next, and the list that it goes through. */

import { decodedSoundOf, send, soundOf } from "./api.js";
import { QueueList } from "./queue_list.js";
import * as settings from "./settings.js";

const COUNTED_S = 240;
const SOON_S = 0.5;
const PREPARED_S = 20;
const FADE_STEP_MS = 40;

class Player extends EventTarget {
  constructor() {
    super();
    this.list = new QueueList();
    this.list.shuffled = settings.get("shuffle") === true;
    this.list.repeat = settings.get("repeat");
    this.audio = this.made();
    this.spare = this.made();
    this.prepared = null;
    this.sounding = null;
    this.fading = 0;
    this.startAt = null;
    this.stopAt = null;
    this.loopFrom = null;
    this.stopping = 0;
    this.heard = 0;
    this.last = null;
    this.failures = 0;
  }

  /** Return an element that plays sounds; it is listened to while it is the one in use. */
  made() {
    const audio = new Audio();
    audio.preload = "auto";
    audio.volume = settings.get("volume");
    const on = (name, act) => audio.addEventListener(name, () => { if (audio === this.audio) act(); });
    for (const name of ["play", "pause", "waiting", "playing"]) on(name, () => this.tell("state"));
    for (const name of ["durationchange", "seeked"]) on(name, () => this.tell("time"));
    on("timeupdate", () => this.listened());
    on("loadedmetadata", () => this.jump());
    on("playing", () => { this.failures = 0; });
    on("ended", () => this.ended());
    on("error", () => this.failed());
    return audio;
  }

  tell(name, detail = null) {
    this.dispatchEvent(new CustomEvent(name, { detail }));
  }

  get track() {
    return this.list.current;
  }

  get queue() {
    return this.list.tracks;
  }

  get index() {
    return this.list.index;
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

  /** Play a list from one of its songs on, and that from a second on; where a passage's end is given, no further than that, or over and over. */
  play(tracks, index = 0, at_s = 0, until_s = null, { loop_s = null } = {}) {
    const same = tracks[index] && this.has(tracks[index]);
    this.list.set(tracks, index);
    if (same && !this.audio.error) {
      this.seek(at_s);
      this.resume();
      this.tell("track");
    } else {
      this.load(at_s);
    }
    this.stopAt = until_s;
    this.loopFrom = loop_s;
    this.tell("queue");
  }

  load(at_s = 0) {
    this.begin();
    this.startAt = at_s;
    this.audio.src = soundOf(this.track);
    this.resume();
    this.tell("track");
    this.tell("time");
  }

  /** Nothing was heard of the song yet, and nothing else sounds any more. */
  begin() {
    this.settle();
    const before = this.sounding;
    if (before) this.tell("left", { track: before, share: this.heard / (before.duration_s || Infinity) });
    this.sounding = this.track;
    this.stopAt = this.loopFrom = null;
    this.heard = 0;
    this.last = null;
    this.decoded = false;
  }

  /** Have a list as it was, without a sound. */
  restore(tracks, index, at_s) {
    this.list.items = tracks.map((track, number) => ({ track, number }));
    this.list.index = index;
    this.startAt = at_s;
    for (const name of ["track", "time", "queue"]) this.tell(name);
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
    if (!this.audio.getAttribute("src")) {
      this.load(this.time);
      return;
    }
    this.audio.play().catch((error) => {
      if (error.name === "NotAllowedError") this.tell("problem", "The browser wants a click before it plays: press play.");
    });
  }

  toggle() {
    if (!this.track) return;
    if (this.audio.paused) this.resume();
    else {
      this.settle();
      this.audio.pause();
    }
  }

  /** Go to a second of the song. */
  seek(to_s) {
    const at_s = Math.min(Math.max(0, to_s), Math.max(0, this.duration - 0.05));
    this.settle();
    if (this.audio.readyState === 0) this.startAt = at_s;
    else this.audio.currentTime = at_s;
    this.last = null;
    this.stopAt = this.loopFrom = null;
    this.tell("time");
  }

  /** Go back to a second whenever another is reached; without one, play on to there alone. */
  loop(from_s, until_s) {
    this.loopFrom = from_s;
    this.stopAt = until_s;
  }

  /** Pause where the passage that was asked for ends; playing on goes beyond it. */
  stopInTime() {
    clearTimeout(this.stopping);
    if (this.stopAt === null || this.audio.paused) return;
    const left_s = this.stopAt - this.audio.currentTime;
    if (left_s > SOON_S) return;
    this.stopping = setTimeout(() => {
      if (this.stopAt === null) return;
      if (this.loopFrom !== null) {
        this.audio.currentTime = this.loopFrom;
        this.last = null;
        return;
      }
      this.stopAt = null;
      this.audio.pause();
    }, Math.max(0, 1000 * left_s));
  }

  next() {
    const to = this.list.after({ byHand: true });
    if (to >= 0) this.at(to);
    else this.tell("state");
  }

  previous() {
    const to = this.list.before();
    if (this.time > 3 || to < 0) this.seek(0);
    else this.at(to);
  }

  at(index) {
    this.list.index = index;
    this.load();
    this.tell("queue");
  }

  /** Put songs behind the current one or at the end; where nothing is there yet, they are played. */
  add(tracks, { next = false } = {}) {
    if (!this.track) {
      this.play(tracks);
      return;
    }
    this.list.add(tracks, { next });
    this.tell("queue");
  }

  /** Take a song out of the list; when it is the one that plays, the one behind it does. */
  remove(index) {
    const playing = this.playing;
    const current = this.list.remove(index);
    if (current && this.track && playing) this.load();
    else if (current) this.silence();
    this.tell("queue");
  }

  /** Stop, with the song that is the current one now ready to be played. */
  silence() {
    this.begin();
    this.startAt = 0;
    this.audio.pause();
    this.audio.removeAttribute("src");
    for (const name of ["track", "state", "time"]) this.tell(name);
  }

  move(from, to) {
    this.list.move(from, to);
    this.tell("queue");
  }

  clear() {
    this.list.clear();
    this.tell("queue");
  }

  shuffle(on) {
    this.list.shuffle(on);
    settings.set("shuffle", on);
    this.tell("queue");
  }

  repeat(how) {
    this.list.repeat = how;
    settings.set("repeat", how);
    this.tell("queue");
  }

  ended() {
    const to = this.list.after();
    if (to < 0) this.tell("state");
    else this.pass(to, 0);
  }

  /** Load the next song's sound before this one's ends, and let them pass into each other where that is wanted. */
  prepare() {
    const left_s = this.duration - this.audio.currentTime;
    if (this.audio.paused || this.stopAt !== null || !(left_s < PREPARED_S)) return;
    const to = this.list.after();
    const track = to < 0 || to === this.index ? null : this.queue[to];
    if (!track) return;
    if (this.prepared !== track && !this.fading) {
      this.prepared = track;
      this.spare.src = soundOf(track);
    }
    const fade_s = Math.min(settings.get("crossfade"), this.duration / 3);
    if (fade_s > 0 && left_s <= fade_s && this.ready(track)) this.pass(to, left_s);
  }

  ready(track) {
    return this.prepared === track && !this.spare.error && this.spare.readyState >= 3;
  }

  /** Go on to a song of the list, without a gap where its sound is there already, during the last seconds of this one. */
  pass(to, fade_s) {
    const track = this.queue[to];
    if (!this.ready(track)) {
      this.at(to);
      return;
    }
    const before = this.audio;
    this.list.index = to;
    this.begin();
    [this.audio, this.spare] = [this.spare, before];
    this.startAt = null;
    this.prepared = null;
    this.audio.muted = before.muted;
    if (fade_s > 0) this.fade(fade_s);
    this.resume();
    for (const name of ["track", "time", "queue"]) this.tell(name);
  }

  fade(seconds) {
    const began = performance.now();
    const step = () => {
      const share = Math.min(1, (performance.now() - began) / (1000 * seconds));
      const full = settings.get("volume");
      this.audio.volume = full * Math.sin((share * Math.PI) / 2);
      this.spare.volume = full * Math.cos((share * Math.PI) / 2);
      if (share === 1) this.settle();
    };
    this.fading = setInterval(step, FADE_STEP_MS);
    step();
  }

  /** End a passing over at once: only the song in use sounds. */
  settle() {
    clearInterval(this.fading);
    if (this.fading) this.spare.pause();
    this.fading = 0;
    for (const audio of [this.audio, this.spare]) audio.volume = settings.get("volume");
  }

  set volume(value) {
    settings.set("volume", value);
    if (!this.fading) this.audio.volume = value;
    this.audio.muted = false;
    this.tell("volume");
  }

  get volume() {
    return settings.get("volume");
  }

  mute() {
    this.audio.muted = !this.audio.muted;
    this.spare.muted = this.audio.muted;
    this.tell("volume");
  }

  /** Count what was listened to, jumps left out, and tell the service once a song is a play. */
  listened() {
    const now = this.audio.currentTime;
    const step = this.last === null ? 0 : now - this.last;
    this.last = now;
    if (step > 0 && step < 2) this.count(step);
    this.stopInTime();
    this.prepare();
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

  /** Firefox has an error where nothing can sound; the song is as good as any, and is asked for anew. */
  waitForOutput() {
    this.startAt = this.time;
    this.audio.pause();
    this.audio.removeAttribute("src");
    this.tell("problem", "The browser finds no sound output: connect one, and press play again.");
    this.tell("state");
  }

  failed() {
    if (!this.track || !this.audio.getAttribute("src")) return;
    if (/sink/i.test(this.audio.error?.message ?? "")) {
      this.waitForOutput();
      return;
    }
    if (this.decode()) return;
    this.startAt = null;
    this.failures += 1;
    this.tell("problem", "This song cannot be played: its file is gone, or damaged.");
    this.tell("state");
    const to = this.list.after({ byHand: true });
    if (to >= 0 && to !== this.index && this.failures < 3) this.at(to);
  }
}

export const player = new Player();
