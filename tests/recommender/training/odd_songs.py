"""Odd sets of labelled songs to train on, features without audio: few, alike, of one artist, no numbers."""

from collections.abc import Callable, Iterator, Sequence
from itertools import count
from typing import Final

import numpy as np
import numpy.typing as npt

from classifier.datasets.songs import TrunkSong

Array = npt.NDArray[np.float32]

SIZE: Final = 40
TAGS: Final = 10


class Maker:
    """Makes songs: each label has a centre, and songs lie around it."""

    def __init__(self, seed: int, apart: float = 1.0, spread: float = 0.5) -> None:
        self.random = np.random.default_rng(seed)
        self.apart, self.spread = apart, spread
        self._centres: dict[str, Array] = {}
        self._numbers = count()

    def song(self, label: str, group: str | None = None, segments: int = 2) -> TrunkSong:
        """Return another song of a label."""
        centre = self._centres.setdefault(label, self._around(0, self.apart)[0])
        embeddings = (centre + self._around(segments, self.spread)).astype(np.float32)
        tags = self.random.uniform(0, 1, (segments, TAGS)).astype(np.float32)
        name = f"/music/{label}/{next(self._numbers):05}.mp3"
        return TrunkSong(name, label, group, embeddings, tags, [30.0] * segments)

    def _around(self, rows: int, deviation: float) -> Array:
        shape = (max(1, rows), SIZE)
        return (deviation * self.random.standard_normal(shape)).astype(np.float32)

    def songs(self, **artists: Sequence[int | None]) -> list[TrunkSong]:
        """Return songs: for each label, the number of each one's artist, None where unknown."""
        return [
            self.song(label, None if artist is None else f"artist {artist}")
            for label, chosen in artists.items()
            for artist in chosen
        ]


def changed(
    songs: list[TrunkSong], change: Callable[[TrunkSong, int], tuple[Array, Array]]
) -> list[TrunkSong]:
    """Return the same songs with other embeddings and tags."""
    made = []
    for number, song in enumerate(songs):
        embeddings, tags = change(song, number)
        made.append(TrunkSong(song.name, song.label, song.group, embeddings, tags, song.durations_s))
    return made


def plain(seed: int = 0, n: int = 6, labels: str = "abc") -> list[TrunkSong]:
    """Return songs that anyone could tell apart, artists unknown."""
    maker = Maker(seed)
    return maker.songs(**{label: [None] * n for label in labels})


def odd_sets(seed: int = 0) -> Iterator[tuple[str, list[TrunkSong]]]:
    """Yield odd sets, each with what is odd about it."""
    make = Maker(seed).songs
    none = [None]
    yield "no song", []
    yield "one song", make(a=none)
    yield "one label", make(a=none * 6)
    yield "a song a label", make(a=none, b=none, c=none)
    yield "a song of one label", make(a=none * 4, b=none)
    yield "two songs a label", make(a=none * 2, b=none * 2)
    yield "three songs a label", make(a=none * 3, b=none * 3)
    yield "two labels of one artist each", make(a=[1] * 3, b=[2] * 3)
    yield "three labels of one artist each", make(a=[1] * 3, b=[2] * 3, c=[3] * 3)
    yield "all songs of one artist", make(a=[1] * 4, b=[1] * 4)
    yield "two artists, both in both labels", make(a=[1, 2, 1], b=[1, 2, 2])
    yield "two artists, one of them in one label", make(a=[1, 1, 2], b=[1, 1, 1])
    yield "one testable label of two", make(a=[1, 2, 3, 4], b=[5] * 4)
    yield "one testable label of three", make(a=[1, 2, 3, 4], b=[5] * 4, c=[6] * 4)
    yield "two testable labels of three", make(a=[1, 2, 3, 4], b=[5, 6, 7, 8], c=[9] * 4)
    yield (
        "five testable labels of six",
        make(
            **{label: range(n, n + 4) for n, label in zip(range(0, 100, 10), "abcde", strict=False)},
            f=[99] * 6,
        ),
    )
    yield "an artist in every label", make(a=[1, 1, 2], b=[1, 1, 3], c=[1, 1, 4])
    yield "one artist's label within others' folds", make(a=[1, 2, 3], b=[4, 5, 6], c=[1, 1, 1])
    yield "artists known of some", make(a=[1, None, 2, None], b=[None, None, 3, 3])
    yield "very uneven labels", make(a=none * 60, b=none * 2, c=none * 2)
    yield "many labels of two songs", make(**{f"l{n}": none * 2 for n in range(40)})
    yield "labels that cannot be told apart", Maker(seed, apart=0.0).songs(a=none * 6, b=none * 6, c=none * 6)
    yield "labels that are swapped from artist to artist", _swapped(seed)
    yield "labels that differ by next to nothing", Maker(seed, 1e-6, 1e-7).songs(a=none * 6, b=none * 6)
    yield "labels that differ by very much", Maker(seed, 1e6, 1.0).songs(a=none * 6, b=none * 6)
    yield "features all equal", changed(plain(seed), lambda s, _: (np.ones_like(s.embeddings), s.tags))
    yield "features all zero", changed(plain(seed), lambda s, _: (0 * s.embeddings, 0 * s.tags))
    yield "one feature that varies", changed(plain(seed), _one_varies)
    yield "two songs twice", [*plain(seed, 2, "ab"), *(_again(song) for song in plain(seed, 2, "ab"))]
    yield "one song with NaN", _spoiled(seed, [3], np.nan)
    yield "all songs with NaN", _spoiled(seed, range(18), np.nan)
    yield "a label with infinity", _spoiled(seed, range(6), np.inf)
    yield "values of 1e30", changed(plain(seed), lambda s, _: (s.embeddings * np.float32(1e30), s.tags))
    yield "values of 1e-30", changed(plain(seed), lambda s, _: (s.embeddings * np.float32(1e-30), s.tags))
    yield "tags of 0 and 1", changed(plain(seed), lambda s, _: (s.embeddings, np.round(s.tags)))
    yield "songs of hundreds of segments", [Maker(seed + n).song("ab"[n % 2], None, 300) for n in range(6)]
    yield "labels with control characters", _called(seed, "a\n\x1b[31m")
    yield "labels that are not text", _called(seed, "\udcff")
    yield "labels with empty steps", _called(seed, "/a")
    yield "labels of thousands of characters", _called(seed, "a" * 5000)
    yield "an empty label", _called(seed, "")
    yield "labels below each other", [*plain(seed, 3, ["a/b", "a/c"]), *Maker(seed + 1).songs(d=none * 3)]


def _again(song: TrunkSong) -> TrunkSong:
    return TrunkSong(song.name + "2", song.label, song.group, song.embeddings, song.tags, song.durations_s)


def _swapped(seed: int) -> list[TrunkSong]:
    """Two labels that sound the other way round with one half of the artists: worse than by chance."""
    maker = Maker(seed, apart=3.0, spread=0.05)
    sound = maker.songs(a=[0, 0], b=[0, 0])
    made = []
    for artist in range(6):
        for number, song in enumerate(sound):
            label = song.label if artist % 2 else {"a": "b", "b": "a"}[song.label]
            here = maker.song(song.label)
            made.append(
                TrunkSong(
                    f"{artist}-{number}", label, f"artist {artist}", here.embeddings, here.tags, [30.0, 30.0]
                )
            )
    return made


def _one_varies(song: TrunkSong, number: int) -> tuple[Array, Array]:
    embeddings = np.zeros_like(song.embeddings)
    embeddings[:, 0] = number
    return embeddings, song.tags


def _spoiled(seed: int, numbers: Sequence[int], value: float) -> list[TrunkSong]:
    def change(song: TrunkSong, number: int) -> tuple[Array, Array]:
        embeddings = song.embeddings.copy()
        if number in numbers:
            embeddings[0, 7] = value
        return embeddings, song.tags

    return changed(plain(seed), change)


def _called(seed: int, label: str) -> list[TrunkSong]:
    maker = Maker(seed)
    return [maker.song(name) for name in ("b", label) for _ in range(4)]
