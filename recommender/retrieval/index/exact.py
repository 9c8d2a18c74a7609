"""Exact retrieval in numpy: the reference that the index is held to."""

import numpy as np
import numpy.typing as npt

Array = npt.NDArray[np.float32]
Ids = npt.NDArray[np.int64]


def unit_rows(vectors: Array) -> Array:
    """Return every row scaled to length 1, float32; a zero row stays zero."""
    lengths = np.linalg.norm(vectors, axis=1, keepdims=True)
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
