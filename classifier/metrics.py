"""Figures of a classification."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

Indices = npt.NDArray[np.int64]


@dataclass(frozen=True)
class LabelScore:
    """One label's figures, each in 0..1; 0 where nothing was there to count."""

    label: str
    songs: int
    precision: float
    recall: float
    f1: float


def confusion(truth: Indices, predicted: Indices, n_labels: int) -> npt.NDArray[np.int64]:
    """Return the (labels, labels) counts, true label by row, predicted label by column."""
    counts = np.zeros((n_labels, n_labels), np.int64)
    np.add.at(counts, (truth, predicted), 1)
    return counts


def label_scores(truth: Indices, predicted: Indices, labels: Sequence[str]) -> list[LabelScore]:
    """Return precision, recall and F1 of every label, in the labels' order.

    Parameters
    ----------
    truth, predicted
        (songs,) label indices.
    labels
        Their names.
    """
    counts = confusion(truth, predicted, len(labels))
    scores = []
    for index, label in enumerate(labels):
        hits = int(counts[index, index])
        actual, claimed = int(counts[index].sum()), int(counts[:, index].sum())
        precision = hits / claimed if claimed else 0.0
        recall = hits / actual if actual else 0.0
        f1 = 2 * hits / (actual + claimed) if hits else 0.0
        scores.append(LabelScore(label, actual, precision, recall, f1))
    return scores
