"""Which song a radio plays next: near its seed or on from the last songs, and as the listener answers.

A song's worth is the sum of parts. `seed` and `onward` are the cosines of mean vectors with the nearest seed
and with what was played last, mixed by how far the radio may go. `taste` is what it gains by likeness to what
was finished or starred, and loses by likeness to what was skipped or is wanted less. `genre` and `rare` are
what was learnt of its genres and of how rarely it was played. Hubs are corrected as in every list.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, Final

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


@dataclass(frozen=True)
class Library:
    """What a radio knows of the tracks that it may play.

    Attributes
    ----------
    vectors
        (tracks, dimensions) mean centred vectors, of length 1.
    offsets
        (tracks,) of the hub correction.
    artists, songs
        (tracks,) a number for each; −1 for none. Versions of a song have one number.
    genres
        (tracks, genres) probabilities.
    rarity
        (tracks,) 1 for one never played, falling towards 0.
    """

    vectors: Array
    offsets: Array
    artists: Ints
    songs: Ints
    genres: Array
    rarity: Array


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
    """

    played: list[int] = field(default_factory=list)
    values: list[float] = field(default_factory=list)
    unwanted: Sequence[int] = ()


@dataclass(frozen=True)
class Choice:
    """The next song: its row, and the parts of its worth by name."""

    row: int
    parts: dict[str, float]
    seed: int
    liked: int | None


def next_song(library: Library, seeds: Ints, course: Course, far: float, discover: float) -> Choice | None:
    """Return what a radio plays next; None where there is nothing to play.

    Parameters
    ----------
    seeds
        Rows that the radio plays songs like; they are played, too, unless it has one alone.
    far, discover
        0..1.
    """
    allowed = _allowed(library, course, seeds)
    if not allowed.any():
        return None
    likeness = library.vectors[seeds] @ library.vectors.T
    near = likeness.max(axis=0)
    parts = {"seed": (1 - far) * near} | _onward(library, near, course, far)
    parts["hub"] = -library.offsets
    parts["rare"] = -discover * (1 - library.rarity) * np.maximum(near, 0)
    learnt, liked = _learnt(library, course)
    parts |= {name: parts.get(name, 0) + part for name, part in learnt.items()}
    worth = np.where(allowed, np.asarray(sum(parts.values())), -np.inf)
    row = int(worth.argmax())
    said = {name: float(np.broadcast_to(part, worth.shape)[row]) for name, part in parts.items()}
    return Choice(row, said, int(likeness[:, row].argmax()), None if liked is None else int(liked[row]))


def _onward(library: Library, near: Array, course: Course, far: float) -> dict[str, Any]:
    """Return what a song gains by being like those played last, skipped ones aside, and not like the seed."""
    good = [row for row, value in zip(course.played, course.values, strict=True) if value >= 0][-LAST:]
    if not far or not good:
        return {}
    last = library.vectors[good].mean(axis=0)
    return {"onward": far * (library.vectors @ last - OUTWARD * np.maximum(near, 0))}


def _learnt(library: Library, course: Course) -> tuple[dict[str, Any], Ints | None]:
    """Return what the listener's answers tell of every song, and which liked song each is most like."""
    vectors, n = library.vectors, len(library.vectors)
    values = np.array(course.values)
    played = np.array(course.played, np.int64)
    liked, skipped = played[values > 0], played[values < 0]
    taste, of_liked = np.zeros(n), None
    if len(liked):
        alike = vectors @ vectors[liked].T * np.minimum(values[values > 0], STARRED) ** 0.5
        taste += LIKED * np.maximum(alike.max(axis=1), 0)
        of_liked = liked[alike.argmax(axis=1)]
    if len(skipped):
        taste -= DISLIKED * np.maximum((vectors @ vectors[skipped].T).max(axis=1), 0)
    if len(course.unwanted):
        taste -= UNWANTED * np.maximum((vectors @ vectors[list(course.unwanted)].T).max(axis=1), 0)
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


def _allowed(library: Library, course: Course, seeds: Ints) -> Mask:
    """Return which songs may come next, (tracks,): once all were played, those of longest ago may again."""
    n = len(library.vectors)
    fresh = np.ones(n, bool)
    fresh[list(course.unwanted)] = False
    if len(seeds) == 1:
        _shut_out(library, fresh, int(seeds[0]))
    for row in course.played:
        _shut_out(library, fresh, row)
    if not fresh.any():
        fresh[:] = True
        fresh[list(course.unwanted)] = False
        for row in course.played[-(n // 2) :]:
            fresh[row] = False
    for spacing in range(SPACING, 0, -1):  # as far apart as artists suffice for
        recent = library.artists[course.played[-spacing:]]
        spaced = fresh & ~np.isin(library.artists, recent[recent >= 0])
        if spaced.any():
            return spaced
    return fresh


def _shut_out(library: Library, fresh: Mask, row: int) -> None:
    """Shut out a song, its versions, and what sounds as if it were the same recording."""
    fresh[row] = False
    if library.songs[row] >= 0:
        fresh[library.songs == library.songs[row]] = False
    fresh[library.vectors @ library.vectors[row] > VERSION] = False
