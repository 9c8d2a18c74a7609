"""What a probability is worth: temperature, and when a song is unknown. Using it takes numpy alone.

**Temperature.** The scores of a segment are divided by the temperature before the softmax, and a
song's probabilities are the duration-weighted mean of its segments'. The temperature is the one that
makes these song probabilities most likely on songs held out.

**Unknown.** A song is unknown when its most probable label is hardly probable, or when its mean
features lie farther from every label's centre than those of songs held out do, or when they are more
like those of sounds that are not music. `classifier.training.fit_calibration` fits the last two.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from classifier.model.predictions import song_mean

if TYPE_CHECKING:
    pass

Array = npt.NDArray[np.float32]
Array64 = npt.NDArray[np.float64]
Floats = npt.NDArray[np.floating[Any]]
Indices = npt.NDArray[np.int64]
Mask = npt.NDArray[np.bool_]

# Probabilities below this are as good as zero, and have a logarithm in float32.
LEAST = 1e-30

WEAK = "no label is probable enough"
UNLIKE = "unlike the songs that the labels were learned from"
NOT_MUSIC = "more like speech, noise or tones than like these songs"


@dataclass(frozen=True)
class Familiarity:
    """How far a song may lie from what the labels were learned from.

    The distance is Mahalanobis', to the nearest label's centre, the covariance within labels being
    shrunk and the same for all (Lee et al., A simple unified framework for detecting
    out-of-distribution samples, NeurIPS 2018).

    Attributes
    ----------
    whiten
        (features, dimensions): features times this have unit covariance within labels.
    centres
        (labels, dimensions) of the labels, whitened.
    limit
        The distance beyond which a song is unlike them.
    direction
        (features,) and their offset: a score above 0 is more like sounds that are not music. None where
        the distance alone tells enough of them.
    offset
        Added to that score.
    """

    whiten: Array
    centres: Array
    limit: float
    direction: Array | None = None
    offset: float = 0.0

    def distance(self, features: Array) -> Array:
        """Return each song's distance in multiples of the limit, (songs,), of (songs, features)."""
        apart = (features @ self.whiten)[:, None, :] - self.centres
        return np.asarray(np.sqrt((apart**2).sum(axis=2)).min(axis=1) / self.limit, np.float32)

    def not_music(self, features: Array) -> Array:
        """Return each song's score of being no music, (songs,), of (songs, features)."""
        if self.direction is None:
            return np.full(len(features), -np.inf, np.float32)
        return np.asarray(features @ self.direction + self.offset, np.float32)


@dataclass(frozen=True)
class Verdict:
    """Whether a song should be given a label at all.

    Attributes
    ----------
    reason
        Why it is unknown, in words; None where it is known.
    confidence
        The calibrated probability of its most probable label, 0..1.
    distance
        From the nearest label, 1 being the limit; None where no distance was learned.
    """

    reason: str | None
    confidence: float
    distance: float | None

    @property
    def unknown(self) -> bool:
        """Whether the labels say nothing of this song."""
        return self.reason is not None


@dataclass(frozen=True)
class Calibration:
    """What makes a classifier's probabilities honest, and says when they mean nothing.

    Attributes
    ----------
    temperature
        What a segment's scores are divided by before the softmax.
    least_confidence
        A song whose most probable label is less probable than this is unknown.
    data
        A sentence on what all this was chosen on.
    familiarity
        None where a song's features say nothing, or nothing was learned.
    examples
        (sounds, features) embeddings, by this bundle's trunk, of sounds that are not music, for the
        calibration of other heads on the same trunk; None where there are none.
    """

    temperature: float
    least_confidence: float
    data: str
    familiarity: Familiarity | None = None
    examples: Array | None = None

    def judge(self, features: Array, probabilities: Array, durations_s: Sequence[float]) -> Verdict:
        """Return whether a song is unknown, and why.

        Parameters
        ----------
        features
            (segments, features) what the head reads of its segments.
        probabilities
            (segments, labels), calibrated.
        durations_s
            (segments,) seconds.
        """
        confidence = float(song_mean(probabilities, durations_s).max())
        song = song_mean(features, durations_s)[None]
        familiar = self.familiarity
        distance = float(familiar.distance(song)[0]) if familiar is not None else None
        reason = None
        if familiar is not None and familiar.not_music(song)[0] > 0:
            reason = NOT_MUSIC
        elif distance is not None and distance > 1:
            reason = UNLIKE
        elif confidence < self.least_confidence:
            reason = WEAK
        return Verdict(reason, confidence, distance)

    def describe(self) -> dict[str, Any]:
        """Return everything but the arrays, for JSON."""
        familiar = self.familiarity
        return {
            "temperature": self.temperature,
            "least_confidence": self.least_confidence,
            "data": self.data,
            "limit": familiar.limit if familiar is not None else None,
            "offset": familiar.offset if familiar is not None else None,
        }

    def to_arrays(self) -> dict[str, Array]:
        """Return the arrays by name; those that are None are left out."""
        found = {"examples": self.examples}
        if self.familiarity is not None:
            found |= {name: getattr(self.familiarity, name) for name in ("whiten", "centres", "direction")}
        return {name: value for name, value in found.items() if value is not None}

    @classmethod
    def from_parts(cls, described: Mapping[str, Any], arrays: Mapping[str, Array]) -> "Calibration":
        """Return the calibration that `describe` and `to_arrays` tell of.

        Raises
        ------
        KeyError, TypeError, ValueError
            If they do not fit.
        """
        familiarity = None
        if described["limit"] is not None:
            familiarity = Familiarity(
                whiten=arrays["whiten"],
                centres=arrays["centres"],
                limit=float(described["limit"]),
                direction=arrays.get("direction"),
                offset=float(described["offset"]),
            )
        return cls(
            temperature=float(described["temperature"]),
            least_confidence=float(described["least_confidence"]),
            data=str(described["data"]),
            familiarity=familiarity,
            examples=arrays.get("examples"),
        )
