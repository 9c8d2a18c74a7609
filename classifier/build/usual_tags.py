"""Measure how much of each genre that only tags know is usual under the shipped head's labels.

Run as ``python -m classifier.build.usual_tags TAGGRAMS.npz TAXONOMY.json``; the file's ``usual`` tables are
written anew (see `classifier.genres.taxonomy`). TAGGRAMS is what `classifier.build.train_shipped` reads.
"""

import argparse
import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from classifier.genres.label_paths import SEPARATOR
from classifier.model import bundle

QUANTILE: Final = 0.9


def usual(songs: npt.NDArray[np.floating[Any]], labels: Sequence[str]) -> dict[str, float]:
    """Return, for each label, what one in ten of its songs exceeds in its highest tag.

    Parameters
    ----------
    songs
        (songs, tags) probabilities of the tags in question.
    labels
        One per song.
    """
    highest, names = songs.max(axis=1), np.array(labels)
    return {
        str(label): round(float(np.quantile(highest[names == label], QUANTILE)), 3)
        for label in np.unique(names)
    }


def measured(
    described: Mapping[str, Any],
    songs: npt.NDArray[np.floating[Any]],
    labels: Sequence[str],
    tag_names: Sequence[str],
) -> dict[str, Any]:
    """Return a taxonomy with its tables measured on these songs."""
    genres = {path: dict(genre) for path, genre in described["genres"].items()}
    for path, genre in genres.items():
        if SEPARATOR not in path and path not in labels:
            below = [g["tags"] for p, g in genres.items() if p == path or p.startswith(path + SEPARATOR)]
            columns = [tag_names.index(tag) for tags in below for tag in tags]
            genre["usual"] = usual(songs[:, columns], labels)
    return {**described, "genres": genres}


def main() -> None:
    """Run this step from the command line."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("taggrams", type=Path)
    parser.add_argument("taxonomy", type=Path)
    args = parser.parse_args()
    with np.load(args.taggrams, allow_pickle=False) as data:
        taggram, track, genre = data["taggram"], data["track"], data["genre"]
    tracks = np.unique(track)
    songs = np.stack([taggram[track == name].mean(axis=0) for name in tracks])
    labels = [str(genre[track == name][0]) for name in tracks]
    described = json.loads(args.taxonomy.read_text(encoding="utf-8"))
    whole = measured(described, songs, labels, bundle.load(bundle.SHIPPED).tag_names)
    args.taxonomy.write_text(json.dumps(whole, indent=2) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
