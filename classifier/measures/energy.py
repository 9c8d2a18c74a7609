"""Energy: how loud, how busy and how bright a song is, as one number.

There is no agreed measure of it. This one is the mean of three that go with what listeners call energetic:
loudness, how much the spectrum grows from frame to frame, and the share of the upper half of the mel bands.
Each is put on 0..1 between what the calmest and the most energetic songs have.
"""

from dataclasses import dataclass
from typing import Final

import numpy as np

from classifier.arrays import Array

LOUDNESS_LUFS: Final = (-32.0, -9.0)
GROWTH: Final = (0.10, 0.34)
UPPER_SHARE: Final = (0.25, 0.95)
"""Of the calmest and the most energetic of 100 songs of all genres (GTZAN, Emotify), but for 2 % each."""
WEIGHTS: Final = (0.4, 0.3, 0.3)


@dataclass(frozen=True)
class Energy:
    """Energy, 0..1, and how far its three parts agree on it, 0..1."""

    value: float
    confidence: float


def upper_share(log_mel: Array) -> float:
    """Return the mean of the upper half of the bands, by the mean of all; 0 where all are 0."""
    by_band = log_mel.mean(axis=0)
    mean = float(by_band.mean())
    return float(by_band[len(by_band) // 2 :].mean()) / mean if mean > 0 else 0.0


def energy_of(loudness_lufs: float, grows: float, upper: float) -> Energy:
    """Return the energy of a song or of a segment.

    Parameters
    ----------
    loudness_lufs
        Integrated loudness.
    grows
        Mean onset strength, of decades of power in 32 ms.
    upper
        As `upper_share` gives it.
    """
    values = (loudness_lufs, grows, upper)
    scales = (LOUDNESS_LUFS, GROWTH, UPPER_SHARE)
    places = [(value - low) / (high - low) for value, (low, high) in zip(values, scales, strict=True)]
    parts = [min(1.0, max(0.0, place)) for place in places]
    value = float(np.dot(parts, WEIGHTS))
    return Energy(value, 1 - (max(parts) - min(parts)))
