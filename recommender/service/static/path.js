/* A walk in small steps from one song to another. */

import { ask } from "./api.js";
import { announce, counted, el, titleOf } from "./dom.js";
import { change, hash, number } from "./route.js";
import { keep } from "./keep.js";
import { shortfall, songList } from "./rows.js";

/** Show the walk. */
export async function path(place, now, signal) {
  const n = number(now.n, 12);
  const answer = await ask("api/path", { from: now.path, to: now.to, n }, { signal });
  const tracks = answer.results;
  const [first, last] = [tracks[0], tracks[tracks.length - 1]];
  const name = `From ${titleOf(first)} to ${titleOf(last)}`;
  const stepping = document.activeElement?.id === "steps"; // it is drawn anew, and goes on being used
  const steps = el("select", { id: "steps", onchange: (event) => change({ n: event.target.value }) },
    [5, 8, 12, 20, 30].map((count) => el("option", { value: count, selected: count === n }, String(count))));
  place.replaceChildren(
    el("div", { class: "head" }, el("h1", { dir: "auto" }, name), el("label", { class: "order" }, "songs ", steps)),
    el("div", { class: "list-head" }, el("p", { class: "count" }, counted(tracks.length, "song")),
      el("a", { class: "link", href: hash({ path: now.to, to: now.path, n: now.n }) }, "The other way"), keep(() => tracks, () => name)),
    songList(tracks), shortfall(answer));
  if (stepping) steps.focus();
  announce(`${counted(tracks.length, "song")} ${name}`);
}
