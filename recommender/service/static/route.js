/* Where one is on the page, as the address says after its #: reload and the back button work. */

const NAMES = ["track", "search", "find", "deepcuts", "mixes", "mix", "radios", "radio", "map", "playlists", "playlist", "shortlists", "shortlist", "file", "path", "like", "likelist"];
/** Filters that may be said several times. */
export const LISTS = ["genre", "tag", "mood", "key", "not_artist", "not_album"];
const MANY = [...LISTS, "like", "unlike"];

/** Return the place and its settings: `{name, genre: [], tag: [], …}`. */
export function here() {
  const said = new URLSearchParams(location.hash.slice(1));
  const place = { name: NAMES.find((name) => said.has(name)) || "songs" };
  for (const [name, value] of said) {
    if (!MANY.includes(name)) place[name] = value;
  }
  for (const name of MANY) place[name] = said.getAll(name);
  return place;
}

/** Return the address of a place; what is empty is left out. */
export function hash(settings) {
  const said = new URLSearchParams();
  for (const [name, value] of Object.entries(settings)) {
    if (name === "name") continue;
    const kept = NAMES.includes(name) ? value !== null && value !== undefined : Boolean(value) && value !== "0";
    for (const one of Array.isArray(value) ? value : kept ? [value] : []) said.append(name, one);
  }
  return `#${said.toString().replace(/=(?=&|$)/g, "")}`;
}

let changed = () => {};

/** Set what is called when the place or its settings have changed. */
export function onChange(act) {
  changed = act;
  addEventListener("hashchange", act);
}

/** Go to a place. With `quietly` the back button does not come back to here. */
export function go(settings, { quietly = false } = {}) {
  const to = hash(settings);
  if (to === hash(here())) return;
  if (quietly) {
    history.replaceState(null, "", to === "#" ? location.pathname : to);
    changed();
  } else {
    location.hash = to;
  }
}

/** Go to this place with some of its settings changed. */
export function change(some, options) {
  go({ ...here(), ...some }, options);
}

/** Return the number of a setting, or another where there is none. */
export function number(text, otherwise = null) {
  const value = Number.parseFloat(text);
  return Number.isFinite(value) ? value : otherwise;
}
