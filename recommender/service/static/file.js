/* A file of one's own, which need not be in the library: what here sounds like it. */

import { address, ask } from "./api.js";
import { compare } from "./compare.js";
import { chips } from "./chips.js";
import { el, notice } from "./dom.js";
import { AUDIO_FILES, own, ownFile } from "./kept_file.js";
import { go, here } from "./route.js";
import { judgement } from "./track.js";

const DRAWN_BYTES = 60e6;
const PEAKS = 400;

/** Take a file, and show what is like it. */
export function take(file) {
  if (!file) return;
  own(file);
  if (here().name === "file") dispatchEvent(new Event("again"));
  else go({ file: "" });
}

/** Show the file, or the place to put one. */
export async function yourFile(place, now, signal) {
  const mine = await ownFile();
  if (!mine) {
    place.replaceChildren(el("div", { class: "head" }, el("h1", {}, "Your file")), dropArea());
    return null;
  }
  const { file } = mine;
  place.replaceChildren(notice("Listening to the file…", "It is sent to this service, and to nobody else."));
  const body = () => {
    const form = new FormData();
    form.append("file", file, file.name);
    return form;
  };
  const asked = (parameters, until) => ask(address("api/similar", parameters), {}, { method: "POST", body: body(), signal: until });
  const track = { ...mine.track, ...(await decodedHere(file)) };
  const parts = [el("div", { class: "row" }, el("label", { class: "plain button" }, "Another file", picker()))];
  let first = true;
  return compare(place, track, parts, now, {
    asked: async (parameters, until) => {
      const answer = await asked(parameters, until);
      if (first) tellSound(place, mine, answer.query, body, signal);
      first = false;
      return answer;
    },
    reasons: (parameters) => async (one) => {
      const answer = await asked({ ...parameters, explain: true });
      return answer.results.find((other) => other.track_id === one.track_id)?.reasons?.words || [];
    },
    signal,
  });
}

/** Say what a file sounds like: what the library knows of it, if it has it, else what it is heard for once more. */
async function tellSound(place, mine, query, body, signal) {
  mine.sound ??= query.track_id ? ask(`api/tracks/${query.track_id}`) : ask("api/classify", {}, { method: "POST", body: body() });
  const said = await mine.sound.catch(() => { mine.sound = null; return null; });
  if (!said || signal.aborted) return;
  const judged = said.judgement ? said : { ...said, label: null, judgement: said };
  const row = place.querySelector(".subject .row");
  row?.before(chips(judged, { genres: 3, most: 8 }));
  row?.prepend(judgement(judged));
}

function picker() {
  return el("input", { type: "file", class: "unseen", id: "file-box", accept: AUDIO_FILES, onchange: (event) => take(event.target.files[0]) });
}

function dropArea() {
  return el("div", { class: "drop-area" }, el("h2", {}, "Find songs like a file"),
    el("p", { class: "soft" }, "Drop a piece of music anywhere on this page, or choose one. The service does not keep it; this tab has it until it is closed."),
    el("label", { class: "main button" }, "Choose a file", picker()));
}

/** Return the length and peaks of a file as the browser decodes it; nothing where it cannot. */
async function decodedHere(file) {
  if (file.size > DRAWN_BYTES) return {};
  const context = new OfflineAudioContext(1, 1, 22050);
  try {
    const sound = await context.decodeAudioData(await file.arrayBuffer());
    const samples = sound.getChannelData(0);
    const step = samples.length / PEAKS;
    const peaks = Array.from({ length: PEAKS }, (_, i) => {
      let most = 0;
      for (let at = Math.floor(i * step); at < (i + 1) * step; at += 4) most = Math.max(most, Math.abs(samples[at] || 0));
      return most;
    });
    return { duration_s: sound.duration, peaks };
  } catch {
    return {};
  }
}
