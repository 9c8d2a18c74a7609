"""The mean vector of a track, as a direction: of length 1, whatever the number of its segments."""

from collections.abc import Callable
from typing import Any

import numpy as np
import numpy.typing as npt
from sqlalchemy.orm import Session

from db.index_rows import IndexRows, index_rows
from recommender.retrieval.index.exact import unit_rows

Array = npt.NDArray[np.float32]
Ints = npt.NDArray[np.int64]
Floats = npt.NDArray[np.floating[Any]]


def mean_directions(vectors: Floats, firsts: Ints) -> Array:
    """Return the directions of the tracks' mean vectors, (tracks, dimensions) of length 1.

    Parameters
    ----------
    vectors
        (segments, dimensions), the segments of a track side by side.
    firsts
        (tracks,) row of each track's first segment, ascending.
    """
    return unit_rows(np.add.reduceat(vectors, firsts, axis=0) if len(vectors) else vectors)


def track_means(
    session: Session, trunk_id: str, vectors_of: Callable[[IndexRows], Floats]
) -> tuple[Ints, Array]:
    """Return the ids of the tracks that belong in the index, ascending, and the directions of their means.

    Parameters
    ----------
    vectors_of
        Turns segments into the vectors that are averaged: scaled by what each is to count.

    Returns
    -------
    tuple
        (tracks,) and (tracks, dimensions) of length 1; no track has no dimensions either.
    """
    ids, means = [np.zeros(0, np.int64)], []
    for rows in index_rows(session, trunk_id):
        firsts = np.flatnonzero(np.diff(rows.track_ids, prepend=-1))
        ids.append(rows.track_ids[firsts])
        means.append(mean_directions(vectors_of(rows), firsts))
    return np.concatenate(ids), np.concatenate(means) if means else np.zeros((0, 0), np.float32)
