"""From one song to another in small steps.

Songs are ordered by how much nearer they are to the end than to the start; of all walks of the wanted
length that always go forwards in that order, the one with the least sum of squared steps is taken, a
step being 1 − score of two neighbours. Squares rather have all steps small than most of them tiny.
"""

from typing import Final

import numpy as np
from numpy.typing import NDArray

from classifier.arrays import Array, Ints
from recommender.retrieval.index.scoring import best_of, song_score_table

PLACES_AT_ONCE: Final = 64
"""Rows of a table that are looked at together, those of one triangle being few more than there are in it."""


def pool(from_start: Array, from_end: Array, at_most: int) -> Ints:
    """Return the positions of the tracks worth stepping on: near the start, near the end, near both.

    Parameters
    ----------
    from_start, from_end
        (tracks,) scores for the two ends; −inf for a track that may not be in the walk.
    at_most
        Tracks of each of the three kinds.
    """
    kinds = (from_start, from_end, from_start + from_end)
    best = [best_of(kind, np.arange(len(kind)), at_most) for kind in kinds]
    found = np.unique(np.concatenate(best))
    return np.asarray(found[np.isfinite(from_start[found])], np.int64)


def pairwise_scores(vectors: Array, starts: Ints) -> Array:
    """Return the scores of tracks with each other, (tracks, tracks), as `song_scores` takes them."""
    return song_score_table(vectors, starts, vectors, starts)


def walk(scores: Array, start: int, end: int, n: int) -> list[int]:
    """Return the best walk of n tracks, both ends included; fewer where there are not so many tracks.

    Parameters
    ----------
    scores
        (tracks, tracks), symmetric.
    start, end
        Positions of the two ends in it.
    n
        At least 2.
    """
    forward = scores[end] - scores[start]
    between = [int(i) for i in np.lexsort((np.arange(len(scores)), forward)) if i not in (start, end)]
    order = np.array([start, *between, end])
    n = min(n, len(order))
    steps = (1 - scores[np.ix_(order, order)].T.astype(np.float64)) ** 2
    path = _cheapest(np.ascontiguousarray(steps), n)
    return [int(order[i]) for i in path]


def _cheapest(steps: NDArray[np.float64], n: int) -> list[int]:
    """Return the way of n places from the first to the last, always forwards, of the least sum of steps.

    Parameters
    ----------
    steps
        (places, places) of a step to each, from each.
    """
    last = len(steps) - 1
    steps[np.triu_indices(len(steps))] = np.inf
    costs = np.full(len(steps), np.inf)
    costs[0] = 0.0
    came_from = np.zeros((n - 1, len(steps)), np.int64)
    for number in range(n - 1):
        reached = costs
        costs = np.full(len(steps), np.inf)
        # A place is reached from those before it alone: of most rows there is little to look at.
        for first in range(0 if number < n - 2 else last, len(steps), PLACES_AT_ONCE):
            places = slice(first, min(first + PLACES_AT_ONCE, len(steps)))
            through = steps[places, : places.stop] + reached[: places.stop]
            best = through.argmin(axis=1)
            came_from[number, places] = best
            costs[places] = through[np.arange(len(best)), best]
    path = [last]
    for before in came_from[::-1]:
        path.append(int(before[path[-1]]))
    return path[::-1]
