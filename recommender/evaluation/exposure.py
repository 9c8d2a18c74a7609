"""Whom lists show, and whom they hide: coverage, hubs, inequality, popularity, novelty."""

from collections.abc import Sequence
from typing import Any

import numpy as np

from classifier.arrays import Floats, Ints


def figures(neighbours: Ints, plays: Sequence[int], durations_s: Sequence[float | None]) -> dict[str, Any]:
    """Return the figures of exposure by name, as `evaluation.ListFigures` calls them.

    Parameters
    ----------
    neighbours
        (lists, k) positions of tracks, negative where a list ends early.
    plays, durations_s
        (T,) of the tracks; a duration may be unknown, None or NaN.
    """
    counts = occurrence(neighbours, len(plays))
    listed = np.asarray(plays, np.float64)[neighbours[neighbours >= 0]]
    shown = float((counts > 0).mean()) if counts.size else None
    return {
        "coverage": shown,
        "in_no_list": None if shown is None else 1 - shown,
        "skewness": skewness(counts),
        "gini": gini(counts),
        "plays_correlation": rank_correlation(counts, np.asarray(plays, np.float64)),
        "duration_correlation": rank_correlation(counts, np.array(durations_s, np.float64)),
        "novelty": novelty(neighbours, plays),
        "mean_plays": float(listed.mean()) if listed.size else None,
    }


def occurrence(neighbours: Ints, n_tracks: int) -> Ints:
    """Return each track's k-occurrence, (T,): in how many lists it is. That is its exposure."""
    return np.bincount(neighbours[neighbours >= 0], minlength=n_tracks).astype(np.int64)


def skewness(counts: Ints) -> float | None:
    """Return the skewness of the k-occurrence; None where all tracks occur equally often.

    The third central moment over the cubed standard deviation. 0 is even; with hubs it is above 1.

    References
    ----------
    M. Radovanović, A. Nanopoulos, M. Ivanović, Hubs in space: popular nearest neighbors in
    high-dimensional data, JMLR 11, 2010.
    """
    from scipy.stats import skew

    return float(skew(counts)) if counts.size and np.ptp(counts) else None


def gini(counts: Ints) -> float | None:
    """Return Gini's coefficient of exposure: 0 where all are shown equally, towards 1 where one alone is.

    Half the mean absolute difference of two tracks' exposure, over the mean exposure; None without any.
    """
    total, n = counts.sum(), len(counts)
    if not total:
        return None
    return float(((2 * np.arange(1, n + 1) - n - 1) * np.sort(counts)).sum() / (n * total))


def rank_correlation(counts: Ints, values: Floats) -> float | None:
    """Return Spearman's rank correlation of exposure with something else, in −1..1.

    None where either is the same for all tracks; tracks whose value is NaN are left out.
    """
    from scipy.stats import spearmanr

    known = ~np.isnan(values)
    some, others = counts[known], values[known]
    if not some.size or not np.ptp(some) or not np.ptp(others):
        return None
    return float(spearmanr(some, others).statistic)


def novelty(neighbours: Ints, plays: Sequence[int]) -> float | None:
    """Return how rarely played the neighbours are, in 0..1; 1 where none was ever played.

    The mean over all neighbours of −log2 p / log2(S + T), where p = (plays + 1) / (S + T) is a track's
    share of all plays, each track having one more than counted, S is the sum of plays and T the number of
    tracks: its self-information, over that of a track never played.

    References
    ----------
    T. Zhou et al., Solving the apparent diversity-accuracy dilemma of recommender systems, PNAS 107, 2010
    (surprisal). S. Vargas, P. Castells, Rank and relevance in novelty and diversity metrics for
    recommender systems, RecSys 2011 (mean self-information).
    """
    more = np.asarray(plays, np.float64) + 1
    listed = more[neighbours[neighbours >= 0]]
    if not listed.size or len(more) < 2:
        return None
    return float(1 - np.log2(listed).mean() / np.log2(more.sum()))
