/* The panel of filters: what may be in a list at all. */

import { once } from "./api.js";
import { counted, el } from "./dom.js";
import { active, ends, hint } from "./filters.js";
import { change, here } from "./route.js";

const TONICS = ["C", "C#", "D", "D#", "E", "F", "F#", "G", "G#", "A", "A#", "B"];
const KEYS = ["major", "minor"].flatMap((mode) => TONICS.map((tonic) => `${tonic} ${mode}`));
const MOST = 80;
let opened = false;

const field = (label, control) => el("label", { class: "filter" }, el("span", {}, label), control);
const option = (value, words = value) => el("option", { value }, words);
const put = (some) => change(some, { quietly: true });

/** Add to one of the lists of filters. */
function include(name, value) {
  if (value && !here()[name].includes(value)) put({ [name]: [...here()[name], value] });
}

function choice(name, label, first, values = []) {
  const box = el("select", { id: `filter-${name}`, onchange: () => { include(name, box.value); box.value = ""; } }, option("", first), values.map((value) => option(value)));
  return field(label, box);
}

function leftOut(name, label) {
  const box = el("input", { type: "text", id: `filter-${name}`, maxlength: 200, autocomplete: "off", placeholder: "name",
    onchange: () => { include(name, box.value.trim()); box.value = ""; } });
  return field(label, box);
}

function range(name, label, example) {
  const box = el("input", { type: "text", id: `filter-${name}`, maxlength: 40, autocomplete: "off", placeholder: example, inputmode: name === "length" ? null : "decimal",
    oninput: () => box.setCustomValidity(""),
    onchange: () => {
      const text = box.value.trim();
      const right = !text || ends(name, text);
      box.setCustomValidity(right ? "" : hint(name));
      if (right) put({ [name]: text });
      else box.reportValidity();
    } });
  return field(label, box);
}

function check(name, label) {
  return el("label", { class: "check" }, el("input", { type: "checkbox", id: name, onchange: (event) => put({ [name]: event.target.checked ? "1" : "" }) }), label);
}

/** Return the panel, and the function that shows in it what is set; `played` is false where all is never played. */
export function panel(place, { played = true } = {}) {
  const voice = el("select", { id: "filter-voice", onchange: () => put({ voice: voice.value }) }, option("", "any"), option("sung"), option("instrumental"));
  const count = el("span", { class: "soft" });
  const node = el("details", { class: "panel", open: opened, ontoggle: () => { opened = node.open; if (opened) offer(node); } },
    el("summary", {}, "Filters ", count),
    el("div", { class: "panel-fields", role: "group", "aria-label": "Only songs" },
      choice("genre", "Genre", "any"), choice("mood", "Mood", "any"), field("Voice", voice), range("tempo", "Tempo, bpm", "120 or 90-130"), choice("key", "Key", "any", KEYS),
      range("energy", "Energy, 0 to 1", "0.6-1"), range("year", "Year", "1990-1999"), range("length", "Length", "2:00-5:00"),
      leftOut("not_artist", "Without artist"), leftOut("not_album", "Without album"),
      el("div", { class: "panel-checks" }, check("related", "Related keys, too"), played && check("unplayed", "Never played"))));
  const update = (now) => {
    const n = active(now).length;
    count.textContent = n ? counted(n, "filter", "filters").replace(/ filters?$/, " set") : "";
    for (const box of node.querySelectorAll("input[type=text]")) {
      const name = box.id.slice("filter-".length);
      if (document.activeElement !== box) box.value = name.startsWith("not_") ? "" : now[name] || "";
    }
    for (const box of node.querySelectorAll("input[type=checkbox]")) box.checked = now[box.id] === "1";
    voice.value = now.voice || "";
  };
  update(place);
  if (opened) offer(node);
  return { node, update };
}

/** Fill in the genres and moods that there are. */
async function offer(node) {
  const fill = (id, names) => {
    const box = node.querySelector(id);
    if (box.options.length === 1) box.append(...names.slice(0, MOST).map(({ name, tracks }) => option(name, `${name} (${tracks})`)));
  };
  const there = (some) => some.filter((one) => one.tracks > 0 && !one.name.endsWith("/other"));
  await Promise.all([
    once("api/genres").then((answer) => fill("#filter-genre", there(answer.genres))),
    once("api/tags").then((answer) => fill("#filter-mood", there(answer.tags).filter((tag) => tag.facet === "mood"))),
  ].map((asking) => asking.catch(() => null))); // the others do without
}
