"""Peak memory of an ingest, all its processes together: of few files, of many, and of one very long one.

    python benchmarks/memory.py FOLDER [--files 50 500] [--hours 10]

FOLDER holds MP3s, three minutes long or more, of one rate and bit rate. They are cut by ffmpeg, packet for
packet, into different pieces of a minute (copies of one recording would be analysed once), and joined
end to end, over and over, to the long one. Memory is the proportional share (PSS), sampled ten times a
second.
"""

import itertools
import subprocess
import tempfile
from pathlib import Path
from typing import Any, Final

import common

PIECE_S: Final = 60
PIECES_A_FILE: Final = 3
FFMPEG: Final = ("ffmpeg", "-v", "error", "-y")


def cut(files: list[Path], n_pieces: int, folder: Path) -> None:
    """Write so many pieces of a minute."""
    places = itertools.product(range(PIECES_A_FILE), files)
    for number, (part, file) in enumerate(itertools.islice(places, n_pieces)):
        where = ("-ss", str(part * PIECE_S), "-t", str(PIECE_S), "-i", str(file))
        copied = ("-map", "0:a:0", "-c", "copy", str(folder / f"{number:04d}.mp3"))
        subprocess.run([*FFMPEG, *where, *copied], check=True)
    if number + 1 < n_pieces:
        raise SystemExit(f"{len(files)} files give {number + 1} pieces, not {n_pieces}")


def join(files: list[Path], hours: float, folder: Path) -> None:
    """Write one file of so many hours."""
    rounds = int(hours * 3600 / (PIECES_A_FILE * PIECE_S)) // len(files) + 1
    listed = folder / "list.txt"
    listed.write_text("".join(f"file '{file}'\n" for file in files * rounds), encoding="utf-8")
    where = ("-f", "concat", "-safe", "0", "-i", str(listed), "-t", str(hours * 3600))
    subprocess.run([*FFMPEG, *where, "-c", "copy", str(folder / "long.mp3")], check=True)


def measure(folder: Path) -> dict[str, Any]:
    """Ingest a folder into an empty home."""
    with tempfile.TemporaryDirectory() as home:
        report, wall, peak = common.measured_cli(Path(home), "ingest", folder)
    return {
        "analysed": report["analysed"],
        "audio_hours": round(report["audio_s"] / 3600, 2),
        "wall_s": round(wall, 1),
        "peak_memory_mb": round(peak / 1e6),
    }


def main() -> None:
    """Run it."""
    parser = common.parser(__doc__ or "")
    parser.add_argument("folder", type=Path)
    parser.add_argument("--files", type=int, nargs="*", default=[50, 500])
    parser.add_argument("--hours", type=float, default=10.0)
    args = parser.parse_args()
    files = sorted(args.folder.resolve().glob("*.mp3"))
    answer: dict[str, Any] = {"machine": common.machine()}
    for n_pieces in args.files:
        with tempfile.TemporaryDirectory() as folder:
            cut(files, n_pieces, Path(folder))
            answer[f"{n_pieces} files"] = measure(Path(folder))
    if args.hours:
        with tempfile.TemporaryDirectory() as folder:
            join(files, args.hours, Path(folder))
            answer[f"{args.hours:g} hours in one"] = measure(Path(folder))
    common.report(answer, args.output)


if __name__ == "__main__":
    main()
