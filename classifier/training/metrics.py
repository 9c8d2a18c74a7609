"""Figures of a classification; the same for songs and for segments."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from classifier import params
from classifier.arrays import Ints
from classifier.genres.label_paths import SEPARATOR, ancestor

# Probabilities may come as float32; every figure is computed in float64.
Probabilities = npt.NDArray[np.floating[Any]]
TOP_K = 3


@dataclass(frozen=True)
class LabelScore:
    """One label's figures, each in 0..1; 0 where nothing was there to count."""

    label: str
    songs: int
    precision: float
    recall: float
    f1: float


@dataclass(frozen=True)
class ReliabilityBin:
    """Rows whose highest probability lies in ``[low, high)``; the last bin holds 1 as well.

    Attributes
    ----------
    low, high
        The bin's edges, in 0..1.
    count
        Rows in it.
    confidence, accuracy
        Their mean highest probability and the share of them that is right; 0 where there are none.
    """

    low: float
    high: float
    count: int
    confidence: float
    accuracy: float


@dataclass(frozen=True)
class Figures:
    """How well probabilities fit the truth; see `evaluate`.

    Attributes
    ----------
    n
        Rows: songs, or segments.
    accuracy, accuracy_interval
        Share of rows whose most probable label is the true one, and its Wilson interval.
    top_3
        Share of rows whose true label is among the three most probable; None with three labels or fewer.
    macro_f1
        Mean F1 of the labels that occur, in the truth or as an answer.
    cross_entropy
        In nats; see `cross_entropy`.
    calibration_error
        See `expected_calibration_error`.
    reliability
        The bins that it was computed from.
    confusion
        (labels, labels) counts, true label by row.
    per_label
        One score a label, in the labels' order; their `songs` are rows.
    """

    n: int
    accuracy: float
    accuracy_interval: tuple[float, float]
    top_3: float | None
    macro_f1: float
    cross_entropy: float
    calibration_error: float
    reliability: list[ReliabilityBin]
    confusion: Ints
    per_label: list[LabelScore]

    @property
    def labels(self) -> tuple[str, ...]:
        """The names of the labels, in order."""
        return tuple(score.label for score in self.per_label)

    def to_json(self) -> dict[str, Any]:
        """Return everything as plain numbers, lists and dictionaries, rounded to 4 digits."""
        return {
            **_rounded(self, "n", "accuracy", "top_3", "macro_f1", "cross_entropy", "calibration_error"),
            "accuracy_interval": [round(end, 4) for end in self.accuracy_interval],
            "reliability": [_rounded(bin_, *vars(bin_)) for bin_ in self.reliability],
            "labels": list(self.labels),
            "confusion": self.confusion.tolist(),
            "per_label": [
                {"n": score.songs, **_rounded(score, "label", "precision", "recall", "f1")}
                for score in self.per_label
            ],
        }


def _rounded(row: object, *names: str) -> dict[str, Any]:
    values = {name: getattr(row, name) for name in names}
    return {name: round(v, 4) if isinstance(v, float) else v for name, v in values.items()}


def evaluate(probabilities: Probabilities, truth: Ints, labels: Sequence[str]) -> Figures:
    """Return all figures of a classification.

    Parameters
    ----------
    probabilities
        (n, labels), every row summing to 1; n is at least 1.
    truth
        (n,) indices of the true labels.
    labels
        Their names.

    Raises
    ------
    ValueError
        If there are no rows, or the shapes do not fit.
    """
    if probabilities.shape != (len(truth), len(labels)) or not len(truth):
        raise ValueError(
            f"probabilities {probabilities.shape} do not fit {len(truth)} rows of {len(labels)} labels"
        )
    predicted = probabilities.argmax(axis=1)
    hits, n = int((predicted == truth).sum()), len(truth)
    bins = reliability(probabilities, truth)
    return Figures(
        n=n,
        accuracy=hits / n,
        accuracy_interval=wilson_interval(hits, n),
        top_3=top_k_accuracy(probabilities, truth, TOP_K) if len(labels) > TOP_K else None,
        macro_f1=macro_f1(truth, predicted),
        cross_entropy=cross_entropy(probabilities, truth),
        calibration_error=_calibration_error(bins),
        reliability=bins,
        confusion=confusion(truth, predicted, len(labels)),
        per_label=label_scores(truth, predicted, labels),
    )


def confusion(truth: Ints, predicted: Ints, n_labels: int) -> Ints:
    """Return the (labels, labels) counts, true label by row, predicted label by column."""
    from sklearn.metrics import confusion_matrix

    return np.asarray(confusion_matrix(truth, predicted, labels=range(n_labels)), np.int64)


def label_scores(truth: Ints, predicted: Ints, labels: Sequence[str]) -> list[LabelScore]:
    """Return precision, recall and F1 of every label, in the labels' order.

    Parameters
    ----------
    truth, predicted
        (songs,) label indices.
    labels
        Their names.
    """
    from sklearn.metrics import precision_recall_fscore_support

    figures = precision_recall_fscore_support(truth, predicted, labels=range(len(labels)), zero_division=0)
    precisions, recalls, f1s, songs = (values.tolist() for values in figures)
    return [LabelScore(*row) for row in zip(labels, songs, precisions, recalls, f1s, strict=True)]


def macro_f1(truth: Ints, predicted: Ints) -> float:
    """Return the mean F1 of the labels that occur in the truth or among the answers, in 0..1."""
    from sklearn.metrics import f1_score

    return float(f1_score(truth, predicted, average="macro", zero_division=0))


def wilson_interval(hits: int, n: int, confidence: float = params.CONFIDENCE) -> tuple[float, float]:
    """Return Wilson's score interval of a share, without continuity correction.

    Parameters
    ----------
    hits, n
        Successes and trials; without trials the share may be anything: (0, 1).
    confidence
        Of the two-sided interval, in 0..1.

    References
    ----------
    E. B. Wilson, Probable inference, the law of succession, and statistical inference, 1927.
    """
    from scipy.stats import binomtest

    if n == 0:
        return 0.0, 1.0
    interval = binomtest(hits, n).proportion_ci(confidence, method="wilson")
    return float(interval.low), float(interval.high)


def top_k_accuracy(probabilities: Probabilities, truth: Ints, k: int) -> float:
    """Return the share of rows whose true label is among the `k` most probable, in 0..1.

    Among equals the earlier label counts as the more probable, as in `numpy.argmax`.
    """
    best = np.argsort(-probabilities, axis=1, kind="stable")[:, :k]
    return float((best == truth[:, None]).any(axis=1).mean())


def cross_entropy(probabilities: Probabilities, truth: Ints) -> float:
    """Return the mean of ``−log p(true label)``, in nats.

    A p under 1e-7, about the resolution of a float32 near 1, counts as 1e-7: one certain and wrong
    answer costs 16.1 nats rather than infinity (36.0 or 15.9 by scikit-learn's log_loss, as the type has it).
    """
    p = probabilities[np.arange(len(truth)), truth].astype(np.float64)
    return float(-np.log(np.clip(p, params.LOG_LOSS_FLOOR, 1.0)).mean())


def reliability(
    probabilities: Probabilities, truth: Ints, n_bins: int = params.RELIABILITY_BINS
) -> list[ReliabilityBin]:
    """Return how often answers of like confidence are right, in bins of equal width over 0..1."""
    top = probabilities.max(axis=1).astype(np.float64)
    right = probabilities.argmax(axis=1) == truth
    bins_of = np.clip((top * n_bins).astype(np.int64), 0, n_bins - 1)
    bins = []
    for index in range(n_bins):
        inside = bins_of == index
        count = int(inside.sum())
        confidence, accuracy = (top[inside].mean(), right[inside].mean()) if count else (0.0, 0.0)
        edges = index / n_bins, (index + 1) / n_bins
        bins.append(ReliabilityBin(*edges, count, float(confidence), float(accuracy)))
    return bins


def expected_calibration_error(
    probabilities: Probabilities, truth: Ints, n_bins: int = params.RELIABILITY_BINS
) -> float:
    """Return the mean distance of accuracy from confidence over the `reliability` bins, by their rows.

    References
    ----------
    C. Guo et al., On calibration of modern neural networks, ICML 2017.
    """
    return _calibration_error(reliability(probabilities, truth, n_bins))


def _calibration_error(bins: Sequence[ReliabilityBin]) -> float:
    gaps = sum(b.count * abs(b.accuracy - b.confidence) for b in bins)
    return gaps / sum(b.count for b in bins)


def at_level(
    probabilities: Probabilities, labels: Sequence[str], depth: int
) -> tuple[Probabilities, tuple[str, ...]]:
    """Sum the probabilities of all labels of the same ancestor.

    Parameters
    ----------
    probabilities, labels
        As `evaluate` takes them; labels are paths such as ``rock/punk``.
    depth
        Steps of the paths to keep, from 1; a label with fewer stays as it is.

    Returns
    -------
    tuple
        (n, ancestors) float64, and the ancestors in the order of their first appearance.
    """
    ancestors = np.array([ancestor(label, depth) for label in labels])
    kept = tuple(dict.fromkeys(ancestors.tolist()))
    member = np.array([ancestors == name for name in kept], np.float64)
    return probabilities @ member.T, kept


def evaluate_levels(probabilities: Probabilities, truth: Ints, labels: Sequence[str]) -> list[Figures]:
    """Return `evaluate` at every depth of a hierarchy, the top first; one entry where labels are flat."""
    evaluations = []
    for depth in range(1, 1 + max(label.count(SEPARATOR) + 1 for label in labels)):
        summed, kept = at_level(probabilities, labels, depth)
        indices = np.array([kept.index(ancestor(label, depth)) for label in labels])
        evaluations.append(evaluate(summed, indices[truth], kept))
    return evaluations
