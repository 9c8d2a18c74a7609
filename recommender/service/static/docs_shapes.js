/* What is sent and answered, in a few lines that read like JSON. */

import { el } from "./dom.js";

const DEEPEST = 4;

function resolved(schema, schemas) {
  return schema.$ref ? schemas[schema.$ref.split("/").pop()] : schema;
}

function choices(schema) {
  return (schema.anyOf || schema.oneOf || []).filter((one) => one.type !== "null");
}

/** Return what kind of value a schema describes, with its bounds, in words. */
export function kindOf(given, schemas) {
  const schema = resolved(given, schemas);
  const some = choices(schema);
  if (some.length === 1) return kindOf(some[0], schemas);
  if (some.length > 1) return some.map((one) => kindOf(one, schemas)).join(" or ");
  if (schema.enum || schema.const) return (schema.enum || [schema.const]).map((value) => JSON.stringify(value)).join(" | ");
  if (schema.type === "array") return `several: ${kindOf(schema.items || {}, schemas)}`;
  const low = schema.minimum ?? schema.minLength;
  const high = schema.maximum ?? schema.maxLength;
  const unit = schema.maxLength === undefined && schema.minLength === undefined ? "" : " characters";
  const bounds = low !== undefined && high !== undefined ? `, ${low} to ${high}${unit}` : high !== undefined ? `, at most ${high}${unit}` : low !== undefined ? `, at least ${low}${unit}` : "";
  const before = given.default === undefined || given.default === null || given.default === "" ? "" : `, else ${JSON.stringify(given.default)}`;
  return `${schema.format === "binary" ? "bytes" : schema.format || schema.type || "anything"}${bounds}${before}`;
}

/** Return a schema as lines that read like JSON. */
function shape(given, schemas, deep = 0) {
  const schema = resolved(given, schemas) || {};
  const some = choices(schema);
  if (some.length) return `${shape(some[0], schemas, deep)}${(schema.anyOf || schema.oneOf).length > some.length ? " or null" : ""}`;
  if (schema.type === "array") return `[${shape(schema.items || {}, schemas, deep)}, …]`;
  if (!schema.properties) return schema.type === "object" ? "{…}" : kindOf(schema, schemas);
  if (deep >= DEEPEST) return "{…}";
  const indent = "  ".repeat(deep + 1);
  const lines = Object.entries(schema.properties).map(([name, its]) =>
    `${indent}${name}: ${shape(its, schemas, deep + 1)}${its.description ? `  // ${its.description}` : ""}`);
  return `{\n${lines.join("\n")}\n${"  ".repeat(deep)}}`;
}

function content(said, schemas) {
  return Object.entries(said || {}).map(([kind, its]) => el("div", {}, el("code", {}, kind),
    its.schema && its.schema.format !== "binary" ? el("pre", { tabindex: 0 }, el("code", {}, shape(its.schema, schemas))) : null));
}

/** Return what an operation wants to be sent. */
export function body(one, schemas) {
  return one.requestBody ? [el("h3", {}, "What is sent"), ...content(one.requestBody.content, schemas)] : [];
}

/** Return what an operation answers: what it is for in full, errors by their names. */
export function answers(one, schemas) {
  const said = Object.entries(one.responses);
  const good = said.filter(([status]) => status < "400");
  const bad = said.filter(([status]) => status >= "400");
  return [el("h3", {}, "Answers"),
    ...good.map(([status, its]) => el("div", { class: "answer" }, el("p", {}, el("b", {}, status), ` ${its.description}`), content(its.content, schemas))),
    el("p", { class: "soft" }, `Errors, as problem details (RFC 9457): ${bad.map(([status, its]) => `${status} ${its.description}`).join(", ")}.`)];
}
