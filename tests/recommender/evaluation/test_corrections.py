"""Hub corrections on whole tables, held to loops over pairs of tracks."""

import math
from statistics import NormalDist

import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.testing import assert_allclose

from recommender.evaluation.corrections import ON_CENTRED, csls, local_scaling, mutual_proximity

Floats = npt.NDArray[np.float64]
sizes = st.integers(2, 12)
seeds = st.integers(0, 1 << 16)


def table(n: int, seed: int) -> Floats:
    """Symmetric scores of −1..1, 1 on the diagonal."""
    scores = np.triu(np.random.default_rng(seed).uniform(-1, 1, (n, n)), 1)
    return np.asarray(scores + scores.T + np.eye(n))


def others(scores: Floats, i: int) -> list[float]:
    return [float(score) for j, score in enumerate(scores[i]) if j != i]


def off_diagonal(found: Floats) -> Floats:
    return np.asarray(found[~np.eye(len(found), dtype=bool)])


def pairs(scores: Floats, value: object) -> Floats:
    n = len(scores)
    return np.array([value(i, j) for i in range(n) for j in range(n) if i != j])  # type: ignore[operator]


@given(sizes, seeds, st.integers(1, 25))
def test_csls_equals_a_loop(n: int, seed: int, k: int) -> None:
    scores = table(n, seed)
    means = [np.mean(sorted(others(scores, i))[-k:]) for i in range(n)]
    expected = pairs(scores, lambda i, j: 2 * scores[i, j] - means[i] - means[j])
    assert_allclose(off_diagonal(csls(scores, k)), expected, atol=1e-12)


@given(sizes, seeds, st.integers(1, 25))
def test_local_scaling_equals_a_loop(n: int, seed: int, k: int) -> None:
    scores = table(n, seed)
    scales = [sorted(1 - score for score in others(scores, i))[: min(k, n - 1)][-1] for i in range(n)]
    expected = pairs(scores, lambda i, j: -((1 - scores[i, j]) ** 2) / (scales[i] * scales[j]))
    assert_allclose(off_diagonal(local_scaling(scores, k)), expected, rtol=1e-9)


@settings(deadline=None)
@given(st.integers(3, 12), seeds)
def test_mutual_proximity_equals_a_loop(n: int, seed: int) -> None:
    """The chance that another is farther off, from either side, as logarithms that do not run out."""
    scores = table(n, seed)
    normals = [NormalDist(np.mean(others(scores, i)), np.std(others(scores, i))) for i in range(n)]

    def chance(i: int, j: int) -> float:
        sides = [normals[side].cdf(scores[i, j]) for side in (i, j)]
        return math.log(max(sides[0] * sides[1], 1e-300))

    expected = pairs(scores, chance)
    found = off_diagonal(mutual_proximity(scores))
    assert_allclose(found[expected > -25], expected[expected > -25], rtol=1e-6)
    assert np.isfinite(found).all()


def test_a_hub_worked_out_by_hand() -> None:
    """Track 0 is near everything; with one neighbour each, CSLS puts 1 and 2 nearer to each other."""
    scores = np.array(
        [[1.0, 0.8, 0.8, 0.9], [0.8, 1.0, 0.7, 0.1], [0.8, 0.7, 1.0, 0.1], [0.9, 0.1, 0.1, 1.0]]
    )
    found = csls(scores, 1)
    assert found[1, 0] == pytest.approx(1.6 - 0.8 - 0.9)
    assert found[1, 2] == pytest.approx(1.4 - 0.8 - 0.8)
    assert found[0, 3] == pytest.approx(0.0)  # each other's best match
    assert local_scaling(scores, 1)[1, 0] == pytest.approx(-(0.2**2) / (0.2 * 0.1))


@pytest.mark.parametrize("name", ON_CENTRED)
@given(n=sizes, seed=seeds)
def test_every_correction_keeps_the_table_symmetric_and_its_input_as_it_was(
    name: str, n: int, seed: int
) -> None:
    scores = table(n, seed)
    before = scores.copy()
    found = ON_CENTRED[name](scores)
    assert_allclose(found, found.T, atol=1e-9)
    assert (scores == before).all()
    order = np.random.default_rng(seed).permutation(n)
    assert_allclose(ON_CENTRED[name](scores[np.ix_(order, order)]), found[np.ix_(order, order)], atol=1e-9)


@pytest.mark.parametrize("name", ON_CENTRED)
@given(seed=seeds)
def test_twins_do_not_divide_by_zero(name: str, seed: int) -> None:
    scores = table(6, seed)
    scores[1], scores[:, 1] = scores[0], scores[:, 0]
    scores[0, 1] = scores[1, 0] = scores[1, 1] = 1.0
    assert np.isfinite(ON_CENTRED[name](scores)).all()
    assert np.isfinite(ON_CENTRED[name](np.ones((4, 4)))).all()


def test_the_table_s_methods_take_twenty_and_ten_neighbours() -> None:
    scores = table(40, 1)
    assert_allclose(ON_CENTRED["csls"](scores), csls(scores, 20))
    assert_allclose(ON_CENTRED["local scaling"](scores), local_scaling(scores, 10))
    assert np.abs(csls(scores, 20) - csls(scores, 19)).max() > 1e-3
    assert np.abs(local_scaling(scores, 10) - local_scaling(scores, 11)).max() > 1e-3
