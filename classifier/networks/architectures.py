"""The networks that are trained on spectrograms. Imports Keras.

Each is a trunk, from a patch to a penultimate embedding, and one dense layer with softmax after
it, which a bundle keeps as its linear head. A trunk is built from a description that JSON can hold.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import keras
import numpy as np
from keras import layers, ops

from classifier import params
from classifier.arrays import Array
from classifier.errors import WeightsError
from classifier.model.linear_head import LinearHead
from classifier.networks.musicnn import Weights, build_trunk
from classifier.networks.recipes import Recipe

Described = Mapping[str, Any]
Top = Callable[[keras.KerasTensor], keras.KerasTensor]

PENULTIMATE: Final = "penultimate"
FROZEN: Final = "frozen_features"
# What VGG16's ImageNet weights expect to be taken from their blue, green and red.
IMAGENET_MEAN_BGR: Final = (103.939, 116.779, 123.68)
IMAGENET_FILE: Final = "vgg16_weights_tf_dim_ordering_tf_kernels_notop.h5"
_DROPOUT: Final = {
    "cnn": 0.5,
    "vgg16": 0.25,
    "cnn-mel": params.CNN_MEL_DROPOUT,
    "musicnn": params.TUNED_DROPOUT,
}


@dataclass(frozen=True)
class Network:
    """A network that shares its layers between its parts.

    Attributes
    ----------
    architecture
        What `rebuild` builds the trunk from; JSON can hold it.
    model
        Patches (batch, frames, bands) to probabilities (batch, labels).
    trunk
        Patches to ``[penultimate]``, or to ``[tags, penultimate]``.
    frozen, tail
        Where the first layers are not trained: patches to what those give, (batch, n), and that
        to probabilities; else None.
    """

    architecture: Described
    model: keras.Model
    trunk: keras.Model
    frozen: keras.Model | None
    tail: keras.Model | None

    def head(self) -> LinearHead:
        """Return the last layer."""
        kernel, bias = self.model.get_layer("genres").get_weights()
        return LinearHead("embedding", kernel, bias)

    def trunk_weights(self) -> dict[str, Array]:
        """Return the trunk's arrays by name, as `rebuild` takes them."""
        return {
            name: np.asarray(value, np.float32)
            for layer in self.trunk.layers
            for name, value in zip(self._names(layer), layer.get_weights(), strict=True)
        }

    def _names(self, layer: keras.Layer) -> list[str]:
        return _variable_names(layer, self.architecture)


def describe_architecture(recipe: Recipe) -> dict[str, Any]:
    """Return the trunk's description for a bundle; `rebuild` reads it."""
    if recipe.arch.startswith("musicnn"):
        return {"name": "musicnn"}
    described: dict[str, Any] = {
        "name": recipe.arch,
        "frames": recipe.front_end.patch_frames,
        "bands": recipe.front_end.n_bands,
    }
    if recipe.arch in ("cnn", "vgg16"):
        described["image"] = list(recipe.image)
    if recipe.arch == "vgg16":
        described["published"] = recipe.published
    return described


def build(
    recipe: Recipe,
    n_labels: int,
    *,
    seed: int,
    trunk_weights: Weights | None = None,
    head: LinearHead | None = None,
) -> Network:
    """Return a network to train.

    Parameters
    ----------
    recipe
        Its architecture and the shape of its input.
    n_labels
        Number of outputs.
    seed
        Of the initial weights; those of a ``vgg16`` without weights are the same for every seed.
    trunk_weights
        Of the musicnn trunk, for ``musicnn-tuned``.
    head
        Where the last layer starts; None for random weights.

    Raises
    ------
    WeightsError
        If weights that the recipe asks for are missing.
    """
    architecture = describe_architecture(recipe)
    name = architecture["name"]
    trunk = _new_trunk(architecture, recipe, seed, trunk_weights)
    drop = layers.Dropout(_DROPOUT[name], name="genres_dropout")
    genres = layers.Dense(n_labels, activation="softmax", name="genres")
    model = keras.Model(trunk.input, genres(drop(trunk.outputs[-1])), name=name.replace("-", "_"))
    if head is not None:
        genres.set_weights([head.kernel, head.bias])
    frozen = tail = None
    if name == "vgg16":
        frozen, tail = _halves(trunk, lambda embedding: genres(drop(embedding)))
    return Network(architecture, model, trunk, frozen, tail)


def _halves(trunk: keras.Model, top: Top) -> tuple[keras.Model, keras.Model]:
    """Return the frozen layers of a trunk, and what comes after them up to the probabilities."""
    flat = trunk.get_layer(FROZEN).output
    given = keras.Input(flat.shape[1:], name="features")
    tail = keras.Model(given, top(trunk.get_layer(PENULTIMATE)(given)))
    return keras.Model(trunk.input, flat), tail


def _new_trunk(architecture: Described, recipe: Recipe, seed: int, weights: Weights | None) -> keras.Model:
    """Return a trunk as training starts from it."""
    name = architecture["name"]
    if name == "musicnn" and weights is None:
        raise WeightsError("musicnn-tuned starts from the trunk of a bundle; none was given")
    if name != "vgg16":
        keras.utils.set_random_seed(seed)
        return _plain_trunk(architecture, weights)
    trunk = _vgg16(architecture, seed)
    if recipe.weights != "none":
        _load_vgg16(trunk, recipe.weights, recipe.image)
    return trunk


def rebuild(architecture: Described, weights: Weights) -> keras.Model:
    """Return a bundle's trunk, built from its description and its arrays.

    Raises
    ------
    WeightsError
        If the arrays do not fit the description, or it names no architecture.
    """
    name = architecture["name"]
    if name == "vgg16":
        trunk = _vgg16(architecture, params.SEED)
    elif name in ("musicnn", "cnn", "cnn-mel"):
        trunk = _plain_trunk(architecture, weights)
    else:
        raise WeightsError(f"no architecture '{name}'")
    try:
        for layer in trunk.layers:
            layer.set_weights([weights[name] for name in _variable_names(layer, architecture)])
    except (KeyError, ValueError) as error:
        raise WeightsError(f"the trunk's arrays do not fit its architecture '{name}'") from error
    return trunk


def _variable_names(layer: keras.Layer, architecture: Described) -> list[str]:
    # The layers of the musicnn trunk are named for their arrays and for what they do with them.
    musicnn = architecture["name"] == "musicnn"
    stem = layer.name.rsplit("_", 1)[0] if musicnn else layer.name
    return [f"{stem}/{variable.name}" for variable in layer.weights]


def _plain_trunk(architecture: Described, weights: Weights | None) -> keras.Model:
    if architecture["name"] == "musicnn":
        return build_trunk(weights or {})
    builders: dict[str, Callable[[Described], keras.Model]] = {"cnn": _cnn, "cnn-mel": _cnn_mel}
    return builders[architecture["name"]](architecture)


def _patch(architecture: Described) -> keras.KerasTensor:
    return keras.Input((architecture["frames"], architecture["bands"]), name="patch")


def _picture(patch: keras.KerasTensor, size: tuple[int, int]) -> keras.KerasTensor:
    """Return a patch as the study's picture: low bands at the bottom, time to the right, three channels."""
    upright = ops.flip(ops.transpose(patch, (0, 2, 1)), axis=1)
    image = layers.Resizing(*size, interpolation="bilinear")(ops.expand_dims(upright, -1))
    return ops.concatenate([image] * 3, axis=-1)


def _cnn(architecture: Described) -> keras.Model:
    """Return the trunk of the study's own network."""
    patch = _patch(architecture)
    x = _picture(patch, tuple(architecture["image"]))
    x = layers.Conv2D(64, 3, padding="same", activation="relu", name="conv_1")(x)
    x = layers.MaxPooling2D(name="pool_1")(x)
    x = layers.Conv2D(32, 3, activation="relu", name="conv_2")(x)
    x = layers.Dropout(0.25)(layers.MaxPooling2D(name="pool_2")(x))
    x = layers.Dense(128, activation="relu", name=PENULTIMATE)(layers.Flatten()(x))
    return keras.Model(patch, [x], name="cnn_trunk")


def _vgg16(architecture: Described, seed: int) -> keras.Model:
    """Return the trunk of the study's transfer: a random, frozen VGG16 without its top, then 64 units."""
    patch = _patch(architecture)
    x = _picture(patch, tuple(architecture["image"]))
    if not architecture["published"]:
        x = x * 255.0 - np.array(IMAGENET_MEAN_BGR, np.float32)
    keras.utils.set_random_seed(params.SEED)
    vgg16 = keras.applications.VGG16(include_top=False, weights=None, input_tensor=x)
    vgg16.trainable = False
    keras.utils.set_random_seed(seed)
    x = layers.Flatten(name=FROZEN)(vgg16.output)
    x = layers.Dense(64, activation="relu", name=PENULTIMATE)(x)
    return keras.Model(patch, [x], name="vgg16_trunk")


def _load_vgg16(trunk: keras.Model, weights: str, size: tuple[int, int]) -> None:
    """Put weights into a trunk's VGG16: ``imagenet``, or those of a file."""
    path = _imagenet_file() if weights == "imagenet" else Path(weights)
    if not path.is_file():
        raise WeightsError(f"no file of VGG16 weights at {path}")
    # A file is read by the order of its layers, so into a VGG16 and nothing else.
    whole = keras.applications.VGG16(include_top=False, weights=None, input_shape=(*size, 3))
    try:
        whole.load_weights(str(path))
    except (OSError, ValueError, KeyError) as error:
        raise WeightsError(f"{path} does not hold the weights of VGG16 without its top") from error
    for layer in whole.layers:
        if layer.weights:
            trunk.get_layer(layer.name).set_weights(layer.get_weights())


def _imagenet_file() -> Path:
    """Return Keras's copy of the ImageNet weights, downloaded where absent."""
    try:
        return Path(
            keras.utils.get_file(
                IMAGENET_FILE,
                f"https://storage.googleapis.com/tensorflow/keras-applications/vgg16/{IMAGENET_FILE}",
                cache_subdir="models",
                file_hash="6d6bbae143d832006294945121d1f1fc",
            )
        )
    except Exception as error:  # Keras raises nothing more exact
        raise WeightsError(
            f"VGG16's ImageNet weights cannot be downloaded; bring {IMAGENET_FILE} from elsewhere "
            "and name it with --weights PATH"
        ) from error


def _cnn_mel(architecture: Described) -> keras.Model:
    """Return the trunk of our compact network: bands pooled away step by step, then time summed up.

    Small as the data are: about 52,000 weights. The first convolution halves time and bands, so that
    most of the work is done on a quarter of the numbers.
    """
    patch = _patch(architecture)
    x = ops.expand_dims(layers.BatchNormalization(name="input_norm")(patch), -1)
    x = _normed(layers.Conv2D(16, 5, strides=2, padding="same", use_bias=False, name="conv_1"), x)
    x = _pooled((1, 2), x)
    x = _normed(layers.Conv2D(32, 3, padding="same", use_bias=False, name="conv_2"), x)
    x = _pooled((2, 3), x)
    x = _normed(layers.Conv2D(48, 3, padding="same", use_bias=False, name="conv_3"), x)
    x = _pooled((2, 4), x)
    x = layers.Reshape((x.shape[1], x.shape[2] * x.shape[3]))(x)
    x = _normed(layers.Conv1D(64, 3, padding="same", use_bias=False, name="conv_4"), x)
    x = ops.concatenate([ops.mean(x, axis=1), ops.max(x, axis=1)], axis=-1)
    x = layers.Dropout(params.CNN_MEL_DROPOUT)(x)
    x = layers.Dense(96, activation="relu", name=PENULTIMATE)(x)
    return keras.Model(patch, [x], name="cnn_mel_trunk")


def _normed(convolution: keras.Layer, x: keras.KerasTensor) -> keras.KerasTensor:
    name = convolution.name.replace("conv", "norm")
    return layers.ReLU()(layers.BatchNormalization(name=name)(convolution(x)))


def _pooled(size: tuple[int, int], x: keras.KerasTensor) -> keras.KerasTensor:
    """Return frames and bands pooled, as far as few of them go."""
    fitting = [min(wanted, there) for wanted, there in zip(size, x.shape[1:3], strict=True)]
    return layers.MaxPooling2D(fitting)(x)
