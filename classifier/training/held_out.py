"""Held-out predictions: what classifiers say of songs that they did not train on."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt

from classifier.model.predictions import song_mean
from classifier.training.metrics import Evaluation, evaluate, evaluate_levels

Array = npt.NDArray[np.float32]
Indices = npt.NDArray[np.int64]
Mask = npt.NDArray[np.bool_]


@dataclass(frozen=True)
class HeldOut:
    """What classifiers say of songs that they did not train on.

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
        (songs, labels) which labels whoever judged a song had learned, none where that was one alone;
        None where a probability of 0 tells of a label that it had not.
    """

    labels: tuple[str, ...]
    names: tuple[str, ...]
    truth: Indices
    folds: Indices
    segments: Sequence[Array]
    durations_s: Sequence[Sequence[float]]
    fit_s: Sequence[float]
    learned: Mask | None = None

    def learned_of(self, song: int) -> Mask:
        """Return which labels whoever judged a song had learned, (labels,)."""
        if self.learned is None:
            return np.asarray(self.segments[song].max(axis=0) > 0)
        return np.asarray(self.learned[song])

    def tested(self) -> Mask:
        """Return which songs could be tested at all, (songs,): those whose own label had been learned."""
        return np.array([self.learned_of(i)[t] for i, t in enumerate(self.truth.tolist())], bool)

    def song_probabilities(self) -> Array:
        """Return the duration-weighted mean over each song's segments, (songs, labels)."""
        pairs = zip(self.segments, self.durations_s, strict=True)
        return np.stack([song_mean(segments, durations) for segments, durations in pairs])

    def songs(self) -> Evaluation:
        """Return the figures by song."""
        return evaluate(self.song_probabilities(), self.truth, self.labels)

    def by_segment(self) -> Evaluation:
        """Return the figures by segment."""
        truth = np.repeat(self.truth, [len(s) for s in self.segments])
        return evaluate(np.concatenate(self.segments), truth, self.labels)

    def levels(self) -> list[Evaluation]:
        """Return the figures by song at every level of the labels, the top first."""
        return evaluate_levels(self.song_probabilities(), self.truth, self.labels)

    def of(self, chosen: npt.NDArray[np.bool_]) -> "HeldOut":
        """Return what was said of some of the songs."""
        places = np.flatnonzero(chosen).tolist()
        return replace(
            self,
            names=tuple(self.names[i] for i in places),
            truth=self.truth[chosen],
            folds=self.folds[chosen],
            segments=[self.segments[i] for i in places],
            durations_s=[self.durations_s[i] for i in places],
            learned=self.learned[chosen] if self.learned is not None else None,
        )

    def fold_accuracies(self) -> list[float]:
        """Return the accuracy by song of each fold."""
        right = self.song_probabilities().argmax(axis=1) == self.truth
        return [float(right[self.folds == fold].mean()) for fold in np.unique(self.folds)]
