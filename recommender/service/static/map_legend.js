/* Which colour is which genre. */

import { el, svg } from "./dom.js";

const MOST = 12;
const OF_NO_GENRE = ["unsure", "not music"];

/** Return the genres, most frequent first, with the CSS property of each one's colour; the rest are "other". */
export function colours(genres) {
  const counts = new Map();
  for (const genre of genres) counts.set(genre, (counts.get(genre) || 0) + 1);
  const known = [...counts].filter(([name]) => !OF_NO_GENRE.includes(name)).sort((a, b) => b[1] - a[1] || (a[0] < b[0] ? -1 : 1));
  const found = new Map(known.slice(0, MOST).map(([name], i) => [name, `--map-${i}`]));
  if (known.length > MOST) found.set("other", "--map-rest");
  for (const name of OF_NO_GENRE) if (counts.has(name)) found.set(name, "--map-rest");
  return found;
}

/** Return the legend; a genre that is pressed is shown alone, pressed again all are. */
export function legend(shades, genres, choose) {
  let only = null;
  const buttons = [...shades].filter(([name]) => name !== "other").map(([name, shade]) => {
    const swatch = svg("svg", { class: "swatch", viewBox: "0 0 10 10", "aria-hidden": "true" }, svg("circle", { cx: 5, cy: 5, r: 5 }));
    swatch.style.setProperty("--shade", `var(${shade})`);
    return el("button", { type: "button", class: "chip", "aria-pressed": "false", data: { genre: name }, onclick: () => {
      only = only === name ? null : name;
      for (const button of buttons) button.setAttribute("aria-pressed", String(button.dataset.genre === only));
      choose(only);
    } }, swatch, name, el("span", { class: "soft" }, ` ${genres.filter((one) => one === name).length}`));
  });
  return el("div", { class: "legend", role: "group", "aria-label": "Genres: press one to see it alone" }, buttons);
}
