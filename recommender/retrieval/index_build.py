"""The catalogue's stored embeddings to an index: centre, reference sample, offsets.

Only the reference sample of the hub correction is kept from one build to the next, so that a few new
tracks leave the scores of all others as they are.
"""

from dataclasses import fields, replace

import numpy as np
import numpy.typing as npt
from sqlalchemy.orm import Session

from db.features import IndexRows, index_rows
from recommender import params
from recommender.retrieval.exact import unit_rows
from recommender.retrieval.hubness import Reference, centre_of, centred, freeze, offsets
from recommender.retrieval.segment_index import Rows, SegmentIndex, make_index

Array = npt.NDArray[np.float32]
Ints = npt.NDArray[np.int64]


def build_index(session: Session, trunk_id: str, previous: SegmentIndex | None = None) -> SegmentIndex:
    """Build the index of a trunk's embeddings.

    Parameters
    ----------
    session
        Of the catalogue.
    trunk_id
        Whose embeddings.
    previous
        An older index of the same trunk, whose reference sample is kept while the catalogue is about as
        large as it was; None to choose a new one.
    """
    read = _read(session, trunk_id)
    if read is None:
        return _empty()
    track_ids, starts = np.unique(read.track_ids, return_index=True)
    units = unit_rows(read.embeddings)
    kept = previous.reference if previous is not None and _still_good(previous, len(track_ids)) else None
    centre = kept.centre if kept is not None else centre_of(units, starts)
    lengths = np.linalg.norm(units - centre, axis=1).astype(np.float32)
    vectors = centred(units, centre)
    reference = kept or freeze(centre, vectors, track_ids, starts)
    song, passage = _offsets(reference, vectors, track_ids, starts, previous)
    seconds = read.durations_s[:, None]
    tags = np.add.reduceat(read.tags * seconds, starts) / np.add.reduceat(seconds, starts)
    rows = Rows(read.segment_ids, lengths, track_ids, starts, song, passage, np.asarray(tags, np.float32))
    return make_index(vectors, rows, reference)


def _read(session: Session, trunk_id: str) -> IndexRows | None:
    blocks = list(index_rows(session, trunk_id))
    if not blocks:
        return None
    names = [field.name for field in fields(IndexRows)]
    return replace(blocks[0], **{n: np.concatenate([getattr(block, n) for block in blocks]) for n in names})


def _still_good(previous: SegmentIndex, n_tracks: int) -> bool:
    """Whether the catalogue is about as large as when the sample was frozen."""
    frozen = previous.reference.n_tracks
    return frozen / params.REFRESH_GROWTH <= n_tracks <= frozen * params.REFRESH_GROWTH


def _offsets(
    reference: Reference, vectors: Array, track_ids: Ints, starts: Ints, previous: SegmentIndex | None
) -> tuple[Array, Array]:
    """Return the tracks' offsets; those of unchanged tracks by the same reference are taken over."""
    song, passage = np.zeros((2, len(track_ids)), np.float32)
    new = np.ones(len(track_ids), bool)
    if previous is not None and previous.reference is reference:
        known = {int(track_id): old for old, track_id in enumerate(previous.rows.track_ids)}
        ends = np.append(starts[1:], len(vectors))
        for place, (track_id, start, end) in enumerate(zip(track_ids, starts, ends, strict=True)):
            old = known.get(int(track_id))
            if old is not None and np.array_equal(previous.block(old), vectors[start:end]):
                new[place] = False
                song[place] = previous.rows.song_offsets[old]
                passage[place] = previous.rows.passage_offsets[old]
    if new.any():
        counts = np.diff(np.append(starts, len(vectors)))
        some = vectors[np.repeat(new, counts)]
        firsts = np.cumsum(counts[new]) - counts[new]
        song[new], passage[new] = offsets(reference, some, track_ids[new], firsts)
    return song, passage


def _empty() -> SegmentIndex:
    none, no_ids = np.zeros(0, np.float32), np.zeros(0, np.int64)
    rows = Rows(no_ids, none, no_ids, no_ids, none, none, np.zeros((0, 0), np.float32))
    vectors = np.zeros((0, 1), np.float32)
    return make_index(vectors, rows, freeze(np.zeros(1, np.float32), vectors, no_ids, no_ids))
