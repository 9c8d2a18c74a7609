"""Time of the command line from a cold process: median, least and most of seven runs.

    python benchmarks/startup.py HOME NEW_FILE

HOME is a filled home directory; NEW_FILE a three-minute MP3 outside its catalogue.
"""

import statistics
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import common

RUNS = 7


def timed(*arguments: str) -> dict[str, Any]:
    """Run the command line some times and return the seconds that it took."""
    seconds = []
    for _ in range(RUNS):
        started = time.perf_counter()
        subprocess.run(
            [sys.executable, str(common.ROOT / "cli.py"), *arguments], capture_output=True, check=True
        )
        seconds.append(time.perf_counter() - started)
    return {
        "median_s": round(statistics.median(seconds), 3),
        "least_s": round(min(seconds), 3),
        "most_s": round(max(seconds), 3),
    }


def main() -> None:
    """Run it."""
    parser = common.parser(__doc__ or "")
    parser.add_argument("home", type=Path)
    parser.add_argument("new_file", type=Path)
    args = parser.parse_args()
    home = ("--home", str(args.home))
    first = common.cli(args.home, "tag")[0]["path"]
    answer = {
        "machine": common.machine(),
        "tracks": common.cli(args.home, "status")["analysed"],
        "help": timed("--help"),
        "similar_catalogued": timed(*home, "similar", first),
        "similar_new_file": timed(*home, "similar", str(args.new_file)),
    }
    common.report(answer, args.output)


if __name__ == "__main__":
    main()
