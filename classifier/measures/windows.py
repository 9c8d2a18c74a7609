"""Windows of spectra."""

from functools import cache

import numpy as np

from classifier.arrays import Array


@cache
def hann(length: int) -> Array:
    """Return the periodic Hann window, (length,) float32."""
    return (0.5 - 0.5 * np.cos(2 * np.pi * np.arange(length) / length)).astype(np.float32)
