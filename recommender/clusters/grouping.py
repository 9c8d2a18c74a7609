"""The groups that vectors fall into: how many the data say, and the same ones again while a library grows."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, Final

import numpy as np

from classifier.arrays import Array, Floats, Ints

DIMENSIONS: Final = 10
"""Directions of largest variance in which vectors are compared: the others tell groups apart less."""
MOST_GROUPS: Final = 40
LEAST_MEMBERS: Final = 6
"""A group has so many members on average, at least."""
SAMPLE: Final = 3000
"""Of more vectors, so many say how many groups there are."""
AS_GOOD: Final = 0.9
"""The most groups are taken whose silhouette is this part of the best one's: fine ones are of more use."""
ROUNDS: Final = 5
"""Starts of k-means, of which the best is taken."""
GROWN: Final = 1.5
"""The number of groups is thought about anew when there are so many times more vectors, or fewer."""


@dataclass(frozen=True)
class Groups:
    """The groups of some vectors.

    Attributes
    ----------
    owner
        (vectors,) the group of each.
    centres
        (groups, dimensions) mean directions, of length 1.
    nearness
        (vectors,) cosine of each to the centre of its group, within the plane that groups are found in.
    of
        How many vectors there were when the number of groups was chosen.
    """

    owner: Ints
    centres: Array
    nearness: Array
    of: int

    def members(self, group: int) -> Ints:
        """Return the positions of a group's vectors, the nearest to its centre first."""
        inside = np.flatnonzero(self.owner == group)
        return inside[np.argsort(-self.nearness[inside], kind="stable")]


def find_groups(vectors: Array, before: Array | None = None, of: int = 0, seed: int = 0) -> Groups:
    """Return the groups of some vectors, by k-means on a sphere of few dimensions.

    Parameters
    ----------
    vectors
        (vectors, dimensions) of length 1; one at least.
    before
        (groups, dimensions) centres of earlier groups: the same ones are found again, where the number of
        vectors is still about what it was. None for none.
    of
        How many vectors there were when their number was chosen.
    seed
        The same one gives the same groups.

    References
    ----------
    P. J. Rousseeuw, Silhouettes, Journal of Computational and Applied Mathematics 20, 1987. I. S. Dhillon,
    D. S. Modha, Concept decompositions for large sparse text data, Machine Learning 42, 2001.
    """
    plane = _Plane(vectors)
    points = plane.points(vectors)
    goes_on = before is not None and len(before) <= len(vectors) and of / GROWN <= len(vectors) <= of * GROWN
    with _one_thread():
        if goes_on and before is not None:
            owner = _k_means(points, len(before), seed, plane.points(before))
        else:
            owner = _k_means(points, choose_number(points, seed), seed)
    groups = np.unique(owner)
    owner = np.searchsorted(groups, owner).astype(np.int64)
    centres = np.stack([_direction(vectors[owner == group]) for group in range(len(groups))])
    inner = np.stack([_direction(points[owner == group]) for group in range(len(groups))])
    nearness = np.einsum("ij,ij->i", points, inner[owner]).astype(np.float32)
    return Groups(owner, centres, nearness, of if goes_on else len(vectors))


def choose_number(points: Array, seed: int = 0) -> int:
    """Return into how many groups points fall: the most whose silhouette is nearly the best one's."""
    from sklearn.metrics import silhouette_score

    some = points
    if len(points) > SAMPLE:
        some = points[np.sort(np.random.default_rng(seed).choice(len(points), SAMPLE, replace=False))]
    most = min(MOST_GROUPS, len(some) // LEAST_MEMBERS, len(np.unique(some.round(5), axis=0)) - 1)
    silhouettes = {}
    for k in _numbers(most):
        owner = _k_means(some, k, seed)
        silhouettes[k] = float(silhouette_score(some, owner)) if len(np.unique(owner)) > 1 else -1.0
    if not silhouettes:
        return 1
    best = max(silhouettes.values())
    return max(k for k, value in silhouettes.items() if value >= best - (1 - AS_GOOD) * abs(best))


def _numbers(most: int) -> Iterator[int]:
    """Yield the numbers of groups that are tried: every one of the small, every third of the large."""
    yield from (k for k in range(2, most + 1) if k <= 12 or k % 3 == 0)


def matched(before: list[Ints], after: list[Ints], least: float = 0.3) -> dict[int, tuple[int, float]]:
    """Return which earlier set each later one is the present state of, and how much they have in common.

    Parameters
    ----------
    before, after
        Ids of the members of each set.
    least
        Of what both have together so much is in both, or a set is a new one.

    Returns
    -------
    dict
        By the number of the later set: the number of the earlier one, each at most once, and the share, 0..1.
    """
    from scipy.optimize import linear_sum_assignment

    shares = np.zeros((len(before), len(after)))
    for i, one in enumerate(before):
        for j, other in enumerate(after):
            both = len(np.intersect1d(one, other, assume_unique=True))
            shares[i, j] = both / max(1, len(one) + len(other) - both)
    rows, columns = linear_sum_assignment(-shares)
    pairs = zip(rows.tolist(), columns.tolist(), strict=True)
    return {j: (i, float(shares[i, j])) for i, j in pairs if shares[i, j] >= least}


class _Plane:
    """The directions in which vectors differ most."""

    def __init__(self, vectors: Array) -> None:
        self._middle = vectors.mean(axis=0, dtype=np.float64)
        centred = (vectors - self._middle).astype(np.float32)
        _, axes = np.linalg.eigh((centred.T @ centred).astype(np.float64))
        found = axes[:, ::-1][:, :DIMENSIONS]
        self._axes = found * np.where(
            found[np.abs(found).argmax(axis=0), np.arange(found.shape[1])] < 0, -1, 1
        )

    def points(self, vectors: Array) -> Array:
        """Return the directions of vectors there, (vectors, at most 10) of length 1."""
        found = (vectors - self._middle) @ self._axes
        return np.asarray(found / np.maximum(np.linalg.norm(found, axis=1, keepdims=True), 1e-9), np.float32)


def _direction(vectors: Floats) -> Array:
    mean = vectors.mean(axis=0, dtype=np.float64)
    return np.asarray(mean / max(float(np.linalg.norm(mean)), 1e-9), np.float32)


def _k_means(points: Array, k: int, seed: int, start: Array | None = None) -> Ints:
    from sklearn.cluster import KMeans

    more: dict[str, Any] = {"n_init": ROUNDS} if start is None else {"init": start, "n_init": 1}
    if k < 2:
        return np.zeros(len(points), np.int64)
    return np.asarray(KMeans(k, random_state=seed, max_iter=100, **more).fit_predict(points), np.int64)


@contextmanager
def _one_thread() -> Iterator[None]:
    """Sums over several threads are not the same twice."""
    from threadpoolctl import threadpool_limits

    with threadpool_limits(1):
        yield
