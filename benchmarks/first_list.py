"""How long the page takes until its first list is painted: python benchmarks/first_list.py HOME.

HOME is a catalogue's home directory (`benchmarks/players.py --make` makes one of songs that are none); a copy
of it is served, which was asked before. Chromium (by Playwright) opens the start page and a song's list, so
often in turn, each time with nothing kept, and then once more with what the browser keeps. The times are the
browser's own, from where the navigation begins: until rows of the first list are there, and until the frame
that shows them was painted. Where the time goes is told of the run in the middle: the page, its parts, what
it asks the service. The processors' time is that of all processes of the service, and of all of the browser.
--checkout DIR serves another version.
"""

import argparse
import os
import random
import shutil
import statistics
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import common
from service_load import Served, all_ids, parser_of_served, served_copy

WAIT_MS = 30_000
WATCH = """(() => {
  const watcher = new MutationObserver(() => {
    if (!document.querySelector("main .song")) return;
    watcher.disconnect();
    window.rowsThere = performance.now();
    requestAnimationFrame(() => {
      const after = new MessageChannel();
      after.port1.onmessage = () => { window.rowsPainted = performance.now(); };
      after.port2.postMessage(0);
    });
  });
  watcher.observe(document, { childList: true, subtree: true });
})()"""
"""A message that is sent in an animation's frame arrives when that frame was painted."""
TOLD = """() => ({
  there: window.rowsThere, painted: window.rowsPainted,
  parts: ["navigation", "resource"].flatMap((kind) => performance.getEntriesByType(kind)).map((one) => ({
    name: one.name.replace(location.origin, ""), begun: one.startTime, done: one.responseEnd,
    bytes: one.transferSize })),
})"""


def main() -> None:
    """Run it."""
    parser = parser_of_served(__doc__ or "")
    parser.add_argument("--runs", type=int, default=20)
    args = parser.parse_args()
    answer: dict[str, Any] = {"machine": common.machine()}
    with served_copy(args) as (served, _):
        answer |= measured(served, args)
    common.report(answer, args.output)


def measured(served: Served, args: argparse.Namespace) -> dict[str, Any]:
    """Return the figures of every place."""
    from playwright.sync_api import sync_playwright

    ids = all_ids(served)
    random.Random(0).shuffle(ids)
    names = ("chromium", "chromium-browser", "google-chrome")
    program = next(filter(None, map(shutil.which, names)), None)
    runs: dict[str, list[dict[str, Any]]] = {}
    with sync_playwright() as started:
        browser = started.chromium.launch(executable_path=program, args=["--no-sandbox"])
        for number in range(args.runs + 1):  # the first one starts the browser's own processes
            for place, at in (("start", ""), ("song", f"#track={ids[number]}")):
                context = browser.new_context()
                for kept in ("nothing kept", "kept"):
                    run = opened(served, context, at)
                    if number:
                        runs.setdefault(f"{place}, {kept}", []).append(run)
                context.close()
        browser.close()
    return {"tracks": len(ids)} | {name: summed(some) for name, some in runs.items()}


def opened(served: Served, context: Any, at: str) -> dict[str, Any]:
    """Open the page at a place; return what the browser says of it, and the processors' time."""
    page = context.new_page()
    page.add_init_script(WATCH)
    before = used_s(served)
    page.goto(f"http://127.0.0.1:{served.port}/{at}", wait_until="commit")
    page.wait_for_selector("main .song", state="attached", timeout=WAIT_MS)
    while page.evaluate("window.rowsPainted") is None:
        page.wait_for_timeout(5)
    told: dict[str, Any] = page.evaluate(TOLD)
    told["cpu_s"] = [after - begun for begun, after in zip(before, used_s(served), strict=True)]
    page.close()
    return told


def used_s(served: Served) -> tuple[float, float]:
    """Return the processors' time of the service and of the browser."""
    ours = common.family(os.getpid())
    service = set(common.family(served.process.pid))
    browser = [pid for pid in ours if pid not in service and "chrom" in _program(pid)]
    return sum(map(_process_s, service)), sum(map(_process_s, browser))


def _program(pid: int) -> str:
    try:
        return Path(f"/proc/{pid}/comm").read_text(encoding="utf-8")
    except OSError:  # it has ended meanwhile
        return ""


def _process_s(pid: int) -> float:
    try:
        fields = Path(f"/proc/{pid}/stat").read_text(encoding="utf-8").rpartition(")")[2].split()
    except OSError:
        return 0.0
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def summed(runs: list[dict[str, Any]]) -> dict[str, Any]:
    """Return medians and 95th percentiles, and the way of the run in the middle."""
    middle = sorted(runs, key=lambda run: float(run["painted"]))[len(runs) // 2]
    of_both = zip(*(run["cpu_s"] for run in runs), strict=True)
    service, browser = (round(1000 * statistics.mean(some)) for some in of_both)
    return {
        "rows_there": common.quantiles_ms(run["there"] for run in runs),
        "rows_painted": common.quantiles_ms(run["painted"] for run in runs),
        "cpu_ms": {"service": service, "browser": browser},
        "requests": statistics.median(len(run["parts"]) for run in runs),
        "way": way(middle),
    }


def way(run: dict[str, Any]) -> dict[str, Any]:
    """Return when what was there, in ms, of one run."""
    parts = run["parts"]
    files = [one for one in parts if "/static/" in one["name"]]
    asked = [one for one in parts if "/api/" in one["name"]]
    steps: Iterable[tuple[str, list[dict[str, Any]]]] = (
        ("page", parts[:1]),
        (f"{len(files)} parts", files),
        *((one["name"], [one]) for one in asked),
    )
    found = {
        name: [round(min(one["begun"] for one in some)), round(max(one["done"] for one in some))]
        for name, some in steps
        if some
    }
    return found | {
        "rows": [round(run["there"]), round(run["painted"])],
        "kb": round(sum(one["bytes"] for one in parts) / 1024),
    }


if __name__ == "__main__":
    main()
