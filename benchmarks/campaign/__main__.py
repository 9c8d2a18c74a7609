"""The campaign against the product: `python -m benchmarks.campaign PART [--seed N] [--count N] [--work DIR]`.

Each part is a module of this folder with a function ``run(work, seed, count)`` that returns a `Tally`;
without a count it is run in full. The exit code is 1 where anything failed.
"""

import argparse
import importlib
import sys
import tempfile
from pathlib import Path
from time import perf_counter

PARTS = ("fuzz", "kills", "statements", "faults", "disks", "crowds", "bundles", "attacks")


def main() -> int:
    """Run the parts that were asked for."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.campaign", description=__doc__)
    parser.add_argument("parts", nargs="+", choices=(*PARTS, "all"))
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--count", type=int, help="attempts, where a part can do more or fewer")
    parser.add_argument("--work", type=Path, help="a folder to work in; a temporary one without it")
    asked = parser.parse_args()
    n_failed = 0
    for part in PARTS if "all" in asked.parts else asked.parts:
        with tempfile.TemporaryDirectory(prefix=f"campaign-{part}-", dir=asked.work) as work:
            started = perf_counter()
            tally = importlib.import_module(f"benchmarks.campaign.{part}").run(
                Path(work), asked.seed, asked.count
            )
            for line in tally.lines():
                print(line)
            print(f"  {perf_counter() - started:.0f} s, seed {asked.seed}", flush=True)
            n_failed += len(tally.failed)
    return 1 if n_failed else 0


if __name__ == "__main__":
    sys.exit(main())
