/* A song and those that sound like it: the drawing, the sliders, the list. */

import { controls, listOptions } from "./controls.js";
import { announce, clock, counted, el, icon, keepFocus, notice, titleOf } from "./dom.js";
import { sentence } from "./api.js";
import { anySet, filters } from "./filters.js";
import { pair } from "./pair.js";
import { panel } from "./panel.js";
import { largeDrawing, passageOf, playFirst } from "./passage.js";
import { player } from "./player.js";
import { keep, wanted } from "./keep.js";
import { hash } from "./route.js";
import { shortfall, songList } from "./rows.js";

/**
 * Show a song and what sounds like it; return the function that shows it anew when settings change.
 * `asked(parameters, signal)` gives the answer, `reasons(parameters)` a function that says why a track is in it.
 */
export async function compare(place, track, parts, now, { asked, reasons, signal }) {
  let tracks = [];
  let latest = new AbortController();
  signal.addEventListener("abort", () => latest.abort());
  const play = (at_s, until_s) => playFirst(track, tracks, at_s, until_s);
  const box = el("div", { class: "results" });
  const redraw = () => {
    const refocus = keepFocus(place);
    const drawn = largeDrawing(track, play);
    large.node.replaceWith(drawn.node);
    large = drawn;
    drawn.update(current);
    if (tracks.length) list(tracks);
    refocus();
  };
  let large = largeDrawing(track, play);
  let current = now;
  const list = (found) => box.querySelector(".songs")?.replaceWith(songList(found, { query: track, beside: pair, asked: reasons(parameters(current, track)) }));
  addEventListener("picture", redraw, { signal });
  const choice = panel(now);
  place.replaceChildren(heading(track, parts, play), large.node, controls(now), choice.node, box);

  async function update(settings) {
    latest.abort();
    latest = new AbortController();
    current = settings;
    large.update(settings);
    choice.update(settings);
    box.setAttribute("aria-busy", "true");
    if (!box.childElementCount) box.append(el("p", { class: "soft" }, "Listening for songs like it…"));
    try {
      const said = parameters(settings, track);
      const answer = await asked(said, latest.signal);
      tracks = answer.results;
      show(box, track, answer, settings, reasons(said));
    } catch (error) {
      if (error.name === "AbortError") return;
      tracks = [];
      if (track.track_id === null && !narrowed(settings)) place.replaceChildren(unusable(track, error, parts));
      else box.replaceChildren(filters(settings) || "", notice("No list", sentence(error.message)));
    } finally {
      box.removeAttribute("aria-busy");
    }
  }
  await update(now);
  return update;
}

/** Whether filters or sliders shut songs out, or a passage was chosen. */
function narrowed(settings) {
  return anySet(settings) || ["others", "discover", "diversity", "from"].some((name) => settings[name]?.length);
}

/** Return what stands in the place of a file that nothing can be said of: no player, no list. */
function unusable(track, error, parts) {
  return el("div", {}, el("h1", { dir: "auto" }, titleOf(track)), notice("Nothing can be said of this file", sentence(error.message)), parts);
}

function parameters(settings, track) {
  const [from_s, to_s] = passageOf(settings, track);
  return { ...listOptions(settings), from_s, to_s };
}

function heading(track, parts, play) {
  const button = el("button", { type: "button", class: "round big play-song", onclick: () => (player.has(track) ? player.toggle() : play(0)) });
  const mark = () => {
    const on = player.has(track) && player.playing;
    button.setAttribute("aria-label", `${on ? "Pause" : "Play"} ${titleOf(track)}`);
    button.replaceChildren(icon(on ? "pause" : "play"));
  };
  mark();
  const listener = () => (button.isConnected ? mark() : player.removeEventListener("state", listener));
  player.addEventListener("state", listener);
  const facts = [track.artist, track.album, track.year, track.duration_s && clock(track.duration_s)].filter(Boolean);
  return el("div", { class: "subject" }, button, el("div", {},
    el("p", { class: "eyebrow" }, "Songs that sound like"),
    el("h1", { dir: "auto", tabindex: "-1" }, titleOf(track)),
    el("p", { class: "soft facts" }, facts.map((fact, i) => [i > 0 && el("span", { "aria-hidden": "true" }, " · "), el("bdi", {}, String(fact))]).flat()),
    parts));
}

function show(box, track, answer, settings, asked) {
  const found = answer.results;
  const [from] = passageOf(settings, track);
  const said = counted(found.length, "song");
  const copies = (answer.same_recording || []).length;
  const known = track.track_id === null ? answer.query.track_id : null;
  box.replaceChildren(
    el("div", { class: "list-head" }, el("h2", { class: "count" }, from === null ? said : `${said} with a passage like it`),
      filters(settings), found.length ? keep(() => found, () => `Like ${titleOf(track)}`, track.track_id ? () => wanted("similar", { like: [track.track_id], ...parameters(settings, track) }) : null) : null),
    known ? el("p", { class: "soft" }, "The library holds this very recording: ",
      el("a", { class: "link", dir: "auto", href: hash({ track: known }) }, titleOf(answer.query))) : "",
    copies ? el("p", { class: "soft" }, `The library holds this recording ${copies === 1 ? "a second time" : `${copies} times more`}; it is left out.`) : "",
    found.length ? songList(found, { query: track, beside: pair, asked }) : notice("No song is like that", ...(narrowed(settings) ? ["Take a filter away, or move a slider back."] : [])),
    shortfall(answer));
  announce(`${said} like ${titleOf(track)}${found[0] ? `, first ${titleOf(found[0])}` : ""}`);
}
