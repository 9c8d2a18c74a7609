"""The processor's time to identify and analyse files, of two versions of the project, in turn.

    python benchmarks/analysis_cost.py OLD NEW FILE... [--rounds 5]

OLD and NEW are checkouts. Each round runs one after the other in a process of its own, as an ingest's worker
does; of each file the median over the rounds counts.
"""

import argparse
import json
import os
import statistics
import subprocess
import sys
from pathlib import Path

WORKER = """
import importlib, json, sys, time
try:
    tasks = importlib.import_module("recommender.library.workers.tasks")
except ImportError:  # where they were before
    tasks = importlib.import_module("recommender.library.workers.pool")
checkout, *files = sys.argv[1:]
tasks.load(checkout + "/classifier/shipped", 1)
tasks.identify(files[0]), tasks.analyse(files[0])
seconds = []
for path in files:
    started = time.process_time()
    tasks.identify(path), tasks.analyse(path)
    seconds.append(time.process_time() - started)
json.dump(seconds, sys.stdout)
"""


def seconds_of(checkout: Path, files: list[str]) -> list[float]:
    """Return the seconds of the processor that each file takes."""
    found = {**os.environ, "PYTHONPATH": str(checkout), "OPENBLAS_NUM_THREADS": "1"}
    command = [sys.executable, "-c", WORKER, str(checkout), *files]
    done = subprocess.run(command, env=found, cwd=checkout, capture_output=True, check=True, text=True)
    return [float(value) for value in json.loads(done.stdout)]


def main() -> None:
    """Run this benchmark from the command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("old", type=Path)
    parser.add_argument("new", type=Path)
    parser.add_argument("files", nargs="+")
    parser.add_argument("--rounds", type=int, default=5)
    args = parser.parse_args()
    files = [os.path.abspath(path) for path in args.files]
    checkouts = {"old": args.old.resolve(), "new": args.new.resolve()}
    rounds: dict[str, list[list[float]]] = {name: [] for name in checkouts}
    for _ in range(args.rounds):
        for name, checkout in checkouts.items():
            rounds[name].append(seconds_of(checkout, files))
    total = {name: sum(map(statistics.median, zip(*runs, strict=True))) for name, runs in rounds.items()}
    more = {"more_percent": round(100 * (total["new"] / total["old"] - 1), 1)}
    print(json.dumps({name: round(value, 3) for name, value in total.items()} | more))


if __name__ == "__main__":
    main()
