"""The temperature that makes probabilities honest, fitted on held-out predictions."""

from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from classifier import params
from classifier.training.held_out import HeldOut

if TYPE_CHECKING:
    from classifier.training.held_out import HeldOut
from classifier.model.calibration import LEAST

Array = npt.NDArray[np.float32]
Floats = npt.NDArray[np.floating[Any]]
Indices = npt.NDArray[np.int64]
Mask = npt.NDArray[np.bool_]


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


def calibrated(held_out: HeldOut) -> HeldOut:
    """Return held-out predictions, each fold at the temperature that the other folds ask for.

    A single fold is halved for this.
    """
    folds = held_out.folds
    parts = folds if len(np.unique(folds)) > 1 else np.arange(len(folds)) % 2
    asked = {int(part): held_out_temperature(held_out.of(parts != part)) for part in np.unique(parts)}
    pairs = zip(held_out.segments, parts.tolist(), strict=True)
    return replace(held_out, segments=[at_temperature(segments, asked[part]) for segments, part in pairs])
