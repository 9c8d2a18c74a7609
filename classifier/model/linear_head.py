"""A linear classifier on stored features, applied in numpy.

Fitting one takes scikit-learn (`classifier.training.head_fitting`); using one takes a matrix product, so that
a new head gives every stored segment its genres without decoding anything.
"""

from dataclasses import dataclass
from typing import Literal

import numpy as np

from classifier.arrays import Array

HeadInput = Literal["tags", "embedding", "both"]

MIN_PROBABILITY = 1e-3


@dataclass(frozen=True)
class LinearHead:
    """Softmax regression.

    Attributes
    ----------
    input
        What it reads: ``"tags"`` (the log-odds of the tag probabilities), ``"embedding"``, or
        ``"both"``, the former before the latter.
    kernel
        (features, labels) float32.
    bias
        (labels,) float32.
    """

    input: HeadInput
    kernel: Array
    bias: Array

    def probabilities(self, tags: Array, embeddings: Array, temperature: float = 1.0) -> Array:
        """Return the probability of each label.

        Parameters
        ----------
        tags
            (segments, 50) in 0..1.
        embeddings
            (segments, 200).
        temperature
            What the logits are divided by: above 1 for a head that is too sure of itself.

        Returns
        -------
        numpy.ndarray
            (segments, labels) float32; every row sums to 1.
        """
        return softmax(self.logits(tags, embeddings) / np.float32(temperature))

    def features(self, tags: Array, embeddings: Array) -> Array:
        """Return what this head reads of segments, (segments, features) float32."""
        return head_features(self.input, tags, embeddings)

    def logits(self, tags: Array, embeddings: Array) -> Array:
        """Return the scores before the softmax, (segments, labels) float32."""
        return self.features(tags, embeddings) @ self.kernel + self.bias


def head_features(kind: HeadInput, tags: Array, embeddings: Array) -> Array:
    """Return what a head of this kind reads, (segments, features) float32."""
    if kind == "embedding":
        return np.asarray(embeddings, np.float32)
    odds = log_odds(tags)
    return odds if kind == "tags" else np.concatenate([odds, embeddings], axis=1, dtype=np.float32)


def log_odds(probabilities: Array) -> Array:
    """Return ``log(p / (1 − p))`` with p clipped to 0.001..0.999."""
    p = np.clip(probabilities, MIN_PROBABILITY, 1 - MIN_PROBABILITY).astype(np.float32)
    return np.asarray(np.log(p / (1 - p)), np.float32)


def softmax(logits: Array) -> Array:
    """Return the softmax of the last axis, float32."""
    shifted = np.exp(logits - logits.max(axis=-1, keepdims=True))
    return np.asarray(shifted / shifted.sum(axis=-1, keepdims=True), np.float32)
