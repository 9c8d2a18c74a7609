"""Fit a linear head on stored features, its strength chosen inside the songs it is given.

Two linear classifiers add their scores. Softmax regression with an L2 penalty looks only at what
tells the labels apart; linear discriminant analysis with a shrunk covariance also uses how the songs
of a label lie. The first is the better one where there are many songs, the second where there are few
(Ng & Jordan, On discriminative vs. generative classifiers, NIPS 2001), and they err on different songs.
Both problems have one solution: nothing here is random. Scikit-learn is imported when a head is fitted.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import partial

import numpy as np
import numpy.typing as npt
from threadpoolctl import threadpool_limits

from classifier import params
from classifier.arrays import Array, Array64, Ints, Mask
from classifier.datasets.examples import Examples, examples_of
from classifier.datasets.folds import folds_inside
from classifier.datasets.songs import TrunkSong
from classifier.model.linear_head import HeadInput, LinearHead, softmax
from classifier.training.held_out import fit_temperature
from classifier.training.metrics import cross_entropy

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
        kernel, bias = _softmax_regression(_prepared(examples, songs=False), n_labels, fit.penalty)
        if fit.blend > 0:
            songs = _prepared(examples.song_means, songs=True)
            other_kernel, other_bias = _discriminant(songs, n_labels, fit.shrinkage)
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
        (examples,) positions in `present`, the labels that there are.
    weights
        (examples,).
    """

    x: npt.NDArray[np.floating]
    centre: Array64
    scale: Array64
    targets: Ints
    present: Ints
    weights: npt.NDArray[np.floating]


def _prepared(given: Examples, *, songs: bool, chosen: Mask | None = None) -> _Prepared:
    """Prepare softmax regression of segments, or discriminant analysis of song means; of some or all."""
    examples = given if chosen is None else given.of(chosen)
    weights = examples.weights()
    present, targets = np.unique(examples.targets, return_inverse=True)
    if songs:
        return _Prepared(*_standardised(examples.features, weights), targets, present, weights)
    x, centre, scale = _standardised(examples.features, np.ones(len(weights), np.float32))
    per_song = weights * len(np.unique(examples.songs)) / len(weights)  # they sum to the number of songs
    return _Prepared(x.astype(np.float32), centre, scale, targets, present, per_song)


def _standardised(features: Array, weights: Array) -> tuple[Array64, Array64, Array64]:
    """Return standardised features, their centre and their scale."""
    from sklearn.preprocessing import StandardScaler

    x = features.astype(np.float64)
    found = StandardScaler().fit(x, sample_weight=weights)
    scale = 1.0 / np.maximum(np.sqrt(found.var_), params.MIN_STD)  # its own would blow up what hardly varies
    return (x - found.mean_) * scale, found.mean_, scale


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
    from sklearn.covariance import shrunk_covariance

    size = len(covariance)
    lacking = max(0.0, params.MIN_STD**2 - float(np.trace(covariance)) / size)  # of songs that do not vary
    return np.asarray(shrunk_covariance(covariance, shrinkage) + shrinkage * lacking * np.eye(size))


def head_of(
    songs: Sequence[TrunkSong], labels: Sequence[str], *, representative: bool = False
) -> tuple[LinearHead, HeadFit]:
    """Return a head fitted on all segments of the songs, and how, which is chosen inside them."""
    examples = examples_of(songs, labels, "embedding", representative=representative)
    fit = choose_fit(songs, examples, len(labels))
    return fit_head(examples, len(labels), fit), fit


def choose_fit(songs: Sequence[TrunkSong], examples: Examples, n_labels: int) -> HeadFit:
    """Return penalty, shrinkage and blend, chosen by cross-validation inside some songs.

    Groups stay together, and songs of none are held out in contiguous blocks (`classifier.datasets.folds`).

    Parameters
    ----------
    songs
        What will be trained on.
    examples
        Their segments, which count alike while the fit is chosen.
    n_labels
        As `fit_head` has it.
    """
    at_most = params.DEFAULT_FOLDS if len(songs) < params.MANY_SONGS else params.FOLDS_OF_MANY
    folds = folds_inside(songs, at_most)
    alike = examples if examples.emphasis is None else replace(examples, emphasis=None)
    return choose_fit_on(alike, folds, n_labels, "embedding")


def choose_fit_on(examples: Examples, folds: Ints, n_labels: int, head_input: HeadInput) -> HeadFit:
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
    songs = examples.song_means
    found = splits(songs.targets, folds)
    if not found:
        return HeadFit(head_input)
    with threadpool_limits(1):
        quick = partial(_softmax_regression, tolerance=params.HEAD_CHOICE_TOLERANCE)
        rows = np.searchsorted(songs.songs, examples.songs)
        segments = [_prepared(examples, songs=False, chosen=inside[rows]) for inside, _ in found]
        regression = _best(quick, params.HEAD_PENALTIES, segments, songs, found, n_labels)
        means = [_prepared(songs, songs=True, chosen=inside) for inside, _ in found]
        discriminant = _best(_discriminant, params.HEAD_SHRINKAGES, means, songs, found, n_labels)
    (penalty, temperature), (shrinkage, other) = regression, discriminant
    return HeadFit(head_input, penalty, shrinkage, temperature / other, 2 * temperature)


Method = Callable[[_Prepared, int, float], tuple[Array64, Array64]]


def splits(targets: Ints, folds: Ints) -> list[tuple[Mask, Mask]]:
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
