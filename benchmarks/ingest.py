"""Speed and memory of an ingest, beside Musly's analysis of the same whole tracks.

    python benchmarks/ingest.py FOLDER [--musly] [--rounds 3]

Rounds alternate between the two, so that a drift of the machine's speed touches both. Musly
(`pip install pymusly`) runs as two processes that share the files; its decoder is given whole tracks.
"""

import os
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from pathlib import Path
from typing import Any

import common

MUSLY = """
import sys, pymusly
jukebox = pymusly.MuslyJukebox(method="timbre", decoder="none")
for path in sys.stdin.read().splitlines():
    jukebox.track_from_audiofile(path, 0, 0)
"""


def ours(folder: Path) -> dict[str, Any]:
    """Ingest into an empty home; return the report with wall time and peak memory."""
    with tempfile.TemporaryDirectory() as home:
        report, wall, peak = common.measured_cli(Path(home), "ingest", folder)
    return {"wall_s": wall, "peak_bytes": peak, "report": report}


def musly(files: list[str], processes: int) -> float:
    """Return the seconds that Musly takes for the files, shared among processes."""
    started = time.perf_counter()
    running = [
        subprocess.Popen(
            [sys.executable, "-c", MUSLY], stdin=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True
        )
        for _ in range(processes)
    ]
    threads = [
        threading.Thread(target=process.communicate, args=("\n".join(files[i::processes]),))
        for i, process in enumerate(running)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    if any(process.returncode for process in running):
        raise RuntimeError("Musly failed: is pymusly installed, and ffmpeg, which it decodes with?")
    return time.perf_counter() - started


def main() -> None:
    """Run it."""
    parser = common.parser(__doc__ or "")
    parser.add_argument("folder", type=Path)
    parser.add_argument("--musly", action="store_true")
    parser.add_argument("--rounds", type=int, default=3)
    args = parser.parse_args()
    answer: dict[str, Any] = {"machine": common.machine()}
    mine, theirs = [], []
    for _ in range(args.rounds):
        mine.append(ours(args.folder.resolve()))
        if args.musly:
            suffixes = {".mp3", ".ogg", ".opus", ".flac"}
            files = sorted(str(p) for p in args.folder.resolve().rglob("*") if p.suffix in suffixes)
            theirs.append(musly(files, os.cpu_count() or 1))
    report = mine[0]["report"]
    wall = statistics.median(run["wall_s"] for run in mine)
    three_minute = report["audio_s"] / 180
    stages = report["stage_s"]
    answer |= {
        "tracks": report["analysed"],
        "audio_hours": round(report["audio_s"] / 3600, 2),
        "wall_s": [round(run["wall_s"], 1) for run in mine],
        "tracks_per_minute": round(report["analysed"] / wall * 60, 1),
        "three_minute_tracks_per_minute": round(three_minute / wall * 60, 1),
        "peak_memory_mb": round(max(run["peak_bytes"] for run in mine) / 1e6),
        "share_of_work": {name: round(s / sum(stages.values()), 3) for name, s in stages.items()},
    }
    if theirs:
        answer["musly_wall_s"] = [round(s, 1) for s in theirs]
        answer["musly_time_over_ours"] = round(statistics.median(theirs) / wall, 2)
    common.report(answer, args.output)


if __name__ == "__main__":
    main()
