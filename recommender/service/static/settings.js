/* What the browser keeps: theme, volume, which drawing, keys. Nothing of what is listened to. */

const KEY = "deepcuts";
const DEFAULTS = { theme: "auto", volume: 1, picture: "wave", keys: true, plays: true, shuffle: false, repeat: "off", crossfade: 0, shortlist: null, paths: null };

function read() {
  try {
    const kept = JSON.parse(localStorage.getItem(KEY) || "{}");
    return { ...DEFAULTS, ...(typeof kept === "object" ? kept : {}) };
  } catch {
    return { ...DEFAULTS };
  }
}

const settings = read();

/** Return a setting. */
export function get(name) {
  return settings[name];
}

/** Change a setting and keep it. */
export function set(name, value) {
  settings[name] = value;
  try {
    localStorage.setItem(KEY, JSON.stringify(settings));
  } catch {
    // The browser keeps nothing: it holds until the page is closed.
  }
}
