"""Whether a track costs the same at the beginning and at the end of a large ingest.

    python benchmarks/growth.py FOLDER [--new FILE]

FOLDER holds thousands of short files of one length, their kinds well mixed. They are ingested into an
empty home while the catalogue is watched from outside; the rate of each tenth is told, and what
opening the catalogue costs afterwards: `similar` on one of its tracks, and on FILE, which is not in it.
"""

import statistics
import subprocess
import sys
import tempfile
import threading
import time
from itertools import pairwise
from pathlib import Path
from typing import Any

import common
from sqlalchemy import URL, create_engine, text
from sqlalchemy.exc import OperationalError

WATCHED_S = 0.25
RUNS = 7


def watch(path: Path, stop: threading.Event, seen: list[tuple[float, int]]) -> None:
    """Note how many tracks are analysed, again and again."""
    engine = create_engine(URL.create("sqlite", database=f"file:{path}", query={"mode": "ro", "uri": "true"}))
    started = time.perf_counter()
    while not stop.wait(WATCHED_S):
        try:
            with engine.connect() as connection:
                done = connection.scalar(text("SELECT count(*) FROM track WHERE analysed_hash IS NOT NULL"))
        except OperationalError:  # not there yet
            continue
        seen.append((time.perf_counter() - started, int(done or 0)))
    engine.dispose()


def rates(seen: list[tuple[float, int]], total: int) -> list[float]:
    """Return the tracks per second of each tenth."""
    reached = [next(s for s, n in seen if n >= total * tenth / 10 and n > 0) for tenth in range(11)]
    return [round(total / 10 / (b - a), 1) for a, b in pairwise(reached)]


def timed(home: Path, query: object) -> dict[str, float]:
    """Time `similar` from a cold process."""
    seconds = []
    for _ in range(RUNS):
        started = time.perf_counter()
        command = [sys.executable, str(common.ROOT / "cli.py"), "--home", str(home), "similar", str(query)]
        subprocess.run(command, capture_output=True, check=True)
        seconds.append(time.perf_counter() - started)
    return {"median_s": round(statistics.median(seconds), 3), "most_s": round(max(seconds), 3)}


def main() -> None:
    """Run it."""
    parser = common.parser(__doc__ or "")
    parser.add_argument("folder", type=Path)
    parser.add_argument("--new", type=Path)
    args = parser.parse_args()
    machine = common.machine()
    with tempfile.TemporaryDirectory() as place:
        home = Path(place)
        seen: list[tuple[float, int]] = []
        stop = threading.Event()
        watcher = threading.Thread(target=watch, args=(home / "catalog.sqlite", stop, seen))
        watcher.start()
        report, wall_s, peak = common.measured_cli(home, "ingest", args.folder.resolve())
        stop.set()
        watcher.join()
        tenths = rates(seen, report["analysed"])
        again, again_s, _ = common.measured_cli(home, "ingest", args.folder.resolve())
        answer: dict[str, Any] = {
            "machine": machine,
            "tracks": report["analysed"],
            "wall_s": round(wall_s, 1),
            "tracks_per_s_in_each_tenth": tenths,
            "last_tenth_over_first": round(tenths[-1] / tenths[0], 3),
            "database_ms_a_track": round(1000 * report["stage_s"]["database"] / report["analysed"], 2),
            "peak_memory_mb": round(peak / 1e6),
            "second_ingest_s": round(again_s, 2),
            "second_ingest_unchanged": again["unchanged"],
            "similar_catalogued": timed(home, 7),
        }
        if args.new is not None:
            answer["similar_new_file"] = timed(home, args.new.resolve())
    common.report(answer, args.output)


if __name__ == "__main__":
    main()
