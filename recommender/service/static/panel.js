/* The panel of filters: what may be in a list at all. */

import { once } from "./api.js";
import { counted, el } from "./dom.js";
import { active, ends, hint } from "./filters.js";
import { change, here } from "./route.js";

const TONICS = ["C", "C#", "D", "D#", "E", "F", "F#", "G", "G#", "A", "A#", "B"];
const KEYS = ["major", "minor"].flatMap((mode) => TONICS.map((tonic) => `${tonic} ${mode}`));
const MOST = 80;
const ANY = "\u0000any"; // no genre, mood or key is called that
let opened = false;

const field = (label, control) => el("label", { class: "filter" }, el("span", {}, label), control);
const option = (value, words = value) => el("option", { value }, words);
const put = (some) => change(some, { quietly: true });

/** Add to one of the lists of filters. */
function include(name, value) {
  if (value && !here()[name].includes(value)) put({ [name]: [...here()[name], value] });
}

function choice(name, label, values = []) {
  let stepping = false; // by arrows and letters, which choose all that they pass: only what one stops at is taken
  const take = () => {
    const chosen = box.value;
    box.value = "";
    if (chosen === ANY) put({ [name]: [] });
    else include(name, chosen);
  };
  const box = el("select", { id: `filter-${name}`, data: { several: name }, onblur: take, onchange: () => { if (!stepping) take(); },
    onpointerdown: () => { stepping = false; },
    onkeydown: (event) => {
      stepping = !["Enter", " "].includes(event.key);
      if (event.key !== "Enter" || !box.value) return;
      event.preventDefault();
      take();
    } }, option("", "any"), values.map((value) => option(value)));
  return field(label, box);
}

/** Show in a choice what is set of it, with a way back to any. */
function showChosen(box, chosen) {
  const [first, second] = box.options;
  first.textContent = chosen.join(", ") || "any";
  const offered = second?.value === ANY;
  if (chosen.length && !offered) first.after(option(ANY, "any"));
  else if (!chosen.length && offered) second.remove();
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
      choice("genre", "Genre"), choice("mood", "Mood"), field("Voice", voice), range("tempo", "Tempo, bpm", "120 or 90-130"), choice("key", "Key", KEYS),
      range("energy", "Energy, 0 to 1", "0.6-1"), range("year", "Year", "1990-1999"), range("length", "Length", "2:00-5:00"),
      leftOut("not_artist", "Without artist"), leftOut("not_album", "Without album"),
      el("div", { class: "panel-checks" }, check("related", "Related keys, too"), played && check("unplayed", "Never played"))));
  const update = (now) => {
    const n = active(now).length;
    count.textContent = n ? counted(n, "filter", "filters").replace(/ filters?$/, " set") : "";
    for (const box of node.querySelectorAll("input[type=text]")) {
      const name = box.id.slice("filter-".length);
      if (name.startsWith("not_")) box.placeholder = now[name].length ? `${now[name].join(", ")} and …` : "name";
      if (document.activeElement !== box) box.value = name.startsWith("not_") ? "" : now[name] || "";
    }
    for (const box of node.querySelectorAll("[data-several]")) showChosen(box, now[box.dataset.several]);
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
    if (!box.dataset.filled) box.append(...names.slice(0, MOST).map(({ name, tracks }) => option(name, `${name} (${tracks})`)));
    box.dataset.filled = "yes";
  };
  const there = (some) => some.filter((one) => one.tracks > 0 && !one.name.endsWith("/other"));
  await Promise.all([
    once("api/genres").then((answer) => fill("#filter-genre", there(answer.genres))),
    once("api/tags").then((answer) => fill("#filter-mood", there(answer.tags).filter((tag) => tag.facet === "mood"))),
  ].map((asking) => asking.catch(() => null))); // the others do without
}
