"""Alignment of two songs by their patch embeddings, finer than the segment grid.

An alignment's score is the mean of two cosines, of the mean embeddings of both sequences, which says
that they sound similar, and of the patches one by one, which says that they change in the same way.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
import numpy.typing as npt

from classifier.arrays import Array
from recommender.retrieval.index.unit_vectors import unit_rows


@dataclass(frozen=True)
class PatchSequence:
    """Patches that follow each other, with their times.

    Attributes
    ----------
    starts_s
        (patches,) seconds.
    embeddings
        (patches, dimensions).
    patch_s
        Length of a patch, in seconds.
    """

    starts_s: Array
    embeddings: Array
    patch_s: float

    def __len__(self) -> int:
        return len(self.starts_s)

    def within(self, start_s: float, end_s: float) -> "PatchSequence":
        """Return the patches of which half or more lies in a span."""
        middles = self.starts_s + self.patch_s / 2
        inside = (middles >= start_s) & (middles <= end_s)
        return PatchSequence(self.starts_s[inside], self.embeddings[inside], self.patch_s)

    def windows(self, patches: int) -> Array:
        """Return the mean embeddings of runs of so many patches, the last being shorter unless it is tiny."""
        firsts = list(range(0, len(self), patches))
        if len(firsts) > 1 and len(self) - firsts[-1] <= patches // 5:
            firsts.pop()
        cuts = [*firsts, len(self)]
        means = [self.embeddings[a:b].mean(axis=0) for a, b in pairwise(cuts)]
        return np.asarray(np.stack(means), np.float32)


@dataclass(frozen=True)
class PassagePair:
    """A passage of the query and the passage of a track that matches it.

    Attributes
    ----------
    query_start_s, query_end_s, match_start_s, match_end_s
        Seconds.
    score
        −1..1.
    """

    query_start_s: float
    query_end_s: float
    match_start_s: float
    match_end_s: float
    score: float


def align(query: PatchSequence, track: PatchSequence, centre: Array) -> PassagePair | None:
    """Return the pair of passages that match best, at every shift of one sequence along the other.

    Parameters
    ----------
    query, track
        The shorter is moved along the longer.
    centre
        (dimensions,) taken off every unit vector, as the index has it.

    Returns
    -------
    PassagePair or None
        None where one of them is empty.
    """
    return align_all(query, [track], centre)[0]


def align_all(
    query: PatchSequence, tracks: Sequence[PatchSequence], centre: Array
) -> list[PassagePair | None]:
    """Return what `align` does for each of some tracks: those of as many patches are worked on together."""
    of_length: dict[int, list[int]] = {}
    for position, track in enumerate(tracks):
        of_length.setdefault(len(track), []).append(position)
    found: list[PassagePair | None] = [None] * len(tracks)
    for length, positions in of_length.items():
        if not length or not len(query):
            continue
        table = _shifted(query, np.stack([tracks[position].embeddings for position in positions]), centre)
        for position, scores in zip(positions, table, strict=True):
            found[position] = _best_pair(query, tracks[position], scores)
    return found


def _best_pair(query: PatchSequence, track: PatchSequence, scores: Array) -> PassagePair:
    """Return the best of all shifts, by the score of each."""
    short, long = (query, track) if len(query) <= len(track) else (track, query)
    scores[~_without_gap(long, len(short))] -= 2.0  # a run over a gap counts only where there is no other
    shift = int(scores.argmax())
    here = (short.starts_s[0], short.starts_s[-1] + short.patch_s)
    there = (long.starts_s[shift], long.starts_s[shift + len(short) - 1] + long.patch_s)
    of_query, of_track = (here, there) if short is query else (there, here)
    score = float(scores[shift])
    return PassagePair(
        query_start_s=float(of_query[0]),
        query_end_s=float(of_query[1]),
        match_start_s=float(of_track[0]),
        match_end_s=float(of_track[1]),
        score=score if score > -1 else score + 2.0,
    )


def _shifted(query: PatchSequence, tracks: Array, centre: Array) -> Array:
    """Return the score of every shift of a query along tracks of some patches, (tracks, shifts).

    Parameters
    ----------
    tracks
        (tracks, patches, dimensions).
    """
    queries = query.embeddings[None]
    short, long = (queries, tracks) if len(query) <= tracks.shape[1] else (tracks, queries)
    n, shifts = short.shape[1], long.shape[1] - short.shape[1] + 1
    sums = np.cumsum(np.concatenate([np.zeros_like(long[:, :1]), long], axis=1), axis=1, dtype=float)
    means = np.asarray((sums[:, n:] - sums[:, :-n]) / n, np.float32)
    mean = _centred(short.mean(axis=1, keepdims=True), centre)
    whole = (_centred(means, centre) @ mean.transpose(0, 2, 1))[:, :, 0]
    cosines = _centred(short, centre) @ _centred(long, centre).transpose(0, 2, 1)
    single = sum(cosines[:, i, i : i + shifts] for i in range(n)) / np.float32(n)
    return np.asarray((whole + single) / 2, np.float32)


def _without_gap(long: PatchSequence, n: int) -> npt.NDArray[np.bool_]:
    """Return whether each run of n patches is without a gap, as silence leaves one."""
    spans = long.starts_s[n - 1 :] - long.starts_s[: len(long) - n + 1]
    return np.asarray(spans < n * long.patch_s)


def _centred(vectors: Array, centre: Array) -> Array:
    return unit_rows(unit_rows(vectors) - centre)
