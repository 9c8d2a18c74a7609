/* What hands do on the map: wheel, drag, pinch, click, keys. */

const CLICK_PX = 5;
const ARROWS = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1] };

/** Let pointers move a chart and choose its songs. */
export function hands(chart) {
  const { canvas, view } = chart;
  const down = new Map();
  let moved = 0;
  const at = (event) => {
    const box = canvas.getBoundingClientRect();
    return [event.clientX - box.left, event.clientY - box.top];
  };
  canvas.addEventListener("wheel", (event) => {
    event.preventDefault();
    view.zoomAt(Math.exp(-event.deltaY * (event.deltaMode ? 0.05 : 0.0016)), ...at(event));
    chart.point(view.nearest(...at(event), 16, chart.wanted));
  }, { passive: false });
  canvas.addEventListener("pointerdown", (event) => {
    if (!down.size) moved = 0;
    down.set(event.pointerId, at(event));
    if (chart.picker.mode && down.size === 1) chart.picker.begin(at(event));
    canvas.setPointerCapture(event.pointerId);
  });
  canvas.addEventListener("pointermove", (event) => {
    const before = down.get(event.pointerId);
    const now = at(event);
    if (!before) return chart.hover(view.nearest(...now, 16, chart.wanted));
    const other = [...down].find(([id]) => id !== event.pointerId)?.[1];
    moved += Math.hypot(now[0] - before[0], now[1] - before[1]);
    if (other) pinch(view, before, now, other);
    else if (chart.picker.mode) chart.picker.move(now);
    else if (moved > CLICK_PX) view.pan(now[0] - before[0], now[1] - before[1]);
    down.set(event.pointerId, now);
    return chart.point(-1);
  });
  const up = (event) => {
    const click = event.type === "pointerup" && down.size === 1 && moved <= CLICK_PX && event.button === 0;
    down.delete(event.pointerId);
    if (chart.picker.mode && !down.size && moved > CLICK_PX) return chart.picker.end();
    if (!click) return null;
    const i = view.nearest(...at(event), event.pointerType === "mouse" ? 16 : 26, chart.wanted);
    chart.point(i);
    return chart.play(i);
  };
  canvas.addEventListener("pointerup", up);
  canvas.addEventListener("pointercancel", up);
  canvas.addEventListener("pointerleave", () => { if (!down.size && canvas !== document.activeElement) chart.point(-1); });
}

function pinch(view, before, now, other) {
  const far = (point) => Math.max(8, Math.hypot(point[0] - other[0], point[1] - other[1]));
  const middle = (point) => [(point[0] + other[0]) / 2, (point[1] + other[1]) / 2];
  const [from, to] = [middle(before), middle(now)];
  view.pan(to[0] - from[0], to[1] - from[1]);
  view.zoomAt(far(now) / far(before), ...to);
}

/** Let keys do the same. */
export function keys(chart) {
  const { canvas, view } = chart;
  canvas.addEventListener("keydown", (event) => {
    if (event.ctrlKey || event.metaKey || event.altKey) return;
    const arrow = ARROWS[event.key];
    if (arrow && event.shiftKey) {
      view.pan(-arrow[0] * 60, -arrow[1] * 60);
      chart.point(chart.pointed);
    } else if (arrow) {
      const i = view.next(chart.pointed, arrow, chart.wanted);
      if (i >= 0) view.show(i);
      chart.point(i, { aloud: true });
    } else if (event.key === "Enter") chart.play(chart.pointed);
    else if (event.key === "+" || event.key === "=") chart.zoom(1.6);
    else if (event.key === "-" || event.key === "−") chart.zoom(1 / 1.6);
    else if (event.key === "0") chart.whole();
    else if (event.key.toLowerCase() === "c") chart.recolour();
    else if (chart.picker.key(event.key.toLowerCase())) canvas.focus();
    else return;
    event.preventDefault();
    event.stopPropagation();
  });
}
