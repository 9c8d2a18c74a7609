"""The similarity of tracks, from the cosines between their segments.

A song's score is symmetric: the mean, over the segments of each side, of the soft best match on the
other, averaged over both sides. A one-sided best match would favour long tracks, which have more
chances; the soft one asks that more than one segment fits. A passage is scored one-sidedly: it asks for
a passage like it, whatever else that track holds. docs/RECOMMENDER.md has the figures behind this.
"""

from collections.abc import Iterator

import numpy as np

from classifier.arrays import Array, Ints
from recommender import params

CELLS = 4_000_000
"""Cosines held in memory at a time."""


def song_scores(queries: Array, candidates: Array, starts: Ints) -> Array:
    """Return the scores of candidate tracks for a song.

    With τ the temperature, a segment's soft best match among n others is τ · log(mean(exp(cosine / τ))).

    Parameters
    ----------
    queries
        (query segments, dimensions) of length 1.
    candidates
        (candidate segments, dimensions) of length 1, the segments of a track side by side.
    starts
        (tracks,) index of each track's first segment, ascending, the first being 0.

    Returns
    -------
    numpy.ndarray
        (tracks,) in −1..1.
    """
    if not len(starts):  # an empty catalogue's vectors have no dimensions to speak of
        return np.zeros(0, np.float32)
    lengths = np.diff(np.append(starts, len(candidates)))
    of_query = np.zeros(len(starts))
    over_queries = np.zeros(len(candidates))
    for cosines in _blocks(queries, candidates):
        weights = np.exp(cosines / np.float32(params.MATCH_TEMPERATURE), dtype=np.float32)
        over_queries += weights.sum(axis=0, dtype=np.float64)
        matched = np.add.reduceat(weights, starts, axis=1, dtype=np.float64) / lengths
        of_query += np.log(matched).sum(axis=0)
    of_track = np.add.reduceat(np.log(over_queries / len(queries)), starts) / lengths
    both = (of_query / len(queries) + of_track) / 2
    return np.asarray(params.MATCH_TEMPERATURE * both, np.float32)


def song_score_table(songs: Array, song_starts: Ints, candidates: Array, starts: Ints) -> Array:
    """Return the scores of candidate tracks for many songs at once: `song_scores` of each, (songs, tracks).

    Parameters
    ----------
    songs, song_starts
        (song segments, dimensions) of length 1, and where each song's begin.
    candidates, starts
        As of `song_scores`.
    """
    ends = np.append(starts[1:], len(candidates))
    most = max(1, CELLS // max(1, len(songs)))
    parts = [np.zeros((len(song_starts), 0), np.float32)]
    first = 0
    while first < len(starts):
        last = max(first + 1, int(np.searchsorted(ends, starts[first] + most, side="right")))
        some = candidates[starts[first] : ends[last - 1]]
        parts.append(_table(songs, song_starts, some, starts[first:last] - starts[first]))
        first = last
    return np.concatenate(parts, axis=1)


def _table(songs: Array, song_starts: Ints, candidates: Array, starts: Ints) -> Array:
    """Return `song_score_table` of few candidates."""
    weights = candidates @ songs.T
    weights /= np.float32(params.MATCH_TEMPERATURE)
    np.exp(weights, out=weights)
    of_songs = np.diff(np.append(song_starts, len(songs)))
    of_tracks = np.diff(np.append(starts, len(candidates)))[:, None]
    there = np.log(np.add.reduceat(weights, starts, axis=0) / of_tracks)
    there = np.add.reduceat(there, song_starts, axis=1) / of_songs
    back = np.log(np.add.reduceat(weights, song_starts, axis=1) / of_songs)
    back = np.add.reduceat(back, starts, axis=0) / of_tracks
    return np.asarray(params.MATCH_TEMPERATURE * (there + back).T / 2, np.float32)


def passage_scores(queries: Array, candidates: Array, starts: Ints) -> Array:
    """Return the scores of candidate tracks for a passage: the mean, over its segments, of the best match.

    Parameters and returns are as of `song_scores`.
    """
    total = np.zeros(len(starts))
    for best in best_matches(queries, candidates, starts):
        total += best.sum(axis=0, dtype=np.float64)
    return np.asarray(total / len(queries), np.float32)


def best_matches(queries: Array, candidates: Array, starts: Ints) -> Iterator[Array]:
    """Yield the best match of each segment in each track, (some queries, tracks), block by block."""
    if not len(starts):
        yield np.zeros((len(queries), 0), np.float32)
        return
    for cosines in _blocks(queries, candidates):
        yield np.maximum.reduceat(cosines, starts, axis=1)


def _blocks(queries: Array, candidates: Array) -> Iterator[Array]:
    """Yield the cosines of some queries at a time with all candidates."""
    step = max(1, CELLS // max(1, len(candidates)))
    return (queries[start : start + step] @ candidates.T for start in range(0, len(queries), step))


def agreement(scores: Array) -> Array:
    """Return one score from those that several queries give: near the lowest, a soft minimum.

    Parameters
    ----------
    scores
        (queries, tracks).

    Returns
    -------
    numpy.ndarray
        (tracks,), between the lowest score and the mean; with a single query its score.
    """
    lowest = scores.min(axis=0)
    excess = np.exp(-(scores - lowest) / np.float32(params.AGREEMENT_TEMPERATURE))
    return np.asarray(lowest - params.AGREEMENT_TEMPERATURE * np.log(excess.mean(axis=0)), np.float32)


def best_of(scores: Array, ids: Ints, n: int) -> Ints:
    """Return the rows of the n best scores, the best first; of equal ones in the order of their ids."""
    rows = np.arange(len(scores))
    if n < len(scores):  # to order all of them takes longer
        least = np.partition(scores, len(scores) - n)[len(scores) - n]
        rows = np.flatnonzero(scores >= least)
    return np.asarray(rows[np.lexsort((ids[rows], -scores[rows]))][:n])
