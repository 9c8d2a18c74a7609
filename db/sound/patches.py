"""Patch embeddings of tracks, and where in them they lie."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from sqlalchemy import Select, func, select
from sqlalchemy.orm import Session

from db.kept import arrays_of
from db.models import Feature, Segment
from db.values import in_parts, unpack

Array = npt.NDArray[np.float32]


@dataclass(frozen=True)
class Patches:
    """The patch embeddings of one track, in order of time.

    Attributes
    ----------
    starts_s
        (patches,) seconds from the track's beginning. A patch lasts as long as the front end says.
    embeddings
        (patches, dimensions) float32.
    """

    starts_s: Array
    embeddings: Array


def patch_starts_s(start_s: float, end_s: float, patches: int, patch_s: float) -> Array:
    """Return where the patches of a segment begin, in seconds, (patches,).

    They follow each other from its start, but the last one ends where the segment does if it would end
    later (`classifier.features.segments.patch_starts`).
    """
    latest = max(start_s, end_s - patch_s)
    return np.asarray(np.minimum(start_s + patch_s * np.arange(patches), latest), np.float32)


def heard(starts_s: Array, embeddings: Array) -> tuple[Array, Array]:
    """Return the patches of a segment that are not silent, for which zeros stand, and where they begin.

    Where all that were kept are zeros, which one that was not may have made heard, they are returned.
    """
    rows = embeddings.any(axis=1)
    return (starts_s, embeddings) if rows.all() or not rows.any() else (starts_s[rows], embeddings[rows])


def track_patches(
    session: Session, track_ids: Sequence[int], trunk_id: str, patch_s: float
) -> dict[int, Patches]:
    """Return the patch embeddings of some tracks under a trunk; tracks without any are left out.

    Parameters
    ----------
    patch_s
        Length of a patch, in seconds; see `patch_starts_s`.
    """
    arrays = arrays_of(session)
    known: dict[int, Patches] = {} if arrays is None else arrays.track_patches(track_ids, trunk_id, patch_s)
    starts: dict[int, list[Array]] = {}
    embeddings: dict[int, list[Array]] = {}
    for some in in_parts([i for i in track_ids if i not in known]):
        for track_id, start_s, end_s, raw, size in session.execute(_query(some, trunk_id)):
            rows = unpack(raw, "<f2").reshape(-1, size // 4)
            begins_s, rows = heard(patch_starts_s(start_s, end_s, len(rows), patch_s), rows)
            starts.setdefault(track_id, []).append(begins_s)
            embeddings.setdefault(track_id, []).append(rows)
    read = {i: Patches(np.concatenate(starts[i]), np.concatenate(embeddings[i])) for i in starts}
    return known | read


def _query(track_ids: Sequence[int], trunk_id: str) -> Select[int, float, float, bytes, int]:
    return (
        select(
            Segment.track_id, Segment.start_s, Segment.end_s, Feature.patches, func.length(Feature.embedding)
        )
        .join(Feature, Feature.segment_id == Segment.id)
        .where(Segment.track_id.in_(track_ids), Feature.trunk_id == trunk_id)
        .order_by(Segment.track_id, Segment.start_s)
    )
