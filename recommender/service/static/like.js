/* Songs that sound like several others, or like any of a playlist, and unlike some. */

import { ask } from "./api.js";
import { combobox, songOptions } from "./box.js";
import { controls, listOptions } from "./controls.js";
import { announce, counted, el, notice, titleOf } from "./dom.js";
import { filters, takeOneAway } from "./filters.js";
import { keep, wanted } from "./keep.js";
import { panel } from "./panel.js";
import { change, go, here } from "./route.js";
import { shortfall, songList, why } from "./rows.js";
import { foundBy } from "./shortlisting.js";

const NAMED = 2;

/** Show them; the address has the ids of the songs that the list is to be like and unlike, or the playlist's. */
export async function like(place, setting, signal) {
  const choice = panel(setting);
  const [head, body] = [el("div"), el("div")];
  place.replaceChildren(head, controls(setting), choice.node, body);
  const list = setting.likelist ? await ask(`api/playlists/${encodeURIComponent(setting.likelist)}`, {}, { signal }) : null;

  async function update(now) {
    choice.update(now);
    body.setAttribute("aria-busy", "true");
    const asked = { id: list ? [] : now.like, playlist: list && now.likelist, not: now.unlike, ...listOptions(now) };
    try {
      show(await ask("api/similar", asked, { signal }), now, why("api/similar", asked));
    } finally {
      body.removeAttribute("aria-busy");
    }
  }

  function show(answer, now, reasons) {
    const name = list ? list.name : inWords(answer.queries);
    head.replaceChildren(heading(name, list, answer, now));
    document.title = `Like ${name} · deepcuts`;
    const found = answer.results;
    for (const track of found) foundBy.set(track, answer.queries[track.query]);
    const said = counted(found.length, "song");
    body.replaceChildren(el("div", { class: "list-head" }, el("p", { class: "count" }, said), filters(now) || "", found.length ? keep(() => found, () => `Like ${name}`, () => wanted("similar", { like: list ? [] : now.like, playlist: list && now.likelist, unlike: now.unlike, ...listOptions(now) })) : ""),
      found.length ? songList(found, { asked: reasons }) : notice("No song is like that", ...takeOneAway(now)),
      shortfall(answer));
    announce(`${said} like ${name}`);
  }
  await update(setting);
  return update;
}

function inWords(songs) {
  const named = songs.slice(0, NAMED).map(titleOf);
  const more = songs.length - named.length;
  return named.join(more ? ", " : " and ") + (more ? ` and ${more} more` : "");
}

function heading(name, list, answer, now) {
  const queries = list ? [] : answer.queries;
  const without = (kind, track) => change({ [kind]: here()[kind].filter((id) => id !== String(track.track_id)) });
  const chip = (kind, track, words) => el("li", {}, el("button", { type: "button", class: "chip active", "aria-label": `Leave out: ${words} ${titleOf(track)}`, onclick: () => without(kind, track) },
    el("span", { dir: "auto" }, `${words} ${titleOf(track)}`)));
  const chosen = [...(queries.length > 1 ? queries.map((track) => chip("like", track, "like")) : []), ...answer.unwanted.map((track) => chip("unlike", track, "unlike"))];
  return el("div", { class: "subject" }, el("div", {},
    el("p", { class: "eyebrow" }, list ? `Songs that sound like any of ${counted(list.tracks.length, "song")} in` : "Songs that sound like"),
    el("h1", { dir: "auto", tabindex: "-1" }, name),
    chosen.length ? el("ul", { class: "chips", "aria-label": "Songs to go by" }, chosen) : "",
    moreSongs(list ? null : now.like, now.unlike, now)));
}

/** Return the fields to choose one more song that the list is to be like, or unlike. */
export function moreSongs(liked, unliked, at) {
  const to = (some) => { const { track: _, ...rest } = at; go({ ...rest, ...some }); };
  const more = (ids, option) => [...ids.filter((id) => id !== String(option.track.track_id)), String(option.track.track_id)];
  return el("div", { class: "more-songs" },
    liked && field("like", "and like …", "Like another song, too: its title or artist", (option) => to({ like: more(liked, option), unlike: unliked })),
    field("unlike", "but unlike …", "Unlike a song: its title or artist", (option) => to({ ...(liked ? { like: liked } : {}), unlike: more(unliked, option) })));
}

function field(name, placeholder, label, choose) {
  const input = el("input", { type: "search", id: `${name}-box`, placeholder, "aria-label": label });
  const list = el("ul", { class: "suggestions", id: `${name}-list` });
  combobox(input, list, { options: songOptions, choose });
  return el("div", { class: "walk-field" }, input, list);
}
