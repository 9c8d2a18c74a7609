"""The labelled songs that the shipped head is trained on, and what tags say of genres beside them."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import numpy as np

from classifier.arrays import Array, Array64, Ints
from classifier.datasets.folds import assign_folds
from classifier.training.genre_head import GenreFit, GenreSongs

GTZAN: Final = "gtzan"
EMOTIFY: Final = "emotify"
ROW_STEP: Final = 3  # rows of taggrams are about a second apart and three seconds long
PATCH_STEP: Final = 2
LEAST: Final = 1e-7

# How often people meet each genre: by the order of the fifty tags, which is that of their frequency among the
# two hundred thousand songs that the trunk was trained on, and by judgement where there is no such tag.
PRIOR: Final[Mapping[str, float]] = {
    "ambient": 0.03,
    "blues": 0.03,
    "classical": 0.12,
    "country": 0.04,
    "disco": 0.01,
    "electronic": 0.08,
    "folk": 0.06,
    "funk": 0.03,
    "hiphop": 0.08,
    "jazz": 0.07,
    "metal": 0.08,
    "pop": 0.14,
    "reggae": 0.02,
    "rock": 0.22,
    "soul": 0.04,
}
GENRES: Final = tuple(PRIOR)
EVIDENCE: Final[Mapping[str, Mapping[str, float]]] = {
    "ambient": {"ambient": 1.0},
    "blues": {"blues": 1.0},
    "country": {"country": 1.0},
    "electronic": {"electronic": 0.4, "electronica": 0.2, "dance": 0.2, "House": 0.2},
    "folk": {"folk": 1.0},
    "funk": {"funk": 1.0},
    "hiphop": {"Hip-Hop": 1.0},
    "jazz": {"jazz": 1.0},
    "metal": {"metal": 0.6, "heavy metal": 0.4},
    "pop": {"pop": 1.0},
    "rock": {"rock": 1.0},
    "soul": {"soul": 0.7, "rnb": 0.3},
}
"""Of each genre that has tags of its own, their weights. Classical, disco and reggae have none."""
ONLY_TAGS: Final = ("ambient", "folk", "funk", "soul")

# What a track of Emotify is, by its label and, where that is wider than ours, by its ID3 genre. Its "pop" is
# mostly alternative rock; nothing tells how much.
_EMOTIFY: Final[Mapping[tuple[str, str], Mapping[str, float]]] = {
    ("electronic", "Ambient"): {"electronic": 0.5, "ambient": 0.5},
    ("electronic", "New Age"): {"electronic": 0.5, "ambient": 0.5},
    ("pop", "Ambient"): {"pop": 0.5, "ambient": 0.5},
    ("pop", "Electronic"): {"pop": 0.5, "electronic": 0.5},
    ("rock", "Electronic"): {"rock": 0.5, "electronic": 0.5},
    ("pop", "Electro Rock"): {"pop": 0.4, "rock": 0.3, "electronic": 0.3},
}
_POP: Final[Mapping[str, float]] = {"pop": 0.5, "rock": 0.5}
MAY_BE: Final[Mapping[str, str]] = {"electronic": "ambient", "pop": "ambient"}
"""Labels of Emotify that hold a genre which only tags tell: four tracks say so in their ID3 tags."""
MOVES_WITH: Final = {"ambient": "electronic"}


@dataclass(frozen=True)
class Labelled:
    """Labelled songs of one data set or of several.

    Attributes
    ----------
    sources, names, labels
        Of each song: its data set, its name and label there.
    songs
        Their log-odds of tags and what genres they are of.
    folds
        (songs,) artists, or blocks of neighbours, are on one side.
    """

    sources: Sequence[str]
    names: Sequence[str]
    labels: Sequence[str]
    songs: GenreSongs
    folds: Ints

    def of(self, chosen: Ints) -> "Labelled":
        """Return some of the songs."""
        sources, names, labels = (
            [of_songs[i] for i in chosen] for of_songs in (self.sources, self.names, self.labels)
        )
        return Labelled(sources, names, labels, self.songs.of(chosen), self.folds[chosen])

    def from_source(self, source: str) -> Ints:
        """Return which songs are of a data set."""
        return np.array([i for i, its in enumerate(self.sources) if its == source])

    def __add__(self, other: "Labelled") -> "Labelled":
        """Return the songs of both."""
        both = GenreSongs(
            [*self.songs.windows, *other.songs.windows],
            np.concatenate([self.songs.targets, other.songs.targets]),
            np.concatenate([self.songs.may_be, other.songs.may_be]),
        )
        return Labelled(
            [*self.sources, *other.sources],
            [*self.names, *other.names],
            [*self.labels, *other.labels],
            both,
            np.concatenate([self.folds, other.folds]),
        )


def fit_of(tag_names: Sequence[str]) -> GenreFit:
    """Return how the shipped head is fitted, its penalties being the default ones."""
    columns = {
        genre: {tag_names.index(tag): weight for tag, weight in tags.items()}
        for genre, tags in EVIDENCE.items()
    }
    prior = np.array(list(PRIOR.values()))
    return GenreFit(GENRES, columns, ONLY_TAGS, prior / prior.sum(), moves_with=MOVES_WITH)


def read_taggrams(path: Path, n_folds: int) -> Labelled:
    """Return GTZAN's tracks; folds are blocks of each genre's numbers, as neighbours share artists."""
    with np.load(path, allow_pickle=False) as data:
        taggram, track, genre = data["taggram"], data["track"], data["genre"]
    names, first, owner = np.unique(track, return_index=True, return_inverse=True)
    labels = [str(genre[i]) for i in first]
    p = np.clip(taggram.astype(np.float64), LEAST, 1 - LEAST)
    odds = np.log(p / (1 - p))
    windows = [odds[owner == i][::ROW_STEP] for i in range(len(names))]
    targets = np.stack([_target({label: 1.0}) for label in labels])
    named = [str(name) for name in names]
    folds = assign_folds(labels, [None] * len(named), named, n_folds)
    songs = GenreSongs(windows, targets, np.zeros(targets.shape, np.bool_))
    return Labelled([GTZAN] * len(named), named, labels, songs, folds)


def read_emotify(path: Path, kernel: Array, bias: Array, n_folds: int) -> Labelled:
    """Return Emotify's tracks, of which `path` has embeddings; folds keep artists together.

    `kernel` and `bias` are the trunk's last layer: embeddings to log-odds of tags.
    """
    with np.load(path, allow_pickle=False) as data:
        songs = data["segment_track"][data["patch_segment"]]
        odds = (data["patch"].astype(np.float32) @ kernel + bias).astype(np.float64)
        names, labels, artists, id3 = (
            [str(value) for value in data[name]] for name in ("track", "label", "artist", "id3_genre")
        )
    windows = [odds[songs == i][::PATCH_STEP] for i in range(len(names))]
    targets = np.stack([_target(_genres_of(*pair)) for pair in zip(labels, id3, strict=True)])
    folds = assign_folds(labels, artists, names, n_folds)
    may_be = np.array([[MAY_BE.get(label) == genre for genre in GENRES] for label in labels])
    return Labelled([EMOTIFY] * len(names), names, labels, GenreSongs(windows, targets, may_be), folds)


def _genres_of(label: str, id3_genre: str) -> Mapping[str, float]:
    return _EMOTIFY.get((label, id3_genre), _POP if label == "pop" else {label: 1.0})


def _target(of_genres: Mapping[str, float]) -> Array64:
    return np.array([of_genres.get(genre, 0.0) for genre in GENRES])
