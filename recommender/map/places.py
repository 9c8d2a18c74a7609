"""The map as it is kept: what stood stays where it was, and only new songs are given a place."""

from dataclasses import dataclass
from typing import Any, Final

import numpy as np
import numpy.typing as npt
from sqlalchemy.orm import Session

from classifier.arrays import Array, Floats
from classifier.model.bundle import Bundle
from db.listening.map_places import Place, contents, layout_state, places, put_places
from recommender.errors import RecommenderError
from recommender.map.layout import mean_segments, put_among, two_dimensions

Mask = npt.NDArray[np.bool_]

DOUBLED: Final = 2
"""The map is laid out anew when there are more than so many times the songs that it was laid out with."""


@dataclass(frozen=True)
class Layout:
    """Where the tracks lie, and what of it is not stored yet.

    Attributes
    ----------
    track_ids
        (tracks,) ascending.
    points
        (tracks, 2) in −1..1.
    new
        The places that are not stored yet.
    anew
        Whether they go in the place of all that are.
    state
        By what it was laid out.
    """

    track_ids: list[int]
    points: Floats
    new: list[Place]
    anew: bool
    state: dict[str, Any]

    def keep(self, session: Session) -> None:
        """Store what is not stored yet."""
        if self.new or self.anew:
            put_places(session, self.new, self.state, anew=self.anew)


def kept_layout(session: Session, bundle: Bundle, seed: int = 0, *, anew: bool = False) -> Layout:
    """Return where all analysed tracks lie: where they lay, new ones among those that are nearest to them.

    Parameters
    ----------
    seed
        Of a layout from the beginning.
    anew
        Lay all of it out from the beginning; so is a map of another trunk, and one that has doubled.

    Raises
    ------
    RecommenderError
        If no track is analysed with the bundle.
    """
    ids, vectors = mean_segments(session, bundle.trunk_id)
    if not ids:
        raise RecommenderError("no track is analysed with the active bundle: run ingest")
    state = layout_state(session)
    same = state.get("trunk_id") == bundle.trunk_id
    kept = places(session) if same else {}
    known = np.array([i in kept for i in ids], bool)
    points: Floats = np.array([(kept[i].x, kept[i].y) if i in kept else (0.0, 0.0) for i in ids], np.float64)
    whole = anew or not known.any() or len(ids) > DOUBLED * int(state.get("tracks", 0))
    points = _with_new(vectors, points, known)
    if whole:
        points = two_dimensions(vectors, seed, start=points if known.any() else None)
        state = {"trunk_id": bundle.trunk_id, "tracks": len(ids), "number": int(state.get("number", 0)) + 1}
    return Layout(ids, points, _to_store(session, ids, points, known & (not whole)), whole, state)


def _with_new(vectors: Array, points: Floats, known: Mask) -> Floats:
    """Return the points, those that are not known put among the others."""
    if known.all() or not known.any():
        return points
    found = points.copy()
    found[~known] = put_among(vectors[~known], vectors[known], points[known])
    return found


def _to_store(session: Session, ids: list[int], points: Floats, known: Mask) -> list[Place]:
    hashes = contents(session)
    return [
        Place(i, hashes[i], float(x), float(y))
        for i, (x, y), is_known in zip(ids, points, known, strict=True)
        if not is_known and i in hashes
    ]
