"""What a probability is worth: temperature, and when a song is unknown. Using it takes numpy alone.

**Temperature.** The scores of a segment are divided by the temperature before the softmax, and a
song's probabilities are the duration-weighted mean of its segments'. The temperature is the one that
makes these song probabilities most likely on songs held out.

**Unknown.** A song is unknown when its most probable label is hardly probable, or when its mean
features lie farther from every label's centre than those of songs held out do, or when they are more
like those of sounds that are not music. `classifier.unknown` fits the last two.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from classifier import params
from classifier.analysis import song_mean

if TYPE_CHECKING:
    from classifier.validation import HeldOut

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


def fit_temperature(
    scores: Floats, truth: Indices, songs: Indices | None = None, weights: Floats | None = None
) -> float:
    """Return the temperature at which the song probabilities make the truth most likely.

    One song more is imagined, all of whose labels are as likely: where the scores are right of every
    song, the temperature would otherwise have no least value.

    Parameters
    ----------
    scores
        (segments, labels) scores before the softmax, or logarithms of probabilities, held out; minus
        infinity for a label that whoever scored a segment had not learned, which is impossible then at
        any temperature.
    truth
        (songs,) true labels.
    songs
        (segments,) the song, 0..songs−1, of each segment; None where a song has one segment.
    weights
        (segments,) seconds; None for alike.

    References
    ----------
    C. Guo et al., On calibration of modern neural networks, ICML 2017.
    """
    from scipy.optimize import minimize_scalar

    of_song = np.arange(len(scores)) if songs is None else songs
    share = np.ones(len(scores)) if weights is None else weights.astype(np.float64)
    share = share / np.bincount(of_song, share)[of_song]
    shifted = scores.astype(np.float64) - scores.max(axis=1, keepdims=True)

    def loss(log_temperature: float) -> float:
        e = np.exp(shifted / np.exp(log_temperature))
        p = np.zeros((len(truth), scores.shape[1]))
        np.add.at(p, of_song, share[:, None] * e / e.sum(axis=1, keepdims=True))
        log_p = np.log(np.maximum(p, np.finfo(np.float64).tiny))
        return float(-log_p[np.arange(len(truth)), truth].sum() - log_p.mean())

    low, high = np.log(params.TEMPERATURES)
    found = minimize_scalar(loss, bounds=(low, high), method="bounded", options={"xatol": 1e-3})
    return float(np.exp(found.x))


def held_out_temperature(said: "HeldOut") -> float:
    """Return the temperature for what classifiers said of songs held out; 1 where none could be tested.

    Songs whose label no classifier had learned are left out, and so are such labels of other songs.
    """
    chosen = np.flatnonzero(said.tested()).tolist()
    if not chosen:
        return 1.0
    scores = [_logarithms(said.segments[i], said.learned_of(i)) for i in chosen]
    return fit_temperature(
        scores=np.concatenate(scores),
        truth=said.truth[chosen],
        songs=np.repeat(np.arange(len(chosen)), [len(s) for s in scores]),
        weights=np.concatenate([np.asarray(said.durations_s[i], np.float64) for i in chosen]),
    )


def _logarithms(probabilities: Array, learned: Mask) -> Array:
    """Return the logarithms of probabilities, those of labels that were not learned being minus infinity."""
    return np.where(learned, np.log(np.maximum(probabilities, LEAST)), np.float32(-np.inf))


def at_temperature(probabilities: Array, temperature: float, learned: Mask | None = None) -> Array:
    """Return probabilities as they are at another temperature, (segments, labels).

    Parameters
    ----------
    learned
        (labels,) which of them whoever gave the probabilities had learned; None for all.
    """
    tempered = np.maximum(probabilities.astype(np.float64), LEAST) ** (1 / temperature)
    if learned is not None and learned.any():
        tempered = tempered * learned
    return np.asarray(tempered / tempered.sum(axis=1, keepdims=True), np.float32)
