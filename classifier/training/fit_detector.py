"""Learn what tells sounds that are not music from music, of mean embeddings of one trunk.

`classifier.model.calibration.MusicDetector` applies it. Both sides count alike; within each, its groups (a
data set, a family of sounds) have their shares, however many sounds they have.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from classifier import params
from classifier.arrays import Array, Array64, Ints, Mask
from classifier.datasets.songs import TrunkSong
from classifier.model.calibration import MusicDetector
from classifier.model.predictions import song_mean
from classifier.training.logistic import LogisticProblem, minimum

PENALTY = 30.0
LEAST_SPREAD = 1e-6
WEIGHT = 1000.0
"""Of either side beside the penalty, as of so many sounds."""


@dataclass(frozen=True)
class Sounds:
    """Sounds of one side.

    Attributes
    ----------
    embeddings
        (sounds, dimensions) means.
    groups, folds
        (sounds,) of each; a fold below 0 is never held out.
    shares
        What each group counts, together.
    """

    embeddings: Array
    groups: Ints
    folds: Ints
    shares: tuple[float, ...]

    def of(self, chosen: Mask) -> "Sounds":
        """Return some of the sounds."""
        return Sounds(self.embeddings[chosen], self.groups[chosen], self.folds[chosen], self.shares)

    def weights(self) -> Array64:
        """Return what each counts, (sounds,); they sum to 1."""
        sizes = np.bincount(self.groups)
        weights = np.array(self.shares)[self.groups] / sizes[self.groups]
        return np.asarray(weights / weights.sum(), np.float64)


def fit_detector(music: Sounds, others: Sounds, limit: float = 0.0) -> MusicDetector:
    """Return a detector; `limit` is the log-odds above which a sound is no music."""
    x = _with_squares(np.concatenate([music.embeddings, others.embeddings]))
    centre, scale = x.mean(axis=0), x.std(axis=0) + LEAST_SPREAD
    yes = WEIGHT * np.concatenate([np.zeros(len(music.embeddings)), others.weights()])
    no = WEIGHT * np.concatenate([music.weights(), np.zeros(len(others.embeddings))])
    found = minimum(LogisticProblem((x - centre) / scale, yes, no, PENALTY))
    kernel = found[:-1] / scale
    linear, square = np.split(kernel.astype(np.float32), 2)
    return MusicDetector(linear, square, float(found[-1] - centre @ kernel - limit))


def _with_squares(embeddings: Array) -> Array64:
    x = embeddings.astype(np.float64)
    return np.concatenate([x, x**2], axis=1)


def calls_music(detector: MusicDetector, songs: Sequence[TrunkSong]) -> bool:
    """Return whether a detector takes a user's labelled songs for music; birds may be somebody's genres."""
    means = np.stack([song_mean(song.embeddings, song.durations_s) for song in songs])
    return float((detector.score(means) > 0).mean()) <= params.NOT_MUSIC_OWN


def limit_of_music(scores: Array64, wrong: float) -> float:
    """Return the least score, 0 or more, above which at most a share of music is, by its scores held out."""
    return max(0.0, float(np.sort(scores)[::-1][int(wrong * len(scores))]))


def held_out_scores(music: Sounds, others: Sounds) -> tuple[Array64, Array64]:
    """Return the scores of music, and of other sounds, by detectors that did not know their fold.

    A fold below 0 is never held out: its scores are those of a detector that learned it.
    """
    whole = fit_detector(music, others)
    scores = [np.asarray(whole.score(side.embeddings), np.float64) for side in (music, others)]
    for number, side in enumerate((music, others)):
        for fold in np.unique(side.folds[side.folds >= 0]):
            rest = side.of(side.folds != fold)
            apart = fit_detector(rest, others) if number == 0 else fit_detector(music, rest)
            tested = side.folds == fold
            scores[number][tested] = apart.score(side.embeddings[tested])
    return scores[0], scores[1]
