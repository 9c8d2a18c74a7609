"""Figures by hand, against scikit-learn and scipy, and what must always hold of them."""

import json
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from scipy.stats import binomtest
from sklearn.metrics import (
    confusion_matrix,
    f1_score,
    log_loss,
    precision_recall_fscore_support,
    top_k_accuracy_score,
)

from classifier.training.metrics import (
    Figures,
    at_level,
    confusion,
    cross_entropy,
    evaluate,
    evaluate_levels,
    expected_calibration_error,
    label_scores,
    macro_f1,
    reliability,
    top_k_accuracy,
    wilson_interval,
)

Array = npt.NDArray[Any]
PAIRS = st.lists(st.tuples(st.integers(0, 3), st.integers(0, 3)), min_size=1, max_size=60)
NAMES = ("blues", "jazz", "pop", "rock")
PATHS = ("rock/punk", "jazz", "rock/hard/thrash", "rock/hard/doom", "pop/indie")


def rows(rng: np.random.Generator, n: int, n_labels: int) -> tuple[Array, Array]:
    """Random probabilities, and a truth that they know something of."""
    logits = rng.normal(size=(n, n_labels)) * 1.5
    truth = np.array([rng.choice(n_labels, p=np.exp(row) / np.exp(row).sum()) for row in logits])
    values = np.exp(logits)
    return values / values.sum(axis=1, keepdims=True), truth


@st.composite
def problems(draw: st.DrawFn, n_labels: int = 4) -> tuple[Array, Array]:
    n = draw(st.integers(1, 30))
    weights = draw(hnp.arrays(np.float64, (n, n_labels), elements=st.floats(0.001, 1)))
    truth = draw(hnp.arrays(np.int64, n, elements=st.integers(0, n_labels - 1)))
    return weights / weights.sum(axis=1, keepdims=True), truth


def test_by_hand() -> None:
    truth = np.array([0, 0, 0, 0, 1, 1, 2])
    predicted = np.array([0, 0, 0, 1, 1, 0, 1])
    assert confusion(truth, predicted, 4).tolist() == [[3, 1, 0, 0], [1, 1, 0, 0], [0, 1, 0, 0], [0, 0, 0, 0]]
    blues, jazz, pop, rock = label_scores(truth, predicted, NAMES)
    assert (blues.label, blues.songs) == ("blues", 4)
    assert (blues.precision, blues.recall, blues.f1) == pytest.approx((3 / 4, 3 / 4, 3 / 4))
    assert (jazz.precision, jazz.recall, jazz.f1) == pytest.approx((1 / 3, 1 / 2, 2 / 5))
    assert (pop.songs, pop.precision, pop.recall, pop.f1) == (1, 0, 0, 0)
    assert (rock.songs, rock.precision, rock.recall, rock.f1) == (0, 0, 0, 0)
    # Nothing is rock and nothing was called rock: it says nothing about the answers.
    assert macro_f1(truth, predicted) == pytest.approx((3 / 4 + 2 / 5 + 0) / 3)


@given(PAIRS)
def test_as_scikit_learn_has_it(pairs: list[tuple[int, int]]) -> None:
    truth, predicted = np.array(pairs).T
    np.testing.assert_array_equal(
        confusion(truth, predicted, 4), confusion_matrix(truth, predicted, labels=range(4))
    )
    found = label_scores(truth, predicted, NAMES)
    wanted = precision_recall_fscore_support(truth, predicted, labels=range(4), zero_division=0)
    for values, name in zip(wanted, ("precision", "recall", "f1", "songs"), strict=True):
        np.testing.assert_allclose([getattr(score, name) for score in found], values, rtol=0, atol=1e-12)
    assert tuple(score.label for score in found) == NAMES
    assert macro_f1(truth, predicted) == pytest.approx(f1_score(truth, predicted, average="macro"))


@pytest.mark.parametrize(
    ("hits", "n", "low", "high"),
    [(27, 36, 0.5893, 0.8625), (0, 10, 0.0, 0.2775), (10, 10, 0.7225, 1.0), (1, 2, 0.0945, 0.9055)],
)
def test_wilson_interval_by_hand(hits: int, n: int, low: float, high: float) -> None:
    assert wilson_interval(hits, n) == pytest.approx((low, high), abs=5e-5)


@given(st.integers(1, 500), st.data(), st.sampled_from([0.8, 0.95, 0.99]))
def test_wilson_interval_as_scipy_has_it(n: int, data: st.DataObject, confidence: float) -> None:
    hits = data.draw(st.integers(0, n))
    wanted = binomtest(hits, n).proportion_ci(confidence, method="wilson")
    assert wilson_interval(hits, n, confidence) == pytest.approx((wanted.low, wanted.high), abs=1e-9)


def test_wilson_interval_of_nothing() -> None:
    assert wilson_interval(0, 0) == (0, 1)


def test_top_k_by_hand() -> None:
    probabilities = np.array([[0.4, 0.3, 0.2, 0.1], [0.25, 0.25, 0.25, 0.25]])
    assert [top_k_accuracy(probabilities, np.array([1, 3]), k) for k in (1, 2, 3, 4)] == [0, 0.5, 0.5, 1]
    assert top_k_accuracy(probabilities, np.array([0, 0]), 1) == 1  # of equals the first, as argmax
    equal = np.full((1, 60), 1 / 60)
    assert [top_k_accuracy(equal, np.array([i]), 3) for i in range(60)] == [1] * 3 + [0] * 57


@pytest.mark.parametrize("seed", range(3))
def test_top_k_and_cross_entropy_as_scikit_learn_has_them(seed: int) -> None:
    probabilities, truth = rows(np.random.default_rng(seed), 200, 6)
    for k in (1, 2, 3, 5):
        wanted = top_k_accuracy_score(truth, probabilities, k=k, labels=range(6))
        assert top_k_accuracy(probabilities, truth, k) == pytest.approx(wanted)
    assert cross_entropy(probabilities, truth) == pytest.approx(log_loss(truth, probabilities))
    single = probabilities.astype(np.float32)
    assert cross_entropy(single, truth) == pytest.approx(log_loss(truth, probabilities), rel=1e-6)


def test_a_certain_and_wrong_answer_costs_much_and_not_infinitely() -> None:
    probabilities = np.array([[1.0, 0.0], [1.0, 0.0]])
    assert cross_entropy(probabilities, np.array([0, 1])) == pytest.approx(-np.log(1e-7) / 2)
    assert cross_entropy(probabilities, np.array([0, 0])) == 0


def test_reliability_by_hand() -> None:
    top = np.array([0.55, 0.6, 0.65, 0.95, 1.0])
    probabilities = np.stack([top, 1 - top], axis=1)
    truth = np.array([1, 0, 1, 0, 0])
    bins = reliability(probabilities, truth, 10)
    np.testing.assert_allclose([(b.low, b.high) for b in bins], [(i / 10, (i + 1) / 10) for i in range(10)])
    assert [b.count for b in bins] == [0, 0, 0, 0, 0, 1, 2, 0, 0, 2]
    assert [bins[i].confidence for i in (5, 6, 9)] == pytest.approx([0.55, 0.625, 0.975])
    assert [bins[i].accuracy for i in (5, 6, 9)] == [0, 0.5, 1]
    assert (bins[0].confidence, bins[0].accuracy) == (0, 0)
    wanted = (1 * 0.55 + 2 * 0.125 + 2 * 0.025) / 5
    assert expected_calibration_error(probabilities, truth, 10) == pytest.approx(wanted)


def test_calibration_error_of_calibrated_and_of_overconfident_rows() -> None:
    probabilities, truth = rows(np.random.default_rng(4), 20_000, 4)
    assert expected_calibration_error(probabilities, truth) < 0.015
    sharper = probabilities**3 / (probabilities**3).sum(axis=1, keepdims=True)
    assert expected_calibration_error(sharper, truth) > 0.15


@given(problems(), st.integers(1, 20))
def test_calibration_error_row_by_row(problem: tuple[Array, Array], n_bins: int) -> None:
    probabilities, truth = problem
    top, right = probabilities.max(axis=1), probabilities.argmax(axis=1) == truth
    edges = np.arange(1, n_bins + 1) / n_bins
    gaps = dict.fromkeys(range(n_bins), 0.0)
    for p, hit in zip(top, right, strict=True):
        gaps[min(int(np.searchsorted(edges, p, side="right")), n_bins - 1)] += float(hit) - p
    wanted = sum(abs(gap) for gap in gaps.values()) / len(top)
    bins = reliability(probabilities, truth, n_bins)
    if not np.isin(top, edges).any():  # an edge may fall to either side in floating point
        assert expected_calibration_error(probabilities, truth, n_bins) == pytest.approx(wanted)
    assert sum(b.count for b in bins) == len(top)
    assert all(b.low - 1e-9 <= b.confidence <= b.high + 1e-9 for b in bins if b.count)


def test_evaluation_by_hand() -> None:
    probabilities = np.array([[0.7, 0.1, 0.1, 0.1], [0.2, 0.5, 0.2, 0.1], [0.4, 0.3, 0.2, 0.1]], np.float32)
    found = evaluate(probabilities, np.array([0, 1, 3]), NAMES)
    assert (found.n, found.accuracy, found.top_3) == (3, pytest.approx(2 / 3), pytest.approx(2 / 3))
    assert found.accuracy_interval == wilson_interval(2, 3)
    assert found.macro_f1 == pytest.approx((2 / 3 + 1 + 0) / 3)
    assert found.cross_entropy == pytest.approx(-np.log([0.7, 0.5, 0.1]).mean(), rel=1e-6)
    assert found.calibration_error == pytest.approx((0.3 + 0.5 + 0.4) / 3, rel=1e-6)
    assert found.confusion.tolist() == [[1, 0, 0, 0], [0, 1, 0, 0], [0, 0, 0, 0], [1, 0, 0, 0]]
    assert found.labels == NAMES
    assert [score.songs for score in found.per_label] == [1, 1, 0, 1]


def test_top_3_says_nothing_of_three_labels() -> None:
    assert evaluate(np.full((1, 3), 1 / 3), np.array([2]), NAMES[:3]).top_3 is None
    assert evaluate(np.full((1, 4), 1 / 4), np.array([2]), NAMES).top_3 == 1


@given(problems())
def test_what_always_holds_of_an_evaluation(problem: tuple[Array, Array]) -> None:
    probabilities, truth = problem
    found = evaluate(probabilities, truth, NAMES)
    assert found.accuracy == pytest.approx(np.trace(found.confusion) / found.n)
    assert found.accuracy == top_k_accuracy(probabilities, truth, 1)
    assert found.top_3 is not None
    assert found.accuracy <= found.top_3 <= 1
    assert found.accuracy_interval[0] <= found.accuracy <= found.accuracy_interval[1]
    assert 0 <= found.calibration_error <= 1
    assert found.confusion.sum() == found.n == sum(b.count for b in found.reliability)
    order = np.random.default_rng(0).permutation(len(truth))
    shuffled = evaluate(probabilities[order], truth[order], NAMES)
    assert shuffled.confusion.tolist() == found.confusion.tolist()
    assert shuffled.cross_entropy == pytest.approx(found.cross_entropy)
    assert shuffled.calibration_error == pytest.approx(found.calibration_error, abs=1e-12)


def test_json_is_plain_and_rounded() -> None:
    probabilities, truth = rows(np.random.default_rng(1), 7, 4)
    found = evaluate(probabilities, truth, NAMES)
    answer = json.loads(json.dumps(found.to_json()))
    assert answer == found.to_json()
    assert answer["cross_entropy"] == round(found.cross_entropy, 4)
    assert answer["accuracy_interval"] == [round(end, 4) for end in found.accuracy_interval]
    assert answer["confusion"] == found.confusion.tolist()
    assert [row["label"] for row in answer["per_label"]] == answer["labels"] == list(NAMES)
    assert sum(row["n"] for row in answer["per_label"]) == answer["n"] == 7
    assert len(answer["reliability"]) == 10
    assert sum(row["count"] for row in answer["reliability"]) == 7


@pytest.mark.parametrize(("n", "n_labels"), [(0, 4), (2, 3)])
def test_what_does_not_fit_is_refused(n: int, n_labels: int) -> None:
    with pytest.raises(ValueError, match="do not fit"):
        evaluate(np.ones((n, n_labels)) / n_labels, np.zeros(n, np.int64), NAMES)


def test_levels_by_hand() -> None:
    probabilities = np.array([[0.1, 0.2, 0.3, 0.15, 0.25]], np.float32)
    top, names = at_level(probabilities, PATHS, 1)
    assert names == ("rock", "jazz", "pop")
    np.testing.assert_allclose(top, [[0.55, 0.2, 0.25]], rtol=1e-6)
    middle, names = at_level(probabilities, PATHS, 2)
    assert names == ("rock/punk", "jazz", "rock/hard", "pop/indie")
    np.testing.assert_allclose(middle, [[0.1, 0.2, 0.45, 0.25]], rtol=1e-6)
    finest, names = at_level(probabilities, PATHS, 3)
    assert names == PATHS
    np.testing.assert_array_equal(finest, probabilities)


def test_evaluation_at_each_level() -> None:
    # Doom taken for thrash is right as hard rock, punk taken for thrash as rock alone, jazz for pop never.
    probabilities = np.array([[0.1, 0, 0.8, 0.1, 0], [0.1, 0, 0.8, 0.1, 0], [0, 0.2, 0, 0, 0.8]])
    levels = evaluate_levels(probabilities, np.array([3, 0, 1]), PATHS)
    assert [len(found.labels) for found in levels] == [3, 4, 5]
    assert [found.accuracy for found in levels] == pytest.approx([2 / 3, 1 / 3, 0])
    assert levels[0].cross_entropy == pytest.approx(-np.log(0.2) / 3)
    flat: list[Figures] = evaluate_levels(probabilities[:, :4], np.array([0, 1, 2]), NAMES)
    assert [found.labels for found in flat] == [NAMES]


@given(problems(len(PATHS)))
def test_a_coarser_level_is_never_less_probable(problem: tuple[Array, Array]) -> None:
    probabilities, truth = problem
    for depth in (1, 2, 3):
        summed, _ = at_level(probabilities, PATHS, depth)
        np.testing.assert_allclose(summed.sum(axis=1), 1, atol=1e-12)
    losses = [found.cross_entropy for found in evaluate_levels(probabilities, truth, PATHS)]
    assert losses[0] <= losses[1] + 1e-12 <= losses[2] + 2e-12
