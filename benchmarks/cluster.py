"""An ingest on a Dask cluster of two worker processes on this machine, beside local ones of one and of two.

    python benchmarks/cluster.py FOLDER [--rounds 3]

Rounds alternate between the three. Then a run on the cluster loses a worker half-way, by SIGKILL, and its
rows are compared with those of a local run. Nothing is gained on one machine: what Dask costs is shown.
"""

import argparse
import contextlib
import importlib.metadata
import os
import signal
import sqlite3
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import common
import numpy as np

N_WORKERS = 2
HERE = ("--host", "127.0.0.1", "--no-dashboard")
ROWS = """
    SELECT rel_path, segment.start_s, segment.end_s, embedding, tags, genres, patches FROM segment
    JOIN track ON track.id = segment.track_id
    LEFT JOIN feature ON feature.segment_id = segment.id
    LEFT JOIN prediction ON prediction.segment_id = segment.id ORDER BY rel_path, segment.start_s
"""


@contextmanager
def cluster(folder: Path) -> Iterator[Any]:
    """Start a scheduler and its workers; yield a client that looks at them."""
    import distributed

    processes = [_start(folder, "scheduler", "--port", "0")]
    log = folder / "scheduler.log"
    while not (found := [word for word in log.read_text().split() if word.startswith("tcp://")]):
        time.sleep(0.1)
    many = ("--nthreads", "1", "--nworkers", str(N_WORKERS), "--local-directory", str(folder))
    processes.append(_start(folder, "worker", found[0], *many))
    try:
        with distributed.Client(found[0], set_as_default=False) as client:
            client.wait_for_workers(N_WORKERS, timeout=60)
            yield client
    finally:
        for process in reversed(processes):
            with contextlib.suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGKILL)
            process.wait()


def _start(folder: Path, command: str, *arguments: str) -> subprocess.Popen[bytes]:
    with open(folder / f"{command}.log", "wb") as log:
        return subprocess.Popen(
            [sys.executable, "-m", f"distributed.cli.dask_{command}", *HERE, *arguments],
            cwd=folder,
            env=os.environ | {"PYTHONPATH": str(common.ROOT)},
            stdout=log,
            stderr=log,
            start_new_session=True,
        )


def timed(home: Path, *arguments: object) -> tuple[float, Any]:
    """Run an ingest; return its wall time and report."""
    started = time.perf_counter()
    report = common.cli(home, "ingest", *arguments)
    return time.perf_counter() - started, report


def n_rows(home: Path) -> int:
    """Return how many tracks are stored so far."""
    try:
        with contextlib.closing(sqlite3.connect(home / "catalog.sqlite", timeout=30)) as connection:
            counted = connection.execute("SELECT count(*) FROM track WHERE analysed_hash IS NOT NULL")
            return int(counted.fetchone()[0])
    except sqlite3.OperationalError:  # no file, or no table, yet
        return 0


def when_stored(home: Path, n: int, action: Callable[[], None]) -> None:
    """Do something as soon as so many tracks are stored."""
    while n_rows(home) < n:
        time.sleep(0.02)
    action()


def compared(one: Path, other: Path) -> dict[str, Any]:
    """Compare what two homes hold of every segment."""
    sides = []
    for home in (one, other):
        with contextlib.closing(sqlite3.connect(home / "catalog.sqlite")) as connection:
            sides.append(connection.execute(ROWS).fetchall())
    pairs = [(a[3], b[3]) for a, b in zip(*sides, strict=True) if a[3] is not None and b[3] is not None]
    furthest = max(float(np.abs(np.frombuffer(a, "<f4") - np.frombuffer(b, "<f4")).max()) for a, b in pairs)
    return {
        "segments": len(sides[0]),
        "rows_equal_bit_for_bit": sides[0] == sides[1],
        "largest_difference_of_embeddings": furthest,
    }


def killed(folder: Path, place: Path, client: Any, half: int) -> dict[str, Any]:
    """Ingest while one worker is killed once half the tracks are stored."""
    home, scheduler = place / "killed", client.scheduler.address
    victim = next(iter(client.run(os.getpid).values()))
    watcher = threading.Thread(target=when_stored, args=(home, half, lambda: os.kill(victim, signal.SIGKILL)))
    watcher.start()
    wall, report = timed(home, folder, "--scheduler", scheduler)
    watcher.join()
    return {"killed_after_tracks": half, "killed_run_wall_s": round(wall, 2), "failed": len(report["failed"])}


def _speed(ours: list[tuple[float, float]], theirs: list[tuple[float, float]]) -> float:
    """Return the median over the rounds of how many times as fast our ingest was, start-up left out."""
    return round(statistics.median(b[1] / a[1] for a, b in zip(ours, theirs, strict=True)), 2)


def main() -> None:
    """Run it."""
    parser = common.parser(__doc__ or "")
    parser.add_argument("folder", type=Path)
    parser.add_argument("--rounds", type=int, default=3)
    args: argparse.Namespace = parser.parse_args()
    folder = args.folder.resolve()
    versions = {"distributed": importlib.metadata.version("distributed")}
    answer: dict[str, Any] = {"machine": common.machine() | versions}
    alone, local, remote = [], [], []
    with tempfile.TemporaryDirectory() as temporary, cluster(Path(temporary)) as client:
        place = Path(temporary)
        for number in range(args.rounds):
            wall, report = timed(place / f"alone{number}", folder, "--jobs", 1)
            alone.append((wall, report["seconds"]))
            wall, report = timed(place / f"local{number}", folder, "--jobs", N_WORKERS)
            local.append((wall, report["seconds"]))
            wall, report = timed(place / f"remote{number}", folder, "--scheduler", client.scheduler.address)
            remote.append((wall, report["seconds"]))
        answer |= {"tracks": report["analysed"], "audio_hours": round(report["audio_s"] / 3600, 2)}
        answer |= killed(folder, place, client, report["analysed"] // 2)
        answer["cluster_and_local"] = compared(place / "remote0", place / "local0")
        answer["killed_and_local"] = compared(place / "killed", place / "local0")
    for name, runs in (("one_process", alone), ("two_processes", local), ("cluster", remote)):
        answer[f"{name}_wall_s"] = [round(wall, 2) for wall, _ in runs]
        answer[f"{name}_ingest_s"] = [round(seconds, 2) for _, seconds in runs]
    answer["speed_of_cluster_over_two_processes"] = _speed(remote, local)
    answer["speed_of_cluster_over_one_process"] = _speed(remote, alone)
    answer["speed_of_two_processes_over_one"] = _speed(local, alone)
    common.report(answer, args.output)


if __name__ == "__main__":
    main()
