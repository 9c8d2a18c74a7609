/* Deep cuts: songs never played that sound like what is played most. */

import { ask, sentence } from "./api.js";
import { announce, counted, el, notice } from "./dom.js";
import { asked, filters, takeOneAway } from "./filters.js";
import { keep, wanted } from "./keep.js";
import { panel } from "./panel.js";
import { shortfall, songList } from "./rows.js";

/** Show deep cuts. */
export async function deepCuts(place, setting, signal) {
  const body = el("div");
  const choice = panel(setting, { played: false });
  place.replaceChildren(el("div", { class: "head" }, el("h1", {}, "Deep cuts")),
    el("p", { class: "lead" }, "Songs of yours that were never played, and sound like what you play most."), choice.node, body);
  async function update(now) {
    choice.update(now);
    try {
      const answer = await ask("api/discover", { n: 30, ...asked(now) }, { signal });
      const said = counted(answer.results.length, "song");
      body.replaceChildren(
        el("div", { class: "list-head" }, el("p", { class: "count" }, said), filters(now), answer.results.length > 0 && keep(() => answer.results, () => "Deep cuts", () => wanted("discover", { n: 30, ...asked(now) }))),
        answer.results.length ? songList(answer.results) : notice("Nothing is left to discover", ...takeOneAway(now)), shortfall(answer));
      announce(said);
    } catch (error) {
      if (![404, 409, 422].includes(error.status)) throw error;
      body.replaceChildren(notice("Nothing to go by yet", sentence(error.message),
        "Listen to some songs here, or bring your play counts from elsewhere:", el("pre", {}, el("code", {}, "deepcuts plays import listenbrainz.zip"))));
    }
  }
  await update(setting);
  return update;
}
