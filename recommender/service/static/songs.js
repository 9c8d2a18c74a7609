/* All songs of the library, a page at a time. */

import { ask, once } from "./api.js";
import { add } from "./chips.js";
import { announce, counted, el, notice } from "./dom.js";
import { anySet, asked as filtered, filters, takeOneAway } from "./filters.js";
import { change } from "./route.js";
import { keep, wanted } from "./keep.js";
import { panel } from "./panel.js";
import { songList } from "./rows.js";

const PAGE = 50;
const MOST_KEPT = 10000;
const MOST_GENRES = 14;
const ORDERS = [["artist", "artist"], ["title", "title"], ["album", "album"], ["plays", "most played"], ["path", "folder"]];

/** Show the library. */
export async function songs(place, setting, signal) {
  const body = el("div");
  const order = el("select", { id: "order", onchange: (event) => change({ sort: event.target.value }, { quietly: true }) },
    ORDERS.map(([value, words]) => el("option", { value, selected: value === (setting.sort || "artist") }, words)));
  const title = el("h1", {}, "Your songs");
  const lead = el("p", { class: "lead" }, "Choose one to hear what else here sounds like it, and where.");
  const genres = el("div");
  const choice = panel(setting);
  place.replaceChildren(el("div", { class: "head" }, title, el("label", { class: "order" }, "by ", order)), lead, genres, choice.node, body);
  listGenres(genres);

  async function update(now) {
    order.value = now.sort || "artist";
    choice.update(now);
    const asked = { sort: now.sort || "artist", ...filtered(now), limit: PAGE };
    const page = await ask("api/tracks", { ...asked, offset: 0 }, { signal });
    if (!page.total && !anySet(now)) {
      title.textContent = "Nothing here yet";
      body.replaceChildren(empty());
      order.parentElement.hidden = lead.hidden = choice.node.hidden = true;
      return;
    }
    show(body, page, asked, now, signal);
  }
  await update(setting);
  return update;
}

/** Show the genres that most songs are of; a click lists those songs. */
async function listGenres(box) {
  const known = await once("api/genres").catch(() => ({ genres: [] }));
  const most = known.genres.filter((genre) => genre.tracks > 0 && !genre.name.endsWith("/other")).slice(0, MOST_GENRES);
  if (!most.length) return;
  box.append(el("ul", { class: "chips browse", "aria-label": "Genres" }, most.map(({ name, tracks }) => el("li", {},
    el("button", { type: "button", class: "chip", onclick: () => add("genre", name) },
      el("span", { class: "unseen" }, "Only "), name, el("span", { class: "soft" }, ` ${tracks}`), el("span", { class: "unseen" }, tracks === 1 ? " song" : " songs"))))));
}

function show(body, first, asked, now, signal) {
  const tracks = [...first.tracks];
  const list = el("div", {}, songList(tracks));
  const more = el("button", { type: "button", class: "plain more" }, "Show more");
  const end = () => { more.hidden = tracks.length >= first.total; };
  more.addEventListener("click", async () => {
    more.disabled = true;
    try {
      const page = await ask("api/tracks", { ...asked, offset: tracks.length }, { signal });
      const next = songList(page.tracks, { start: tracks.length });
      tracks.push(...page.tracks);
      list.append(next);
      next.querySelector(".play")?.focus();
    } finally {
      more.disabled = false;
    }
    end();
  });
  const said = counted(first.total, "song");
  body.replaceChildren(el("div", { class: "list-head" }, el("p", { class: "count" }, said), filters(now), first.total > 0 && keep(() => tracks, () => "Songs", () => wanted("songs", { ...asked, limit: null, n: MOST_KEPT }))),
    first.total ? list : notice("No song is like that", ...takeOneAway(now)), more);
  end();
  announce(said);
}

/** Return what to do where there is no song. */
export function empty() {
  return el("div", { class: "empty" },
    el("p", {}, "deepcuts listens to music files once, and then knows what sounds like what. Tell it where yours are:"),
    el("pre", {}, el("code", {}, "deepcuts ingest ~/Music")),
    el("p", { class: "soft" }, "It takes a few minutes for a thousand songs, and changes no file. This page can stay open meanwhile: it says how far that is, and the songs appear by themselves."));
}
