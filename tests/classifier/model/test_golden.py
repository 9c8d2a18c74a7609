"""The trunk against the golden values of the original, unpruned TensorFlow 1 graph."""

from dataclasses import replace
from pathlib import Path

import keras
import numpy as np
import pytest

from classifier.audio.decode import DecodeReport, stream_mono
from classifier.features.frontend import log_mel
from classifier.model import bundle
from classifier.model.bundle import Bundle
from classifier.model.inference import Trunk
from classifier.networks.musicnn import build_trunk

TAGS_TOLERANCE = 1e-5
PENULTIMATE_TOLERANCE = 1e-4
# Measured: the largest difference over the twelve named patches is 1.6e-6.
MEL_TOLERANCE = 1e-5

RANDOM = Path(__file__).parents[2] / "data" / "musicnn_random.npz"

Golden = dict[str, np.ndarray]


@pytest.fixture(scope="module")
def keras_trunk() -> keras.Model:
    with np.load(bundle.SHIPPED / bundle.TRUNK_WEIGHTS, allow_pickle=False) as weights:
        return build_trunk(dict(weights))


@pytest.fixture(scope="module")
def random_golden() -> Golden:
    return load(RANDOM)


@pytest.fixture(scope="module")
def shared_golden(shared: Path) -> Golden:
    return load(shared / "data" / "musicnn" / "reference.npz")


def load(path: Path) -> Golden:
    with np.load(path, allow_pickle=False) as golden:
        return {name: golden[name] for name in golden.files}


def assert_golden(golden: Golden, tags: np.ndarray, penultimate: np.ndarray) -> None:
    np.testing.assert_allclose(tags, golden["tags"], rtol=0, atol=TAGS_TOLERANCE)
    np.testing.assert_allclose(penultimate, golden["penultimate"], rtol=0, atol=PENULTIMATE_TOLERANCE)


def test_keras_trunk_on_random_patches(keras_trunk: keras.Model, random_golden: Golden) -> None:
    tags, penultimate = keras_trunk.predict(random_golden["patch"], verbose=0)
    assert_golden(random_golden, tags, penultimate)


def test_onnx_trunk_on_random_patches(trunk: Trunk, random_golden: Golden) -> None:
    assert_golden(random_golden, *trunk.run(random_golden["patch"]))


def test_onnx_trunk_gives_each_patch_the_same_alone_as_in_a_batch(
    trunk: Trunk, random_golden: Golden
) -> None:
    alone = [trunk.run(patch[None]) for patch in random_golden["patch"]]
    assert_golden(
        random_golden, np.concatenate([tags for tags, _ in alone]), np.concatenate([e for _, e in alone])
    )


@pytest.mark.shared
def test_keras_trunk_on_real_patches(keras_trunk: keras.Model, shared_golden: Golden) -> None:
    assert len(shared_golden["patch"]) == 16
    tags, penultimate = keras_trunk.predict(shared_golden["patch"], verbose=0)
    assert_golden(shared_golden, tags, penultimate)


@pytest.mark.shared
def test_onnx_trunk_on_real_patches(trunk: Trunk, shared_golden: Golden) -> None:
    assert_golden(shared_golden, *trunk.run(shared_golden["patch"]))


@pytest.mark.shared
def test_tag_names_are_in_the_order_of_the_original(shipped: Bundle, shared_golden: Golden) -> None:
    assert list(shipped.tag_names) == [str(name) for name in shared_golden["tag_names"]]


@pytest.mark.shared
def test_decoded_clips_give_the_golden_patches_and_tags(
    shipped: Bundle, trunk: Trunk, shared: Path, shared_golden: Golden
) -> None:
    """The chain from file to tags, without the level rule, which the original does not have."""
    front_end = replace(shipped.front_end, reference_rms=None)
    named = np.flatnonzero(shared_golden["patch_index"] >= 0)
    assert len(named) == 12
    for row in named:
        path = shared / "data" / str(shared_golden["clip"][row])
        samples = np.concatenate(list(stream_mono(path, front_end.rate_hz, DecodeReport())))
        first = int(shared_golden["patch_index"][row]) * front_end.patch_frames
        patch = log_mel(samples, shipped.mel_filters, front_end)[first : first + front_end.patch_frames]
        np.testing.assert_allclose(patch, shared_golden["patch"][row], rtol=0, atol=MEL_TOLERANCE)
        tags, penultimate = trunk.run(patch[None])
        np.testing.assert_allclose(tags[0], shared_golden["tags"][row], rtol=0, atol=TAGS_TOLERANCE)
        np.testing.assert_allclose(
            penultimate[0], shared_golden["penultimate"][row], rtol=0, atol=PENULTIMATE_TOLERANCE
        )
