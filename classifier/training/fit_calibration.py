"""Learn a calibration, and when a song is unlike those learned from.

`classifier.model.calibration` applies both.

Every limit comes from the head's own songs: held out in turn, they say how far a song of a known kind
lies from the centres of the others. Where features of sounds that are not music are at hand, they
choose how strongly the covariance is shrunk and where, between the percentiles in `params`, the limit
lies; and where the distance alone would let too many of them through (a head of few songs cannot know
how far is far), a direction is learned that tells them from the head's songs.
"""

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from classifier import params
from classifier.arrays import Array, Ints
from classifier.datasets.examples import Examples
from classifier.model.calibration import Calibration, Familiarity
from classifier.model.linear_head import LinearHead
from classifier.model.predictions import song_mean
from classifier.training.head_fitting import HeadFit, fit_head, shrunk, splits
from classifier.training.held_out import HeldOut, at_temperature

Splits = Sequence[tuple[npt.NDArray[np.bool_], npt.NDArray[np.bool_]]]


def calibrate(
    predictions: HeldOut,
    features: Sequence[Array] | None,
    examples: Array | None = None,
    own: Sequence[Array] | None = None,
) -> Calibration:
    """Return the calibration of a classifier by the held-out predictions of others, fitted in the same way.

    Parameters
    ----------
    predictions
        Uncalibrated.
    features
        What the head reads of each of these songs, (segments, features) a song; None where that is not
        comparable from one fold's classifier to the next's, as with networks trained from scratch.
    examples
        (sounds, features) the same of sounds that are not music; None where there are none.
    own
        The classifier's own predictions for its training songs, (segments, labels) a song, uncalibrated.
        With few songs it may be less sure of itself than those of the folds, and must not find all of its own
        songs weak.
    """
    temperature = 1.0 if predictions.by_chance else predictions.temperature
    confidences, data = predictions.confidences(temperature)
    least = weak(confidences)
    if own is not None:
        least = min(least, weak([at_temperature(p, temperature).mean(axis=0).max() for p in own]))
    if features is None:
        return Calibration(temperature, least, f"temperature and least confidence: {data}", None, examples)
    pairs = zip(features, predictions.durations_s, strict=True)
    songs = np.stack([song_mean(of_song, durations_s) for of_song, durations_s in pairs])
    familiarity, how = fit_familiarity(songs, predictions.truth, predictions.folds, examples)
    return Calibration(temperature, least, f"{data}; {how}", familiarity, examples)


def weak(confidences: Sequence[np.float32]) -> float:
    """Return the confidence that few songs fall below."""
    return float(np.percentile(confidences, params.WEAK_PERCENT))


def fit_familiarity(
    songs: Array, truth: Ints, folds: Ints, examples: Array | None = None
) -> tuple[Familiarity | None, str]:
    """Learn how far a song may lie from the labels' centres.

    Parameters
    ----------
    songs
        (songs, features) mean features.
    truth, folds
        (songs,) label indices; the fold in which each was held out.
    examples
        (sounds, features) of sounds that are not music; None where there are none.

    Returns
    -------
    tuple
        What was learned, None where no song can be held out; and how, in words.
    """
    apart = splits(truth, folds)
    if not apart:
        return None, "no song could be held out, so no distance is known"
    shrinkages = params.FAMILIAR_SHRINKAGES if examples is not None else (params.HEAD_SHRINKAGE,)
    found = [_at_shrinkage(songs, truth, apart, examples, s) for s in shrinkages]
    familiarity, within, caught = max(found, key=lambda each: each[2])  # the first among equals
    how = f"{within:.1%} of them lie within the limit of distance"
    if examples is None:
        return familiarity, how
    how += f", {caught:.0%} of {len(examples)} sounds that are not music lie beyond it"
    if caught >= params.NOT_MUSIC_CAUGHT:
        return familiarity, how
    direction, offset = _direction(songs, apart, examples)
    both = Familiarity(familiarity.whiten, familiarity.centres, familiarity.limit, direction, offset)
    return both, how + ", a direction tells the rest"


def _at_shrinkage(
    songs: Array, truth: Ints, apart: Splits, examples: Array | None, shrinkage: float
) -> tuple[Familiarity, float, float]:
    """Return what is learned, the share of held-out songs within, that of the other sounds beyond."""
    held_out = np.concatenate(
        [
            Familiarity(*_whitened(songs[inside], truth[inside], shrinkage), limit=1.0).distance(
                songs[tested]
            )
            for inside, tested in apart
        ]
    )
    whiten, centres = _whitened(songs, truth, shrinkage)
    low, high = np.maximum(np.percentile(held_out, params.FAMILIAR_PERCENTS), params.LEAST_DISTANCE)
    if examples is None:
        return Familiarity(whiten, centres, float(low)), float((held_out <= low).mean()), 0.0
    sounds = Familiarity(whiten, centres, limit=1.0).distance(examples)
    wanted = np.percentile(sounds, 100 * (1 - params.NOT_MUSIC_CAUGHT), method="lower")
    limit = float(np.clip(0.999 * wanted, low, high))  # the sound itself lies beyond
    return (
        Familiarity(whiten, centres, limit),
        float((held_out <= limit).mean()),
        float((sounds > limit).mean()),
    )


def _whitened(songs: Array, truth: Ints, shrinkage: float) -> tuple[Array, Array]:
    """Return what whitens features within labels, and the labels' centres, whitened."""
    from sklearn.covariance import empirical_covariance

    x = songs.astype(np.float64)
    deviation = x.std(axis=0)
    # A dimension that hardly varies among few songs would else drown all others for any new one.
    scale = 1.0 / np.maximum(
        deviation, max(params.MIN_STD, params.LEAST_SPREAD * float(np.median(deviation)))
    )
    present, targets = np.unique(truth, return_inverse=True)
    centres = np.stack([x[targets == label].mean(axis=0) for label in range(len(present))])
    within = (x - centres[targets]) * scale
    covariance = shrunk(empirical_covariance(within, assume_centered=True), shrinkage)
    whiten = scale[:, None] * np.linalg.cholesky(np.linalg.inv(covariance))
    return whiten.astype(np.float32), (centres @ whiten).astype(np.float32)


def _direction(songs: Array, apart: Splits, examples: Array) -> tuple[Array, float]:
    """Return what tells the other sounds from songs, as kernel and offset; above 0 is no music.

    Zero is where both are as likely, or else where hardly any song held out is taken for no music.
    """
    held_out = np.concatenate(
        [_score(_music_or_not(songs[inside], examples), songs[tested]) for inside, tested in apart]
    )
    head = _music_or_not(songs, examples)
    limit = max(0.0, float(np.percentile(held_out, params.FAMILIAR_PERCENTS[1])))
    return head.kernel[:, 1] - head.kernel[:, 0], float(head.bias[1] - head.bias[0] - limit)


def _music_or_not(songs: Array, examples: Array) -> LinearHead:
    features = np.concatenate([songs, examples], dtype=np.float32)
    targets = np.repeat([0, 1], [len(songs), len(examples)])
    return fit_head(
        Examples(features, targets, np.arange(len(features))), 2, HeadFit(penalty=params.NOT_MUSIC_PENALTY)
    )


def _score(head: LinearHead, songs: Array) -> Array:
    scores = songs @ head.kernel + head.bias
    return np.asarray(scores[:, 1] - scores[:, 0], np.float32)
