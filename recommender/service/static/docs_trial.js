/* A form by which an operation that only reads is asked, and the command that asks the same. */

import { address } from "./api.js";
import { el } from "./dom.js";

const LONGEST = 20000;

/** Return a form for an operation; nothing for those that change something or send other than JSON. */
export function trial(one) {
  const json = Object.values(one.responses).some((its) => "application/json" in (its.content || {}));
  if (one.method !== "get" || !json) return [];
  const fields = (one.parameters || []).map((its) => el("label", { class: "field" }, el("span", {}, its.name),
    el("input", { type: "text", name: its.name, required: its.required, value: its.in === "path" ? "1" : "", data: { within: its.in }, autocomplete: "off", spellcheck: "false" })));
  const said = el("p", { role: "status", class: "soft" });
  const command = el("code");
  const answer = el("pre", { class: "answer-text", tabindex: 0, hidden: true }, el("code"));
  const form = el("form", { class: "trial" }, el("div", { class: "fields" }, fields),
    el("pre", {}, command), el("p", { class: "row" }, el("button", { class: "main" }, "Ask")), said, answer);
  const show = () => { command.textContent = `curl '${new URL(asked(one, form), document.baseURI)}'`; };
  form.addEventListener("input", show);
  form.addEventListener("submit", async (event) => {
    event.preventDefault();
    said.textContent = "Asking…";
    try {
      const got = await fetch(asked(one, form));
      const text = await got.text();
      said.textContent = `${got.status} ${got.statusText}`;
      answer.hidden = false;
      answer.firstChild.textContent = pretty(text);
    } catch {
      said.textContent = "The service does not answer.";
    }
  });
  show();
  return [el("h3", {}, "Try it"), form];
}

function asked(one, form) {
  const inputs = [...form.querySelectorAll("input")];
  const path = inputs.filter((input) => input.dataset.within === "path")
    .reduce((made, input) => made.replace(`{${input.name}}`, encodeURIComponent(input.value)), one.path.slice(1));
  const several = (name) => one.parameters.find((its) => its.name === name).schema.type === "array";
  const query = inputs.filter((input) => input.dataset.within === "query")
    .map((input) => [input.name, several(input.name) ? input.value.split(/\s*,\s*/) : input.value]);
  return address(path, Object.fromEntries(query));
}

function pretty(text) {
  let shown = text;
  try {
    shown = JSON.stringify(JSON.parse(text), null, 2);
  } catch {
    // It is no JSON: as it came.
  }
  return shown.length > LONGEST ? `${shown.slice(0, LONGEST)}\n…` : shown;
}
