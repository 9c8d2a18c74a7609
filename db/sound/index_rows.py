"""What belongs in the index: which tracks, and the arrays of their segments."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from hashlib import blake2b
from typing import Any

import numpy as np
import numpy.typing as npt
from sqlalchemy import func, select
from sqlalchemy.orm import Session

from db.models import Feature, Segment, Track
from db.sound.features import READ_ROWS
from db.values import in_parts, stack

Array = npt.NDArray[np.float32]
Ints = npt.NDArray[np.int64]


def in_index(trunk_id: str) -> tuple[object, ...]:
    """Return the conditions on Track and Feature for a vector to belong in the index."""
    return (
        Feature.trunk_id == trunk_id,
        Track.missing.is_(False),
        Track.error_kind.is_(None),
    )


@dataclass(frozen=True)
class IndexTracks:
    """The tracks that belong in the index.

    Attributes
    ----------
    track_ids, counts
        (tracks,) ascending, and how many segments of each belong there.
    stamps
        (tracks,) equal for a track whose segments are the same as when it was last looked at; 0 where
        that cannot be told.
    """

    track_ids: Ints
    counts: Ints
    stamps: Ints


@dataclass(frozen=True)
class IndexRows:
    """The segments of some tracks that belong in the index.

    Attributes
    ----------
    segment_ids, track_ids, durations_s
        (segments,).
    embeddings, tags
        (segments, dimensions) and (segments, tags).
    """

    segment_ids: Ints
    track_ids: Ints
    durations_s: Array
    embeddings: Array
    tags: Array


def index_tracks(session: Session, trunk_id: str) -> IndexTracks:
    """Return the tracks that belong in the index, without reading any vector."""
    query = (
        select(
            Track.id, Track.analysed_hash, func.count(Segment.id), func.min(Segment.id), func.max(Segment.id)
        )
        .join(Segment, Segment.track_id == Track.id)
        .join(Feature, Feature.segment_id == Segment.id)
        .where(*in_index(trunk_id))  # type: ignore[arg-type]
        .group_by(Track.id, Track.analysed_hash)
        .order_by(Track.id)
    )
    rows = session.execute(query).all()
    ids, counts = ([row[column] for row in rows] for column in (0, 2))
    return IndexTracks(np.array(ids, np.int64), np.array(counts, np.int64), _stamps(rows))


def _stamps(rows: Sequence[Any]) -> Ints:
    """Hash what tells whether a track was analysed again; a content that is not known tells nothing."""
    marks = (
        blake2b(f"{content} {count} {first} {last}".encode(), digest_size=8).digest() if content else bytes(8)
        for _, content, count, first, last in rows
    )
    return np.frombuffer(b"".join(marks), "<i8").astype(np.int64)


def index_rows(session: Session, trunk_id: str, track_ids: Ints | None = None) -> Iterator[IndexRows]:
    """Yield what belongs in the index in blocks of whole tracks, ascending, their segments in order of time.

    Parameters
    ----------
    track_ids
        (tracks,) the only ones that are wanted; None for all.
    """
    query = (
        select(
            Segment.id,
            Segment.track_id,
            Segment.end_s - Segment.start_s,
            Feature.embedding,
            Feature.tags,
        )
        .join(Feature, Feature.segment_id == Segment.id)
        .join(Track, Track.id == Segment.track_id)
        .where(*in_index(trunk_id))  # type: ignore[arg-type]
        .order_by(Segment.track_id, Segment.start_s)
    )
    if track_ids is None:
        yield from _whole_tracks(session, query)
        return
    for some in in_parts(np.sort(track_ids).tolist()):
        yield from _whole_tracks(session, query.where(Track.id.in_(some)))


def _whole_tracks(session: Session, query: Any) -> Iterator[IndexRows]:
    """Yield a query's rows in blocks that end where a track does."""
    waiting: list[Any] = []
    for rows in session.execute(query.execution_options(yield_per=READ_ROWS)).partitions():
        waiting += rows
        last = waiting[-1].track_id
        cut = next(i for i, row in enumerate(waiting) if row.track_id == last)
        if cut:
            yield _index_rows(waiting[:cut])
            waiting = waiting[cut:]
    if waiting:
        yield _index_rows(waiting)


def _index_rows(rows: Sequence[Any]) -> IndexRows:
    ids, tracks, durations, embeddings, tags = zip(*rows, strict=True)
    return IndexRows(
        np.array(ids, np.int64),
        np.array(tracks, np.int64),
        np.array(durations, np.float32),
        stack(embeddings),
        stack(tags),
    )
