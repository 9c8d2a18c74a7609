"""Draws the pictures of docs/ that commands draw: python benchmarks/docs_pictures.py [FOLDER...].

Of the demo alone: why a song is rock, and why two passages match. FOLDERs of clips, a folder a genre in
each, add a confusion matrix and a reliability diagram of the first, and the map and the evaluation of a
catalogue of all of them and the demo. Learning curves are those of a network, which is not trained here.
"""

import argparse
import shutil
import tempfile
from pathlib import Path
from typing import Final

import common

DOCS: Final = common.ROOT / "docs"
DEMO: Final = common.ROOT / "demo"
EXPLAINED: Final = DEMO / "catalog" / "rock" / "0zone0ne - Bay.ogg"
MATCHED: Final = DEMO / "catalog" / "trance" / "DJ Sjors - Adventure.mp3"


def of_demo(scratch: Path) -> None:
    """Draw what the demo's recordings are enough for."""
    home = scratch / "demo"
    common.cli(home, "ingest", DEMO / "catalog", "--labels", "folders")
    common.cli(home, "explain", EXPLAINED, "-o", DOCS / "explain.png")
    common.cli(home, "similar", MATCHED, "-n", 1, "--explain", "--pictures", scratch / "matches")
    (drawn,) = (scratch / "matches").glob("*.png")
    shutil.copyfile(drawn, DOCS / "match.png")


def of_clips(scratch: Path, folders: list[Path]) -> None:
    """Draw what takes more recordings than the demo has."""
    report = scratch / "classifier"
    common.cli(scratch / "clips", "evaluate", "classifier", folders[0], "--folds", 3, "-o", report)
    for name in ("confusion.png", "reliability.png"):
        shutil.copyfile(report / name, DOCS / name)
    home, everything = scratch / "all", (*folders, DEMO / "catalog")
    for folder in everything:
        common.cli(home, "ingest", folder)
    common.cli(home, "map", "--no-titles", "-o", DOCS / "map.png")  # by the model's genres
    for folder in everything:
        common.cli(home, "ingest", folder, "--labels", "folders")
    common.cli(home, "evaluate", "recommender", "--robustness", 20, "-o", scratch / "lists")
    shutil.copyfile(scratch / "lists" / "recommender.png", DOCS / "recommender.png")


def main() -> None:
    """Draw them."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folders", nargs="*", type=Path, metavar="FOLDER")
    args = parser.parse_args()
    with tempfile.TemporaryDirectory() as scratch:
        of_demo(Path(scratch))
        if args.folders:
            of_clips(Path(scratch), args.folders)


if __name__ == "__main__":
    main()
