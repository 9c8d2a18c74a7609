"""Segments, features and predictions: the arrays of the catalogue, in and out."""

import uuid
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import groupby

import numpy as np
import numpy.typing as npt
from sqlalchemy import delete, func, insert, select
from sqlalchemy.orm import Session

from db.models import Feature, Prediction, Segment, Setting, Track
from db.tracks import IDS_AT_ONCE

Array = npt.NDArray[np.float32]

VECTORS_TOKEN = "vectors_token"
READ_ROWS = 4096
SAME_PLACE_S = 0.05


@dataclass(frozen=True)
class SegmentRow:
    """A segment to store.

    Attributes
    ----------
    start_s, end_s, level_dbfs
        Its place and level.
    embedding, tags, patches, genres
        (200,), (50,), (patches, 200) and (labels,); all None where the segment is silent.
    """

    start_s: float
    end_s: float
    level_dbfs: float
    embedding: Array | None
    tags: Array | None
    patches: npt.NDArray[np.floating] | None
    genres: Array | None


@dataclass(frozen=True)
class TrackFeatures:
    """The stored features of one track's segments that are not silent, in order of time.

    Attributes
    ----------
    segment_ids, starts_s, durations_s
        (segments,).
    embeddings, tags
        (segments, dimensions) and (segments, tags).
    """

    segment_ids: list[int]
    starts_s: list[float]
    durations_s: list[float]
    embeddings: Array
    tags: Array


def pack(values: npt.NDArray[np.floating], dtype: str = "<f4") -> bytes:
    """Return an array's bytes as they are stored."""
    return np.ascontiguousarray(values, dtype).tobytes()


def unpack(raw: bytes, dtype: str = "<f4") -> Array:
    """Return a stored array as float32, one-dimensional."""
    return np.frombuffer(raw, dtype).astype(np.float32)


def stack(rows: Sequence[bytes]) -> Array:
    """Return stored arrays of one length as a matrix, (rows, values)."""
    return np.frombuffer(b"".join(rows), "<f4").reshape(len(rows), -1).astype(np.float32)


def vectors_token(session: Session) -> str | None:
    """Return the token of the present set of vectors, or None where none was ever stored."""
    return session.scalar(select(Setting.value).where(Setting.name == VECTORS_TOKEN))


def renew_vectors_token(session: Session) -> None:
    """Say that what belongs in the index has changed; call in the transaction that changes it."""
    session.merge(Setting(name=VECTORS_TOKEN, value=uuid.uuid4().hex))


def store_segments(
    session: Session,
    track: Track,
    rows: Sequence[SegmentRow],
    trunk_id: str,
    bundle_id: str,
    *,
    same_audio: bool = False,
) -> None:
    """Store a track's segments, features and predictions.

    They replace the older ones, but where the audio is the same and was cut at the same places, what
    other trunks say of it is kept beside them, so that one can go back to a bundle at no cost.
    """
    if same_audio and _cut_alike(track.segments, rows):
        for segment, row in zip(track.segments, rows, strict=True):
            segment.features = [f for f in segment.features if f.trunk_id != trunk_id]
            session.flush()
            segment.features += _segment(row, trunk_id).features
    else:
        track.segments = [_segment(row, trunk_id) for row in rows]
    session.flush()
    known = {segment.id: row.genres for segment, row in zip(track.segments, rows, strict=True)}
    _store_predictions(session, {i: genres for i, genres in known.items() if genres is not None}, bundle_id)
    renew_vectors_token(session)


def _store_predictions(session: Session, genres: Mapping[int, Array], bundle_id: str) -> None:
    """Store a bundle's genres by segment in place of its older ones."""
    if not genres:
        return
    older = delete(Prediction).where(Prediction.segment_id.in_(genres), Prediction.bundle_id == bundle_id)
    session.execute(older)
    rows = [{"segment_id": i, "bundle_id": bundle_id, "genres": pack(row)} for i, row in genres.items()]
    session.execute(insert(Prediction), rows)


def _cut_alike(segments: Sequence[Segment], rows: Sequence[SegmentRow]) -> bool:
    """Whether segments lie where others do, sampling rates aside, and the same ones are silent."""
    return len(segments) == len(rows) and all(
        abs(segment.start_s - row.start_s) < SAME_PLACE_S
        and abs(segment.end_s - row.end_s) < SAME_PLACE_S
        and segment.silent == (row.embedding is None)
        for segment, row in zip(segments, rows, strict=True)
    )


def _segment(row: SegmentRow, trunk_id: str) -> Segment:
    silent = row.embedding is None
    segment = Segment(start_s=row.start_s, end_s=row.end_s, level_dbfs=row.level_dbfs, silent=silent)
    if row.embedding is not None and row.tags is not None and row.patches is not None:
        segment.features = [
            Feature(
                trunk_id=trunk_id,
                embedding=pack(row.embedding),
                tags=pack(row.tags),
                patches=pack(row.patches, "<f2"),
            )
        ]
    return segment


def copy_segments(session: Session, source: Track, target: Track) -> None:
    """Give a track the segments, features and predictions of another with the same audio."""
    predictions = {
        segment.id: list(session.scalars(select(Prediction).where(Prediction.segment_id == segment.id)))
        for segment in source.segments
    }
    copies = []
    for segment in source.segments:
        copy = Segment(
            start_s=segment.start_s,
            end_s=segment.end_s,
            level_dbfs=segment.level_dbfs,
            silent=segment.silent,
        )
        copy.features = [
            Feature(trunk_id=f.trunk_id, embedding=f.embedding, tags=f.tags, patches=f.patches)
            for f in segment.features
        ]
        copies.append(copy)
    target.segments = copies
    session.flush()
    for old, new in zip(source.segments, copies, strict=True):
        session.add_all(
            Prediction(segment_id=new.id, bundle_id=p.bundle_id, genres=p.genres) for p in predictions[old.id]
        )
    renew_vectors_token(session)


def track_features(session: Session, track_id: int, trunk_id: str) -> TrackFeatures | None:
    """Return a track's features under a trunk, or None where it has none."""
    return features_of(session, [track_id], trunk_id).get(track_id)


def features_of(session: Session, track_ids: Sequence[int], trunk_id: str) -> dict[int, TrackFeatures]:
    """Return the features of tracks under a trunk, by track; those without any are left out."""
    found = {}
    for first in range(0, len(track_ids), IDS_AT_ONCE):
        query = (
            select(
                Segment.track_id,
                Segment.id,
                Segment.start_s,
                Segment.end_s - Segment.start_s,
                Feature.embedding,
                Feature.tags,
            )
            .join(Feature, Feature.segment_id == Segment.id)
            .where(Segment.track_id.in_(track_ids[first : first + IDS_AT_ONCE]), Feature.trunk_id == trunk_id)
            .order_by(Segment.track_id, Segment.start_s)
        )
        for track_id, group in groupby(session.execute(query), key=lambda row: int(row[0])):
            _, ids, starts, durations, embeddings, tags = zip(*group, strict=True)
            found[track_id] = TrackFeatures(
                list(ids), list(starts), list(durations), stack(embeddings), stack(tags)
            )
    return found


def has_features(session: Session, track_id: int, trunk_id: str) -> bool:
    """Whether any of a track's segments has features of this trunk."""
    query = (
        select(Feature.segment_id)
        .join(Segment, Segment.id == Feature.segment_id)
        .where(Segment.track_id == track_id, Feature.trunk_id == trunk_id)
        .limit(1)
    )
    return session.scalar(query) is not None


def tracks_with_features(session: Session, trunk_id: str) -> set[int]:
    """Return the ids of the tracks that this trunk has analysed."""
    query = (
        select(Segment.track_id)
        .join(Feature, Feature.segment_id == Segment.id)
        .where(Feature.trunk_id == trunk_id)
        .distinct()
    )
    return set(session.scalars(query))


def count_segments(session: Session) -> tuple[int, int]:
    """Return how many segments there are, and how many of them are silent."""
    total = session.scalar(select(func.count(Segment.id))) or 0
    silent = session.scalar(select(func.count(Segment.id)).where(Segment.silent)) or 0
    return total, silent
