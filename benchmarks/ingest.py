"""Speed and memory of an ingest beside Musly, Essentia and decoding alone, on the same whole tracks.

    python benchmarks/ingest.py FOLDER [--rounds 3] [--against musly essentia decode libsndfile]

Rounds alternate between the contestants, so that a drift of the machine's speed touches all. Each runs
as one process held on one core, and as one process a core on all of them; ours on one core is
`--jobs 1`, its main process and its one worker sharing it. Wall times hold all that starting costs.
Musly (`pip install pymusly`) and Essentia's MusicExtractor (`pip install essentia`; slow, so that it is
given a sample of the files) decode for themselves, as do `decode`, our decoder to 16 kHz mono, and
`libsndfile`, its plain reading of the samples as they are.
"""

import os
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import common

SUFFIXES: Final = {".mp3", ".ogg", ".flac", ".wav"}
SCRIPTS: Final = {
    "musly": """
import sys, pymusly
jukebox = pymusly.MuslyJukebox(method="timbre", decoder="none")
for path in sys.stdin.read().splitlines():
    jukebox.track_from_audiofile(path, 0, 0)
""",
    "essentia": """
import sys, essentia, essentia.standard
essentia.log.infoActive = essentia.log.warningActive = False
extractor = essentia.standard.MusicExtractor()
for path in sys.stdin.read().splitlines():
    extractor(path)
""",
    "decode": """
import sys
from pathlib import Path
from classifier.audio.decode import DecodeReport, stream_mono
for path in sys.stdin.read().splitlines():
    for block in stream_mono(Path(path), 16_000, DecodeReport()):
        pass
""",
    "libsndfile": """
import sys, numpy, soundfile
for path in sys.stdin.read().splitlines():
    with soundfile.SoundFile(path) as file:
        block = numpy.empty((5 * file.samplerate, file.channels), numpy.float32)
        while len(file.read(out=block)):
            pass
""",
}
LOOK_S: Final = 1.0
"""Between looks at memory: the others are not looked at."""
CORES: Final = sorted(os.sched_getaffinity(0))


@dataclass(frozen=True)
class Run:
    """One run: its wall time, the processors' time in all its processes, and its peak memory."""

    wall_s: float
    cpu_s: float
    peak_bytes: int = 0
    report: Any = None


def ours(folder: Path, processes: int) -> Run:
    """Ingest into an empty home."""
    spent = common.children_cpu_s()
    with tempfile.TemporaryDirectory() as home, common.held_on(CORES[:processes]):
        arguments = (Path(home), "ingest", folder, "--jobs", processes)
        report, wall, peak = common.measured_cli(*arguments, every_s=LOOK_S)
    return Run(wall, common.children_cpu_s() - spent, peak, report)


def theirs(name: str, files: list[str], processes: int) -> Run:
    """Run a script on the files, shared among processes."""
    spent, started = common.children_cpu_s(), time.perf_counter()
    environment = os.environ | {"OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1"}
    with common.held_on(CORES[:processes]):
        running = [
            subprocess.Popen(
                [sys.executable, "-c", SCRIPTS[name]],
                stdin=subprocess.PIPE,
                stderr=subprocess.DEVNULL,
                text=True,
                cwd=common.ROOT,
                env=environment,
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
        raise RuntimeError(f"{name} failed: is it installed, and ffmpeg?")
    return Run(time.perf_counter() - started, common.children_cpu_s() - spent)


def measure(folder: Path, files: list[str], args: Any, processes: int) -> dict[str, Any]:
    """Let the contestants take turns; return medians a track and the ratios to ours."""
    sample = files[:: max(1, len(files) // args.sample)][: args.sample]
    given = {name: sample if name == "essentia" else files for name in args.against}
    runs: dict[str, list[Run]] = {name: [] for name in ("ours", *given)}
    for _ in range(args.rounds):
        runs["ours"].append(ours(folder, processes))
        for name, some in given.items():
            runs[name].append(theirs(name, some, processes))
    tracks = {name: len(given.get(name, files)) for name in runs}
    seconds = {name: _median(some, "wall_s") / tracks[name] for name, some in runs.items()}
    return {
        "processes": processes,
        "tracks": tracks,
        "wall_s": {name: [round(run.wall_s, 2) for run in some] for name, some in runs.items()},
        "wall_ms_a_track": {name: round(1000 * s, 1) for name, s in seconds.items()},
        "cpu_ms_a_track": {
            name: round(1000 * _median(some, "cpu_s") / tracks[name], 1) for name, some in runs.items()
        },
        "time_over_ours": {name: round(s / seconds["ours"], 2) for name, s in seconds.items()},
        **_of_ours(runs["ours"]),
    }


def _median(runs: list[Run], what: str) -> float:
    return statistics.median(getattr(run, what) for run in runs)


def _of_ours(runs: list[Run]) -> dict[str, Any]:
    """Return what only our own report tells: rates, memory, and where the processors' time went."""
    report = runs[0].report
    wall = _median(runs, "wall_s")
    parts = {name: statistics.median(r.report["stage_s"][name] for r in runs) for name in report["stage_s"]}
    parts["all else"] = max(0.0, _median(runs, "cpu_s") - sum(parts.values()))
    return {
        "tracks_per_minute": round(report["analysed"] / wall * 60, 1),
        "three_minute_tracks_per_minute": round(report["audio_s"] / 180 / wall * 60, 1),
        "peak_memory_mb": round(max(run.peak_bytes for run in runs) / 1e6),
        "ms_a_track": {name: round(1000 * s / report["analysed"], 1) for name, s in parts.items()},
        "share_of_work": {name: round(s / sum(parts.values()), 3) for name, s in parts.items()},
    }


def main() -> None:
    """Run it."""
    parser = common.parser(__doc__ or "")
    parser.add_argument("folder", type=Path)
    parser.add_argument("--against", nargs="*", choices=sorted(SCRIPTS), default=[])
    parser.add_argument("--sample", type=int, default=4, help="files that Essentia is given")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--processes", type=int, nargs="*", default=sorted({1, len(CORES)}))
    args = parser.parse_args()
    folder = args.folder.resolve()
    files = sorted(str(p) for p in folder.rglob("*") if p.suffix.lower() in SUFFIXES)
    packages = ("pymusly", "essentia")
    answer: dict[str, Any] = {"machine": common.machine() | common.versions(*packages)}
    for processes in args.processes:
        answer[f"on {processes}"] = measure(folder, files, args, processes)
    common.report(answer, args.output)


if __name__ == "__main__":
    main()
