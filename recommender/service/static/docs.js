/* The REST interface explained, from the service's own description of it. */

import { ask, sentence } from "./api.js";
import { answers, body, kindOf } from "./docs_shapes.js";
import { trial } from "./docs_trial.js";
import { el } from "./dom.js";

const METHODS = ["get", "post", "put", "delete", "head"];

/** Return all operations: `{method, path, …what the description says}`. */
function operations(description) {
  return Object.entries(description.paths).flatMap(([path, said]) =>
    METHODS.filter((method) => method in said).map((method) => ({ method, path, ...said[method] })));
}

function operation(one, schemas) {
  const box = el("details", { class: "operation", id: one.operationId },
    el("summary", {}, el("b", { class: "method" }, one.method.toUpperCase()), " ", el("code", { class: "path" }, one.path), " ", el("span", { class: "soft" }, one.summary)));
  box.addEventListener("toggle", () => {
    if (box.open && box.children.length === 1) box.append(...inside(one, schemas));
  });
  return box;
}

/** Return a text whose ``code`` is marked as such. */
function inWords(text) {
  return text.split(/``(.+?)``/).map((part, number) => (number % 2 ? el("code", {}, part) : part));
}

function inside(one, schemas) {
  const name = el("p", { class: "soft" }, "Called ", el("code", {}, one.operationId), " in generated clients.");
  return [...one.description.split("\n\n").map((text) => el("p", {}, inWords(text))), name,
    ...(one.parameters?.length ? [el("h3", {}, "Parameters"), parameters(one.parameters, schemas)] : []),
    ...body(one, schemas), ...answers(one, schemas), ...trial(one)];
}

function parameters(found, schemas) {
  return el("dl", { class: "parameters" }, found.map((one) => el("div", {},
    el("dt", {}, el("code", {}, one.name), one.required ? el("span", { class: "soft" }, " needed") : null),
    el("dd", {}, kindOf(one.schema, schemas), one.description ? el("span", { class: "soft" }, ` ${sentence(one.description)}`) : null))));
}

/** Open the operation that the address names. */
function openNamed() {
  const named = document.getElementById(location.hash.slice(1));
  if (!named?.matches(".operation")) return;
  named.open = true;
  named.scrollIntoView();
}

async function show() {
  const place = document.getElementById("docs");
  const state = document.getElementById("state");
  let description;
  try {
    description = await ask("openapi.json");
  } catch (error) {
    state.textContent = sentence(error.message);
    return;
  }
  const schemas = description.components.schemas;
  const found = operations(description);
  const tags = [...new Set(found.map((one) => one.tags[0]))];
  document.getElementById("parts").append(...tags.map((tag) => el("a", { href: `#${tag}` }, tag)));
  place.append(...tags.flatMap((tag) => [el("h2", { id: tag }, tag), ...found.filter((one) => one.tags[0] === tag).map((one) => operation(one, schemas))]));
  const needs = "Where the service has credentials, send HTTP Basic, or an API key as X-API-Key or Authorization: Bearer. What changes something needs one of these headers, or X-Requested-With, from programs.";
  state.textContent = `${description.info.title} ${description.info.version}, ${found.length} operations. ${needs}`;
  openNamed();
  addEventListener("hashchange", openNamed);
}

await show();
