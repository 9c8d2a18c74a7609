"""Time of the command line from a cold process: median, least and most of seven runs.

    python benchmarks/startup.py HOME NEW_FILE

HOME is a filled home directory; NEW_FILE a three-minute MP3 outside its catalogue. `imports_alone` is
what Python takes to import the libraries that any answer needs, measured in the same run: it tells how
fast the machine is at present.
"""

import statistics
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import common

RUNS = 7


IMPORTS = "import numpy, sqlalchemy.orm, typer"


def timed(*arguments: str) -> dict[str, Any]:
    """Run Python with some arguments several times and return the seconds that it took."""
    seconds = []
    for _ in range(RUNS):
        started = time.perf_counter()
        subprocess.run([sys.executable, *arguments], capture_output=True, check=True)
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
    cli = str(common.ROOT / "cli.py")
    home = (cli, "--home", str(args.home))
    first = next(iter(common.cli(args.home, "find", "rock", "-n", 1)["results"]))["track_id"]
    answer = {
        "machine": common.machine(),
        "tracks": common.cli(args.home, "status")["analysed"],
        "imports_alone": timed("-c", IMPORTS),
        "help": timed(cli, "--help"),
        "similar_catalogued": timed(*home, "similar", str(first)),
        "similar_new_file": timed(*home, "similar", str(args.new_file)),
    }
    common.report(answer, args.output)


if __name__ == "__main__":
    main()
