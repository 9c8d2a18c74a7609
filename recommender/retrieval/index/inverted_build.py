"""The inverted file of an index: learnt from a sample, filled, kept up to date, and its recall measured."""

from collections.abc import Iterator

import numpy as np

from classifier.arrays import Array, Ints
from db.sound.index_rows import IndexTracks
from recommender import params
from recommender.retrieval.index.build import segments_of, unchanged
from recommender.retrieval.index.inverted_file import InvertedFile, asked, sample_size, stored, train, tune
from recommender.retrieval.index.segment_index import SONG, SegmentIndex

TRACKS_AT_ONCE = 4096
SEGMENTS_AT_ONCE = 32_768
NEAREST = 10


def fill(index: SegmentIndex, seed: int = 0) -> InvertedFile:
    """Return an inverted file of all of an index's segments, learnt from a sample of them."""
    width = stored(index.vectors[:1], np.zeros((1, 2), np.float32)).shape[1]
    n = sample_size(len(index), width)
    chosen = np.sort(np.random.default_rng(seed).choice(len(index), n, replace=False))
    made = train(len(index), stored(index.vectors[chosen], _offsets(index, chosen)))
    made.add(_blocks(index, np.arange(len(index.rows.track_ids))))
    return made


def update(made: InvertedFile, index: SegmentIndex, previous: SegmentIndex) -> None:
    """Bring an older index's inverted file up to date: only what has changed is taken out and put in."""
    rows = index.rows
    counts = np.diff(np.append(rows.starts, len(index)))
    same, old = unchanged(IndexTracks(rows.track_ids, counts, rows.stamps), previous)
    made.without(np.delete(previous.rows.track_ids, old))
    made.add(_blocks(index, np.delete(np.arange(len(rows.track_ids)), same)))


def measure(made: InvertedFile, index: SegmentIndex, seed: int = 0) -> float:
    """Return the recall at the number of lists that is chosen to be searched.

    Segments drawn from the index ask for the ten nearest of other tracks, by the corrected score; the same by
    an exact search is the truth.
    """
    random = np.random.default_rng(seed)
    chosen = np.sort(random.choice(len(index), min(len(index), params.RECALL_QUERIES), replace=False))
    queries = index.vectors[chosen]
    wanted = nearest_owners(index, queries, _owners(index, chosen))
    return tune(made, asked(queries, SONG), wanted)


def nearest_owners(index: SegmentIndex, queries: Array, left_out: Ints) -> Ints:
    """Return the ids of the tracks of each query's ten nearest segments, by an exact search.

    Parameters
    ----------
    queries
        (queries, dimensions) centred, of length 1.
    left_out
        (queries,) id of the track whose segments do not count for each.
    """
    scores = np.full((len(queries), 0), -np.inf, np.float32)
    owners = np.zeros((len(queries), 0), np.int64)
    for start in range(0, len(index), SEGMENTS_AT_ONCE):
        some = np.arange(start, min(start + SEGMENTS_AT_ONCE, len(index)))
        theirs = _owners(index, some)
        found = queries @ index.vectors[start : start + len(some)].T - _offsets(index, some)[:, 0]
        found[left_out[:, None] == theirs] = -np.inf
        best = np.argpartition(-found, min(NEAREST, len(some)) - 1, axis=1)[:, :NEAREST]
        scores = np.concatenate([scores, np.take_along_axis(found, best, axis=1)], axis=1)
        owners = np.concatenate([owners, theirs[best]], axis=1)
        order = np.argsort(-scores, axis=1, kind="stable")[:, :NEAREST]
        scores = np.take_along_axis(scores, order, axis=1)
        owners = np.take_along_axis(owners, order, axis=1)
    return owners


def _blocks(index: SegmentIndex, tracks: Ints) -> Iterator[tuple[Array, Ints]]:
    """Yield some tracks' segments as they are stored, with the ids of their tracks."""
    starts, ids = index.rows.starts, index.rows.track_ids
    counts = np.diff(np.append(starts, len(index)))
    for first in range(0, len(tracks), TRACKS_AT_ONCE):
        some = tracks[first : first + TRACKS_AT_ONCE]
        positions, _ = segments_of(some, starts, counts)
        yield stored(index.vectors[positions], _offsets(index, positions)), np.repeat(ids[some], counts[some])


def _tracks(index: SegmentIndex, segments: Ints) -> Ints:
    return np.searchsorted(index.rows.starts, segments, side="right") - 1


def _owners(index: SegmentIndex, segments: Ints) -> Ints:
    return index.rows.track_ids[_tracks(index, segments)]


def _offsets(index: SegmentIndex, segments: Ints) -> Array:
    """Return the hub offsets of segments' tracks, (segments, 2)."""
    tracks, rows = _tracks(index, segments), index.rows
    return np.stack([rows.song_offsets[tracks], rows.passage_offsets[tracks]], axis=1)
