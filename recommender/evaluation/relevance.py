"""Relevance of neighbours by genre, artist or album: precision, recall, NDCG.

Row i of `neighbours` is the list of track i, best first, as positions in the catalogue, `NONE` where the
list ends early; labels are numbers, `NONE` where unknown.
"""

from typing import Final

import numpy as np

from classifier.arrays import Floats, Ints, Mask

NONE: Final = -1


def precision(neighbours: Ints, labels: Ints) -> tuple[int, float | None]:
    """Return how many tracks were judged, and their mean share of neighbours with their own label.

    Neighbours without a label are left out, as if the list did not hold them; so are tracks without one,
    and tracks left with no neighbour.

    References
    ----------
    T. Sakai, Alternatives to Bpref, SIGIR 2007 (condensed lists).
    """
    same, judged = _judged(neighbours, labels)
    listed = judged.sum(axis=1)
    some = listed > 0
    return int(some.sum()), _mean(same.sum(axis=1)[some] / listed[some])


def ndcg(neighbours: Ints, labels: Ints, groups: Ints | None = None) -> float | None:
    """Return the mean normalised discounted cumulative gain, in 0..1.

    A neighbour with the track's own label gains 1 / log2(1 + rank); the ideal list begins with as many as
    there are in the catalogue. Lists are condensed as for `precision`; a track whose label nobody else has
    is left out.

    Parameters
    ----------
    neighbours, labels
        (T, k), and (T,) with `NONE` where unknown.
    groups
        (T,) artists, if the lists were chosen with the artist filter: the ideal list obeys it too.

    References
    ----------
    K. Järvelin, J. Kekäläinen, Cumulated gain-based evaluation of IR techniques, ACM TOIS 20(4), 2002.
    """
    same, judged = _judged(neighbours, labels)
    worth = np.append(0.0, np.cumsum(1 / np.log2(np.arange(2, neighbours.shape[1] + 2))))
    ranks = judged.cumsum(axis=1)
    gained = (same * (worth[ranks] - worth[ranks - 1])).sum(axis=1)
    ideal = worth[np.minimum(judged.sum(axis=1), _others(labels, groups))]
    return _mean(gained[ideal > 0] / ideal[ideal > 0])


def _judged(neighbours: Ints, labels: Ints) -> tuple[Mask, Mask]:
    """Return which neighbours have their track's label, and which have any where it has one; both (T, k)."""
    theirs = np.append(labels, NONE)[neighbours]
    judged = (theirs != NONE) & (labels != NONE)[:, None]
    return judged & (theirs == labels[:, None]), judged


def _others(labels: Ints, groups: Ints | None = None) -> Ints:
    """Return (T,) how many other tracks have a track's label and, where groups are given, not its group."""
    counts = _count(labels) - 1
    if groups is not None:
        both = np.where(
            (groups == NONE) | (labels == NONE), NONE, labels * (groups.max(initial=0) + 1) + groups
        )
        counts -= np.where(both == NONE, 0, _count(both) - 1)
    return np.where(labels == NONE, 0, counts)


def _count(keys: Ints) -> Ints:
    """Return (T,) how often each key occurs."""
    _, inverse, counts = np.unique(keys, return_inverse=True, return_counts=True)
    return np.asarray(counts[inverse], np.int64)


def retrieval(neighbours: Ints, labels: Ints) -> tuple[int, float | None, float | None]:
    """Return how many tracks have another one of their label, and their mean precision and recall.

    Precision is the share of the track's neighbours that has its label, a neighbour without one being
    wrong; recall is the share of the label's other tracks that is among the neighbours.
    """
    same, _ = _judged(neighbours, labels)
    others, listed = _others(labels), (neighbours != NONE).sum(axis=1)
    some = others > 0
    hits = same.sum(axis=1)[some]
    return int(some.sum()), _mean(hits / np.maximum(1, listed[some])), _mean(hits / others[some])


def _mean(values: Floats) -> float | None:
    return float(values.mean()) if values.size else None
