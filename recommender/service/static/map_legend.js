/* What the map is coloured by, and which colour is what. */

import { el, svg, thousands } from "./dom.js";

/** The ways to colour the map, as the address and the service have them. */
export const COLOURINGS = { label: "label", decade: "decade", tempo: "tempo", plays: "plays" };

/** Return the choice of what the map is coloured by. */
export function choice(now, choose) {
  const select = el("select", { id: "map-colour", onchange: (event) => choose(event.target.value) },
    Object.entries(COLOURINGS).map(([value, words]) => el("option", { value, selected: value === now }, words)));
  return el("label", { class: "order" }, "Colour by ", select);
}

/** Return the legend; a class that is pressed is shown alone, pressed again all are. */
export function legend(classes, colouring, choose) {
  let only = null;
  const shown = [...classes.names.keys()].filter((k) => classes.size(k) > 0 && classes.names[k] !== "other");
  const buttons = shown.map((k) => {
    const swatch = svg("svg", { class: "swatch", viewBox: "0 0 10 10", "aria-hidden": "true" }, svg("circle", { cx: 5, cy: 5, r: 5 }));
    swatch.style.setProperty("--shade", `var(${classes.shades[k]})`);
    return el("button", { type: "button", class: "chip", "aria-pressed": "false", data: { class: k }, onclick: () => {
      only = only === k ? null : k;
      for (const button of buttons) button.setAttribute("aria-pressed", String(button.dataset.class === String(only)));
      choose(only);
    } }, swatch, classes.names[k].replace(/(\d)-(\d)/, "$1–$2"), el("span", { class: "soft" }, ` ${thousands(classes.size(k))}`));
  });
  return el("div", { class: "legend", role: "group", "aria-label": `Colours, by ${COLOURINGS[colouring]}: press one to see it alone` }, buttons);
}

/** Return the areas of the map as buttons that lead there; null where it has none. */
export function areas(regions, go) {
  const buttons = regions.filter((region) => region.level === 0)
    .map((region) => el("button", { type: "button", class: "chip", onclick: () => go(region) }, region.name, el("span", { class: "soft" }, ` ${thousands(region.tracks)}`)));
  return buttons.length ? el("div", { class: "legend areas", role: "group", "aria-label": "Areas of the map: press one to go there" }, buttons) : null;
}
