"""Time of work on n, 2n and 4n files that are the same, fail, move or go: twice as many take twice as long.

    python benchmarks/linear.py [--n 500] [--only copies links …]

Files are short and made here; of each kind of work the seconds of all processors are told, less what the
same takes on forty files, and what they grow by from size to size: a little over 2 where it is linear.
"""

import os
import shutil
import sys
import tempfile
from collections.abc import Callable
from itertools import pairwise
from pathlib import Path
from typing import Any, Final

import common
import numpy as np
import soundfile

RATE_HZ: Final = 16_000
SECONDS: Final = 4
RECORDINGS: Final = 40
SIZES: Final = (1, 2, 4)


def recording(path: Path, seed: int) -> Path:
    """Write a short recording of its own sound."""
    random = np.random.default_rng(seed)
    times = np.arange(SECONDS * RATE_HZ) / RATE_HZ
    tones = sum(np.sin(2 * np.pi * hz * times) for hz in random.uniform(80, 2000, 5))
    soundfile.write(path, 0.1 * tones + 0.02 * random.standard_normal(len(times)), RATE_HZ)
    return path


def copies(folder: Path, n: int) -> None:
    """Write copies of forty recordings."""
    first = [recording(folder / f"{number:02d} 0.flac", number) for number in range(RECORDINGS)]
    for number in range(RECORDINGS, n):
        of, which = divmod(number, RECORDINGS)
        shutil.copyfile(first[which], folder / f"{which:02d} {of}.flac")


def links(folder: Path, n: int) -> None:
    """Write one file, and hard links to it."""
    first = recording(folder / "0.flac", 0)
    for number in range(1, n):
        os.link(first, folder / f"{number}.flac")


def odd(folder: Path, n: int) -> None:
    """Write files that fail: empty, text, noise, broken ones, and broken ones that are copies."""
    whole = recording(folder / "whole.flac", 0)
    data = whole.read_bytes()
    whole.unlink()
    random = np.random.default_rng(0)
    suffixes = (".flac", ".mp3", ".ogg", ".wav", ".m4a", ".wma", ".opus", ".aiff")
    for number in range(n):
        kinds = (
            b"",
            f"text {number}\n".encode() * 100,
            random.bytes(3000),
            data[:200] + random.bytes(2000),
            data[:9000],
        )
        kind = kinds[number % len(kinds)]
        suffix = ".flac" if number % len(kinds) > 2 else suffixes[number % len(suffixes)]
        (folder / f"{number}{suffix}").write_bytes(kind)


def renamed(folder: Path) -> None:
    """Rename every file."""
    for path in list(folder.iterdir()):
        path.rename(folder / f"again {path.name}")


def gone(folder: Path) -> None:
    """Delete every file but one."""
    for path in sorted(folder.iterdir())[1:]:
        path.unlink()


def nothing(_folder: Path) -> None:
    """Leave everything as it is."""


Fill = Callable[[Path, int], None]
KINDS: Final[dict[str, tuple[Fill, Callable[[Path], None], tuple[str, ...]]]] = {
    "copies": (copies, nothing, ()),
    "links": (links, nothing, ()),
    "odd files": (odd, nothing, ()),
    "unchanged": (copies, nothing, ("ingest",)),
    "renamed": (copies, renamed, ("ingest",)),
    "renamed links": (links, renamed, ("ingest",)),
    "gone": (copies, gone, ("ingest",)),
    "duplicates": (copies, nothing, ("duplicates",)),
    "similar": (copies, nothing, ("similar", "1")),
    "status": (copies, nothing, ("status",)),
    "failures": (odd, nothing, ("failures",)),
    "tag": (copies, nothing, ("tag",)),
    "tag --write": (copies, nothing, ("tag", "--write", "--min-confidence", "0", "--overwrite")),
    "export": (copies, nothing, ("export",)),
}
"""How files are made, what is done to them once they are ingested, and the command that is measured then."""


def cpu_s(home: Path, words: tuple[str, ...], music: Path) -> float:
    """Run a command and return the seconds of all processors."""
    more = {"ingest": (music,), "export": ("-o", home / "labels.jsonl")}.get(words[0], ())
    spent = common.children_cpu_s()
    common.cli(home, *words, *more)
    return common.children_cpu_s() - spent


def measure(kind: str, n: int) -> float:
    """Return the seconds that a kind of work takes on n files."""
    fill, change, words = KINDS[kind]
    with tempfile.TemporaryDirectory() as place:
        home, music = Path(place) / "home", Path(place) / "music"
        music.mkdir()
        fill(music, n)
        first = cpu_s(home, ("ingest",), music)
        if not words:
            return first
        change(music)
        return cpu_s(home, words, music)


def main() -> None:
    """Run it."""
    parser = common.parser(__doc__ or "")
    parser.add_argument("--n", type=int, default=500, help="files of the smallest size")
    parser.add_argument("--only", nargs="*", choices=sorted(KINDS), default=list(KINDS))
    args = parser.parse_args()
    files = [RECORDINGS, *(args.n * size for size in SIZES)]
    answer: dict[str, Any] = {"machine": common.machine(), "files": files}
    for kind in args.only:
        idle = measure(kind, RECORDINGS)
        seconds = [measure(kind, args.n * size) for size in SIZES]
        above = [max(s - idle, 1e-3) for s in seconds]
        more = [args.n * size - RECORDINGS for size in SIZES]
        answer[kind] = {
            "cpu_s": [round(s, 2) for s in (idle, *seconds)],
            "ms_a_file": [round(1000 * s / n, 2) for s, n in zip(above, more, strict=True)],
            "grows_by": [round(b / a, 2) for a, b in pairwise(above)],
        }
        print(kind, answer[kind], file=sys.stderr, flush=True)
    common.report(answer, args.output)


if __name__ == "__main__":
    main()
