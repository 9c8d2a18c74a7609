/* A line of text that is asked for. */

import { keepFocus } from "./dom.js";

/** Ask for a line of text in a dialog; null where none is given. Where it is `offered`, the dialog asks whether a list is to be kept up to date. */
export function prompted(title, label, suggested = "", { offered = false } = {}) {
  const dialog = document.getElementById("ask");
  const box = document.activeElement?.closest("#queue, #place");
  const refocus = box ? keepFocus(box) : () => {}; // what asked may be drawn anew meanwhile, as the queue is with each song
  const value = document.getElementById("ask-value");
  document.getElementById("ask-title").textContent = title;
  document.getElementById("ask-label").textContent = label;
  document.getElementById("ask-no").onclick = () => dialog.close("");
  value.value = suggested.slice(0, 200);
  document.getElementById("ask-offer").hidden = !offered;
  document.getElementById("ask-keep").checked = false;
  dialog.returnValue = "";
  dialog.showModal();
  value.select();
  return new Promise((done) => {
    dialog.addEventListener("close", () => {
      refocus();
      done(dialog.returnValue === "yes" ? value.value.trim() || null : null);
    }, { once: true });
  });
}
