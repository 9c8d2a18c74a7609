"""Pruning keeps the function: against the full network in numpy, on random weights."""

import numpy as np
import numpy.typing as npt
import pytest

from classifier.build.prune import prune
from classifier.networks.musicnn import build_trunk

Array = npt.NDArray[np.float64]
Weights = dict[str, npt.NDArray[np.float32]]

TOLERANCE = 1e-4
# The published network's convolutions: kernel shape and how many filters are left alive here.
CONVOLUTIONS = {
    "conv2d": ((7, 38, 1, 204), 23),
    "conv2d_1": ((7, 67, 1, 204), 14),
    "conv2d_2": ((128, 1, 1, 51), 3),
    "conv2d_3": ((64, 1, 1, 51), 7),
    "conv2d_4": ((32, 1, 1, 51), 17),
    "conv2d_5": ((7, 561, 1, 64), 20),
    "conv2d_6": ((7, 64, 1, 64), 61),
    "conv2d_7": ((7, 64, 1, 64), 63),
}
DENSE = {"dense": (1506, 200), "dense_1": (200, 50)}
NORMS = (1, 204, 204, 51, 51, 51, 64, 64, 64, 1506, 200)


def random_weights(seed: int) -> Weights:
    """Weights of the published names and shapes: most filters dead, half the scales negative."""
    random = np.random.default_rng(seed)
    weights: Weights = {}
    for name, (shape, n_live) in CONVOLUTIONS.items():
        kernel = random.standard_normal(shape) / np.sqrt(np.prod(shape[:3]))
        kernel[..., random.permutation(shape[-1])[n_live:]] = 0
        weights[f"{name}/kernel"] = kernel
        weights[f"{name}/bias"] = random.standard_normal(shape[-1])
    for name, shape in DENSE.items():
        weights[f"{name}/kernel"] = random.standard_normal(shape) / np.sqrt(shape[0])
        weights[f"{name}/bias"] = random.standard_normal(shape[-1])
    for number, size in enumerate(NORMS):
        name = f"batch_normalization_{number}".removesuffix("_0")
        weights[f"{name}/gamma"] = random.choice([-1, 1], size) * random.uniform(0.3, 1.5, size)
        weights[f"{name}/beta"] = random.standard_normal(size)
        weights[f"{name}/moving_mean"] = random.standard_normal(size)
        weights[f"{name}/moving_variance"] = random.uniform(0.1, 2, size)
    return {name: value.astype(np.float32) for name, value in weights.items()}


def norm(w: Weights, number: int, x: Array) -> Array:
    name = f"batch_normalization_{number}" if number else "batch_normalization"
    gamma, beta, mean, variance = (
        w[f"{name}/{part}"].astype(np.float64) for part in ("gamma", "beta", "moving_mean", "moving_variance")
    )
    return gamma * (x - mean) / np.sqrt(variance + 1e-3) + beta


def convolve(w: Weights, name: str, x: Array) -> Array:
    """'Valid' convolution of (time, frequency) with the kernel, ReLU: (time, frequency, filters)."""
    kernel = w[f"{name}/kernel"].astype(np.float64)[:, :, 0, :]
    windows = np.lib.stride_tricks.sliding_window_view(x, kernel.shape[:2])
    times, bands = windows.shape[:2]
    flat = windows.reshape(times * bands, -1) @ kernel.reshape(-1, kernel.shape[-1])
    return np.maximum(flat.reshape(times, bands, -1) + w[f"{name}/bias"], 0)


def full_network(w: Weights, patch: npt.NDArray[np.float32]) -> tuple[Array, Array]:
    """The network as musicnn.md tells it: tags (50,) and penultimate layer (200,) of one patch."""
    x = norm(w, 0, patch.astype(np.float64))
    front = []
    for number, name in enumerate(["conv2d", "conv2d_1"], start=1):
        front.append(norm(w, number, convolve(w, name, np.pad(x, ((3, 3), (0, 0))))).max(axis=1))
    for number, name in enumerate(["conv2d_2", "conv2d_3", "conv2d_4"], start=3):
        length = w[f"{name}/kernel"].shape[0]
        before = (length - 1) // 2  # TensorFlow's 'same' puts the odd one at the end
        padded = np.pad(x, ((before, length - 1 - before), (0, 0)))
        front.append(norm(w, number, convolve(w, name, padded)).max(axis=1))
    joined = np.concatenate(front, axis=1)
    layers = [joined]
    for number, name in enumerate(["conv2d_5", "conv2d_6", "conv2d_7"], start=6):
        out = norm(w, number, convolve(w, name, np.pad(layers[-1], ((3, 3), (0, 0))))[:, 0])
        layers.append(out if name == "conv2d_5" else layers[-1] + out)
    features = np.concatenate(layers, axis=1)
    pooled = np.stack([features.max(axis=0), features.mean(axis=0)], axis=1).ravel()
    hidden = np.maximum(norm(w, 9, pooled) @ w["dense/kernel"] + w["dense/bias"], 0)
    penultimate = norm(w, 10, hidden)
    return 1 / (1 + np.exp(-(penultimate @ w["dense_1/kernel"] + w["dense_1/bias"]))), penultimate


@pytest.mark.parametrize("seed", [0, 1])
def test_pruned_network_is_the_full_one(seed: int) -> None:
    weights = random_weights(seed)
    patches = np.random.default_rng(seed + 10).uniform(0, 4, (2, 187, 96)).astype(np.float32)
    tags, penultimate = build_trunk(prune(weights)).predict(patches, verbose=0)
    for patch, found_tags, found_penultimate in zip(patches, tags, penultimate, strict=True):
        true_tags, true_penultimate = full_network(weights, patch)
        assert true_tags.std() > 0.1  # the random network says something
        np.testing.assert_allclose(found_tags, true_tags, rtol=0, atol=TOLERANCE)
        np.testing.assert_allclose(found_penultimate, true_penultimate, rtol=0, atol=TOLERANCE)


def test_pruning_keeps_the_live_filters_alone() -> None:
    pruned = prune(random_weights(0))
    names = ("timbral_38", "timbral_67", "temporal_128", "temporal_64", "temporal_32")
    assert [pruned[f"{name}/kernel"].shape[-1] for name in names] == [23, 14, 3, 7, 17]
    assert pruned["mid_1/kernel"].shape == (7, 64 + 1, 64)
    assert pruned["penultimate/kernel"].shape == (2 * (64 + 3 * 64), 200)


def test_shipped_trunk_was_pruned_to_what_the_published_one_holds(shipped) -> None:
    with np.load(shipped.path / "trunk.npz", allow_pickle=False) as weights:
        assert weights["mid_1/kernel"].shape == (7, 65, 64)
        # Negative scales are few but there: without `sign` their maxima would be wrong.
        signs = np.concatenate([weights[name] for name in weights.files if name.endswith("/sign")])
        scales = np.concatenate(
            [weights[name.replace("/sign", "/scale")] for name in weights.files if name.endswith("/sign")]
        )
        np.testing.assert_array_equal(signs, np.where(scales < 0, -1, 1))
