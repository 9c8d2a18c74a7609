"""What a probability is worth: temperature, what is not music, what is unsure. Using it takes numpy alone.

**Temperature.** The scores of a segment are divided by the temperature before the softmax, and a
song's probabilities are the duration-weighted mean of its segments'. The temperature is the one that
makes these song probabilities most likely on songs held out.

**Not music.** A detector that was learned from recordings of all kinds (speech, animals, weather, machines)
against music of all kinds; see `classifier.training.fit_detector`. It belongs to the trunk, not to the
labels.

**Unsure.** A song's most probable label is hardly probable. Bundles of trunks without a detector, and those
written before there was one, also refuse a song whose mean features lie farther from every label's centre
than those of songs held out do; `classifier.training.fit_calibration` fits that.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from classifier.arrays import Array, Mask
from classifier.model.predictions import song_mean

# Probabilities below this are as good as zero, and have a logarithm in float32.
LEAST = 1e-30

WEAK = "no label is probable enough"
UNLIKE = "unlike the songs that the labels were learned from"
NOT_MUSIC = "speech, noise, tones or another sound rather than music"


@dataclass(frozen=True)
class MusicDetector:
    """Quadratic logistic regression that tells sounds which are not music from music, by their embedding.

    Attributes
    ----------
    linear, square
        (dimensions,) of a song's mean embedding, and of its squares.
    offset
        Added to them: above 0 it is no music.
    """

    linear: Array
    square: Array
    offset: float

    def score(self, embeddings: Array) -> Array:
        """Return the log-odds of being no music, (songs,), of mean embeddings (songs, dimensions)."""
        return np.asarray(embeddings @ self.linear + embeddings**2 @ self.square + self.offset, np.float32)


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
        Why the labels say nothing of it, in words; None where they do.
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
        """Whether the labels say nothing of this song: it is not music, or they are unsure."""
        return self.reason is not None


@dataclass(frozen=True)
class Calibration:
    """What makes a classifier's probabilities honest, and says when they mean nothing.

    Attributes
    ----------
    temperature
        What a segment's scores are divided by before the softmax.
    least_confidence
        A song whose most probable label is less probable than this is unsure; 0 where nobody learned it.
    data
        A sentence on what all this was chosen on.
    familiarity
        None where a song's features say nothing, or nothing was learned.
    examples
        (sounds, features) embeddings, by this bundle's trunk, of sounds that are not music, for the
        calibration of other heads on the same trunk; None where there are none.
    detector
        What tells sounds that are not music, by this bundle's trunk; None where none was learned.
    """

    temperature: float
    least_confidence: float
    data: str
    familiarity: Familiarity | None = None
    examples: Array | None = None
    detector: MusicDetector | None = None

    @property
    def not_music(self) -> "Array | MusicDetector | None":
        """What other heads on the same trunk may know of sounds that are not music: detector or examples."""
        return self.detector if self.detector is not None else self.examples

    def judge(
        self,
        features: Array,
        probabilities: Array,
        durations_s: Sequence[float],
        embeddings: Array | None = None,
    ) -> Verdict:
        """Return whether a song's labels say nothing, and why.

        Parameters
        ----------
        features
            (segments, features) what the head reads of its segments.
        probabilities
            (segments, labels), calibrated.
        durations_s
            (segments,) seconds.
        embeddings
            (segments, dimensions), where there is a detector of what is not music.
        """
        confidence = float(song_mean(probabilities, durations_s).max())
        song = song_mean(features, durations_s)[None]
        familiar = self.familiarity
        distance = float(familiar.distance(song)[0]) if familiar is not None else None
        reason = None
        if self._is_not_music(embeddings, durations_s) or (
            familiar is not None and familiar.not_music(song)[0] > 0
        ):
            reason = NOT_MUSIC
        elif distance is not None and distance > 1:
            reason = UNLIKE
        elif confidence < self.least_confidence:
            reason = WEAK
        return Verdict(reason, confidence, distance)

    def not_music_songs(self, embeddings: Array) -> Mask:
        """Return which songs are no music, (songs,), by their mean embeddings, (songs, dimensions).

        None of them is where no detector was learned.
        """
        if self.detector is None:
            return np.zeros(len(embeddings), np.bool_)
        return np.asarray(self.detector.score(embeddings) > 0)

    def _is_not_music(self, embeddings: Array | None, durations_s: Sequence[float]) -> bool:
        if embeddings is None:
            return False
        return bool(self.not_music_songs(song_mean(embeddings, durations_s)[None])[0])

    def describe(self) -> dict[str, Any]:
        """Return everything but the arrays, for JSON."""
        familiar = self.familiarity
        described: dict[str, Any] = {
            "temperature": self.temperature,
            "least_confidence": self.least_confidence,
            "data": self.data,
            "limit": familiar.limit if familiar is not None else None,
            "offset": familiar.offset if familiar is not None else None,
        }
        if self.detector is not None:  # of which ids of formats 1 and 2 know nothing
            described["not_music_offset"] = self.detector.offset
        return described

    def to_arrays(self) -> dict[str, Array]:
        """Return the arrays by name; those that are None are left out."""
        found = {"examples": self.examples}
        if self.familiarity is not None:
            found |= {name: getattr(self.familiarity, name) for name in ("whiten", "centres", "direction")}
        if self.detector is not None:
            found |= {"not_music_linear": self.detector.linear, "not_music_square": self.detector.square}
        return {name: value for name, value in found.items() if value is not None}

    @classmethod
    def from_parts(cls, described: Mapping[str, Any], arrays: Mapping[str, Array]) -> "Calibration":
        """Return the calibration that `describe` and `to_arrays` describe.

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
        detector = None
        if described.get("not_music_offset") is not None:
            detector = MusicDetector(
                arrays["not_music_linear"], arrays["not_music_square"], float(described["not_music_offset"])
            )
        made = cls(
            temperature=float(described["temperature"]),
            least_confidence=float(described["least_confidence"]),
            data=str(described["data"]),
            familiarity=familiarity,
            examples=arrays.get("examples"),
            detector=detector,
        )
        left_over = sorted(set(arrays) - set(made.to_arrays()))
        if left_over:
            raise ValueError(f"the calibration has {left_over[0]}, but not what goes with it")
        return made
