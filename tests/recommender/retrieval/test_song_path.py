"""Walks, held to the best of all walks that can be written down."""

import math
from itertools import combinations, pairwise

import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.testing import assert_allclose

from recommender import params
from recommender.retrieval.song_path import pairwise_scores, pool, walk

Floats = npt.NDArray[np.float64]


def random_scores(n: int, seed: int, coarse: bool) -> npt.NDArray[np.float32]:
    """A symmetric table, of few different values where `coarse`, so that there are ties."""
    random = np.random.default_rng(seed)
    table = random.integers(-2, 3, (n, n)) / 2 if coarse else random.uniform(-1, 1, (n, n))
    table = np.triu(table, 1)
    return (table + table.T + np.eye(n)).astype(np.float32)


def cost(scores: npt.NDArray[np.float32], path: list[int]) -> float:
    return sum((1.0 - float(scores[a, b])) ** 2 for a, b in pairwise(path))


def all_walks(scores: npt.NDArray[np.float32], start: int, end: int, n: int) -> list[list[int]]:
    """Every walk that only goes forwards: the songs between are ordered once, and some are left out."""
    between = [i for i in range(len(scores)) if i not in (start, end)]
    between.sort(key=lambda i: (scores[end, i] - scores[start, i], i))
    return [[start, *some, end] for some in combinations(between, n - 2)]


@settings(max_examples=300, deadline=None)
@given(st.integers(2, 8), st.integers(0, 1 << 16), st.booleans(), st.integers(2, 10), st.data())
def test_the_walk_is_the_best_of_all(
    n: int, seed: int, coarse: bool, asked: int, data: st.DataObject
) -> None:
    scores = random_scores(n, seed, coarse)
    start, end = data.draw(st.permutations(range(n)))[:2]
    path = walk(scores, start, end, asked)
    assert (path[0], path[-1]) == (start, end)
    assert len(path) == len(set(path)) == min(asked, n)
    walks = all_walks(scores, start, end, len(path))
    assert path in walks
    assert cost(scores, path) == pytest.approx(min(cost(scores, other) for other in walks), abs=1e-9)


def test_small_steps_are_rather_all_small_than_most_of_them_tiny() -> None:
    """Ends 0 and 3: over 1 the steps are 0.5 and 0.5, over 2 they are 0 and 0.95, which sum up to less."""
    scores = np.eye(4, dtype=np.float32)
    for a, b, score in ((0, 1, 0.5), (1, 3, 0.5), (0, 2, 1.0), (2, 3, 0.05)):
        scores[a, b] = scores[b, a] = score
    assert walk(scores, 0, 3, 3) == [0, 1, 3]


def test_a_line_of_songs_is_walked_along_either_way() -> None:
    positions = np.linspace(0, 1, 9)
    scores = (1 - np.abs(positions[:, None] - positions)).astype(np.float32)
    assert walk(scores, 0, 8, 9) == [*range(9)]
    assert walk(scores, 8, 0, 5) == [8, 6, 4, 2, 0]
    assert walk(scores, 2, 6, 3) == [2, 4, 6]


@given(st.integers(0, 1 << 16), st.integers(1, 30), st.integers(1, 12))
def test_the_pool_is_near_either_end_or_both(seed: int, n: int, at_most: int) -> None:
    random = np.random.default_rng(seed)
    one, other = random.integers(-3, 4, (2, n)).astype(np.float32) / 4
    one[random.random(n) < 0.3] = -np.inf
    other[np.isinf(one)] = -np.inf
    expected: set[int] = set()
    for kind in (one, other, one + other):
        free = [i for i in range(n) if math.isfinite(kind[i])]
        expected.update(sorted(free, key=lambda i: (-kind[i], i))[:at_most])
    assert pool(one, other, at_most).tolist() == sorted(expected)


def song_score(one: Floats, other: Floats) -> float:
    tau = params.MATCH_TEMPERATURE
    cosines = one @ other.T
    sides = [
        np.mean([tau * math.log(np.mean(np.exp(row / tau))) for row in table])
        for table in (cosines, cosines.T)
    ]
    return float(np.mean(sides))


def test_pairwise_scores_equal_a_loop_and_are_symmetric() -> None:
    random = np.random.default_rng(4)
    lengths = [1, 3, 2, 5, 1]
    songs = [random.standard_normal((n, 6)) for n in lengths]
    songs = [song / np.linalg.norm(song, axis=1, keepdims=True) for song in songs]
    starts = np.cumsum([0, *lengths[:-1]])
    found = pairwise_scores(np.concatenate(songs).astype(np.float32), starts)
    assert_allclose(found, [[song_score(a, b) for b in songs] for a in songs], atol=2e-6)
    assert_allclose(found, found.T, atol=1e-6)
