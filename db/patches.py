"""Patch embeddings of tracks, and where in them they lie."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from sqlalchemy import Select, func, select
from sqlalchemy.orm import Session

from db.features import unpack
from db.models import Feature, Segment
from db.tracks import IDS_AT_ONCE

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


def patch_places(start_s: float, end_s: float, patches: int, patch_s: float) -> Array:
    """Return where the patches of a segment begin, in seconds, (patches,).

    They follow each other from its start, but the last one ends where the segment does if it would end
    later (`classifier.features.segments.patch_starts`).
    """
    latest = max(start_s, end_s - patch_s)
    return np.asarray(np.minimum(start_s + patch_s * np.arange(patches), latest), np.float32)


def track_patches(
    session: Session, track_ids: Sequence[int], trunk_id: str, patch_s: float
) -> dict[int, Patches]:
    """Return the patch embeddings of some tracks under a trunk; tracks without any are left out.

    Parameters
    ----------
    patch_s
        Length of a patch, in seconds; see `patch_places`.
    """
    starts: dict[int, list[Array]] = {}
    embeddings: dict[int, list[Array]] = {}
    for first in range(0, len(track_ids), IDS_AT_ONCE):
        some = _query(track_ids[first : first + IDS_AT_ONCE], trunk_id)
        for track_id, start_s, end_s, raw, size in session.execute(some):
            rows = unpack(raw, "<f2").reshape(-1, size // 4)
            starts.setdefault(track_id, []).append(patch_places(start_s, end_s, len(rows), patch_s))
            embeddings.setdefault(track_id, []).append(rows)
    return {i: Patches(np.concatenate(starts[i]), np.concatenate(embeddings[i])) for i in starts}


def _query(track_ids: Sequence[int], trunk_id: str) -> Select[int, float, float, bytes, int]:
    return (
        select(
            Segment.track_id, Segment.start_s, Segment.end_s, Feature.patches, func.length(Feature.embedding)
        )
        .join(Feature, Feature.segment_id == Segment.id)
        .where(Segment.track_id.in_(track_ids), Feature.trunk_id == trunk_id)
        .order_by(Segment.track_id, Segment.start_s)
    )
