"""Logistic regression by Newton's method, against scikit-learn's and by the conditions of a minimum."""

import numpy as np
import numpy.typing as npt
import pytest
from sklearn.linear_model import LogisticRegression

from classifier.training.logistic import LogisticProblem, minimum

Array64 = npt.NDArray[np.float64]


def drawn(n: int = 300, seed: int = 0) -> tuple[Array64, npt.NDArray[np.bool_], Array64]:
    """Rows of four features, which are ones, and what each counts."""
    random = np.random.default_rng(seed)
    x = random.standard_normal((n, 4)) * [1.0, 3.0, 0.2, 1.0]
    truth = x[:, 0] - x[:, 1] / 2 + random.standard_normal(n) > 0.4
    return x, truth, random.uniform(0.2, 2.0, n)


@pytest.mark.parametrize("penalty", [0.3, 5.0, 200.0])
def test_it_is_scikit_learns(penalty: float) -> None:
    x, truth, weights = drawn()
    found = minimum(LogisticProblem(x, weights * truth, weights * ~truth, penalty))
    model = LogisticRegression(C=1 / penalty, tol=1e-10, max_iter=5000).fit(x, truth, sample_weight=weights)
    np.testing.assert_allclose(found, [*model.coef_[0], model.intercept_[0]], atol=1e-6)


def test_a_row_may_be_both_and_begin_somewhere() -> None:
    """At the least loss its gradient, by differences, is nothing."""
    x, truth, weights = drawn(seed=1)
    yes = weights * np.where(truth, 0.8, 0.1)
    problem = LogisticProblem(x, yes, weights - yes, 2.0, start=x[:, 3] * 2 - 1)
    found = minimum(problem)
    for axis in np.eye(5) * 1e-4:
        slope = (problem.loss(found + axis) - problem.loss(found - axis)) / 2e-4
        assert slope == pytest.approx(0, abs=5e-6)
    elsewhere = minimum(LogisticProblem(x, yes, weights - yes, 2.0))
    assert np.abs(found - elsewhere).max() > 0.1


def test_no_order_of_rows_moves_it() -> None:
    x, truth, weights = drawn(2000, seed=2)
    found = minimum(LogisticProblem(x, weights * truth, weights * ~truth, 1.0))
    order = np.random.default_rng(3).permutation(len(x))
    again = minimum(LogisticProblem(x[order], (weights * truth)[order], (weights * ~truth)[order], 1.0))
    np.testing.assert_allclose(found, again, rtol=0, atol=1e-8)


def test_steps_that_are_too_long_are_cut() -> None:
    """Separable rows and a small penalty: the first steps would jump past the minimum."""
    x = np.array([[-1.0], [-0.9], [0.9], [1.0]])
    truth = np.array([0.0, 0.0, 1.0, 1.0])
    problem = LogisticProblem(x, truth, 1 - truth, 1e-6, start=np.array([40.0, 30.0, -30.0, -40.0]))
    found = minimum(problem)
    assert problem.loss(found) < problem.loss(np.zeros(2)) / 1e5
    assert np.abs(problem.step(found)).max() < 1e-3
