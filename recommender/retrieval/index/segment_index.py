"""The index in memory: unit vectors of segments, what belongs to them, and where neighbours are looked for.

The arrays may be files that are mapped into memory: only what a search touches is read.
"""

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from classifier.arrays import Array, Ints
from recommender import params
from recommender.retrieval.index.hubness import Reference, centred
from recommender.retrieval.index.unit_vectors import mean_directions

if TYPE_CHECKING:
    from recommender.retrieval.index.inverted_file import InvertedFile


SONG, PASSAGE, PLAIN = (1.0, 0.0), (0.0, 1.0), (0.0, 0.0)
"""The corrected score that a query finds its neighbours by: how much each offset counts."""


@dataclass(frozen=True)
class Rows:
    """Arrays that go with the vectors, the segments of a track side by side.

    Attributes
    ----------
    segment_ids, lengths
        (segments,) ids, and the lengths of the unit vectors after centring.
    track_ids, starts
        (tracks,) ascending, and where each track's segments begin.
    stamps
        (tracks,) that show which track was analysed again; see `db.sound.index_rows`.
    song_offsets, passage_offsets
        (tracks,) of the hub correction.
    limit_offsets
        (tracks,) of the choice under limits; see `recommender.retrieval.index.exposure`.
    tags, means
        (tracks, tags) and (tracks, dimensions) of the whole songs: means by length, as they were stored.
    """

    segment_ids: Ints
    lengths: Array
    track_ids: Ints
    starts: Ints
    stamps: Ints
    song_offsets: Array
    passage_offsets: Array
    limit_offsets: Array
    tags: Array
    means: Array


class SegmentIndex:
    """Unit vectors of segments, what belongs to them, and where neighbours are looked for.

    Attributes
    ----------
    vectors
        (segments, dimensions) centred, of length 1.
    rows, reference
        Arrays of segments and tracks, and the frozen sample.
    inverted
        Names candidates; None where there are few enough segments to score them all.
    """

    def __init__(
        self, vectors: Array, rows: Rows, reference: Reference, inverted: "InvertedFile | None" = None
    ) -> None:
        self.vectors = vectors
        self.rows = rows
        self.reference = reference
        self.inverted = inverted
        self._ends = np.append(rows.starts[1:], len(vectors))

    def __len__(self) -> int:
        return len(self.vectors)

    def candidates(self, queries: Array, kind: tuple[float, float], effort: int, allowed: Ints) -> Ints:
        """Return the positions of tracks worth scoring: all of few, of many those with the nearest segments.

        Parameters
        ----------
        queries
            (queries, dimensions) centred, of length 1.
        kind
            `SONG`, `PASSAGE` or `PLAIN`.
        effort
            How much further than usual to look: 1, or more where too little was found.
        allowed
            Positions of the only tracks that count, ascending.
        """
        few = params.EXACT_SEGMENTS
        if self.inverted is None or (len(allowed) <= few and self.n_segments(allowed) <= few):
            return allowed
        reach = params.FIRST_NEIGHBOURS * effort
        if reach >= len(self):
            return allowed
        from recommender.retrieval.index.inverted_file import asked

        ids = self.rows.track_ids
        only = None if len(ids) - len(allowed) <= params.FEW_SHUT_OUT else ids[allowed]
        positions = np.linspace(0, len(queries) - 1, min(len(queries), params.SEARCHED_SEGMENTS)).round()
        found = self.inverted.near(asked(queries[positions.astype(np.int64)], kind), reach, effort, only)
        return _common(np.searchsorted(ids, found), allowed)

    def n_segments(self, tracks: Ints) -> int:
        """Return how many segments some tracks have together."""
        if len(tracks) == len(self.rows.track_ids):
            return len(self)
        return int((self._ends[tracks] - self.rows.starts[tracks]).sum())

    def segment_positions(self, tracks: Ints) -> tuple[Ints, Ints]:
        """Return the positions of some tracks' segments, side by side, and where each track's begin."""
        counts = self._ends[tracks] - self.rows.starts[tracks]
        firsts = np.cumsum(counts) - counts
        within = np.arange(counts.sum()) - np.repeat(firsts, counts)
        return np.repeat(self.rows.starts[tracks], counts) + within, firsts

    def vectors_of(self, tracks: Ints | None) -> tuple[Array, Ints, Ints]:
        """Return centred vectors of some tracks, or of all, where each track's begin, and their positions."""
        n = len(self.rows.track_ids)
        if tracks is None or (len(tracks) == n and np.array_equal(tracks, np.arange(n))):
            return self.vectors, self.rows.starts, np.arange(len(self))
        positions, firsts = self.segment_positions(tracks)
        return np.asarray(self.vectors[positions]), firsts, positions

    def uncentred(self, vectors: Array, positions: Ints) -> Array:
        """Return the unit vectors that centred ones at some positions were made of."""
        return np.asarray(vectors * self.rows.lengths[positions, None] + self.reference.centre, np.float32)

    @property
    def dimension(self) -> int:
        """Return the dimensions of the vectors."""
        return int(self.vectors.shape[1])

    def block(self, track: int) -> Array:
        """Return the centred vectors of the track at a position, (its segments, dimensions)."""
        return self.vectors[self.rows.starts[track] : self._ends[track]]

    def centred(self, units: Array) -> Array:
        """Return a query's unit vectors as those of the index are: the centre taken off, of length 1."""
        return centred(units, self.reference.centre)

    def mean_vectors(self, tracks: Ints) -> Array:
        """Return the tracks' mean centred vectors, of length 1."""
        vectors, firsts, _ = self.vectors_of(tracks)
        return mean_directions(vectors, firsts)

    def track_positions(self, track_ids: Ints) -> Ints:
        """Return the positions of those of some tracks that are in the index, ascending."""
        return np.searchsorted(self.rows.track_ids, _common(np.sort(track_ids), self.rows.track_ids))


def _common(some: Ints, others: Ints) -> Ints:
    """Return which of some numbers are among others; both ascend, and there are far more others."""
    positions = np.searchsorted(others, some)
    within = positions < len(others)
    return np.asarray(some[within][others[positions[within]] == some[within]], np.int64)
