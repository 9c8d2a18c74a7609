/* Single keys, help, settings and theme. */

import { player } from "./player.js";
import * as settings from "./settings.js";
import { icon } from "./dom.js";
import { shortlistFocused, shortlistShown } from "./shortlisting.js";

const STEP_S = 5;
const THEMES = { auto: ["half", "Theme: as the system"], light: ["sun", "Theme: light"], dark: ["moon", "Theme: dark"] };

/** Whether an element does something with a key of its own. */
function takes(target, key) {
  if (target.closest("dialog, [role=application], [contenteditable]")) return true;
  if (target.matches("textarea, select, input:not([type=range], [type=checkbox])")) return true;
  if (target.matches("input[type=range]")) return key.startsWith("Arrow");
  return key === " " && target.matches("button, a, summary, input, label");
}

/** Let single keys work everywhere but where they are typed. */
export function singleKeys() {
  const acts = {
    "/": () => { const box = document.getElementById("search-box"); box.focus(); box.select(); },
    " ": () => player.toggle(),
    ArrowLeft: () => player.seek(player.time - STEP_S),
    ArrowRight: () => player.seek(player.time + STEP_S),
    n: () => player.next(),
    p: () => player.previous(),
    m: () => player.mute(),
    l: (event) => (event.shiftKey ? shortlistShown() : shortlistFocused()),
    q: () => document.getElementById("queue-open")?.click(),
    s: () => player.shuffle(!player.list.shuffled),
    "?": () => document.getElementById("help").showModal(),
  };
  addEventListener("keydown", (event) => {
    const name = event.key.length === 1 ? event.key.toLowerCase() : event.key;
    const act = Object.hasOwn(acts, name) ? acts[name] : null;
    if (!act || !settings.get("keys") || event.ctrlKey || event.metaKey || event.altKey || event.defaultPrevented) return;
    if (event.target instanceof Element && takes(event.target, event.key)) return;
    if (!player.track && (event.key === " " || event.key.startsWith("Arrow"))) return;
    event.preventDefault();
    act(event);
  });
}

/** Make help, settings and the theme's button work. */
export function helpAndTheme() {
  const help = document.getElementById("help");
  document.getElementById("help-open").addEventListener("click", () => help.showModal());
  help.addEventListener("click", (event) => { if (event.target === help) help.close(); });
  for (const name of ["keys", "plays"]) {
    const box = document.getElementById(`set-${name}`);
    box.checked = settings.get(name);
    box.addEventListener("change", () => settings.set(name, box.checked));
  }
  const fade = document.getElementById("set-crossfade");
  fade.value = String(settings.get("crossfade"));
  fade.addEventListener("change", () => settings.set("crossfade", Number(fade.value)));
  const button = document.getElementById("theme");
  const show = () => {
    const theme = Object.hasOwn(THEMES, settings.get("theme")) ? settings.get("theme") : "auto";
    const [drawn, words] = THEMES[theme];
    if (theme === "auto") delete document.documentElement.dataset.theme;
    else document.documentElement.dataset.theme = theme;
    button.replaceChildren(icon(drawn));
    button.setAttribute("aria-label", words);
    button.title = words;
    dispatchEvent(new Event("theme"));
  };
  button.addEventListener("click", () => {
    const names = Object.keys(THEMES);
    settings.set("theme", names[(names.indexOf(settings.get("theme")) + 1) % names.length]);
    show();
  });
  show();
}
