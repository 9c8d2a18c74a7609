"""All that is stored of the sound of tracks, segment by segment, for whoever keeps it elsewhere."""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from sqlalchemy import and_, func, select
from sqlalchemy.orm import Session

from db.models import Feature, Prediction, Segment, Track
from db.sound.index_rows import in_index
from db.sound.patches import heard, patch_starts_s
from db.values import unpack

Array = npt.NDArray[np.float32]
ROWS_AT_ONCE = 512


@dataclass(frozen=True)
class SegmentSound:
    """What is stored of a segment.

    Attributes
    ----------
    track_id, segment_id, start_s, duration_s
        Which it is, and where.
    embedding, tags
        (dimensions,) and (tags,).
    patch_starts_s, patches
        (patches,) and (patches, dimensions) of those that are heard.
    genres
        (labels,); None where the bundle's are not stored.
    """

    track_id: int
    segment_id: int
    start_s: float
    duration_s: float
    embedding: Array
    tags: Array
    patch_starts_s: Array
    patches: Array
    genres: Array | None


def sizes(session: Session, trunk_id: str) -> tuple[int, int]:
    """Return how many patches of a trunk are stored of what belongs in the index, and the bytes of all."""
    columns = (Feature.embedding, Feature.tags, Feature.patches)
    embedding, tags, patches = (func.length(column) for column in columns)
    query = select(func.sum(patches * 2 / embedding), func.sum(embedding + tags + patches))
    query = query.join(Segment, Segment.id == Feature.segment_id).join(Track, Track.id == Segment.track_id)
    n_patches, n_bytes = session.execute(query.where(*in_index(trunk_id))).one()  # type: ignore[arg-type]
    return int(n_patches or 0), int(n_bytes or 0)


def segment_sounds(session: Session, trunk_id: str, bundle_id: str, patch_s: float) -> Iterator[SegmentSound]:
    """Yield what belongs in the index, by track, its segments in order of time."""
    query = (
        select(
            Segment.track_id,
            Segment.id,
            Segment.start_s,
            Segment.end_s,
            Segment.end_s - Segment.start_s,
            Feature.embedding,
            Feature.tags,
            Feature.patches,
            Prediction.genres,
        )
        .join(Feature, Feature.segment_id == Segment.id)
        .join(Track, Track.id == Segment.track_id)
        .outerjoin(Prediction, and_(Prediction.segment_id == Segment.id, Prediction.bundle_id == bundle_id))
        .where(*in_index(trunk_id))  # type: ignore[arg-type]
        .order_by(Segment.track_id, Segment.start_s)
    )
    for row in session.execute(query.execution_options(yield_per=ROWS_AT_ONCE)):
        track_id, segment_id, start_s, end_s, duration_s, embedding, tags, patches, genres = row
        rows = unpack(patches, "<f2").reshape(-1, len(embedding) // 4)
        starts_s, rows = heard(patch_starts_s(start_s, end_s, len(rows), patch_s), rows)
        own = None if genres is None else unpack(genres)
        yield SegmentSound(
            track_id, segment_id, start_s, duration_s, unpack(embedding), unpack(tags), starts_s, rows, own
        )
