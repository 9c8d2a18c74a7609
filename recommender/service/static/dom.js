/* Elements are made here, and text is only ever set as text: titles come from files that anyone may have made. */

const SVG = "http://www.w3.org/2000/svg";

/** Return an element; children are nodes, texts, or nothing. `on…` functions are listeners. */
export function el(name, attributes = {}, ...children) {
  return fill(document.createElement(name), attributes, children);
}

/** Return an SVG element. */
export function svg(name, attributes = {}, ...children) {
  return fill(document.createElementNS(SVG, name), attributes, children);
}

function fill(node, attributes, children) {
  for (const [name, value] of Object.entries(attributes)) {
    if (value === null || value === undefined || value === false) continue;
    if (typeof value === "function") node.addEventListener(name.slice(2), value);
    else if (name === "data") Object.assign(node.dataset, value);
    else if (name === "value") node.value = value;
    else node.setAttribute(name, value === true ? "" : value);
  }
  append(node, children);
  return node;
}

function append(node, children) {
  for (const child of children) {
    if (Array.isArray(child)) append(node, child);
    else if (child !== null && child !== undefined && child !== false) node.append(child);
  }
}

const DRAWN = {
  play: ["M8 5.2v13.6L19 12z"],
  pause: ["M7 5h3.4v14H7zM13.6 5H17v14h-3.4z"],
  next: ["M6 5.5v13L15 12zM16 5.5h2.2v13H16z"],
  previous: ["M18 5.5v13L9 12zM8 5.5H5.8v13H8z"],
  sound: ["M4 9.5v5h3.4L12 18.5v-13L7.4 9.5z", "M15 9a4.2 4.2 0 0 1 0 6M17.4 6.6a7.6 7.6 0 0 1 0 10.8"],
  silent: ["M4 9.5v5h3.4L12 18.5v-13L7.4 9.5z", "M15.5 9.5l5 5M20.5 9.5l-5 5"],
  list: ["", "M4 7h11M4 12h11M4 17h7M18 10v7l3-1.5"],
  sun: ["", "M12 8.2a3.8 3.8 0 1 1 0 7.6a3.8 3.8 0 0 1 0-7.6M12 3v2M12 19v2M3 12h2M19 12h2M5.6 5.6l1.5 1.5M16.9 16.9l1.5 1.5M18.4 5.6l-1.5 1.5M7.1 16.9l-1.5 1.5"],
  moon: ["", "M19.5 14.2A8 8 0 0 1 9.8 4.5a8 8 0 1 0 9.7 9.7"],
  half: ["M12 4a8 8 0 0 1 0 16z", "M12 4a8 8 0 1 1 0 16a8 8 0 0 1 0-16"],
  plus: ["", "M12 5v14M5 12h14"],
  minus: ["", "M5 12h14"],
  cross: ["", "M7 7l10 10M17 7L7 17"],
  more: ["M6 10.4a1.6 1.6 0 1 0 0 3.2a1.6 1.6 0 0 0 0-3.2M12 10.4a1.6 1.6 0 1 0 0 3.2a1.6 1.6 0 0 0 0-3.2M18 10.4a1.6 1.6 0 1 0 0 3.2a1.6 1.6 0 0 0 0-3.2"],
  star: ["M12 4l2.4 5.2 5.6.6-4.2 3.8 1.2 5.6L12 16.4l-5 2.8 1.2-5.6L4 9.8l5.6-.6z"],
  handle: ["", "M6 9h12M6 15h12"],
  whole: ["", "M5 9.5V5h4.5M14.5 5H19v4.5M19 14.5V19h-4.5M9.5 19H5v-4.5"],
  file: ["", "M12 15V5M8 9l4-4 4 4M5 15v4h14v-4"],
};

const drawings = new Map();

/** Return a drawing, filled and lined: a copy of the first one, as there are three in every row of a list. */
export function icon(name) {
  if (!drawings.has(name)) {
    const [filled, lined] = DRAWN[name];
    drawings.set(name, svg("svg", { class: "icon", viewBox: "0 0 24 24", "aria-hidden": "true" },
      filled && svg("path", { d: filled, class: "filled" }), lined && svg("path", { d: lined })));
  }
  return drawings.get(name).cloneNode(true);
}

/** Return seconds as m:ss, or h:mm:ss. */
export function clock(seconds) {
  const whole = Math.max(0, Math.round(seconds || 0));
  const parts = [Math.floor(whole / 60) % 60, whole % 60];
  if (whole >= 3600) parts.unshift(Math.floor(whole / 3600));
  return parts.map((part, i) => (i ? String(part).padStart(2, "0") : part)).join(":");
}

/** Return the seconds that m:ss, h:mm:ss or plain seconds mean; null where it is none of them. */
export function seconds(text) {
  if (!/^\s*\d{1,5}(:\d{1,2}){0,2}([.,]\d+)?\s*$/.test(text)) return null;
  return text.replace(",", ".").split(":").reduce((sum, part) => sum * 60 + Number(part), 0);
}

/** Return a whole number with its thousands apart; the browser's own way takes 10 ms to get ready, before the first list. */
export function thousands(n) {
  return String(n).replace(/\B(?=(\d{3})+$)/g, ",");
}

/** Return a count with its noun. */
export function counted(n, one, many = `${one}s`) {
  return `${thousands(n)} ${n === 1 ? one : many}`;
}

/** Return what a song is called: its title, or else its file's name. */
export function titleOf(track) {
  if (track.title) return track.title;
  const file = (track.path || "").split(/[\\/]/).pop();
  return file.replace(/\.[^.]{1,5}$/, "") || "Untitled";
}

/** Tell those who listen to the page what has changed. */
export function announce(text) {
  document.getElementById("live").textContent = text;
}

const SHOWN_MS = 5000;
const hide = later(SHOWN_MS, () => { document.getElementById("said").hidden = true; });

/** Tell everybody what came of something: those who see the page have it before their eyes for a while. */
export function tell(text) {
  announce(text);
  const line = document.getElementById("said");
  line.textContent = text;
  line.hidden = false;
  hide();
}

/** Give the heading of a place the focus. */
export function focusTitle(place, options) {
  const title = place.querySelector("h1");
  title?.setAttribute("tabindex", "-1");
  title?.focus(options);
}

/** Return a function that gives back the focus after part of the page was drawn anew: to what is like that which had it, or else to the heading. */
export function keepFocus(box) {
  const had = document.activeElement;
  if (!box.contains(had) || had === box) return () => {};
  const rowOf = (node) => node.closest("[data-track]")?.dataset.track;
  const nameOf = (node) => node.getAttribute("aria-label") || node.textContent;
  const [row, name, preventScroll] = [rowOf(had), nameOf(had), !had.matches(":focus-visible")];
  return () => {
    const now = document.activeElement;
    if (now !== document.body && now.checkVisibility()) return;
    const like = [...box.querySelectorAll(had.localName)].filter((one) => one.className === had.className && rowOf(one) === row && one.checkVisibility());
    const to = like.find((one) => nameOf(one) === name) ?? (row || had.matches(".chip") ? like[0] : null);
    if (to) to.focus({ preventScroll });
    else focusTitle(document.getElementById("place"), { preventScroll });
  };
}

/** Return a function that waits until it was not called for some time. */
export function later(wait_ms, act) {
  let timer = 0;
  return (...values) => {
    clearTimeout(timer);
    timer = setTimeout(() => act(...values), wait_ms);
  };
}

/** Do something once, when a node comes into sight. */
export function whenSeen(node, act) {
  const watcher = new IntersectionObserver((entries) => {
    if (!entries.some((entry) => entry.isIntersecting)) return;
    watcher.disconnect();
    act();
  }, { rootMargin: "200px" });
  watcher.observe(node);
}

/** Return a message in the place of what would be there. */
export function notice(title, ...more) {
  return el("div", { class: "empty" }, el("h2", {}, title), more.map((part) => (typeof part === "string" ? el("p", {}, part) : part)));
}
