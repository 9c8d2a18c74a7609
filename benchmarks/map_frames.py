"""How many frames a second the page's map has while it is zoomed and moved, and what a frame costs.

    python benchmarks/map_frames.py [--points 100000] [--seconds 5] [--chromium OPTIONS]

Made points lie in made clusters. The page is the real one; a small server gives it the points in the form
of `/api/map/columns`. A Chromium without a window turns the wheel, moves the map and points at songs, once a
frame, with WebGL and then without. What WebGL draws with is told: on a machine without graphics it is
software on the processors, where the page chooses to do without; other work of the processors counts, too.
`script_ms` is JavaScript's time for a frame by the clock, `page_cpu_ms` and `graphics_cpu_ms` the times on
the processors of the page's process and of the one that draws.
"""

import base64
import gzip
import json
import shutil
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import common
import numpy as np
from playwright.sync_api import sync_playwright

from db.listening.map_places import MapFacts
from recommender.map.library_map import LibraryMap
from recommender.map.regions import LEVELS, Region, areas
from recommender.presentation.map_answers import map_columns

STATIC = common.ROOT / "recommender" / "service" / "static"
KINDS = {".js": "text/javascript", ".css": "text/css", ".html": "text/html", ".svg": "image/svg+xml"}
GRAPHICS = ("--no-sandbox", "--use-gl=angle", "--use-angle=swiftshader", "--enable-unsafe-swiftshader")
WINDOW = {"width": 1280, "height": 860}
PATIENCE_S = 300
RENDERER = """() => {
  const gl = document.createElement("canvas").getContext("webgl2");
  const told = gl?.getExtension("WEBGL_debug_renderer_info");
  return told ? gl.getParameter(told.UNMASKED_RENDERER_WEBGL) : null;
}"""
CANVAS = """const make = HTMLCanvasElement.prototype.getContext;
HTMLCanvasElement.prototype.getContext = function (kind, said) {
  return kind === "webgl2" ? null : make.call(this, kind, said);
};"""
WEBGL = (
    CANVAS.replace("? null", "? make.call(this, kind, { ...said, failIfMajorPerformanceCaveat: false })")
    + """
const ask = WebGL2RenderingContext.prototype.getParameter;
WebGL2RenderingContext.prototype.getParameter = function (name) {
  const found = ask.call(this, name);
  return typeof found === "string" ? "made up" : found;
};"""
)
MOVED = """async ([how, seconds]) => {
  const canvas = document.querySelector("canvas.map");
  const box = canvas.getBoundingClientRect();
  const at = (x, y) => ({
    bubbles: true, cancelable: true, clientX: box.left + x * box.width, clientY: box.top + y * box.height,
  });
  const send = (Kind, name, said) => canvas.dispatchEvent(new Kind(name, { bubbles: true, ...said }));
  const ways = ["ArrowRight", "ArrowLeft"];
  const round = (n) => at(0.5 + 0.4 * Math.sin(n / 30), 0.5 + 0.3 * Math.cos(n / 37));
  const acts = {
    zoom: (n) => send(WheelEvent, "wheel", { ...at(0.45, 0.55), deltaY: n % 120 < 60 ? -40 : 40 }),
    move: (n) => send(KeyboardEvent, "keydown", { shiftKey: true, key: ways[n % 40 < 20 ? 0 : 1] }),
    point: (n) => send(PointerEvent, "pointermove", round(n)),
  };
  const next = () => new Promise((done) => requestAnimationFrame(done));
  if (how === "move") for (let n = 0; n < 3; n += 1) send(KeyboardEvent, "keydown", { key: "+" });
  const first = await next();
  let last = first;
  let frames = 0;
  for (; last - first < 1000 * seconds; frames += 1) {
    acts[how](frames);
    last = await next();
  }
  return [frames, (last - first) / 1000];
}"""


def made_map(n_points: int) -> dict[str, Any]:
    """Return the columns of a map of made songs."""
    random = np.random.default_rng(0)
    centres = random.uniform(-0.9, 0.9, (150, 2))
    owner = random.integers(0, len(centres), n_points)
    points = (centres[owner] + 0.05 * random.standard_normal((n_points, 2))).clip(-1, 1)
    genres = [f"genre {number % 15}" for number in owner.tolist()]
    regions = [
        Region(f"Area {level}.{number}", float(peak[0]), float(peak[1]), level, len(members))
        for level, most in enumerate(LEVELS)
        for number, (members, peak) in enumerate(areas(points, most, 4))
    ]
    plays, years, beats = (
        random.geometric(0.4, n_points),
        random.integers(1955, 2026, n_points),
        random.uniform(60, 180, n_points),
    )
    facts = {
        i: MapFacts(
            f"Song number {i}", f"Artist {i // 12}", None, int(years[i]), float(beats[i]), int(plays[i]) - 1
        )
        for i in range(n_points)
    }
    return map_columns(LibraryMap([*range(n_points)], points, genres, regions), facts)


class Handler(BaseHTTPRequestHandler):
    """Gives the page, and the map's columns."""

    def __init__(self, answers: dict[str, Any], *more: Any) -> None:
        self._answers = answers
        super().__init__(*more)

    def do_GET(self) -> None:
        """Answer."""
        path = self.path.split("?")[0].lstrip("/")
        file = STATIC / ("index.html" if not path else path.removeprefix("static/"))
        if path in self._answers:
            self._send(200, "application/json", self._answers[path])
        elif file.is_file():
            self._send(200, KINDS.get(file.suffix, "text/plain"), file.read_bytes())
        else:
            self._send(404, "application/json", b"{}")

    def _send(self, status: int, kind: str, body: bytes) -> None:
        self.send_response(status)
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: Any) -> None:
        """Say nothing."""


@contextmanager
def served(columns: bytes) -> Iterator[str]:
    """Give the address of the page until the block ends."""
    status = {"tracks": 1, "analysed": 1, "index": "current", "index_tracks": 1}
    answers = {"api/map/columns": columns, "api/status": json.dumps(status).encode()}
    server = ThreadingHTTPServer(("127.0.0.1", 0), partial(Handler, answers))
    threading.Thread(target=server.serve_forever, daemon=True).start()
    try:
        yield f"http://127.0.0.1:{server.server_address[1]}/"
    finally:
        server.shutdown()


def cpu_s(browser: Any, *kinds: str) -> float:
    """Return the seconds on the processors of all processes of some kinds."""
    found = browser.new_browser_cdp_session().send("SystemInfo.getProcessInfo")
    return sum(one["cpuTime"] for one in found["processInfo"] if one["type"].lower() in kinds)


def script_s(session: Any) -> float:
    """Return the seconds that JavaScript ran on the page's thread, waiting for a processor included."""
    metrics = {one["name"]: one["value"] for one in session.send("Performance.getMetrics")["metrics"]}
    return metrics["ScriptDuration"]


def drawn(browser: Any, url: str, seconds: float, script: str) -> dict[str, Any]:
    """Open the map after a script has run, and measure what is done with it."""
    context = browser.new_context(viewport=WINDOW)
    context.set_default_timeout(1000 * PATIENCE_S)
    context.add_init_script(script)
    page = context.new_page()
    began = time.perf_counter()
    page.goto(f"{url}#map")
    page.wait_for_selector(".map-box[data-painter]")
    page.evaluate("() => new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(done)))")
    found: dict[str, Any] = {
        "painter": page.get_attribute(".map-box", "data-painter"),
        "seen_after_s": round(time.perf_counter() - began, 2),
    }
    session = context.new_cdp_session(page)
    session.send("Performance.enable")
    for how in ("zoom", "move", "point"):
        before = (script_s(session), cpu_s(browser, "renderer"), cpu_s(browser, "gpu"))
        frames, took_s = page.evaluate(MOVED, [how, seconds])
        after = (script_s(session), cpu_s(browser, "renderer"), cpu_s(browser, "gpu"))
        names = ("script_ms", "page_cpu_ms", "graphics_cpu_ms")
        found[how] = {"frames_per_s": round(frames / took_s, 1)} | {
            name: round(1000 * (late - early) / frames, 2)
            for name, early, late in zip(names, before, after, strict=True)
        }
    context.close()
    return found


def main() -> None:
    """Run it."""
    parser = common.parser(__doc__.splitlines()[0])
    parser.add_argument("--points", type=int, default=100_000)
    parser.add_argument("--seconds", type=float, default=5)
    parser.add_argument("--chromium", default=" ".join(GRAPHICS), help="Options of the browser.")
    options = parser.parse_args()
    made = made_map(options.points)
    columns = json.dumps(made, ensure_ascii=False).encode()
    numbers = sum(len(base64.b64decode(made[name])) for name in ("track_ids", "x", "y"))
    found: dict[str, Any] = {
        "points": options.points,
        "answer_mb": round(len(columns) / 1e6, 2),
        "answer_packed_mb": round(len(gzip.compress(columns, 6)) / 1e6, 2),
        "places_mb": round(numbers / 1e6, 2),
    }
    program = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)
    with served(columns) as url, sync_playwright() as started:
        browser = started.chromium.launch(executable_path=program, args=options.chromium.split())
        found["browser"] = browser.version
        page = browser.new_page()
        found["renderer"] = page.evaluate(RENDERER)
        page.goto(f"{url}#map")
        page.wait_for_selector(".map-box[data-painter]", timeout=1000 * PATIENCE_S)
        found["page_chooses"] = page.get_attribute(".map-box", "data-painter")
        page.close()
        found["with_webgl"] = drawn(browser, url, options.seconds, WEBGL)
        found["without"] = drawn(browser, url, options.seconds, CANVAS)
        browser.close()
    common.report({**found, "machine": common.machine()}, options.output)


if __name__ == "__main__":
    main()
