"""Fit a linear head on stored features, its strength chosen inside the songs it is given.

Two linear classifiers add their scores. Softmax regression with an L2 penalty looks only at what
tells the labels apart; linear discriminant analysis with a shrunk covariance also uses how the songs
of a label lie. The first is the better one where there are many songs, the second where there are few
(Ng & Jordan, On discriminative vs. generative classifiers, NIPS 2001), and they err on different songs.
Both problems have one solution: nothing here is random. Scikit-learn is imported when a head is fitted.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial

import numpy as np
import numpy.typing as npt
from threadpoolctl import threadpool_limits

from classifier import params
from classifier.datasets.folds import assign_folds, n_folds_possible
from classifier.datasets.segment_examples import Examples, examples_of
from classifier.datasets.songs import Song
from classifier.model.linear_head import HeadInput, LinearHead, softmax
from classifier.training.metrics import cross_entropy
from classifier.training.temperature import fit_temperature

Array = npt.NDArray[np.float32]
Array64 = npt.NDArray[np.float64]
Indices = npt.NDArray[np.int64]

__all__ = [
    "Examples",
    "HeadFit",
    "choose_fit",
    "choose_fit_on",
    "examples_of",
    "fit_head",
    "shrunk",
    "splits",
]

# The score of a label that no song has: its probability is zero.
NEVER = -1e3


@dataclass(frozen=True)
class HeadFit:
    """How a head is fitted.

    Attributes
    ----------
    input
        What the head reads.
    penalty
        Of softmax regression: precision of the Gaussian prior on the weights of standardised features.
        The penalty is ``penalty / (2 · songs) · ‖kernel‖²`` beside the mean cross-entropy of a song.
    shrinkage
        Of discriminant analysis: how far the covariance within labels, of standardised features, is
        drawn towards a multiple of the identity, in 0..1 and above 0.
    blend
        What the discriminant's scores are multiplied with before they are added to those of softmax
        regression; with 0 there is no discriminant.
    temperature
        What the scores of the whole are divided by.
    """

    input: HeadInput = "embedding"
    penalty: float = params.HEAD_PENALTY
    shrinkage: float = params.HEAD_SHRINKAGE
    blend: float = 0.0
    temperature: float = 1.0


def fit_head(examples: Examples, n_labels: int, fit: HeadFit) -> LinearHead:
    """Fit a head on segments of labelled songs.

    Parameters
    ----------
    examples
        Their segments.
    n_labels
        Number of outputs; one without any song gets the probability 0.
    fit
        How to fit.

    Returns
    -------
    LinearHead
        The standardisation of the features is folded into its kernel and bias.
    """
    with threadpool_limits(1):  # with products this small, more threads only wait for each other
        kernel, bias = _softmax_regression(_of_segments(examples), n_labels, fit.penalty)
        if fit.blend > 0:
            other_kernel, other_bias = _discriminant(_of_songs(examples), n_labels, fit.shrinkage)
            kernel, bias = kernel + fit.blend * other_kernel, bias + fit.blend * other_bias
    kernel, bias = kernel / fit.temperature, bias / fit.temperature
    return LinearHead(fit.input, kernel.astype(np.float32), bias.astype(np.float32))


@dataclass(frozen=True)
class _Prepared:
    """What a classifier is fitted on, the same whatever its strength.

    Attributes
    ----------
    x, centre, scale
        (examples, features) standardised, and by what.
    targets, present
        (examples,) places in `present`, the labels that there are.
    weights
        (examples,).
    """

    x: npt.NDArray[np.floating]
    centre: Array64
    scale: Array64
    targets: Indices
    present: Indices
    weights: npt.NDArray[np.floating]


def _of_segments(examples: Examples) -> _Prepared:
    """Prepare softmax regression; the weights sum to the number of songs."""
    weights = examples.weights()
    x, centre, scale = _standardised(examples.features, np.ones(len(weights), np.float32))
    present, targets = np.unique(examples.targets, return_inverse=True)
    per_song = weights * len(np.unique(examples.songs)) / len(weights)
    return _Prepared(x.astype(np.float32), centre, scale, targets, present, per_song)


def _of_songs(examples: Examples) -> _Prepared:
    """Prepare discriminant analysis, of song means: within a label they vary as songs do."""
    songs = examples.song_means()
    weights = songs.weights()
    present, targets = np.unique(songs.targets, return_inverse=True)
    return _Prepared(*_standardised(songs.features, weights), targets, present, weights)


def _standardised(features: Array, weights: Array) -> tuple[Array64, Array64, Array64]:
    """Return standardised features, their centre and their scale."""
    x = features.astype(np.float64)
    centre = np.average(x, axis=0, weights=weights)
    deviation = np.sqrt(np.average((x - centre) ** 2, axis=0, weights=weights))
    scale = 1.0 / np.maximum(deviation, params.MIN_STD)
    return (x - centre) * scale, centre, scale


def _folded(kernel: Array64, bias: Array64, learned: _Prepared, n_labels: int) -> tuple[Array64, Array64]:
    """Return kernel and bias for features as they are, with a column for every label."""
    whole = np.zeros((len(kernel), n_labels))
    whole[:, learned.present] = kernel * learned.scale[:, None]
    offset = np.full(n_labels, NEVER)
    offset[learned.present] = bias - learned.centre @ whole[:, learned.present]
    return whole, offset


def _softmax_regression(
    learned: _Prepared, n_labels: int, penalty: float, tolerance: float = params.HEAD_TOLERANCE
) -> tuple[Array64, Array64]:
    from sklearn.linear_model import LogisticRegression

    if len(learned.present) == 1:  # nothing to tell apart: it is always this one
        return _folded(np.zeros((learned.x.shape[1], 1)), np.zeros(1), learned, n_labels)
    two = len(learned.present) == 2
    # Scikit-learn adds ‖kernel‖² / 2, of one column where there are two labels: the difference of ours.
    model = LogisticRegression(
        C=(2.0 if two else 1.0) / penalty, tol=tolerance, max_iter=params.HEAD_ITERATIONS
    )
    model.fit(learned.x, learned.targets, sample_weight=learned.weights)
    kernel, bias = model.coef_.T.astype(np.float64), model.intercept_.astype(np.float64)
    if two:
        kernel, bias = np.hstack([-kernel, kernel]) / 2, np.array([-bias[0], bias[0]]) / 2
    return _folded(kernel, bias, learned, n_labels)


def _discriminant(learned: _Prepared, n_labels: int, shrinkage: float) -> tuple[Array64, Array64]:
    x, targets, weights = learned.x, learned.targets, learned.weights
    means = np.stack([x[targets == label].mean(axis=0) for label in range(len(learned.present))])
    within = x - means[targets]
    covariance = shrunk(
        np.einsum("s,si,sj->ij", weights / weights.sum(), within, within, optimize=True), shrinkage
    )
    kernel = np.linalg.solve(covariance, means.T)
    bias = -0.5 * (means.T * kernel).sum(axis=0)
    return _folded(kernel, bias, learned, n_labels)


def shrunk(covariance: Array64, shrinkage: float) -> Array64:
    """Return a covariance drawn towards the multiple of the identity that has the same trace."""
    size = len(covariance)
    target = max(float(np.trace(covariance)) / size, params.MIN_STD**2)
    return (1 - shrinkage) * covariance + shrinkage * target * np.eye(size)


def choose_fit(songs: Sequence[Song], labels: Sequence[str], head_input: HeadInput = "embedding") -> HeadFit:
    """Choose penalty, shrinkage and blend by cross-validation inside some songs.

    Groups stay together, and songs of none are held out in contiguous blocks (`classifier.datasets.folds`).

    Parameters
    ----------
    songs
        What will be trained on.
    labels
        Their labels in the order of the outputs.
    head_input
        What the head reads.
    """
    names, groups = [s.label for s in songs], [s.group for s in songs]
    at_most = params.DEFAULT_FOLDS if len(songs) < params.MANY_SONGS else params.FOLDS_OF_MANY
    n_folds = n_folds_possible(names, groups, at_most)
    folds = assign_folds(names, groups, [s.name for s in songs], n_folds)
    return choose_fit_on(examples_of(songs, labels, head_input), folds, len(labels), head_input)


def choose_fit_on(examples: Examples, folds: Indices, n_labels: int, head_input: HeadInput) -> HeadFit:
    """Choose penalty, shrinkage and blend by the cross-entropy of songs held out.

    Every candidate is judged at its best temperature, so that a strong penalty is not refused for the
    modest probabilities that it gives. The head is the mean of each classifier's best candidate at its
    own best temperature. Where nothing can be held out (a single artist), it is the default one.

    Parameters
    ----------
    examples
        Segments to learn from; songs are judged on the mean of theirs.
    folds
        The fold of each song, in the order of the songs' indices.
    n_labels, head_input
        As `fit_head` and `HeadFit` have them.
    """
    songs = examples.song_means()
    found = splits(songs.targets, folds)
    if not found:
        return HeadFit(head_input)
    with threadpool_limits(1):
        quick = partial(_softmax_regression, tolerance=params.HEAD_CHOICE_TOLERANCE)
        place = np.searchsorted(songs.songs, examples.songs)
        segments = [_of_segments(examples.of(inside[place])) for inside, _ in found]
        regression = _best(quick, params.HEAD_PENALTIES, segments, songs, found, n_labels)
        means = [_of_songs(songs.of(inside)) for inside, _ in found]
        discriminant = _best(_discriminant, params.HEAD_SHRINKAGES, means, songs, found, n_labels)
    (penalty, temperature), (shrinkage, other) = regression, discriminant
    return HeadFit(head_input, penalty, shrinkage, temperature / other, 2 * temperature)


Mask = npt.NDArray[np.bool_]
Method = Callable[[_Prepared, int, float], tuple[Array64, Array64]]


def splits(targets: Indices, folds: Indices) -> list[tuple[Mask, Mask]]:
    """Return songs to learn from and songs to test on, those left out whose label was not learned."""
    found = []
    for fold in np.unique(folds):
        inside = folds != fold
        learned = np.unique(targets[inside])
        tested = ~inside & np.isin(targets, learned)
        if len(learned) > 1 and tested.any():
            found.append((inside, tested))
    return found


def _possible(scores: Array64, learned: _Prepared) -> Array64:
    """Return scores, those of labels that were not learned being impossible at any temperature."""
    absent = ~np.isin(np.arange(scores.shape[1]), learned.present)
    return np.where(absent, -np.inf, scores)


def _best(
    method: Method,
    strengths: Sequence[float],
    learned: Sequence[_Prepared],
    songs: Examples,
    found: Sequence[tuple[Mask, Mask]],
    n_labels: int,
) -> tuple[float, float]:
    """Return the strength whose songs held out have the least cross-entropy, and its temperature.

    The strongest comes first; once a weaker one does worse than the one before, the rest are left out.
    """
    truth = np.concatenate([songs.targets[tested] for _, tested in found])
    best = (np.inf, 0.0, 1.0)
    for strength in strengths:
        scores = []
        for (_, tested), prepared in zip(found, learned, strict=True):
            kernel, bias = method(prepared, n_labels, strength)
            scores.append(_possible(songs.features[tested] @ kernel + bias, prepared))
        held_out = np.concatenate(scores, dtype=np.float32)
        temperature = fit_temperature(held_out, truth)
        loss = cross_entropy(softmax(held_out / np.float32(temperature)), truth)
        if loss > best[0]:
            break
        best = (loss, strength, temperature)
    return best[1:]
