"""From the catalogue's stored embeddings to an index: centre, reference sample, offsets, inverted file.

Of an older index of the same catalogue all is taken over that has not changed: the reference sample of the
hub correction, so that a few new tracks leave the scores of all others as they are, the arrays of tracks
that are the same, and the inverted file, to which new tracks are added and from which old ones are removed.
No more than a block of vectors is in memory at a time, however large the catalogue is.
"""

from collections.abc import Callable, Iterable, Iterator
from itertools import pairwise

import numpy as np

from classifier.arrays import Array, Ints
from db.sound.index_rows import IndexRows, IndexTracks
from recommender import params
from recommender.retrieval.index.exposure import Groups, limit_offsets
from recommender.retrieval.index.files import Arrays
from recommender.retrieval.index.hubness import Reference, centre_of, freeze, offsets
from recommender.retrieval.index.segment_index import Rows, SegmentIndex
from recommender.retrieval.index.unit_vectors import unit_rows

Read = Callable[[Ints | None], Iterable[IndexRows]]
"""Reads the segments of some tracks, or of all, in blocks of whole tracks, ascending."""

Made = Callable[[], Groups]
"""Reads who made the tracks that belong in the index."""

OF_TRACKS = ("song_offsets", "passage_offsets", "limit_offsets", "tags", "means")
TRACKS_AT_ONCE = 4096


def build_index(
    held: IndexTracks, read: Read, made: Made, arrays: Arrays, previous: SegmentIndex | None = None
) -> SegmentIndex:
    """Return a new index of a trunk's embeddings, but for its inverted file.

    Parameters
    ----------
    held, read, made
        The tracks that belong in it, and what reads their segments and who made them: all see the same state.
    arrays
        Where the index's arrays are made.
    previous
        An older index of the same trunk, which as much as possible is taken over from, while the catalogue
        is about as large as it was; None to begin anew.
    """
    if not len(held.track_ids):
        return _empty()
    if previous is not None and not _still_good(previous, len(held.track_ids)):
        previous = None
    return _Build(held, read, made, arrays, previous).run()


def _still_good(previous: SegmentIndex, n_tracks: int) -> bool:
    """Return whether the catalogue is about as large as when the sample was frozen."""
    frozen = previous.reference.n_tracks
    return frozen / params.REFRESH_GROWTH <= n_tracks <= frozen * params.REFRESH_GROWTH


def unchanged(held: IndexTracks, previous: SegmentIndex) -> tuple[Ints, Ints]:
    """Return the positions of the tracks that are as they were: among those held, and in the older index."""
    rows = previous.rows
    old = np.minimum(np.searchsorted(rows.track_ids, held.track_ids), max(0, len(rows.track_ids) - 1))
    counts = np.diff(np.append(rows.starts, len(previous)))
    same = (rows.track_ids[old] == held.track_ids) & (counts[old] == held.counts)
    same &= (rows.stamps[old] == held.stamps) & (held.stamps != 0)
    return np.flatnonzero(same), old[same]


class _Build:
    """One build and the arrays that it fills."""

    def __init__(
        self, held: IndexTracks, read: Read, made: Made, arrays: Arrays, previous: SegmentIndex | None
    ) -> None:
        self.held, self.read, self.made, self.arrays, self.previous = held, read, made, arrays, previous
        self.starts = np.cumsum(held.counts) - held.counts
        self.is_new = np.ones(len(held.track_ids), bool)
        self.vectors = np.zeros((0, 0), np.float32)
        self.rows: Rows

    def run(self) -> SegmentIndex:
        """Return the index of the arrays, filled: those that are taken over first."""
        previous = self.previous
        if previous is not None:
            self._allocate(previous.dimension, previous.rows.tags.shape[1])
            self._take_over(previous)
        self._read()
        centre = previous.reference.centre if previous is not None else centre_of(self.vectors, self.starts)
        for some in self._new_segments():
            self._centre(some, centre)
        reference = previous.reference if previous is not None else self._freeze(centre)
        self._find_offsets(reference)
        if previous is None:  # a track that comes later is shown as its score says
            self._find_limit_offsets(reference)
        return SegmentIndex(self.vectors, self.rows, reference)

    def _allocate(self, dimension: int, n_tags: int) -> None:
        n, tracks = int(self.held.counts.sum()), len(self.held.track_ids)
        new = self.arrays.new
        self.vectors = new("vectors", (n, dimension), np.float32)
        self.rows = Rows(
            segment_ids=new("segment_ids", (n,), np.int64),
            lengths=new("lengths", (n,), np.float32),
            track_ids=self.held.track_ids,
            starts=self.starts,
            stamps=self.held.stamps,
            song_offsets=new("song_offsets", (tracks,), np.float32),
            passage_offsets=new("passage_offsets", (tracks,), np.float32),
            limit_offsets=new("limit_offsets", (tracks,), np.float32),
            tags=new("tags", (tracks, n_tags), np.float32),
            means=new("means", (tracks, dimension), np.float32),
        )

    def _take_over(self, previous: SegmentIndex) -> None:
        """Copy the tracks that have not changed, runs of neighbours at once."""
        here, there = unchanged(self.held, previous)
        self.is_new[here] = False
        if not len(here):
            return
        breaks = np.flatnonzero((np.diff(here) != 1) | (np.diff(there) != 1)) + 1
        old, rows = previous.rows, self.rows
        for first, end in pairwise([0, *breaks.tolist(), len(here)]):
            tracks, of_old = slice(here[first], here[end - 1] + 1), slice(there[first], there[end - 1] + 1)
            for name in OF_TRACKS:
                getattr(rows, name)[tracks] = getattr(old, name)[of_old]
            n = int(self.held.counts[tracks].sum())
            start, old_start = int(self.starts[tracks.start]), int(old.starts[of_old.start])
            self.vectors[start : start + n] = previous.vectors[old_start : old_start + n]
            for name in ("segment_ids", "lengths"):
                getattr(rows, name)[start : start + n] = getattr(old, name)[old_start : old_start + n]

    def _read(self) -> None:
        """Read the new tracks' unit vectors and tags, block by block."""
        new = None if self.is_new.all() else self.held.track_ids[self.is_new]
        for block in self.read(new):
            if self.previous is None and not self.vectors.size:
                self._allocate(block.embeddings.shape[1], block.tags.shape[1])
            self._store(block)

    def _store(self, block: IndexRows) -> None:
        ids, firsts, counts = np.unique(block.track_ids, return_index=True, return_counts=True)
        positions = np.searchsorted(self.held.track_ids, ids)
        within = np.arange(len(block.track_ids)) - np.repeat(firsts, counts)
        rows = np.repeat(self.starts[positions], counts) + within
        self.vectors[rows] = unit_rows(block.embeddings)
        self.rows.segment_ids[rows] = block.segment_ids
        seconds = block.durations_s[:, None]
        whole = np.add.reduceat(seconds, firsts)
        for songs, of_segments in ((self.rows.tags, block.tags), (self.rows.means, block.embeddings)):
            songs[positions] = np.add.reduceat(of_segments * seconds, firsts) / whole

    def _new_tracks(self) -> Iterator[Ints]:
        """Yield the positions of the new tracks, some at a time."""
        positions = np.flatnonzero(self.is_new)
        for start in range(0, len(positions), TRACKS_AT_ONCE):
            yield positions[start : start + TRACKS_AT_ONCE]

    def _new_segments(self) -> Iterator[Ints]:
        """Yield the positions of the new tracks' segments, some tracks at a time."""
        for tracks in self._new_tracks():
            yield segments_of(tracks, self.starts, self.held.counts)[0]

    def _centre(self, some: Ints, centre: Array) -> None:
        moved = self.vectors[some] - centre
        self.rows.lengths[some] = np.linalg.norm(moved, axis=1)
        self.vectors[some] = unit_rows(moved)

    def _freeze(self, centre: Array) -> Reference:
        return freeze(centre, self.vectors, self.held.track_ids, self.starts)

    def _find_offsets(self, reference: Reference) -> None:
        for tracks in self._new_tracks():
            positions, firsts = segments_of(tracks, self.starts, self.held.counts)
            found = offsets(reference, self.vectors[positions], self.held.track_ids[tracks], firsts)
            self.rows.song_offsets[tracks], self.rows.passage_offsets[tracks] = found

    def _find_limit_offsets(self, reference: Reference) -> None:
        rows = self.rows
        found = limit_offsets(
            reference, self.vectors, rows.track_ids, rows.starts, rows.song_offsets, self.made()
        )
        rows.limit_offsets[:] = found


def segments_of(tracks: Ints, starts: Ints, counts: Ints) -> tuple[Ints, Ints]:
    """Return the positions of some tracks' segments, side by side, and where each track's begin."""
    n = counts[tracks]
    firsts = np.cumsum(n) - n
    return np.repeat(starts[tracks] - firsts, n) + np.arange(n.sum()), firsts


def _empty() -> SegmentIndex:
    none, ids = np.zeros(0, np.float32), np.zeros(0, np.int64)
    vectors = np.zeros((0, 1), np.float32)
    empty = np.zeros((0, 0), np.float32)
    rows = Rows(ids, none, ids, ids, ids, none, none, none, tags=empty, means=empty)
    return SegmentIndex(vectors, rows, freeze(np.zeros(1, np.float32), vectors, ids, ids))
