/* A list whose items a person puts in order: by dragging a handle, or with Alt and the arrow keys. */

import { announce, el, icon } from "./dom.js";

/**
 * Let the items of a list be moved. `moved(from, to)` is told, and returns the list as it is drawn anew; the item that was moved has the focus there.
 * Each item needs an element that can have the focus, `.held` by name if there are several.
 */
export function sortable(list, moved) {
  const items = () => [...list.children];
  const focusOf = (item) => item?.querySelector(".held") || item?.querySelector("button, a");
  let dragged = -1;

  const move = async (from, to, words) => {
    if (to < 0 || to >= items().length || from === to) return;
    const now = [...(await moved(from, to)).children];
    focusOf(now[to])?.focus();
    if (words) announce(`${words}, now number ${to + 1} of ${now.length}`);
  };

  list.addEventListener("keydown", (event) => {
    const step = { ArrowDown: 1, ArrowUp: -1 }[event.key];
    const item = event.target.closest("li");
    if (!step || !event.altKey || !list.contains(item)) return;
    event.preventDefault();
    event.stopPropagation();
    const from = items().indexOf(item);
    move(from, from + step, "Moved");
  });

  list.addEventListener("pointerdown", (event) => {
    const handle = event.target.closest(".handle");
    if (!handle || !list.contains(handle)) return;
    event.preventDefault();
    dragged = items().indexOf(handle.closest("li"));
    items()[dragged].classList.add("dragged");
    list.setPointerCapture(event.pointerId);
  });
  list.addEventListener("pointermove", (event) => {
    if (dragged < 0) return;
    const over = placeAt(items(), event.clientY);
    items().forEach((item, i) => {
      item.classList.toggle("before", i === over && over < dragged);
      item.classList.toggle("behind", i === over && over > dragged);
    });
  });
  const drop = (event) => {
    if (dragged < 0) return;
    const [from, to] = [dragged, placeAt(items(), event.clientY)];
    dragged = -1;
    for (const item of items()) item.classList.remove("dragged", "before", "behind");
    if (event.type === "pointerup") move(from, to);
  };
  list.addEventListener("pointerup", drop);
  list.addEventListener("pointercancel", drop);
  return list;
}

/** Return the number of the item at a height on the screen. */
function placeAt(items, y) {
  const found = items.findIndex((item) => y < item.getBoundingClientRect().bottom);
  return found < 0 ? items.length - 1 : found;
}

/** Return what an item is dragged by; the keys do the same. */
export function handle() {
  return el("span", { class: "handle", title: "Drag, or press Alt with an arrow key", "aria-hidden": "true" }, icon("handle"));
}
