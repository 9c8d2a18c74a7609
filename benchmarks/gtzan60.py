"""Quality on 60 real clips of ten genres: neighbours, the shipped head, a head trained on them.

    python benchmarks/gtzan60.py CLIPS TAGGRAMS.npz

CLIPS holds a folder a genre; TAGGRAMS names, in ``track``, the tracks that the shipped head was
trained on. Everything goes through the command line.
"""

import tempfile
from pathlib import Path
from typing import Any

import common
import numpy as np


def neighbours(home: Path, clips: list[Path]) -> float:
    """Return the share of same-genre clips among the five nearest, over all clips."""
    same = []
    for clip in clips:
        found = common.cli(home, "similar", clip, "-n", 5)["results"]
        same += [Path(result["path"]).parent.name == clip.parent.name for result in found]
    return float(np.mean(same))


def recognised(home: Path, clips: list[Path], trained_on: set[str]) -> dict[str, Any]:
    """Return how many clips the shipped head names right, those of its training apart."""
    counts = {"unseen": [0, 0], "trained_on": [0, 0]}
    for answer in common.cli(home, "classify", *clips):
        clip = Path(answer["path"])
        seen = "trained_on" if f"{clip.parent.name}/{clip.stem}" in trained_on else "unseen"
        counts[seen][0] += answer["genres"][0]["name"] == clip.parent.name
        counts[seen][1] += 1
    return {
        name: {"right": right, "of": of, "share": round(right / of, 4)}
        for name, (right, of) in counts.items()
    }


def main() -> None:
    """Run it."""
    parser = common.parser(__doc__ or "")
    parser.add_argument("clips", type=Path)
    parser.add_argument("taggrams", type=Path)
    args = parser.parse_args()
    clips = sorted(args.clips.resolve().glob("*/*.flac"))
    with np.load(args.taggrams, allow_pickle=False) as data:
        trained_on = set(data["track"].tolist())
    with tempfile.TemporaryDirectory() as folder:
        home = Path(folder)
        common.cli(home, "ingest", args.clips, "--labels", "folders")
        answer = {
            "clips": len(clips),
            "same_genre_share_of_5_nearest": round(neighbours(home, clips), 4),
            "shipped_head": recognised(home, clips, trained_on),
        }
        trained = common.cli(home, "train", "--folds", 3)
        answer["trained_3_contiguous_blocks"] = {
            k: trained[k] for k in ("songs", "folds", "accuracy", "seconds")
        }
    common.report(answer, args.output)


if __name__ == "__main__":
    main()
