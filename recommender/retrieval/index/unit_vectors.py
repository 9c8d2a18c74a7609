"""Vectors of length 1: their nearest by exact search, the index's reference, and the mean of each track's."""

from collections.abc import Callable

import numpy as np
import numpy.typing as npt
from sqlalchemy.orm import Session

from classifier.arrays import Array, Floats, Ints
from db.sound.index_rows import IndexRows, index_rows

Ids = npt.NDArray[np.int64]


def unit_rows(vectors: Array) -> Array:
    """Return every row scaled to length 1, float32; a zero row stays zero."""
    lengths = np.sqrt(np.add.reduce(vectors * vectors, axis=-1, keepdims=True))  # as norm has it, and quicker
    return np.asarray(vectors / np.maximum(lengths, 1e-12), np.float32)


def nearest(vectors: Array, ids: Ids, queries: Array, k: int) -> tuple[Array, Ids]:
    """Return the k nearest unit vectors by cosine, best first.

    Parameters
    ----------
    vectors
        (n, dimensions) of length 1.
    ids
        (n,).
    queries
        (queries, dimensions) of length 1.
    k
        At most n.

    Returns
    -------
    tuple
        Cosines and ids, both (queries, k).
    """
    cosines = queries @ vectors.T
    order = np.argsort(-cosines, axis=1, kind="stable")[:, :k]
    return np.take_along_axis(cosines, order, axis=1), ids[order]


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
