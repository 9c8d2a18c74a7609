"""Does it help to train on the segments most typical of their song?

    python benchmarks/representative.py MUSIC WORK

MUSIC holds a folder a label, of real songs of several segments each; with game music the label is the
game, which is no genre, but as hard to learn. Heads on the pretrained trunk are cross-validated in
contiguous blocks of each label's names: on all segments alike, on all weighed by how typical they are,
and on a single one a song, be it the most typical, the least, the first, or the middle one. Songs held out
are always judged on all of their segments.
"""

from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import common
import numpy as np

from classifier.datasets.folds import label_units
from classifier.datasets.songs import TrunkSong, most_representative, representative_weights
from classifier.networks.recipes import recipe_of
from classifier.training.cross_validation import held_out, split_of
from classifier.training.fitters import fitter_of
from recommender.home import Home
from recommender.training.bundles import base_bundle
from recommender.training.data import TrainingData

FOLDS = 5
LEAST_SEGMENTS = 3


def only(song: TrunkSong, position: int) -> TrunkSong:
    """Return a song of one of its segments."""
    return replace(
        song,
        embeddings=song.embeddings[position : position + 1],
        tags=song.tags[position : position + 1],
        durations_s=[song.durations_s[position]],
    )


def least(song: TrunkSong) -> int:
    """Return the position of the segment least typical of its song."""
    return int(representative_weights(song.embeddings, song.durations_s).argmin())


ONE: dict[str, Callable[[TrunkSong], int]] = {
    "the most typical alone": lambda song: most_representative(song.embeddings, song.durations_s),
    "the least typical alone": least,
    "the first alone": lambda song: 0,
    "the middle one alone": lambda song: len(song.durations_s) // 2,
}


def usable(songs: Sequence[TrunkSong]) -> list[TrunkSong]:
    """Return songs of at least three segments, of labels that five artists, or songs of none, have."""
    long = [song for song in songs if len(song.durations_s) >= LEAST_SEGMENTS]
    units = label_units([song.label for song in long], [song.group for song in long])
    return [song for song in long if units[song.label] >= FOLDS]


def figures(
    songs: Sequence[TrunkSong], words: str, choose: Callable[[TrunkSong], int] | None
) -> dict[str, Any]:
    """Return accuracy and cross-entropy of songs held out."""
    split = split_of(songs, FOLDS)
    fit_head = fitter_of(recipe_of(words), split.labels, 0)

    def fit(inside: Sequence[TrunkSong], folder: Path | None) -> Any:
        return fit_head([only(s, choose(s)) for s in inside] if choose else inside, folder)

    judged = held_out(songs, split, fit).calibrated().songs()
    return {"accuracy": round(judged.accuracy, 4), "cross_entropy": round(judged.cross_entropy, 4)}


def main() -> None:
    """Command line of this benchmark."""
    options = common.parser(str(__doc__))
    options.add_argument("music", type=Path)
    options.add_argument("work", type=Path)
    args = options.parse_args()
    songs = usable(TrainingData(Home(args.work), base_bundle(), args.music).trunk_songs())
    answer: dict[str, Any] = {
        "songs": len(songs),
        "labels": len({song.label for song in songs}),
        "segments": int(np.sum([len(song.durations_s) for song in songs])),
        "all alike": figures(songs, "musicnn", None),
        "all, weighed": figures(songs, "musicnn+representative", None),
        **{name: figures(songs, "musicnn", choose) for name, choose in ONE.items()},
    }
    common.report(answer | {"machine": common.machine()}, args.output)


if __name__ == "__main__":
    main()
