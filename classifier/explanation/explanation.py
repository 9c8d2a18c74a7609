"""An explanation of a genre, and the arithmetic on its time line; no Keras here."""

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from classifier import params
from classifier.arrays import Array

Curve = npt.NDArray[np.float64]


@dataclass(frozen=True)
class ScoredExcerpt:
    """An excerpt of a song, and what it adds.

    Attributes
    ----------
    start_s, end_s
        In seconds of the song's own time.
    effect
        What, by the curve, it adds to the logarithm of the genre's probability.
    """

    start_s: float
    end_s: float
    effect: float


@dataclass(frozen=True)
class DecisivePassage(ScoredExcerpt):
    """A decisive excerpt of a song.

    Attributes
    ----------
    probability_without
        The song's probability of the genre with the passage silenced.
    """

    probability_without: float


@dataclass(frozen=True)
class Bands:
    """The effects of the mel bands of the decisive segments.

    Attributes
    ----------
    edges_hz
        (bands, 2) where each band begins and ends, in Hz.
    effects
        (bands,) what each adds to the logarithm of the genre's probability.
    """

    edges_hz: Curve
    effects: Curve

    def grouped(self, size: int = params.EXPLAIN_BAND_GROUP) -> "Bands":
        """Return the same with every `size` neighbours joined, for a reader."""
        starts = np.arange(0, len(self.effects), size)
        ends = np.minimum(starts + size, len(self.effects)) - 1
        edges = np.stack([self.edges_hz[starts, 0], self.edges_hz[ends, 1]], axis=1)
        return Bands(edges, np.add.reduceat(self.effects, starts))


@dataclass(frozen=True)
class Picture:
    """The song's log-mel for the eye.

    Attributes
    ----------
    column_s
        Seconds a column.
    mel
        (columns, bands) mean log-mel at the reference level.
    """

    column_s: float
    mel: Array


@dataclass(frozen=True)
class Explanation:
    """The explanation of a song's probability of a genre.

    Attributes
    ----------
    genre, probability
        What is explained: a label, and the song's probability of it.
    duration_s
        Length of the song, in seconds.
    step_s
        Seconds a step of the curve.
    curve
        (steps,) what each step adds to the logarithm of the song's probability, in nats, as
        `classifier.explanation.attribution` measures it; below zero where it speaks against the genre.
    passages
        The most decisive first; they do not overlap.
    bands
        Which mel bands it was.
    picture
        The song's log-mel.
    warnings
        Plain sentences about what was wrong with the file.
    """

    genre: str
    probability: float
    duration_s: float
    step_s: float
    curve: Curve
    passages: list[DecisivePassage]
    bands: Bands
    picture: Picture
    warnings: list[str]

    def describe(self) -> dict[str, Any]:
        """Return it as JSON shows it, without the picture."""
        return {
            "genre": self.genre,
            "probability": round(self.probability, 4),
            "duration_s": round(self.duration_s, 3),
            "passages": [
                {
                    "start_s": round(passage.start_s, 3),
                    "end_s": round(passage.end_s, 3),
                    "effect": round(passage.effect, 5),
                    "probability_without": round(passage.probability_without, 4),
                }
                for passage in self.passages
            ],
            "bands": [
                {"low_hz": round(low, 1), "high_hz": round(high, 1), "effect": round(effect, 5)}
                for (low, high), effect in zip(self.bands.edges_hz, self.bands.effects, strict=True)
            ],
            "curve": {"step_s": self.step_s, "effects": [round(effect, 5) for effect in self.curve]},
            "warnings": self.warnings,
        }


def decisive(
    curve: Curve, step_s: float, duration_s: float, length_s: float, at_most: int
) -> list[ScoredExcerpt]:
    """Return the excerpts with the largest sums of a curve, largest first.

    Parameters
    ----------
    curve
        (steps,) effects.
    step_s, duration_s
        Seconds a step, and of the song.
    length_s
        How long an excerpt is; the whole song where that is shorter.
    at_most
        Their number. The first is always there, the others only where their sum is above zero and
        they overlap no earlier one.
    """
    width = max(1, min(len(curve), round(length_s / step_s)))
    cumulated = np.concatenate([[0.0], np.cumsum(curve)])
    sums = cumulated[width:] - cumulated[:-width]
    found: list[ScoredExcerpt] = []
    while len(found) < at_most:
        best = int(np.argmax(sums))
        if found and not sums[best] > 0:
            break
        end_s = min(duration_s, (best + width) * step_s)
        found.append(ScoredExcerpt(max(0.0, end_s - width * step_s), end_s, float(sums[best])))
        sums[max(0, best - width + 1) : best + width] = -np.inf
    return found


def silenced(samples: Array, rate_hz: int, start_s: float, end_s: float) -> Array:
    """Return the samples with an excerpt silenced, faded out before it and in after it.

    Parameters
    ----------
    samples
        (samples,) mono.
    rate_hz
        Their rate, in Hz.
    start_s, end_s
        From where to where, in seconds; what lies beyond the samples is ignored.
    """
    fade_s = params.EXPLAIN_FADE_S
    times = np.arange(len(samples)) / rate_hz
    distance_s = np.maximum(start_s - times, times - end_s)
    return np.asarray(samples * np.clip(distance_s / fade_s, 0, 1), np.float32)
