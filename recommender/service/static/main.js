/* The page begins here: what the address names is shown. */

import { ask, Problem, sentence } from "./api.js";
import { playerBar } from "./bar.js";
import { searchBox } from "./box.js";
import { announce, counted, el, focusTitle, keepFocus, thousands } from "./dom.js";
import { acceptDrops } from "./drops.js";
import { helpAndTheme, singleKeys } from "./keys.js";
import { resumeQueue } from "./resume.js";
import { here, onChange } from "./route.js";
import { songs } from "./songs.js";
import { keepRadio } from "./station.js";

/** A place whose module is fetched when it is opened first, if it is not there already. */
const later = (file, name) => async (...all) => {
  const module = await import(file).catch(() => { throw new Problem(0, "The service does not answer", "The service does not answer. Is “deepcuts serve” still running?"); });
  return module[name](...all);
};
/** Their modules are named in ahead.js, too. */
const PLACES = {
  songs, track: later("./track.js", "song"), search: later("./words.js", "search"), find: later("./words.js", "find"), deepcuts: later("./deepcuts.js", "deepCuts"),
  mixes: later("./mixes.js", "mixes"), mix: later("./mixes.js", "mix"), radios: later("./radio.js", "radios"), radio: later("./radio.js", "radio"), map: later("./map.js", "map"),
  playlists: later("./playlists.js", "playlists"), playlist: later("./playlists.js", "playlist"), shortlists: later("./shortlists.js", "shortlists"), shortlist: later("./shortlists.js", "shortlist"),
  file: later("./file.js", "yourFile"), path: later("./path.js", "path"), like: later("./like.js", "like"), likelist: later("./like.js", "like"),
};
const WITHIN = { playlist: "playlists", likelist: "playlists", shortlist: "shortlists", mix: "mixes", radio: "radios" };
const STATE_MS = 20000;
const SOON_MS = 3000;
const PAINTED_MS = 100;
const OTHERS_MS = 3000;

const place = document.getElementById("place");
let open = null;
let first = true;

/** Show the place that the address names, or tell the open one that its settings have changed. */
async function show(event) {
  const now = here();
  const key = `${now.name}=${["path", "playlist"].includes(now.name) ? location.hash : now[now.name] ?? ""}`;
  if (open && open.key === key && open.update && event?.type !== "again") {
    const refocus = keepFocus(place);
    await guarded(() => open.update(now));
    refocus();
    return;
  }
  open?.leave.abort();
  const mine = { key, leave: new AbortController(), update: null };
  open = mine;
  document.title = "deepcuts";
  for (const link of document.querySelectorAll(".places a")) {
    if (link.dataset.place === (WITHIN[now.name] || now.name)) link.setAttribute("aria-current", "page");
    else link.removeAttribute("aria-current");
  }
  remember(now);
  const waiting = setTimeout(() => place.setAttribute("aria-busy", "true"), 250);
  await guarded(async () => { mine.update = (await PLACES[now.name](place, now, mine.leave.signal)) || null; }, mine);
  clearTimeout(waiting);
  if (open !== mine) return;
  place.removeAttribute("aria-busy");
  scrollPlaces();
  if (!first) arrive();
  first = false;
}

/** On a narrow screen the places are a row that scrolls: the one that is open is in sight. */
function scrollPlaces() {
  const row = document.querySelector(".places");
  const at = row.querySelector("[aria-current]");
  if (at && row.scrollWidth > row.clientWidth) row.scrollLeft += at.getBoundingClientRect().left - row.getBoundingClientRect().left - 40;
}

/** The search field holds what is shown: after a reload and on the way back, too. */
function remember(now) {
  const box = document.getElementById("search-box");
  if (document.activeElement !== box) box.value = now.search ?? now.find ?? "";
}

/** After a place is opened its heading has the focus, and the page begins at its top. */
function arrive() {
  if (!place.querySelector("h1") || place.contains(document.activeElement)) return;
  focusTitle(place, { preventScroll: true });
  scrollTo(0, 0);
}

async function guarded(act, mine = open) {
  try {
    await act();
  } catch (error) {
    if (error.name === "AbortError" || open !== mine) return;
    if (error.status === undefined) throw error;
    const title = error.status === 404 ? "Not here" : error.status === 0 ? "The service does not answer" : "That did not work";
    const again = el("button", { type: "button", class: "main", onclick: () => show(new Event("again")) }, "Try again");
    place.replaceChildren(el("h1", {}, title), el("p", { class: "lead" }, sentence(error.message)), again);
    announce(title);
  }
}

const NAMES = "main h1, .facts, :is(.names, .queued, .suggestion) > *, .bar-names > *, .lists .title, .mixes .title";

/** Let names that are cut off be read whole where the pointer is; those of a place's own are unfolded by a click, or by Enter. */
function wholeNames() {
  const cut = (name) => name && (name.scrollHeight > name.clientHeight + 2 || name.scrollWidth > name.clientWidth);
  addEventListener("pointerover", (event) => {
    const name = event.target instanceof Element && event.target.closest(NAMES);
    if (cut(name)) name.title = name.textContent;
  });
  const unfold = (event) => {
    const name = event.target instanceof Element && event.target.closest("main h1, .facts");
    if (cut(name) && (event.type === "click" || event.key === "Enter")) name.classList.add("whole");
  };
  for (const kind of ["click", "keydown"]) addEventListener(kind, unfold);
}

function trouble(text) {
  const line = document.getElementById("trouble");
  line.textContent = text;
  line.hidden = !text;
}

let seen = null;

/** Show anew what was empty, or a list of all songs that nobody is reading or using, once there are more songs. */
function showMore(now) {
  const grown = seen !== null && now.index !== seen.index;
  const unread = here().name === "songs" && scrollY < 100 && !place.querySelector(":focus:not(h1), [open]");
  if ((place.querySelector(".empty") && seen !== null && (grown || now.analysed !== seen.analysed)) || (grown && unread)) dispatchEvent(new Event("again"));
  seen = now;
}

/** Say what state the library is in, where that changes what is seen; return after how long to look again. */
async function tellState() {
  try {
    const status = await ask("api/status");
    const waiting = status.to_analyse_again || 0;
    showMore({ index: status.index_tracks, analysed: status.analysed });
    const { done, found } = status.ingest || {};
    if (status.ingest) trouble(`deepcuts is listening to your music: ${thousands(done)} of ${counted(found, "song")} done. Lists grow meanwhile.`);
    else if (status.index && status.index !== "current" && status.tracks) trouble("New songs are being taken in; lists are of what was there before.");
    else if (waiting) trouble(`${waiting} songs wait for the model in use: run deepcuts ingest.`);
    else trouble("");
    return status.ingest || !status.analysed || status.index !== "current" ? SOON_MS : STATE_MS;
  } catch (error) {
    if (error.status === 0) trouble("The service does not answer. What plays goes on as far as it is loaded.");
  }
  return STATE_MS;
}

async function watchState() {
  const wait_ms = document.hidden ? SOON_MS : await tellState();
  setTimeout(watchState, wait_ms);
}

helpAndTheme();
singleKeys();
searchBox();
playerBar();
keepRadio();
wholeNames();
resumeQueue();
acceptDrops();
document.getElementById("skip").addEventListener("click", (event) => { event.preventDefault(); place.focus(); });
onChange(show);
addEventListener("again", show);
show().then(() => {
  setTimeout(watchState, PAINTED_MS); // what was asked for is before one's eyes first
  setTimeout(globalThis.ahead.others, OTHERS_MS);
});
