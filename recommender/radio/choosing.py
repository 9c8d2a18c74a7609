"""Which song a radio plays next: near its seed or on from the last songs, and as the listener answers.

A song's worth is the sum of parts. `seed` and `onward` are the cosines of mean vectors with the nearest seed
and with what was played last, mixed by how far the radio may go. `taste` is what it gains by likeness to what
was finished or starred, and loses by likeness to what was skipped or is wanted less. `genre` and `rare` are
what was learnt of its genres and of how rarely it was played. Hubs are corrected as in every list.
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any, Final, NamedTuple

import numpy as np

from classifier.arrays import Array, Ints, Mask

LAST: Final = 4
"""Songs that a radio goes on from."""
OUTWARD: Final = 0.15
"""Of the likeness to the seed, what a radio that may go anywhere loses for staying."""
LIKED: Final = 0.25
"""What likeness to the nearest song that was finished counts; then to one skipped, or wanted less."""
DISLIKED: Final = 0.6
UNWANTED: Final = 0.6
GENRE: Final = 0.8
RARE: Final = 0.8
STARRED: Final = 2.0
"""A starred song counts as so many that were finished."""
VERSION: Final = 0.985
"""Songs whose mean vectors are more alike than this may be one recording."""
SPACING: Final = 8
"""Songs between two of one artist, where there are enough artists."""
LOOKED_AT: Final = 64
"""Of so many songs of most worth the names are looked at, then of as many again."""
ROWS_AT_ONCE: Final = 8192
"""Songs that are compared with others at once: what that takes does not grow with the library."""


class Names(NamedTuple):
    """A song by its tags: who it is by, and of which song it is a version; None where they do not say."""

    artist: object | None
    song: object | None


@dataclass
class Library:
    """What a radio knows of the tracks that it may play.

    Attributes
    ----------
    vectors
        (tracks, dimensions) mean centred vectors, of length 1.
    offsets
        (tracks,) of the hub correction.
    rarity
        (tracks,) 1 for one never played, falling towards 0.
    read_genres
        Returns the probabilities, (tracks, genres); asked once, when something is to be learnt of them.
    read_names
        Returns the names of some rows; None for a track that is not there any more.
    """

    vectors: Array
    offsets: Array
    rarity: Array
    read_genres: Callable[[], Array]
    read_names: Callable[[Sequence[int]], Sequence[Names | None]]
    _names: dict[int, Names | None] = field(default_factory=dict)

    @cached_property
    def genres(self) -> Array:
        """(tracks, genres) probabilities."""
        return self.read_genres()

    def names(self, rows: Sequence[int]) -> list[Names | None]:
        """Return the names of some rows, each read once."""
        lacking = [row for row in dict.fromkeys(rows) if row not in self._names]
        if lacking:
            self._names.update(zip(lacking, self.read_names(lacking), strict=True))
        return [self._names[row] for row in rows]


@dataclass
class Course:
    """What a radio has played, and how that was taken.

    Attributes
    ----------
    played
        Rows of the library, in order.
    values
        What each was to the listener: 1 where it was finished, 2 starred, −1 skipped, 0 unknown.
    unwanted
        Rows of songs that less is wanted like.
    closed
        Rows of songs that cannot be played.
    """

    played: list[int] = field(default_factory=list)
    values: list[float] = field(default_factory=list)
    unwanted: Sequence[int] = ()
    closed: Sequence[int] = ()


@dataclass(frozen=True)
class Choice:
    """The next song: its row, and the parts of its worth by name."""

    row: int
    parts: dict[str, float]
    seed: int
    liked: int | None


class Chooser:
    """Chooses a radio's next songs, one after the other; what does not change meanwhile is worked out once.

    Parameters
    ----------
    seeds
        Rows that the radio plays songs like; of several each may be played, too, as it is like the others.
    course
        What was played before; the songs that are chosen are added to it.
    far, discover
        0..1.
    """

    def __init__(self, library: Library, seeds: Ints, course: Course, far: float, discover: float) -> None:
        self._library, self._course, self._far = library, course, far
        self._near, self._nearest = _near(library.vectors, seeds)
        self._rare = -discover * (1 - library.rarity) * np.maximum(self._near, 0)
        self._learnt, self._liked = _learnt(library, course)
        self._all_played = False
        self._open, self._songs = self._playable(), set[object]()
        self._shut_out([*course.played, *(seeds.tolist() if len(seeds) == 1 else ())])

    def next(self) -> Choice | None:
        """Return what is played next, and count it as played; None where there is nothing to play."""
        parts: dict[str, Any] = {"seed": (1 - self._far) * self._near} | self._onward()
        parts |= {"hub": -self._library.offsets, "rare": self._rare}
        parts |= {name: parts.get(name, 0) + part for name, part in self._learnt.items()}
        worth = np.asarray(sum(parts.values()))
        row = None if self._all_played else self._best(worth)
        for again in (self._take_versions, self._begin_again):
            if row is None:
                again()
                row = self._best(worth)
        if row is None:
            return None
        self._course.played.append(row)
        self._course.values.append(0.0)
        self._shut_out([row])
        said = {name: float(np.broadcast_to(part, worth.shape)[row]) for name, part in parts.items()}
        liked = None if self._liked is None else int(self._liked[row])
        return Choice(row, said, int(self._nearest[row]), liked)

    def _onward(self) -> dict[str, Any]:
        """Return what a song gains by being like those played last, skipped ones aside, not the seed."""
        course, vectors = self._course, self._library.vectors
        good = [row for row, value in zip(course.played, course.values, strict=True) if value >= 0][-LAST:]
        if not self._far or not good:
            return {}
        last = vectors[good].mean(axis=0)
        return {"onward": self._far * (vectors @ last - OUTWARD * np.maximum(self._near, 0))}

    def _best(self, worth: Array) -> int | None:
        """Return the song of most worth that may come next, of artists as far apart as they suffice for."""
        before = self._library.names(self._course.played[: -SPACING - 1 : -1])  # the last one first
        artists = [None if names is None else names.artist for names in before]
        best: dict[int, int] = {}
        for row, names in self._by_worth(worth):
            known = names.artist is not None and names.artist in artists
            apart = artists.index(names.artist) if known else SPACING
            best.setdefault(apart, row)
            if apart == SPACING:
                break
        return best[max(best)] if best else None

    def _by_worth(self, worth: Array) -> Iterator[tuple[int, Names]]:
        """Yield the songs that may come next, that of most worth first, with their names."""
        rows = np.flatnonzero(self._open)
        for some in _in_order(rows, worth[rows]):
            for row, names in zip(some, self._library.names(some), strict=True):
                if names is None or names.song in self._songs:
                    self._open[row] = False
                else:
                    yield row, names

    def _shut_out(self, rows: Sequence[int]) -> None:
        """Shut out songs, their versions, and what sounds as if it were the same recording."""
        if not rows:
            return
        self._open[rows] = False
        self._open[most_alike(self._library.vectors, np.array(rows))[0] > VERSION] = False
        self._songs |= {names.song for names in self._library.names(rows) if names} - {None}

    def _playable(self) -> Mask:
        """Return which songs may be played at all, (tracks,)."""
        course = self._course
        found = np.ones(len(self._library.vectors), bool)
        found[[*course.unwanted, *course.closed]] = False
        return found

    def _take_versions(self) -> None:
        """Once all songs were played, let their versions come that were not."""
        self._songs.clear()
        self._open = self._playable()
        self._open[self._course.played] = False

    def _begin_again(self) -> None:
        """Once these were played, too, let those of longest ago come again."""
        self._all_played = True
        self._songs.clear()
        self._open = self._playable()
        self._open[self._course.played[-max(1, int(self._open.sum()) // 2) :]] = False


def _in_order(rows: Ints, worth: Array) -> Iterator[list[int]]:
    """Yield rows by their worth, the greatest first, the first of equal ones: few, then all others."""
    if len(rows) > LOOKED_AT:
        least = np.partition(worth, -LOOKED_AT)[-LOOKED_AT]
        few = worth >= least
        yield rows[few][np.argsort(-worth[few], kind="stable")].tolist()
        rows, worth = rows[~few], worth[~few]
    rows = rows[np.argsort(-worth, kind="stable")]
    for first in range(0, len(rows), LOOKED_AT):
        yield rows[first : first + LOOKED_AT].tolist()


def _near(vectors: Array, seeds: Ints) -> tuple[Array, Ints]:
    """Return as `most_alike` does; no seed is like itself, else a radio would play its seeds first of all."""
    near, nearest = most_alike(vectors, seeds)
    if len(seeds) > 1:
        alike = vectors[seeds] @ vectors[seeds].T
        np.fill_diagonal(alike, -1)
        near[seeds], nearest[seeds] = alike.max(axis=1), alike.argmax(axis=1)
    return near, nearest


def most_alike(vectors: Array, rows: Ints, weights: Array | None = None) -> tuple[Array, Ints]:
    """Return of every song the likeness to the one of some that it is most like, and which one that is.

    Parameters
    ----------
    vectors
        (tracks, dimensions), of length 1.
    rows
        Which tracks those are; there is one at least.
    weights
        What each one's likeness is multiplied by; None for 1.

    Returns
    -------
    tuple
        (tracks,) the greatest product, and its place among `rows`.
    """
    some = vectors[rows] if weights is None else vectors[rows] * weights[:, None].astype(vectors.dtype)
    most, which = np.empty(len(vectors), vectors.dtype), np.empty(len(vectors), np.int64)
    if len(rows) == 1:  # several times as fast as a matrix of one column
        return vectors @ some[0], np.zeros(len(vectors), np.int64)
    for first in range(0, len(vectors), ROWS_AT_ONCE):
        block = slice(first, first + ROWS_AT_ONCE)
        alike = vectors[block] @ some.T
        most[block], which[block] = alike.max(axis=1), alike.argmax(axis=1)
    return most, which


def _learnt(library: Library, course: Course) -> tuple[dict[str, Any], Ints | None]:
    """Return what the listener's answers tell of every song, and which liked song each is most like."""
    vectors, values = library.vectors, np.array(course.values)
    played = np.array(course.played, np.int64)
    liked, skipped = played[values > 0], played[values < 0]
    taste, of_liked = np.zeros(len(vectors)), None
    if len(liked):
        alike, which = most_alike(vectors, liked, np.minimum(values[values > 0], STARRED) ** 0.5)
        taste += LIKED * np.maximum(alike, 0)
        of_liked = liked[which]
    for weight, rows in ((DISLIKED, skipped), (UNWANTED, np.array(course.unwanted, np.int64))):
        if len(rows):
            taste -= weight * np.maximum(most_alike(vectors, rows)[0], 0)
    found: dict[str, Any] = {"taste": taste}
    if len(liked) and len(skipped):
        found |= _of_kinds(library, liked, skipped)
    elif len(skipped):
        found["genre"] = -GENRE / 2 * library.genres @ library.genres[skipped].mean(axis=0)
    return found, of_liked


def _of_kinds(library: Library, liked: Ints, skipped: Ints) -> dict[str, Any]:
    """Return what was learnt of genres and of rarity from songs of both sorts; little from few."""
    trust = min(len(liked), len(skipped)) / (min(len(liked), len(skipped)) + 2)
    genres, rarity = library.genres, library.rarity
    yes, no = genres[liked].sum(axis=0) + 0.5, genres[skipped].sum(axis=0) + 0.5
    of_genre = yes / (yes + no) - len(liked) / (len(liked) + len(skipped))
    told = float(rarity[liked].mean() - rarity[skipped].mean())
    return {"genre": GENRE * trust * (genres @ of_genre), "rare": RARE * trust * told * (rarity - 0.5)}
