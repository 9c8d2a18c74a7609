"""Hubs: songs that are near everything, and how a score is freed of them.

Vectors are centred first, then each track has an offset that is taken off its scores: high for a track
that is near to many. Offsets come from Sinkhorn's balancing of a frozen sample of tracks: potentials
such that exp((score − offset) / τ), normalised for each query, gives every track the same sum. A track
outside the sample gets the offset that balances it alone, so that adding one moves no other's score.

Sources: Radovanović, Nanopoulos and Ivanović 2010 (hubs); Suzuki et al. 2013 (centring); Sinkhorn 1964.
"""

import os
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt

from classifier.arrays import Array, Ints
from recommender import params
from recommender.retrieval.index.scoring import best_matches, song_score_table
from recommender.retrieval.index.unit_vectors import unit_rows

ROUNDS = 60
ENOUGH = 1e-4
NONE = -1e9
TRACKS_AT_ONCE = 250


@dataclass(frozen=True)
class Reference:
    """A frozen sample of the catalogue.

    Attributes
    ----------
    centre
        (dimensions,) what is taken off every unit vector.
    track_ids, starts
        (tracks,) the sample, and where each track's segments begin in `vectors`.
    vectors
        (segments, dimensions) centred, of length 1.
    song_potentials
        (tracks,).
    passages, passage_potentials
        (passages,) positions in `vectors`, and the potential of each as a query.
    levels
        Mean offsets, of songs and of passages, which offsets are counted from.
    n_tracks
        Tracks in the catalogue when it was frozen.
    """

    centre: Array
    track_ids: Ints
    starts: Ints
    vectors: Array
    song_potentials: Array
    passages: Ints
    passage_potentials: Array
    levels: Array
    n_tracks: int

    @property
    def weight(self) -> float:
        """Return how far offsets are trusted, 0..1: little where there are few tracks."""
        return _trust(len(self.track_ids))


def _trust(n_tracks: int) -> float:
    return n_tracks / (n_tracks + params.SHRINK_TRACKS)


def centre_of(units: Array, starts: Ints) -> Array:
    """Return the mean of the tracks' mean unit vectors, nearer to zero where there are few tracks."""
    total = np.zeros(units.shape[1])
    for first in range(0, len(starts), TRACKS_AT_ONCE):
        some = np.append(starts[first : first + TRACKS_AT_ONCE + 1], len(units))[: TRACKS_AT_ONCE + 1]
        sums = np.add.reduceat(units[some[0] : some[-1]], some[:-1] - some[0], axis=0)
        total += (sums / np.diff(some)[:, None]).sum(axis=0, dtype=np.float64)
    return np.asarray(total / max(1, len(starts)) * _trust(len(starts)), np.float32)


def centred(units: Array, centre: Array) -> Array:
    """Return unit vectors with the centre taken off, of length 1 again."""
    return unit_rows(units - centre)


def freeze(centre: Array, vectors: Array, track_ids: Ints, starts: Ints, seed: int = 0) -> Reference:
    """Return a sample of the catalogue, chosen and balanced.

    Parameters
    ----------
    centre
        (dimensions,).
    vectors
        (segments, dimensions) centred, of length 1, of all tracks.
    track_ids, starts
        (tracks,).
    seed
        Of the choice.
    """
    made = _sample(centre, vectors, track_ids, starts, np.random.default_rng(seed))
    if len(made.track_ids) < 2:
        return made
    songs = song_table(made, made.vectors, made.track_ids, made.starts)
    passages = _passage_table(made, made.vectors, made.track_ids, made.starts)
    lengths = np.diff(np.append(made.starts, len(made.vectors)))
    shares = np.log(1 / np.repeat(lengths, lengths)[made.passages])
    song_potentials, song_offsets = balance(songs, np.zeros(len(songs)))
    passage_potentials, passage_offsets = balance(passages, shares)
    return replace(
        made,
        song_potentials=song_potentials.astype(np.float32),
        passage_potentials=passage_potentials.astype(np.float32),
        levels=np.array([song_offsets.mean(), passage_offsets.mean()], np.float32),
    )


def _sample(
    centre: Array, vectors: Array, track_ids: Ints, starts: Ints, random: "np.random.Generator"
) -> Reference:
    """Return a sample of tracks, their segments and passages; nothing is balanced yet."""
    chosen = np.sort(random.permutation(len(track_ids))[: params.REFERENCE_TRACKS])
    ends = np.append(starts[1:], len(vectors))
    positions = [_spread(starts[i], ends[i], params.REFERENCE_TRACK_SEGMENTS) for i in chosen]
    sample = np.asarray(vectors[np.concatenate([*positions, np.zeros(0, np.int64)])], np.float32)
    lengths = np.array([len(p) for p in positions], np.int64)
    passages = np.sort(random.permutation(len(sample))[: params.REFERENCE_PASSAGES])
    return Reference(
        centre=centre,
        track_ids=track_ids[chosen],
        starts=np.cumsum(lengths) - lengths,
        vectors=sample,
        song_potentials=np.zeros(len(chosen), np.float32),
        passages=passages,
        passage_potentials=np.zeros(len(passages), np.float32),
        levels=np.zeros(2, np.float32),
        n_tracks=len(track_ids),
    )


def _spread(start: int, end: int, at_most: int) -> Ints:
    """Return at most so many numbers from start to end, evenly spread."""
    if end - start <= at_most:
        return np.arange(start, end, dtype=np.int64)
    return np.asarray(np.linspace(start, end - 1, at_most).round(), np.int64)


def balance(scores: npt.NDArray[np.float64], log_weights: npt.NDArray[np.float64]) -> tuple[Array, Array]:
    """Return what balances a table of scores: every row sums to its weight, every column to the same.

    Parameters
    ----------
    scores
        (queries, tracks); a large negative number where a pair does not count.
    log_weights
        (queries,) logarithm of each query's weight.

    Returns
    -------
    tuple
        Potentials of the queries, their weights included, and offsets of the tracks in units of score.
    """
    tau = params.HUB_TEMPERATURE
    logits = scores / tau
    columns = np.zeros(scores.shape[1])
    rows = np.zeros(scores.shape[0])
    for _ in range(ROUNDS):
        rows = _log_sum(logits - columns, axis=1) - log_weights
        before, columns = columns, _log_sum(logits - rows[:, None], axis=0)
        if np.abs(columns - before).max() < ENOUGH:
            break
    return np.asarray(rows), np.asarray(tau * columns)


def _log_sum(values: npt.NDArray[np.float64], axis: int) -> npt.NDArray[np.float64]:
    highest = values.max(axis=axis, keepdims=True)
    summed = np.log(np.exp(values - highest).sum(axis=axis, keepdims=True)) + highest
    return np.asarray(summed.squeeze(axis), np.float64)


def offsets(reference: Reference, vectors: Array, track_ids: Ints, starts: Ints) -> tuple[Array, Array]:
    """Return what is taken off the scores of tracks, as songs and for passages.

    Parameters
    ----------
    reference
        The frozen sample.
    vectors
        (segments, dimensions) centred, of length 1.
    track_ids, starts
        (tracks,).

    Returns
    -------
    tuple
        Two arrays, (tracks,), within ±`params.HUB_LIMIT`; 0 for all in a catalogue of one track.
    """
    if len(reference.track_ids) < 2:
        return np.zeros(len(starts), np.float32), np.zeros(len(starts), np.float32)
    ends = np.append(starts[1:], len(vectors))

    def of_some(first: int) -> tuple[Array, Array]:
        some = slice(first, first + TRACKS_AT_ONCE)
        theirs = vectors[starts[first] : ends[some][-1]]
        return _offsets(reference, theirs, track_ids[some], starts[some] - starts[first])

    # Every block gives the processor back to Python for its arithmetic.
    with ThreadPoolExecutor(os.cpu_count()) as pool:
        found = list(pool.map(of_some, range(0, len(starts), TRACKS_AT_ONCE)))
    songs, passages = zip(*found, strict=True)
    return np.concatenate(songs), np.concatenate(passages)


def _offsets(reference: Reference, vectors: Array, track_ids: Ints, starts: Ints) -> tuple[Array, Array]:
    found = []
    tables = (
        (song_table, reference.song_potentials, reference.levels[0]),
        (_passage_table, reference.passage_potentials, reference.levels[1]),
    )
    for table, potentials, level in tables:
        logits = table(reference, vectors, track_ids, starts) / params.HUB_TEMPERATURE
        columns = params.HUB_TEMPERATURE * _log_sum(logits - potentials[:, None], axis=0)
        shrunk = np.where(columns > NONE / 2, columns - level, 0.0) * reference.weight
        found.append(np.clip(shrunk, -params.HUB_LIMIT, params.HUB_LIMIT).astype(np.float32))
    return found[0], found[1]


def song_table(
    reference: Reference, vectors: Array, track_ids: Ints, starts: Ints
) -> npt.NDArray[np.float64]:
    """Return the scores of the sample's songs with tracks; the same song is left out."""
    scores = song_score_table(reference.vectors, reference.starts, vectors, starts).astype(np.float64)
    same = (reference.track_ids[:, None] == track_ids) | (scores > params.SAME_SOUND)
    return np.where(same, NONE, scores)


def _passage_table(
    reference: Reference, vectors: Array, track_ids: Ints, starts: Ints
) -> npt.NDArray[np.float64]:
    """Return the scores of the sample's passages with tracks; those of the same song are left out."""
    lengths = np.diff(np.append(reference.starts, len(reference.vectors)))
    owners = np.repeat(reference.track_ids, lengths)[reference.passages]
    blocks = best_matches(reference.vectors[reference.passages], vectors, starts)
    scores = np.concatenate(list(blocks)).astype(np.float64)
    same = (owners[:, None] == track_ids) | (scores > params.SAME_SOUND)
    return np.where(same, NONE, scores)


def correction(scores: Array, track_offsets: Array) -> Array:
    """Return what to add to scores; it fades to nothing for a perfect match.

    Parameters
    ----------
    scores, track_offsets
        (tracks,); scores of 1 at most.
    """
    fade = np.clip((1 - scores) / params.HUB_FADE, 0, 1)
    return np.asarray(-track_offsets * fade, np.float32)
