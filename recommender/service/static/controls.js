/* The sliders of a list. */

import { el, later } from "./dom.js";
import { asked } from "./filters.js";
import { change, number } from "./route.js";

/** Return the sliders for discovery and variety, and the choice of other artists alone. */
export function controls(place) {
  return el("div", { class: "controls", role: "group", "aria-label": "What the list is like" },
    slider("discover", "Discovery", "nearest", "rarely played", place),
    slider("diversity", "Variety", "alike", "varied", place),
    el("label", { class: "check" }, el("input", { type: "checkbox", id: "others", checked: place.others === "1",
      onchange: (event) => change({ others: event.target.checked ? "1" : "" }, { quietly: true }) }), "Other artists"));
}

function slider(name, label, low, high, place) {
  const shown = el("output", { for: name });
  const tell = (value) => { shown.textContent = value === 0 ? "off" : value.toFixed(2); };
  const put = later(180, (value) => change({ [name]: value ? String(value) : "" }, { quietly: true }));
  const value = number(place[name], 0);
  const input = el("input", { type: "range", id: name, min: 0, max: 1, step: 0.05, value,
    "aria-label": `${label}: from ${low} to ${high}`,
    oninput: (event) => { tell(Number(event.target.value)); put(Number(event.target.value)); } });
  input.value = value;
  tell(value);
  return el("div", { class: "slider" }, el("div", { class: "slider-head" }, el("label", { for: name }, label), shown), input,
    el("div", { class: "slider-ends soft", "aria-hidden": "true" }, el("span", {}, low), el("span", {}, high)));
}

/** Return what a list is asked with. */
export function listOptions(place, n = 20) {
  return {
    n, discover: place.discover, diversity: place.diversity, exclude_same_artist: place.others === "1", ...asked(place),
  };
}
