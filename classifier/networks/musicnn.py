"""The pruned MSD_musicnn trunk in Keras.

Source: J. Pons and X. Serra, "musicnn: pre-trained convolutional neural networks for music audio
tagging" (2019). Which filters are kept, and why the function is the same, is explained in
`classifier.build.prune`. Imports Keras: only training, export and tests come here.
"""

from collections.abc import Mapping

import keras
import numpy as np
import numpy.typing as npt
from keras import layers, ops

from classifier import params

Weights = Mapping[str, npt.NDArray[np.float32]]

TIMBRAL = ("timbral_38", "timbral_67")
TEMPORAL = ("temporal_128", "temporal_64", "temporal_32")
MID_PADDING = 3


@keras.saving.register_keras_serializable("deepcuts")
class Affine(layers.Layer):  # type: ignore[misc]
    """``scale · x + offset`` per channel: a batch norm at inference, frozen."""

    def build(self, input_shape: tuple[int | None, ...]) -> None:
        """Create the two frozen vectors, one value a channel."""
        size = (input_shape[-1],)
        self.scale = self.add_weight(name="scale", shape=size, initializer="ones", trainable=False)
        self.offset = self.add_weight(name="offset", shape=size, initializer="zeros", trainable=False)

    def call(self, inputs: keras.KerasTensor) -> keras.KerasTensor:
        """Return the affine map of the last axis."""
        return inputs * self.scale + self.offset


@keras.saving.register_keras_serializable("deepcuts")
class Sign(layers.Layer):  # type: ignore[misc]
    """A frozen sign per channel (see `build.prune`)."""

    def build(self, input_shape: tuple[int | None, ...]) -> None:
        """Create the vector of signs."""
        self.sign = self.add_weight(
            name="sign", shape=(input_shape[-1],), initializer="ones", trainable=False
        )

    def call(self, inputs: keras.KerasTensor) -> keras.KerasTensor:
        """Return the input with its last axis multiplied by the signs."""
        return inputs * self.sign


@keras.saving.register_keras_serializable("deepcuts")
class Shift(layers.Layer):  # type: ignore[misc]
    """One frozen number added to everything."""

    def build(self, input_shape: tuple[int | None, ...]) -> None:
        """Create the number."""
        self.offset = self.add_weight(name="offset", shape=(1,), initializer="zeros", trainable=False)

    def call(self, inputs: keras.KerasTensor) -> keras.KerasTensor:
        """Return the sum."""
        return inputs + self.offset


def _branch(x: keras.KerasTensor, name: str, weights: Weights, padding: str) -> keras.KerasTensor:
    kernel = weights[f"{name}/kernel"]
    x = layers.Conv2D(kernel.shape[-1], kernel.shape[:2], padding=padding, name=f"{name}_conv")(x)
    x = Sign(name=f"{name}_sign")(ops.max(x, axis=2))
    return Affine(name=f"{name}_norm")(ops.relu(x))


def _mid(x: keras.KerasTensor, name: str, weights: Weights) -> keras.KerasTensor:
    kernel = weights[f"{name}/kernel"]
    x = layers.ZeroPadding1D(MID_PADDING)(x)
    x = layers.Conv1D(kernel.shape[-1], kernel.shape[0], activation="relu", name=f"{name}_conv")(x)
    return Affine(name=f"{name}_norm")(x)


def build_trunk(weights: Weights) -> keras.Model:
    """Return the trunk with its weights.

    Parameters
    ----------
    weights
        As `classifier.build.prune.prune` returns them.

    Returns
    -------
    keras.Model
        Log-mel patches (batch, 187, 96) to ``[tags (batch, 50) in 0..1, penultimate (batch, 200)]``.
    """
    patch = keras.Input((params.PATCH_FRAMES, params.N_MELS), name="patch")
    x = ops.expand_dims(Shift(name="input_shift")(patch), -1)
    padded = layers.ZeroPadding2D((MID_PADDING, 0))(x)
    front = [_branch(padded, name, weights, "valid") for name in TIMBRAL]
    front += [_branch(x, name, weights, "same") for name in TEMPORAL]
    front_end = layers.Concatenate(name="front_end")(front)
    ones = ops.ones_like(front_end[:, :, :1])
    mid_1 = _mid(layers.Concatenate()([front_end, ones]), "mid_1", weights)
    mid_2 = layers.Add()([mid_1, _mid(mid_1, "mid_2", weights)])
    mid_3 = layers.Add()([mid_2, _mid(mid_2, "mid_3", weights)])
    features = layers.Concatenate(name="features")([front_end, mid_1, mid_2, mid_3])
    pooled = layers.Concatenate(name="pooled")([ops.max(features, axis=1), ops.mean(features, axis=1)])
    hidden = layers.Dense(params.EMBEDDING_SIZE, activation="relu", name="penultimate_dense")(pooled)
    penultimate = Affine(name="penultimate_norm")(hidden)
    tags = layers.Dense(params.N_TAGS, activation="sigmoid", name="tags_dense")(penultimate)
    model = keras.Model(patch, [tags, penultimate], name="msd_musicnn_pruned")
    _load(model, weights)
    return model


def _load(model: keras.Model, weights: Weights) -> None:
    """Put the arrays into the layers of the same names."""
    for layer in model.layers:
        if not layer.weights:
            continue
        stem = layer.name.rsplit("_", 1)[0]
        layer.set_weights([weights[f"{stem}/{variable.name}"] for variable in layer.weights])
