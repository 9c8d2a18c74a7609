"""The index in memory: unit vectors of segments, searchable by cosine, and what belongs to them.

FAISS holds centred unit vectors with two more dimensions: minus the track's hub offset as a song and
for passages. A query that ends in (1, 0) or (0, 1) so finds neighbours by the corrected score, and one
that ends in (0, 0) by the plain cosine.
"""

from dataclasses import dataclass
from typing import Any

import faiss
import numpy as np
import numpy.typing as npt

from recommender.retrieval.exact import unit_rows
from recommender.retrieval.hubness import Reference

Array = npt.NDArray[np.float32]
Ints = npt.NDArray[np.int64]

SONG, PASSAGE, PLAIN = (1.0, 0.0), (0.0, 1.0), (0.0, 0.0)
"""The last two dimensions of a query: by which corrected score it wants its neighbours."""


@dataclass(frozen=True)
class Rows:
    """What belongs to the vectors, the segments of a track side by side.

    Attributes
    ----------
    segment_ids, lengths
        (segments,) ids, and the lengths of the unit vectors after centring.
    track_ids, starts
        (tracks,) ascending, and where each track's segments begin.
    song_offsets, passage_offsets
        (tracks,) of the hub correction.
    tags
        (tracks, tags) of the whole songs.
    """

    segment_ids: Ints
    lengths: Array
    track_ids: Ints
    starts: Ints
    song_offsets: Array
    passage_offsets: Array
    tags: Array


class SegmentIndex:
    """Unit vectors of segments, searchable by cosine, and what belongs to them.

    Attributes
    ----------
    faiss
        The FAISS index.
    rows, reference
        Arrays of segments and tracks, and the frozen sample.
    """

    def __init__(self, faiss_index: Any, rows: Rows, reference: Reference) -> None:
        self.faiss = faiss_index
        self.rows = rows
        self.reference = reference
        total, width = int(faiss_index.ntotal), int(faiss_index.d)
        stored = faiss.rev_swig_ptr(faiss_index.get_xb(), total * width) if total else np.zeros(0, np.float32)
        self._vectors = stored.reshape(total, width)[:, :-2]
        self._ends = np.append(rows.starts[1:], total)

    def __len__(self) -> int:
        return int(self.faiss.ntotal)

    def nearest_tracks(
        self, queries: Array, kind: tuple[float, float], reach: int, allowed: Ints | None = None
    ) -> Ints:
        """Return the places of the tracks that own the segments nearest to any query, ascending.

        Parameters
        ----------
        queries
            (queries, dimensions) centred, of length 1.
        kind
            `SONG`, `PASSAGE` or `PLAIN`.
        reach
            Neighbours of each query.
        allowed
            Places of the only tracks that count; None for all.
        """
        if not len(self):
            return np.zeros(0, np.int64)
        asked = np.concatenate([queries, np.tile(np.array(kind, np.float32), (len(queries), 1))], axis=1)
        search = None
        if allowed is not None:
            search = faiss.SearchParameters(  # type: ignore[call-arg]
                sel=faiss.IDSelectorBatch(self.places_of(allowed)[0])
            )
        _, found = self.faiss.search(np.ascontiguousarray(asked), min(reach, len(self)), params=search)
        found = np.unique(found[found >= 0])
        return np.unique(np.searchsorted(self.rows.starts, found, side="right") - 1)

    def places_of(self, tracks: Ints) -> tuple[Ints, Ints]:
        """Return the places of some tracks' segments, side by side, and where each track's begin."""
        counts = self._ends[tracks] - self.rows.starts[tracks]
        firsts = np.cumsum(counts) - counts
        within = np.arange(counts.sum()) - np.repeat(firsts, counts)
        return np.repeat(self.rows.starts[tracks], counts) + within, firsts

    def vectors_of(self, tracks: Ints | None) -> tuple[Array, Ints, Ints]:
        """Return centred vectors of some tracks, or of all, where each track's begin, and their places."""
        if tracks is None or np.array_equal(tracks, np.arange(len(self.rows.track_ids))):
            return self._vectors, self.rows.starts, np.arange(len(self))
        places, firsts = self.places_of(tracks)
        return np.asarray(self._vectors[places]), firsts, places

    def uncentred(self, vectors: Array, places: Ints) -> Array:
        """Return the unit vectors that centred ones at some places were made of."""
        return np.asarray(vectors * self.rows.lengths[places, None] + self.reference.centre, np.float32)

    @property
    def dimension(self) -> int:
        """Of the vectors."""
        return int(self._vectors.shape[1])

    def block(self, track: int) -> Array:
        """Return the centred vectors of the track at a place, (its segments, dimensions)."""
        return self._vectors[self.rows.starts[track] : self._ends[track]]

    def mean_vectors(self, tracks: Ints) -> Array:
        """Return the tracks' mean centred vectors, of length 1."""
        vectors, firsts, places = self.vectors_of(tracks)
        sums = np.add.reduceat(vectors, firsts, axis=0) if len(places) else vectors
        return unit_rows(sums)

    def track_places(self, track_ids: Ints) -> Ints:
        """Return the places of those of some tracks that are in the index, ascending."""
        return np.flatnonzero(np.isin(self.rows.track_ids, track_ids))


def make_index(vectors: Array, rows: Rows, reference: Reference) -> SegmentIndex:
    """Return the index of centred unit vectors, (segments, dimensions), a track's side by side."""
    counts = np.diff(np.append(rows.starts, len(vectors)))
    pulls = np.repeat(np.stack([-rows.song_offsets, -rows.passage_offsets], axis=1), counts, axis=0)
    stored = np.ascontiguousarray(np.concatenate([vectors, pulls.reshape(-1, 2)], axis=1), np.float32)
    flat = faiss.IndexFlatIP(stored.shape[1])
    flat.add(stored)
    return SegmentIndex(flat, rows, reference)
