/* Files that are dropped onto the page, wherever that is. */

/** Let files be dropped anywhere. */
export function acceptDrops() {
  const shade = document.getElementById("drop");
  const holds = (event) => [...(event.dataTransfer?.types || [])].includes("Files");
  addEventListener("dragover", (event) => {
    if (!holds(event)) return;
    event.preventDefault();
    shade.hidden = false;
  });
  addEventListener("dragleave", (event) => { if (!event.relatedTarget) shade.hidden = true; });
  addEventListener("drop", (event) => {
    if (!holds(event)) return;
    event.preventDefault();
    shade.hidden = true;
    const [file] = event.dataTransfer.files;
    import("./file.js").then(({ take }) => take(file));
  });
}
