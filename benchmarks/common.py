"""What the benchmarks share: the command line as a process, and a record of the machine."""

import argparse
import importlib.metadata
import json
import os
import platform
import resource
import statistics
import subprocess
import sys
import threading
import time
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parent.parent
# What is measured starts as an installed program does, its modules compiled.
os.environ.pop("PYTHONDONTWRITEBYTECODE", None)


def cli(home: Path, *arguments: object) -> Any:
    """Run a command with ``--json`` and return what it printed; exit code 3 is not an error."""
    command = [sys.executable, str(ROOT / "cli.py"), "--home", str(home), *map(str, arguments), "--json"]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode not in (0, 3):
        raise RuntimeError(f"{command} ended with {done.returncode}: {done.stderr[-2000:]}")
    return json.loads(done.stdout)


def measured_cli(home: Path, *arguments: object, every_s: float = 0.1) -> tuple[Any, float, int]:
    """Run a command with ``--json``; return what it printed, its seconds, and its peak memory in bytes.

    To look at the memory of four processes takes 5 ms, which at ten times a second is a twentieth of a core.
    """
    command = [sys.executable, str(ROOT / "cli.py"), "--home", str(home), *map(str, arguments), "--json"]
    started = time.perf_counter()
    process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True)
    stop, peaks = threading.Event(), [0]
    watcher = threading.Thread(target=_watch_memory, args=(process.pid, stop, peaks, every_s))
    watcher.start()
    output, _ = process.communicate()
    wall = time.perf_counter() - started
    stop.set()
    watcher.join()
    return json.loads(output), wall, max(peaks)


@contextmanager
def held_on(cores: Iterable[int]) -> Iterator[None]:
    """Start processes that stay on some of the cores."""
    all_of_them = os.sched_getaffinity(0)
    os.sched_setaffinity(0, cores)
    try:
        yield
    finally:
        os.sched_setaffinity(0, all_of_them)


def children_cpu_s() -> float:
    """Return the processors' time spent so far in processes below this one that have ended."""
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


def _watch_memory(process: int, stop: threading.Event, peaks: list[int], every_s: float) -> None:
    """Sample the proportional memory of a process and all below it, in bytes, until told to stop."""
    while not stop.wait(every_s):
        peaks.append(sum(_pss(pid) for pid in family(process)))


def family(process: int) -> list[int]:
    """Return a process and all below it."""
    found = [process]
    for pid in found:
        try:
            children = Path(f"/proc/{pid}/task/{pid}/children").read_text(encoding="utf-8").split()
        except OSError:
            continue
        found += [int(child) for child in children]
    return found


def running_cpu_s(process: int) -> float:
    """Return the processors' time of a process and all below it, as long as their threads run."""
    spent = 0
    for pid in family(process):
        for thread in Path(f"/proc/{pid}/task").glob("*/schedstat"):
            try:
                spent += int(thread.read_text(encoding="utf-8").split()[0])
            except OSError:
                continue
    return spent / 1e9


def _pss(pid: int) -> int:
    try:
        lines = Path(f"/proc/{pid}/smaps_rollup").read_text(encoding="utf-8").splitlines()
    except OSError:
        return 0
    return sum(int(line.split()[1]) * 1024 for line in lines if line.startswith("Pss:"))


def machine() -> dict[str, Any]:
    """Return processor, cores, load and versions."""
    names = ("numpy", "onnxruntime", "faiss-cpu", "soundfile", "soxr", "av")
    return {
        "processor": _processor(),
        "cores": os.cpu_count(),
        "load_before": os.getloadavg()[0],
        "python": platform.python_version(),
        **versions(*names),
    }


def versions(*packages: str) -> dict[str, str]:
    """Return the versions of those packages that are installed."""
    found = {}
    for name in packages:
        try:
            found[name] = importlib.metadata.version(name)
        except importlib.metadata.PackageNotFoundError:
            continue
    return found


def _processor() -> str:
    lines = Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines()
    return next((line.split(":")[1].strip() for line in lines if line.startswith("model name")), "unknown")


def parser(description: str) -> argparse.ArgumentParser:
    """Return a parser with the option that every benchmark has."""
    made = argparse.ArgumentParser(description=description)
    made.add_argument("-o", "--output", type=Path, help="also write the JSON here")
    return made


def quantile(values: Iterable[float], share: float) -> float:
    """Return the value that so large a share of some is not above: 0.95 for the 95th percentile."""
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, int(share * len(ordered)))]


def quantiles_ms(values: Iterable[float]) -> dict[str, float]:
    """Return number, median, 95th percentile and the most, of milliseconds."""
    some = list(values)
    return {
        "n": len(some),
        "median_ms": round(statistics.median(some), 1),
        "p95_ms": round(quantile(some, 0.95), 1),
        "most_ms": round(max(some), 1),
    }


def report(answer: dict[str, Any], output: Path | None) -> None:
    """Print the figures as JSON, and write them where asked."""
    text = json.dumps(answer, indent=2)
    print(text)
    if output is not None:
        output.write_text(text + "\n", encoding="utf-8")
