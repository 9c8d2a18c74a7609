"""Fit a linear head with Keras. Imports Keras.

The fit is softmax regression with an L2 penalty, a convex problem: the penalty, not the number of
epochs, is what keeps it from overfitting. So EarlyStopping, ReduceLROnPlateau and ModelCheckpoint
watch the penalised loss itself and no song has to be set aside; how good the head is, is measured
apart, on folds (`classifier.training`).
"""

import tempfile
from dataclasses import dataclass
from pathlib import Path

import keras
import numpy as np
import numpy.typing as npt
from keras import callbacks, layers

from classifier import params
from classifier.linear_head import HeadInput, LinearHead

Array = npt.NDArray[np.float32]
Indices = npt.NDArray[np.int64]


@dataclass(frozen=True)
class HeadFit:
    """How a head is fitted.

    Attributes
    ----------
    input
        What the head reads.
    penalty
        Precision of the Gaussian prior on the weights of standardised features: the penalty is
        ``penalty / (2 · songs) · ‖kernel‖²`` beside the mean cross-entropy of a song.
    epochs
        At most this many.
    seed
        Of the initial weights and the order of the examples.
    """

    input: HeadInput = "embedding"
    penalty: float = params.HEAD_PENALTY
    epochs: int = params.HEAD_EPOCHS
    seed: int = params.SEED


@dataclass(frozen=True)
class Examples:
    """Segments to learn from.

    Attributes
    ----------
    features
        (segments, features) float32.
    targets
        (segments,) label indices.
    songs
        (segments,) index of the song that each belongs to.
    """

    features: Array
    targets: Indices
    songs: Indices

    def weights(self) -> Array:
        """Return a weight a segment: songs count alike within a label, and labels alike; mean 1."""
        _, place, counts = np.unique(self.songs, return_inverse=True, return_counts=True)
        per_song = 1.0 / counts[place]
        label_total = np.bincount(self.targets, per_song)
        weights = per_song / label_total[self.targets]
        return np.asarray(weights * len(weights) / weights.sum(), np.float32)


def _model(n_features: int, n_labels: int, l2: float, seed: int) -> keras.Model:
    keras.utils.set_random_seed(seed)
    dense = layers.Dense(
        n_labels,
        activation="softmax",
        kernel_initializer="zeros",
        kernel_regularizer=keras.regularizers.L2(l2),
    )
    model = keras.Sequential([keras.Input((n_features,)), dense])
    model.compile(
        optimizer=keras.optimizers.Adam(params.HEAD_LEARNING_RATE),
        loss="sparse_categorical_crossentropy",
    )
    return model


def _watch(checkpoint: Path) -> list[keras.callbacks.Callback]:
    smallest = params.HEAD_MIN_DELTA
    return [
        callbacks.EarlyStopping("loss", min_delta=smallest, patience=params.HEAD_PATIENCE),
        callbacks.ReduceLROnPlateau(
            "loss",
            factor=params.LR_FACTOR,
            patience=params.LR_PATIENCE,
            min_delta=smallest,
            min_lr=params.MIN_LR,
        ),
        callbacks.ModelCheckpoint(str(checkpoint), "loss", save_best_only=True, save_weights_only=True),
    ]


def _batch_size(n_segments: int) -> int:
    """Return a batch that leaves some dozens of steps an epoch, within bounds."""
    return min(max(n_segments // 32, params.HEAD_MIN_BATCH), params.HEAD_MAX_BATCH)


def fit_head(examples: Examples, n_labels: int, fit: HeadFit) -> LinearHead:
    """Fit a head on segments of labelled songs.

    Parameters
    ----------
    examples
        Their segments.
    n_labels
        Number of outputs.
    fit
        How to fit.

    Returns
    -------
    LinearHead
        The standardisation of the features is folded into its kernel and bias.
    """
    centre = examples.features.mean(axis=0)
    scale = 1.0 / np.maximum(examples.features.std(axis=0), params.MIN_STD)
    features = (examples.features - centre) * scale
    n_songs = len(np.unique(examples.songs))
    model = _model(features.shape[1], n_labels, fit.penalty / (2 * n_songs), fit.seed)
    with tempfile.TemporaryDirectory() as folder:
        checkpoint = Path(folder, "best.weights.h5")
        model.fit(
            features,
            examples.targets,
            sample_weight=examples.weights(),
            batch_size=_batch_size(len(features)),
            epochs=fit.epochs,
            callbacks=_watch(checkpoint),
            verbose=0,
        )
        model.load_weights(checkpoint)
    kernel, bias = (np.asarray(w, np.float32) for w in model.get_weights())
    kernel = kernel * scale[:, None]
    return LinearHead(fit.input, kernel, bias - centre @ kernel)
