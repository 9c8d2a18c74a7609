"""Attribution of a genre: to time by integrated Grad-CAM, to bands by integrated gradients.

The score is that of the whole chain that serves: patches → network → mean over a segment's patches →
head → logarithm of the genre's probability. Two real gradients of it are taken.

**Time**, from the network's last activations that still have a time axis. The gradient at the end point
alone is a poor guide, since pooling over time keeps one moment of many and the logarithm flattens
out (``benchmarks/faithfulness.py`` compares). So it is integrated while a patch is uncovered out of
silence, the segment's other patches staying as they are: a patch's effects add up to what silencing
it would cost.

**Bands**, which the trunk's max-pool hides from those activations, from gradients with respect to the
log-mel itself, integrated in the same way while the passages' patches are uncovered band by band.

The steps of both integrals are coarse: a gradient shares out among the frames or bands what its step
really changed, so that no part of the score is lost.

Both begin at silence rather than at the segment's mean: it is the one input that holds nothing, and
what one compares with who silences a passage.

Sources: R. Selvaraju et al., "Grad-CAM" (2017); S. Sattarzadeh et al., "Integrated Grad-CAM" (2021);
M. Sundararajan et al., "Axiomatic attribution for deep networks" (2017). Imports Keras.
"""

from collections.abc import Callable, Sequence
from itertools import pairwise

import keras
import numpy as np
import numpy.typing as npt
import tensorflow as tf
from keras import layers, ops

from classifier import params
from classifier.arrays import Array
from classifier.errors import BundleError
from classifier.features.frontend import silent_patch
from classifier.model.bundle import TRUNK_WEIGHTS, Bundle, read_arrays
from classifier.model.linear_head import MIN_PROBABILITY
from classifier.networks.architectures import PENULTIMATE, rebuild

Curve = npt.NDArray[np.float64]
Tensors = Sequence[tf.Tensor]
Score = Callable[[tf.Tensor], tf.Tensor]

TINY = 1e-12
LAST_WITH_TIME = {"musicnn": "features", "cnn-mel": "norm_4", "cnn": "pool_2", "vgg16": "block5_pool"}
"""The last layer of each architecture whose output still has a time axis."""


def network_of(bundle: Bundle) -> keras.Model:
    """Return the bundle's network, built for explaining it.

    Returns
    -------
    keras.Model
        Patches (batch, frames, bands) to ``[activations, embedding (batch, size)]`` and, where the
        network has tags, ``tags (batch, n)`` as a third. Activations are (batch, steps, …): the last
        ones with a time axis, from which everything behind them is computed.

    Raises
    ------
    BundleError
        If its architecture has none that could be explained.
    """
    name = bundle.architecture["name"]
    last = LAST_WITH_TIME.get(name)
    if last is None:
        raise BundleError(f"bundle {bundle.bundle_id}: {name} has no time line that could be explained")
    trunk = rebuild(bundle.architecture, read_arrays(bundle.path / TRUNK_WEIGHTS))
    activations, outputs = trunk.get_layer(last).output, list(reversed(trunk.outputs))
    if name in ("cnn", "vgg16"):
        # Their pictures have the bands before the time: turn them, and go on from what was turned.
        activations = ops.transpose(activations, (0, 2, 1, 3))
        flat = layers.Flatten()(ops.transpose(activations, (0, 2, 1, 3)))
        outputs = [trunk.get_layer(PENULTIMATE)(flat)]
    return keras.Model(trunk.input, [activations, *outputs])


class Explainer:
    """Gradients of a bundle's genre scores.

    Parameters
    ----------
    bundle
        A loaded bundle.

    Raises
    ------
    BundleError
        As `network_of` does.
    """

    def __init__(self, bundle: Bundle) -> None:
        self._bundle = bundle
        network = network_of(bundle)
        activations, *outputs = network.outputs
        self._front = keras.Model(network.input, activations)
        self._back = keras.Model(activations, outputs)
        self.silence = silent_patch(bundle.mel_filters, bundle.front_end)

    def _outputs(self, activations: tf.Tensor) -> list[tf.Tensor]:
        """Return the embedding and, where the network has them, the tags."""
        return list(tf.nest.flatten(self._back(activations)))

    def log_probabilities(self, patches: Array) -> Array:
        """Return the logarithm of a segment's probability of each label, (labels,)."""
        outputs = self._outputs(self._front(tf.constant(patches)))
        means = [tf.reduce_mean(output, axis=0, keepdims=True) for output in outputs]
        return np.asarray(self._head(means)[0], np.float32)

    def _head(self, means: Tensors) -> tf.Tensor:
        """Return `LinearHead`'s log-probabilities, (segments, labels), of mean embeddings and tags."""
        head, calibration = self._bundle.head, self._bundle.calibration
        embedding, *tags = means
        odds = [_log_odds(p) for p in tags]
        read = {"tags": odds, "embedding": [embedding], "both": [*odds, embedding]}[head.input]
        logits = tf.concat(read, axis=1) @ tf.constant(head.kernel) + tf.constant(head.bias)
        return tf.nn.log_softmax(logits / (calibration.temperature if calibration is not None else 1.0))

    def time_effects(self, patches: Array, genre: int) -> Curve:
        """Return what each frame of a segment adds to the genre's log-probability.

        Parameters
        ----------
        patches
            (n, frames, bands) of one segment.
        genre
            Index of the label.

        Returns
        -------
        numpy.ndarray
            (n, frames) in nats. The sum over a patch is the segment's log-probability less that
            of the segment with this patch silent.
        """
        activations = self._front(tf.constant(patches))
        whole = self._outputs(activations)
        silent = self._front(tf.constant(self.silence[np.newaxis]))

        def score(mixed: tf.Tensor) -> tf.Tensor:
            return self._head(_one_changed(whole, self._outputs(mixed)))[:, genre]

        effects = _integrated(score, silent, activations - silent, 1, params.EXPLAIN_TIME_STEPS)
        return _to_frames(effects.sum(axis=tuple(range(2, effects.ndim))), patches.shape[1])

    def band_effects(self, patches: Array, genre: int, chosen: npt.NDArray[np.bool_]) -> Curve:
        """Return what each frame and band of some of a segment's patches adds to the log-probability.

        Parameters
        ----------
        patches, genre
            As `time_effects` takes them.
        chosen
            (n,) which patches; the others stay as they are.

        Returns
        -------
        numpy.ndarray
            (chosen, frames, bands) in nats; their sum is the segment's log-probability less that of
            the segment with the chosen patches silent.
        """
        rest = self._outputs(self._front(tf.constant(patches)))
        rest = [tf.reduce_sum(output[~chosen], axis=0, keepdims=True) for output in rest]

        def score(mixed: tf.Tensor) -> tf.Tensor:
            outputs = self._outputs(self._front(mixed))
            sums = [tf.reduce_sum(output, axis=0, keepdims=True) for output in outputs]
            means = [(s + r) / len(patches) for s, r in zip(sums, rest, strict=True)]
            return self._head(means)[:, genre]

        silent = tf.constant(self.silence[np.newaxis])
        return _integrated(score, silent, patches[chosen] - silent, 2, params.EXPLAIN_BAND_STEPS)


def _log_odds(probabilities: tf.Tensor) -> tf.Tensor:
    """Return `linear_head.log_odds`, with a gradient."""
    p = tf.clip_by_value(probabilities, MIN_PROBABILITY, 1 - MIN_PROBABILITY)
    return tf.math.log(p / (1 - p))


def _one_changed(whole: Tensors, changed: Tensors) -> list[tf.Tensor]:
    """Return the means over a segment's patches, row i with patch i as changed, the others as they were."""
    n = whole[0].shape[0]
    return [
        (tf.reduce_sum(w, axis=0, keepdims=True) - w + c) / n for w, c in zip(whole, changed, strict=True)
    ]


def _integrated(score: Score, silent: tf.Tensor, signal: tf.Tensor, axis: int, n_steps: int) -> Curve:
    """Return a score's gradient, integrated while an axis is uncovered from `silent` to ``silent + signal``.

    A soft edge runs over the axis from its start to its end, and once more from end to start, each with
    half the weight: so that where the network keeps a maximum, the first and the last of
    several equal moments share what they add.

    Parameters
    ----------
    score
        Gives one number, or one a patch.

    Returns
    -------
    numpy.ndarray
        What each element of `signal` adds, in its shape; the sum is exactly what the score changes.
    """
    shape = [signal.shape[axis] if i == axis else 1 for i in range(len(signal.shape))]
    masks = [mask.reshape(shape) for mask in _edges(signal.shape[axis], n_steps)]
    total = np.zeros(signal.shape)
    for path in (masks, [np.flip(mask, axis) for mask in masks]):
        reached = score(silent + signal * path[0])
        for before, after in pairwise(path):
            slope = _gradient(score, silent + signal * ((before + after) / 2))
            part = (slope * signal).numpy().astype(np.float64) * (after - before)
            start, reached = reached, score(silent + signal * after)
            total += _completed(part, (reached - start).numpy())
    return total / 2


def _gradient(score: Score, mixed: tf.Tensor) -> tf.Tensor:
    with tf.GradientTape() as tape:
        tape.watch(mixed)
        value = score(mixed)
    return tape.gradient(value, mixed)


def _edges(length: int, n_steps: int) -> list[Array]:
    """Return ``n_steps + 1`` masks in 0..1 that uncover an axis from its start on."""
    position, width = (np.arange(length) + 0.5) / length, params.EXPLAIN_EDGE
    edges = np.linspace(-width / 2, 1 + width / 2, n_steps + 1)
    return [np.clip((edge - position) / width + 0.5, 0, 1).astype(np.float32) for edge in edges]


def _completed(part: Curve, change: Array) -> Curve:
    """Return a step's effects with what its gradient missed of the score's change added in proportion."""
    rows = part.reshape(len(change), -1)
    size = np.abs(rows)
    shares = size / np.maximum(size.sum(axis=1, keepdims=True), TINY)
    missed = change - rows.sum(axis=1)
    return np.asarray((rows + shares * missed[:, np.newaxis]).reshape(part.shape), np.float64)


def _to_frames(effects: Curve, n_frames: int) -> Curve:
    """Return (patches, steps) spread evenly over the frames that the steps stand for; sums are kept."""
    sums = np.pad(np.cumsum(effects, axis=1), ((0, 0), (1, 0)))
    steps, frames = np.linspace(0, 1, sums.shape[1]), np.linspace(0, 1, n_frames + 1)
    return np.diff(np.stack([np.interp(frames, steps, row) for row in sums]), axis=1)
