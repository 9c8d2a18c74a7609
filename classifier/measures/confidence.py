"""From evidence to the probability of being right."""

import math
from collections.abc import Sequence


def logistic(weights: Sequence[float], evidence: Sequence[float]) -> float:
    """Return a probability, 0..1.

    Parameters
    ----------
    weights
        An offset, and a weight for each value of `evidence`.
    """
    offset, *slopes = weights
    score = offset + sum(slope * value for slope, value in zip(slopes, evidence, strict=True))
    return 1 / (1 + math.exp(-max(-30.0, min(30.0, score))))
