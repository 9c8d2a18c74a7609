"""The catalogue in two dimensions: tracks that sound similar lie near each other."""

from typing import Final

import numpy as np
from sqlalchemy.orm import Session

from classifier.arrays import Array, Floats
from recommender.retrieval.index.unit_vectors import track_means, unit_rows

LAID_OUT: Final = 5000
"""Tracks whose points are computed; of more, a sample of so many, and the others are put among them."""
AMONG: Final = 5
PERPLEXITY: Final = 30.0
DIMENSIONS: Final = 50
LEAST_FOR_TSNE: Final = 5
SAME: Final = 3e-5
"""Vectors nearer than this are one and the same."""


def mean_segments(session: Session, trunk_id: str) -> tuple[list[int], Array]:
    """Return the ids of the tracks in the index, ascending, and the directions of their mean segments.

    Returns
    -------
    tuple
        T ids, and (T, dimensions) vectors of length 1: the mean of a track's segments, each of length 1.
    """
    ids, means = track_means(session, trunk_id, lambda rows: unit_rows(rows.embeddings).astype(np.float64))
    return ids.tolist(), means


def two_dimensions(
    vectors: Floats, seed: int, at_most: int = LAID_OUT, start: Floats | None = None
) -> Floats:
    """Return vectors laid out in the plane so that near ones stay near; large distances mean little.

    t-SNE from the plane of largest variance, or that plane itself for fewer than five vectors.

    Parameters
    ----------
    vectors
        (T, dimensions); of length 1, so that their distances follow from their cosines.
    seed
        The same one gives the same points.
    at_most
        Of more vectors, a random sample of so many is laid out, and every other one is put at the mean of
        the five of these that are nearest to it.
    start
        (T, 2) coordinates to begin from, so that what lay in a corner lies there again; None for the plane.

    Returns
    -------
    numpy.ndarray
        (T, 2) in −1..1, around 0.

    References
    ----------
    L. van der Maaten, G. Hinton, Visualizing data using t-SNE, JMLR 9, 2008. D. Kobak, P. Berens, The art
    of using t-SNE for single-cell transcriptomics, Nature Communications 10, 2019 (start, sample).
    """
    vectors = np.asarray(vectors, np.float64)
    if len(vectors) <= at_most:
        return _fitted_in(_laid_out(vectors, seed, start))
    sample = np.random.default_rng(seed).choice(len(vectors), at_most, replace=False)
    begun = None if start is None else start[sample]
    points = put_among(vectors, vectors[sample], _laid_out(vectors[sample], seed, begun))
    return _fitted_in(points)


def _laid_out(vectors: Floats, seed: int, start: Floats | None = None) -> Floats:
    plane = _principal(vectors, DIMENSIONS)
    if len(vectors) < LEAST_FOR_TSNE or not np.ptp(plane[:, 0]) > 1e-6:
        return plane[:, :2]
    from sklearn.manifold import TSNE
    from threadpoolctl import threadpool_limits

    perplexity = min(PERPLEXITY, (len(vectors) - 1) / 3)
    with threadpool_limits(1):  # sums over several threads are not the same twice
        begun = None if start is None else _small(start)
        layout = TSNE(2, perplexity=perplexity, init="pca" if begun is None else begun, random_state=seed)
        return np.asarray(layout.fit_transform(plane.astype(np.float32)), np.float64)


def _small(start: Floats) -> Floats | None:
    """Return coordinates as t-SNE begins, about 0 and close together; None where they are all the same."""
    spread = float(np.std(start[:, 0]))
    return np.asarray((start - start.mean(axis=0)) / spread * 1e-4, np.float32) if spread > 1e-9 else None


def _principal(vectors: Floats, at_most: int) -> Floats:
    """Return (T, at least 2) coordinates along the directions of largest variance."""
    if not len(vectors):
        return np.zeros((0, 2))
    centred = vectors - vectors.mean(axis=0)
    # Not by scikit-learn's PCA: t-SNE makes other maps of the last digits, and maps should stay as they are.
    _, axes = np.linalg.eigh(centred.T @ centred)
    found = centred @ axes[:, ::-1][:, :at_most]
    # An axis has no direction of its own: let its longest entry point up.
    found = found * np.where(found[np.abs(found).argmax(axis=0), np.arange(found.shape[1])] < 0, -1.0, 1.0)
    return np.pad(found, ((0, 0), (0, max(0, 2 - found.shape[1]))))


def put_among(vectors: Floats, known: Floats, points: Floats) -> Floats:
    """Return (T, 2): for each vector the mean point of the known ones nearest to it, its own where known."""
    from sklearn.neighbors import KNeighborsRegressor

    def weights(distances: Floats) -> Floats:
        """Return alike weights, but the whole for the first where it is the vector itself."""
        others = np.arange(distances.shape[1]) > 0
        return np.where((distances[:, :1] < SAME) & others, 0.0, 1.0)

    nearest = KNeighborsRegressor(min(AMONG, len(known)), weights=weights, algorithm="brute")
    return np.asarray(nearest.fit(known, points).predict(vectors))


def _fitted_in(points: Floats) -> Floats:
    """Return points moved and scaled to fill −1..1 the longer way."""
    if not len(points):
        return points
    low, high = points.min(axis=0), points.max(axis=0)
    half = float((high - low).max()) / 2
    return np.asarray((points - (low + high) / 2) / (half if half > 1e-9 else 1.0))
