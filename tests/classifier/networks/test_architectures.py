"""The networks: their inputs, their arithmetic, their weights, and what serving makes of them."""

import json
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

import keras
import numpy as np
import numpy.typing as npt
import onnxruntime
import pytest

from classifier.errors import WeightsError
from classifier.model import bundle
from classifier.model.linear_head import LinearHead, softmax
from classifier.networks.architectures import IMAGENET_FILE, Network, build, describe_architecture, rebuild
from classifier.networks.export import export_trunk
from classifier.networks.recipes import Recipe, recipe_of

Array = npt.NDArray[np.float32]

N_LABELS = 3
FRAMES, BANDS = 50, 20
TOLERANCE = 1e-4


def small(words: str) -> Recipe:
    """A recipe whose network reads a small patch."""
    recipe = recipe_of(words)
    if recipe.arch.startswith("musicnn"):
        return recipe
    front_end = replace(recipe.front_end, patch_frames=FRAMES, n_mels=BANDS)
    if recipe.arch == "cnn-mel":
        front_end = replace(recipe.front_end, patch_frames=64)
    return replace(recipe, front_end=front_end, image=(32, 32) if recipe.arch == "vgg16" else (24, 40))


@pytest.fixture(scope="module")
def musicnn_weights() -> dict[str, Array]:
    return bundle.read_arrays(bundle.SHIPPED / bundle.TRUNK_WEIGHTS)


@pytest.fixture(scope="module")
def networks(musicnn_weights: dict[str, Array]) -> dict[str, Network]:
    """One of each, its variables moved from where they start so that none is trivial."""
    built = {
        words: build(small(words), N_LABELS, seed=1, trunk_weights=musicnn_weights)
        for words in ("cnn", "vgg16", "cnn-mel", "musicnn-tuned")
    }
    rng = np.random.default_rng(0)
    for layer in built["cnn-mel"].trunk.layers:
        if isinstance(layer, keras.layers.BatchNormalization):
            layer.set_weights([rng.uniform(0.5, 1.5, w.shape) for w in layer.get_weights()])
    return built


def patches_for(network: Network, n: int = 3) -> Array:
    shape = (n, *network.model.input_shape[1:])
    return np.random.default_rng(7).uniform(0, 1, shape).astype(np.float32)


def outputs_of(model: keras.Model, patches: Array) -> list[Array]:
    given = model.predict_on_batch(patches)
    return given if isinstance(given, list) else [given]


ARCHITECTURES = ["cnn", "vgg16", "cnn-mel", "musicnn-tuned"]


@pytest.mark.parametrize("name", ARCHITECTURES)
def test_the_head_is_the_last_layer(networks: Mapping[str, Network], name: str) -> None:
    network = networks[name]
    patches = patches_for(network)
    head, penultimate = network.head(), outputs_of(network.trunk, patches)[-1]
    probabilities = network.model.predict_on_batch(patches)
    assert probabilities.shape == (3, N_LABELS) and np.ptp(probabilities, axis=0).max() > 1e-4
    np.testing.assert_allclose(softmax(penultimate @ head.kernel + head.bias), probabilities, atol=1e-5)


@pytest.mark.parametrize("name", ARCHITECTURES)
def test_a_trunk_is_rebuilt_from_json_and_arrays(
    networks: Mapping[str, Network], name: str, tmp_path: Path
) -> None:
    network = networks[name]
    np.savez(tmp_path / "trunk.npz", allow_pickle=False, **network.trunk_weights())
    described = json.loads(json.dumps(network.architecture))
    again = rebuild(described, bundle.read_arrays(tmp_path / "trunk.npz"))
    patches = patches_for(network)
    for one, other in zip(outputs_of(network.trunk, patches), outputs_of(again, patches), strict=True):
        np.testing.assert_array_equal(one, other)


@pytest.mark.parametrize("name", ARCHITECTURES)
def test_onnx_runtime_gives_what_keras_gives(
    networks: Mapping[str, Network], name: str, tmp_path: Path
) -> None:
    trunk = networks[name].trunk
    names = ["penultimate"] if len(trunk.outputs) == 1 else ["tags", "penultimate"]
    export_trunk(networks[name], tmp_path / "trunk.onnx")
    session = onnxruntime.InferenceSession(tmp_path / "trunk.onnx", providers=["CPUExecutionProvider"])
    for n in (1, 4):
        patches = patches_for(networks[name], n)
        for found, expected in zip(
            session.run(names, {"patch": patches}), outputs_of(trunk, patches), strict=True
        ):
            np.testing.assert_allclose(found, expected, atol=TOLERANCE, rtol=TOLERANCE)


@pytest.mark.parametrize("name", ["cnn", "vgg16", "cnn-mel"])
def test_the_seed_decides_the_weights(networks: Mapping[str, Network], name: str) -> None:
    again, other = (build(small(name), N_LABELS, seed=seed).head().kernel for seed in (1, 2))
    assert (again == networks[name].head().kernel).all() and (other != again).any()


def test_a_head_may_be_given(networks: Mapping[str, Network]) -> None:
    given = LinearHead("embedding", np.full((128, N_LABELS), 2, np.float32), np.arange(3, dtype=np.float32))
    head = build(small("cnn"), N_LABELS, seed=0, head=given).head()
    assert (head.kernel == given.kernel).all() and (head.bias == given.bias).all()


# The study's picture and network.


def picture_of(network: Network, patches: Array, layer: str) -> Array:
    seen = keras.Model(network.trunk.input, network.trunk.get_layer(layer).input)
    return np.asarray(seen.predict_on_batch(patches))


def test_the_picture_has_low_bands_at_the_bottom_and_three_channels() -> None:
    network = build(replace(small("cnn"), image=(BANDS, FRAMES)), N_LABELS, seed=0)
    patches = patches_for(network)
    picture = picture_of(network, patches, "conv_1")
    assert picture.shape == (3, BANDS, FRAMES, 3)
    for channel in range(3):
        np.testing.assert_allclose(picture[..., channel], patches.transpose(0, 2, 1)[:, ::-1], atol=1e-6)


def test_the_picture_is_resized_bilinearly() -> None:
    network = build(replace(small("cnn"), image=(BANDS // 2, FRAMES // 2)), N_LABELS, seed=0)
    patches = patches_for(network)
    blocks = patches.transpose(0, 2, 1)[:, ::-1].reshape(3, BANDS // 2, 2, FRAMES // 2, 2)
    found = picture_of(network, patches, "conv_1")[..., 0]
    np.testing.assert_allclose(found, blocks.mean(axis=(2, 4)), atol=1e-6)


def convolved(x: Array, kernel: Array, bias: Array) -> Array:
    windows = np.lib.stride_tricks.sliding_window_view(x, (3, 3), axis=(1, 2))
    return np.asarray(np.maximum(np.einsum("bhwcij,ijcf->bhwf", windows, kernel) + bias, 0))


def pooled(x: Array) -> Array:
    height, width = x.shape[1] // 2 * 2, x.shape[2] // 2 * 2
    blocks = x[:, :height, :width].reshape(len(x), height // 2, 2, width // 2, 2, -1)
    return np.asarray(blocks.max(axis=(2, 4)))


def test_the_studys_network_in_numpy(networks: Mapping[str, Network]) -> None:
    network = networks["cnn"]
    patches, w = patches_for(network), network.trunk_weights()
    x = np.pad(picture_of(network, patches, "conv_1"), ((0, 0), (1, 1), (1, 1), (0, 0)))
    x = pooled(convolved(x, w["conv_1/kernel"], w["conv_1/bias"]))
    x = pooled(convolved(x, w["conv_2/kernel"], w["conv_2/bias"]))
    expected = np.maximum(x.reshape(3, -1) @ w["penultimate/kernel"] + w["penultimate/bias"], 0)
    assert w["conv_1/kernel"].shape[-1] == 64 and w["conv_2/kernel"].shape[-1] == 32
    np.testing.assert_allclose(network.trunk.predict_on_batch(patches), expected, atol=1e-4)


# VGG16.


def test_vgg16_reads_pixels_as_it_was_taught_unless_as_published(networks: Mapping[str, Network]) -> None:
    patches = patches_for(networks["vgg16"])
    published = build(small("vgg16+published"), N_LABELS, seed=1)
    shown = picture_of(published, patches, "block1_conv1")
    assert shown.min() >= 0 and shown.max() <= 1
    corrected = picture_of(networks["vgg16"], patches, "block1_conv1")
    expected = keras.applications.vgg16.preprocess_input(shown * 255)
    np.testing.assert_allclose(corrected, expected, atol=1e-3)


def test_vgg16_is_frozen_and_its_tail_is_trained(networks: Mapping[str, Network]) -> None:
    network = networks["vgg16"]
    assert network.frozen is not None and network.tail is not None
    trained = [v.shape for v in network.model.trainable_variables]
    assert trained == [(512, 64), (64,), (64, N_LABELS), (N_LABELS,)]
    assert [v.shape for v in network.tail.trainable_variables] == trained
    patches = patches_for(network)
    features = network.frozen.predict_on_batch(patches)
    np.testing.assert_allclose(
        network.tail.predict_on_batch(features), network.model.predict_on_batch(patches), atol=1e-6
    )


def test_random_vgg16_is_the_same_for_every_seed(networks: Mapping[str, Network]) -> None:
    other = build(small("vgg16"), N_LABELS, seed=2).trunk_weights()
    mine = networks["vgg16"].trunk_weights()
    assert (other["block1_conv1/kernel"] == mine["block1_conv1/kernel"]).all()
    assert (other["penultimate/kernel"] != mine["penultimate/kernel"]).any()


@pytest.mark.parametrize("ending", [".weights.h5", ".h5"])
def test_vgg16_takes_weights_from_a_file(ending: str, tmp_path: Path) -> None:
    keras.utils.set_random_seed(99)
    given = keras.applications.VGG16(include_top=False, weights=None, input_shape=(32, 32, 3))
    path = tmp_path / f"vgg{ending}"
    given.save_weights(path) if ending == ".weights.h5" else given.save(path)
    weights = build(replace(small("vgg16"), weights=str(path)), N_LABELS, seed=1).trunk_weights()
    for layer in given.layers:
        for variable, value in zip(layer.weights, layer.get_weights(), strict=True):
            np.testing.assert_array_equal(weights[f"{layer.name}/{variable.name}"], value)


def test_weights_that_are_missing_or_others(networks: Mapping[str, Network], tmp_path: Path) -> None:
    path = tmp_path / "other.weights.h5"
    with pytest.raises(WeightsError, match=r"other\.weights\.h5"):
        build(replace(small("vgg16"), weights=str(path)), N_LABELS, seed=1)
    networks["cnn"].model.save_weights(path)
    with pytest.raises(WeightsError, match="VGG16"):
        build(replace(small("vgg16"), weights=str(path)), N_LABELS, seed=1)
    path.write_bytes(b"not weights")
    with pytest.raises(WeightsError, match="VGG16"):
        build(replace(small("vgg16"), weights=str(path)), N_LABELS, seed=1)


def test_imagenet_that_cannot_be_fetched_says_what_to_bring(monkeypatch: pytest.MonkeyPatch) -> None:
    def offline(*_args: object, **_options: object) -> str:
        raise Exception("URL fetch failure on ...: None -- unreachable")

    monkeypatch.setattr(keras.utils, "get_file", offline)
    with pytest.raises(WeightsError) as caught:
        build(small("vgg16+imagenet"), N_LABELS, seed=1)
    assert IMAGENET_FILE in str(caught.value) and "--weights PATH" in str(caught.value)
    assert "\n" not in str(caught.value)


# The others.


def test_the_tuned_trunk_starts_as_musicnn_and_its_filters_learn(
    networks: Mapping[str, Network], musicnn_weights: dict[str, Array]
) -> None:
    network = networks["musicnn-tuned"]
    assert network.architecture == bundle.MUSICNN
    weights = network.trunk_weights()
    assert weights.keys() == musicnn_weights.keys()
    assert all((weights[name] == musicnn_weights[name]).all() for name in weights)
    learning = {v.path.split("/")[-2] for v in network.model.trainable_variables}
    assert {"timbral_38_conv", "temporal_32_conv", "mid_3_conv", "penultimate_dense", "genres"} <= learning
    assert not any(name.endswith(("_norm", "_sign", "_shift")) for name in learning)
    assert "tags_dense" not in learning  # no gradient reaches it from the genres


def test_the_tuned_trunk_needs_one_to_start_from() -> None:
    with pytest.raises(WeightsError, match="trunk"):
        build(recipe_of("musicnn-tuned"), N_LABELS, seed=0)


def test_our_own_network_is_compact() -> None:
    network = build(recipe_of("cnn-mel"), 10, seed=0)
    assert network.model.count_params() <= 300_000
    assert describe_architecture(recipe_of("cnn-mel"))["frames"] == 187


def test_arrays_of_another_network_do_not_fit(networks: Mapping[str, Network]) -> None:
    with pytest.raises(WeightsError, match="cnn"):
        rebuild(networks["cnn"].architecture, networks["cnn-mel"].trunk_weights())
    wrong = networks["cnn"].trunk_weights()
    wrong["conv_1/kernel"] = wrong["conv_1/kernel"][..., :3]
    with pytest.raises(WeightsError, match="cnn"):
        rebuild(networks["cnn"].architecture, wrong)
    with pytest.raises(WeightsError, match="lstm"):
        rebuild({"name": "lstm"}, wrong)
