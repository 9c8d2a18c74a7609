"""Tracks of a list that are the same recording under another file."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from classifier.arrays import Array, Ints
from recommender import params
from recommender.retrieval.alignment import PatchSequence
from recommender.retrieval.duplicates.evidence import is_same_recording, lengths_agree
from recommender.song_titles import same_recording_named

ROWS_AT_ONCE = 256
NOBODY = np.zeros(0, np.int64)

PatchesOf = Callable[[Sequence[int]], dict[int, PatchSequence]]


@dataclass(frozen=True)
class Recording:
    """The facts by which two files might hold the same recording.

    Attributes
    ----------
    key
        The key that its patches are asked for by.
    content_hash
        Equal for identical audio; None where it is not known.
    duration_s
        None for a part of a song, which is never the same recording as a whole one.
    vector
        (dimensions,) mean of its centred vectors, of length 1.
    artist, title
        By its tags; empty where it has none.
    """

    key: int
    content_hash: str | None
    duration_s: float | None
    vector: Array
    artist: str = ""
    title: str = ""


def same_recordings(tracks: Sequence[Recording], queries: Sequence[Recording], patches_of: PatchesOf) -> Ints:
    """Return a number for the recording that each track is of.

    Parameters
    ----------
    tracks
        The best first: the first of a recording lends it its number.
    queries
        The songs asked for.
    patches_of
        Reads patches by key; asked only for pairs that might be the same.

    Returns
    -------
    numpy.ndarray
        (tracks,); −1 for the recording of a query.
    """
    everything = [*queries, *tracks]
    numbers = np.arange(len(everything)) - len(queries)
    of_content: dict[str, int] = {}
    distinct = _distinct(everything)
    for position, near in _near_pairs(everything, distinct):
        content = everything[position].content_hash
        if content in of_content:
            numbers[position] = numbers[of_content[content]]
        elif position >= len(queries) and len(near):
            others = (distinct[i] for i in near)
            same = (o for o in others if _same(everything[o], everything[position], patches_of))
            numbers[position] = numbers[next(same, position)]
        if content is not None:
            of_content.setdefault(content, position)
    for position, recording in enumerate(everything):
        if recording.content_hash is not None:
            numbers[position] = numbers[of_content[recording.content_hash]]
    found = numbers[len(queries) :]
    return np.where(found < 0, -1, found)


def _distinct(recordings: Sequence[Recording]) -> list[int]:
    """Return positions of recordings, the first of each content; a part of a song is not the whole."""
    firsts: dict[object, int] = {}
    for position, r in enumerate(recordings):
        key = position if r.content_hash is None else (r.content_hash, r.duration_s is None)
        firsts.setdefault(key, position)
    return list(firsts.values())


def _near_pairs(recordings: Sequence[Recording], positions: Sequence[int]) -> Iterator[tuple[int, Ints]]:
    """Yield each of some positions, and which of those before it, by number, are near it."""
    vectors = np.stack([recordings[position].vector for position in positions])
    for start in range(0, len(positions), ROWS_AT_ONCE):
        near = vectors[start : start + ROWS_AT_ONCE] @ vectors.T >= params.MAYBE_SAME
        near &= np.tri(len(near), len(vectors), start - 1, dtype=bool)
        some = set(np.flatnonzero(near.any(axis=1)).tolist())
        for row, position in enumerate(positions[start : start + ROWS_AT_ONCE]):
            yield position, np.flatnonzero(near[row]) if row in some else NOBODY


def _same(one: Recording, other: Recording, patches_of: PatchesOf) -> bool:
    if one.content_hash is not None and one.content_hash == other.content_hash:
        return True
    if not lengths_agree(one.duration_s, other.duration_s):
        return False
    found = patches_of([one.key, other.key])
    if len(found) < 2:
        return False
    tags_agree = same_recording_named((one.artist, one.title), (other.artist, other.title))
    return is_same_recording(found[one.key], one.duration_s, found[other.key], other.duration_s, tags_agree)
