"""Held-out predictions: of songs by classifiers that did not train on them; their figures and temperature."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Final

import numpy as np
import numpy.typing as npt

from classifier import params
from classifier.arrays import Array, Floats, Ints, Mask
from classifier.errors import TrainingDataError
from classifier.model.calibration import LEAST
from classifier.model.predictions import song_mean
from classifier.training.metrics import Figures, evaluate, evaluate_levels

BY_CHANCE: Final = "songs that were not trained on are told apart no better than by chance"


@dataclass(frozen=True)
class HeldOut:
    """Predictions for songs by classifiers that did not train on them.

    Attributes
    ----------
    labels, names
        Of the classifier; of the songs.
    truth, folds
        (songs,) label indices, and the fold in which each song was held out.
    segments
        A (segments, labels) array of probabilities a song.
    durations_s
        (segments,) a song.
    fit_s
        Seconds that each fold's fit took.
    learned
        (songs, labels) which labels the classifier of a song's fold had learned, none where that was one
        alone; None where a probability of 0 means a label that it had not.
    """

    labels: tuple[str, ...]
    names: tuple[str, ...]
    truth: Ints
    folds: Ints
    segments: Sequence[Array]
    durations_s: Sequence[Sequence[float]]
    fit_s: Sequence[float]
    learned: Mask | None = None

    def learned_of(self, song: int) -> Mask:
        """Return which labels the classifier of a song's fold had learned, (labels,)."""
        if self.learned is None:
            return np.asarray(self.segments[song].max(axis=0) > 0)
        return np.asarray(self.learned[song])

    def tested(self) -> Mask:
        """Return which songs could be tested at all, (songs,): those whose own label had been learned."""
        return np.array([self.learned_of(i)[t] for i, t in enumerate(self.truth.tolist())], bool)

    @cached_property
    def temperature(self) -> float:
        """Return the temperature that makes these predictions honest; 1 where no song could be tested.

        Songs whose label no classifier had learned are left out, and so are such labels of other songs.
        """
        chosen = np.flatnonzero(self.tested()).tolist()
        if not chosen:
            return 1.0
        # A label that was not learned is impossible at any temperature.
        scores = [
            np.where(self.learned_of(i), np.log(np.maximum(self.segments[i], LEAST)), np.float32(-np.inf))
            for i in chosen
        ]
        return fit_temperature(
            scores=np.concatenate(scores),
            truth=self.truth[chosen],
            songs=np.repeat(np.arange(len(chosen)), [len(s) for s in scores]),
            weights=np.concatenate([np.asarray(self.durations_s[i], np.float64) for i in chosen]),
        )

    @cached_property
    def by_chance(self) -> bool:
        """Whether songs were told apart no better than by chance: the less is said, the better it is."""
        return self.temperature > params.MEANINGLESS_TEMPERATURE

    def check_worth(self) -> None:
        """Raise `TrainingDataError` where what was learned helps with no song that was not trained on."""
        if not self.tested().any():
            raise TrainingDataError("no song could be tested: the artists' songs are too unevenly spread")
        if self.by_chance:
            raise TrainingDataError(
                f"{BY_CHANCE} ({self.songs().accuracy:.0%} of {len(self.names)} right), so that no "
                "probability would mean anything; more songs may help, or genres that differ by their sound"
            )

    def confidences(self, temperature: float) -> tuple[list[np.float32], str]:
        """Return the confidence at a temperature of each song that could be tested, and which they are."""
        tested = self.tested()
        judged = np.flatnonzero(tested if tested.any() else ~tested).tolist()
        found = []
        for i in judged:
            tempered = at_temperature(self.segments[i], temperature, self.learned_of(i))
            found.append(song_mean(tempered, self.durations_s[i]).max())
        data = f"{len(judged)} songs held out in {len(np.unique(self.folds[judged]))} folds"
        if len(judged) < len(tested):
            data += f" ({len(tested) - len(judged)} more could not be tested)"
        if self.by_chance:
            data += ", told apart no better than by chance: the temperature is not theirs"
        return found, data

    def calibrated(self) -> "HeldOut":
        """Return the predictions, each fold at the temperature that the other folds ask for.

        A single fold is halved for this.
        """
        folds = self.folds
        parts = folds if len(np.unique(folds)) > 1 else np.arange(len(folds)) % 2
        asked = {int(part): self.of(parts != part).temperature for part in np.unique(parts)}
        pairs = zip(self.segments, parts.tolist(), strict=True)
        return replace(self, segments=[at_temperature(segments, asked[part]) for segments, part in pairs])

    def song_probabilities(self) -> Array:
        """Return the duration-weighted mean over each song's segments, (songs, labels)."""
        pairs = zip(self.segments, self.durations_s, strict=True)
        return np.stack([song_mean(segments, durations) for segments, durations in pairs])

    def songs(self) -> Figures:
        """Return the figures by song."""
        return evaluate(self.song_probabilities(), self.truth, self.labels)

    def segment_accuracy(self) -> float:
        """Return the share of segments whose most probable label is the true one."""
        hits = [segments.argmax(axis=1) == t for segments, t in zip(self.segments, self.truth, strict=True)]
        return float(np.concatenate(hits).mean())

    def by_segment(self) -> Figures:
        """Return the figures by segment."""
        truth = np.repeat(self.truth, [len(s) for s in self.segments])
        return evaluate(np.concatenate(self.segments), truth, self.labels)

    def levels(self) -> list[Figures]:
        """Return the figures by song at every level of the labels, the top first."""
        return evaluate_levels(self.song_probabilities(), self.truth, self.labels)

    def of(self, chosen: npt.NDArray[np.bool_]) -> "HeldOut":
        """Return the predictions for some of the songs."""
        positions = np.flatnonzero(chosen).tolist()
        return replace(
            self,
            names=tuple(self.names[i] for i in positions),
            truth=self.truth[chosen],
            folds=self.folds[chosen],
            segments=[self.segments[i] for i in positions],
            durations_s=[self.durations_s[i] for i in positions],
            learned=self.learned[chosen] if self.learned is not None else None,
        )

    def fold_accuracies(self) -> list[float]:
        """Return the accuracy by song of each fold."""
        right = self.song_probabilities().argmax(axis=1) == self.truth
        return [float(right[self.folds == fold].mean()) for fold in np.unique(self.folds)]


def fit_temperature(
    scores: Floats, truth: Ints | Mask, songs: Ints | None = None, weights: Floats | None = None
) -> float:
    """Return the temperature at which the song probabilities make the truth most likely.

    One song more is imagined, all of whose labels are as likely, or scores that are always right had none.

    Parameters
    ----------
    scores
        (segments, labels) scores before the softmax, or logarithms of probabilities, held out; minus
        infinity for a label that was not learned, which is impossible then at any temperature.
    truth
        (songs,) true labels; or (songs, labels), whether a song may be of each.
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
    share /= np.bincount(of_song, share)[of_song]
    shifted = scores.astype(np.float64) - scores.max(axis=1, keepdims=True)
    is_true = truth if truth.ndim == 2 else np.eye(scores.shape[1], dtype=np.bool_)[truth]

    def loss(log_temperature: float) -> float:
        e = np.exp(shifted / np.exp(log_temperature))
        p = np.zeros((len(truth), scores.shape[1]))
        np.add.at(p, of_song, share[:, None] * e / e.sum(axis=1, keepdims=True))
        likely, tiny = (p * is_true).sum(axis=1), np.finfo(np.float64).tiny
        return float(-np.log(np.maximum(likely, tiny)).sum() - np.log(np.maximum(p, tiny)).mean())

    low, high = np.log(params.TEMPERATURES)
    found = minimize_scalar(loss, bounds=(low, high), method="bounded", options={"xatol": 1e-3})
    return float(np.exp(found.x))


def at_temperature(probabilities: Array, temperature: float, learned: Mask | None = None) -> Array:
    """Return probabilities as they are at another temperature, (segments, labels).

    Parameters
    ----------
    learned
        (labels,) which of them the classifier had learned; None for all.
    """
    tempered = np.maximum(probabilities.astype(np.float64), LEAST) ** (1 / temperature)
    if learned is not None and learned.any():
        tempered = tempered * learned
    return np.asarray(tempered / tempered.sum(axis=1, keepdims=True), np.float32)
