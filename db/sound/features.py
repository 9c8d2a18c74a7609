"""Segments, features and predictions: the arrays of the catalogue, in and out."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from itertools import groupby

import numpy as np
import numpy.typing as npt
from sqlalchemy import ColumnElement, Subquery, delete, func, insert, literal, select, update
from sqlalchemy.orm import Session

from db.kept import arrays_of
from db.models import MEASURES, Base, Feature, Prediction, Segment, Setting, Track
from db.tracks_token import VECTORS_TOKEN, renew_token
from db.values import in_parts, pack, stack

Array = npt.NDArray[np.float32]

READ_ROWS = 4096
SAME_BORDER_S = 0.05


@dataclass(frozen=True)
class SegmentRow:
    """A segment to store.

    Attributes
    ----------
    start_s, end_s, level_dbfs
        Its borders and level.
    embedding, tags, patches, genres
        (200,), (50,), (patches, 200) and (labels,); all None where the segment is silent.
    measures
        Values of `db.models.MEASURES`, by name.
    """

    start_s: float
    end_s: float
    level_dbfs: float
    embedding: Array | None
    tags: Array | None
    patches: npt.NDArray[np.floating] | None
    genres: Array | None
    measures: Mapping[str, float | str | None] = field(default_factory=dict)


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


def vectors_token(session: Session) -> str | None:
    """Return the token of the present set of vectors, or None where none was ever stored."""
    return session.scalar(select(Setting.value).where(Setting.name == VECTORS_TOKEN))


def renew_vectors_token(session: Session) -> None:
    """Say that what belongs in the index has changed; call in the transaction that changes it."""
    renew_token(session, VECTORS_TOKEN)


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

    They replace the older ones, but where the audio is the same and was cut at the same seconds, what
    other trunks say of it is kept beside them, so that one can go back to a bundle at no cost.
    """
    rows = sorted(rows, key=lambda row: row.start_s)
    if same_audio and _cut_alike(track.segments, rows):
        ids = [segment.id for segment in track.segments]
        _delete_features(session, ids, trunk_id, bundle_id)
        store_measures(session, dict(zip(ids, (row.measures for row in rows), strict=True)))
    else:
        ids = _store_borders(session, track, rows)
    _store_features(session, dict(zip(ids, rows, strict=True)), trunk_id, bundle_id)
    session.expire(track, ["segments"])
    renew_vectors_token(session)


def store_measures(session: Session, measures: Mapping[int, Mapping[str, float | str | None]]) -> None:
    """Store what was measured of segments, by segment."""
    rows = [{"id": i, **values} for i, values in measures.items() if values]
    if rows:
        session.execute(update(Segment), rows)


def _cut_alike(segments: Sequence[Segment], rows: Sequence[SegmentRow]) -> bool:
    """Whether segments lie where others do, sampling rates aside, and the same ones are silent."""
    return len(segments) == len(rows) and all(
        abs(segment.start_s - row.start_s) < SAME_BORDER_S
        and abs(segment.end_s - row.end_s) < SAME_BORDER_S
        and segment.silent == (row.embedding is None)
        for segment, row in zip(segments, rows, strict=True)
    )


def _delete_features(session: Session, ids: Sequence[int], trunk_id: str, bundle_id: str) -> None:
    """Delete the features of a trunk and the predictions of a bundle."""
    session.execute(delete(Feature).where(Feature.segment_id.in_(ids), Feature.trunk_id == trunk_id))
    session.execute(
        delete(Prediction).where(Prediction.segment_id.in_(ids), Prediction.bundle_id == bundle_id)
    )


def _store_borders(session: Session, track: Track, rows: Sequence[SegmentRow]) -> list[int]:
    """Store a track's segments in place of the older ones; return their ids in order of time."""
    track.segments = []
    session.flush()
    borders = [
        {
            "track_id": track.id,
            "start_s": row.start_s,
            "end_s": row.end_s,
            "level_dbfs": row.level_dbfs,
            "silent": row.embedding is None,
            **{name: row.measures.get(name) for name in MEASURES},
        }
        for row in rows
    ]
    # Many rows at a time and their ids afterwards: asked for with each row, they cost a statement each.
    if borders:
        session.execute(insert(Segment), borders)
    query = select(Segment.id).where(Segment.track_id == track.id).order_by(Segment.start_s, Segment.id)
    return list(session.scalars(query))


def _store_features(session: Session, rows: Mapping[int, SegmentRow], trunk_id: str, bundle_id: str) -> None:
    """Store what a trunk and a bundle say of segments, by segment."""
    features = [
        {
            "segment_id": i,
            "trunk_id": trunk_id,
            "embedding": pack(row.embedding),
            "tags": pack(row.tags),
            "patches": pack(row.patches, "<f2"),
        }
        for i, row in rows.items()
        if row.embedding is not None and row.tags is not None and row.patches is not None
    ]
    if features:
        session.execute(insert(Feature), features)
    predictions = [
        {"segment_id": i, "bundle_id": bundle_id, "genres": pack(row.genres)}
        for i, row in rows.items()
        if row.genres is not None
    ]
    if predictions:
        session.execute(insert(Prediction), predictions)


def copy_segments(session: Session, source: Track, target: Track) -> None:
    """Give a track the segments, features and predictions of another with the same audio.

    The database copies them: they do not pass through this process.
    """
    session.flush()
    session.execute(delete(Segment).where(Segment.track_id == target.id))
    names = ("start_s", "end_s", "level_dbfs", "silent", *MEASURES)
    rows = select(literal(target.id), *(getattr(Segment, name) for name in names))
    rows = rows.where(Segment.track_id == source.id).order_by(Segment.start_s, Segment.id)
    tables = Base.metadata.tables
    session.execute(insert(tables["segment"]).from_select(["track_id", *names], rows))
    old, new = _numbered(source, "old"), _numbered(target, "new")
    for table in (tables["feature"], tables["prediction"]):
        kept = [column.name for column in table.columns if column.name != "segment_id"]
        copied = select(new.c.id, *(table.c[name] for name in kept))
        copied = copied.join_from(old, new, old.c.number == new.c.number)
        copied = copied.join(table, table.c.segment_id == old.c.id).order_by(new.c.id)
        session.execute(insert(table).from_select(["segment_id", *kept], copied))
    session.expire(target, ["segments"])
    renew_vectors_token(session)


def _numbered(track: Track, name: str) -> Subquery:
    """Return a track's segments and their numbers in order of time."""
    number = func.row_number().over(order_by=(Segment.start_s, Segment.id)).label("number")
    return select(Segment.id, number).where(Segment.track_id == track.id).subquery(name)


def track_features(session: Session, track_id: int, trunk_id: str) -> TrackFeatures | None:
    """Return a track's features under a trunk, or None where it has none."""
    return features_of(session, [track_id], trunk_id).get(track_id)


def features_of(session: Session, track_ids: Sequence[int], trunk_id: str) -> dict[int, TrackFeatures]:
    """Return the features of tracks under a trunk, by track; those without any are left out."""
    arrays = arrays_of(session)
    found: dict[int, TrackFeatures] = {} if arrays is None else arrays.features_of(track_ids, trunk_id)
    for some in in_parts([i for i in track_ids if i not in found]):
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
            .where(Segment.track_id.in_(some), Feature.trunk_id == trunk_id)
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


def count_waiting(session: Session, trunk_id: str) -> int:
    """Return how many tracks that are here, and can be analysed, this trunk has not analysed."""
    analysed = (
        select(Segment.track_id)
        .join(Feature, Feature.segment_id == Segment.id)
        .where(Feature.trunk_id == trunk_id)
    )
    query = select(func.count(Track.id)).where(
        Track.missing.is_(False), Track.error_kind.is_(None), Track.id.not_in(analysed)
    )
    return session.scalar(query) or 0


def analysed_of(session: Session, track_ids: Sequence[int], trunk_id: str) -> set[int]:
    """Return which of some tracks this trunk has analysed."""
    found: set[int] = set()
    for some in in_parts(track_ids):
        query = select(Track.id).where(Track.id.in_(some), has_features_of(trunk_id))
        found.update(session.scalars(query))
    return found


def has_features_of(trunk_id: str) -> ColumnElement[bool]:
    """Return the condition on Track that this trunk has analysed it."""
    of_trunk = select(Segment.id).join(Feature, Feature.segment_id == Segment.id)
    return of_trunk.where(Segment.track_id == Track.id, Feature.trunk_id == trunk_id).exists()


def drop_features(session: Session, trunk_id: str) -> int:
    """Delete what a trunk says of segments; return of how many."""
    n_features = select(func.count()).select_from(Feature).where(Feature.trunk_id == trunk_id)
    found = session.scalar(n_features) or 0
    session.execute(delete(Feature).where(Feature.trunk_id == trunk_id))
    return found


def count_segments(session: Session) -> tuple[int, int]:
    """Return how many segments there are, and how many of them are silent."""
    total = session.scalar(select(func.count(Segment.id))) or 0
    silent = session.scalar(select(func.count(Segment.id)).where(Segment.silent)) or 0
    return total, silent
