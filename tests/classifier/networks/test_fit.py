"""Fits on small made-up songs: what is learned, weighed, stopped at, kept and gone on with."""

import gc
import multiprocessing
import os
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pytest

from classifier.datasets.examples import SpectralSong, patch_weights
from classifier.features.frontend import FrontEnd
from classifier.model.linear_head import softmax
from classifier.networks import frozen_features
from classifier.networks.fit import FittedNetwork, fit_network
from classifier.networks.frozen_features import FrozenFeatures
from classifier.networks.recipes import Augment, Fit, Recipe

Array = npt.NDArray[np.float32]

FRAMES, BANDS = 32, 24
LABELS = ("high", "low", "middle")
FRONT_END = FrontEnd(n_mels=BANDS, patch_frames=FRAMES)
CNN = Recipe(
    "cnn",
    FRONT_END,
    image=(16, 20),
    fit=Fit(epochs=4, batch_size=9),
    augment=Augment(time_shift=0.5, mixup=0.3),
)


def song(name: str, label: str, n_patches: int = 3, seed: int = 0, n_segments: int = 1) -> SpectralSong:
    """Noise that is loud in a third of the bands."""
    rng = np.random.default_rng((seed, len(name), sum(name.encode())))
    patches = rng.uniform(0, 1, (n_patches, FRAMES, BANDS))
    third = {"low": 0, "middle": 1, "high": 2}[label] * BANDS // 3
    patches[:, :, third : third + BANDS // 3] += 1.0
    segments = np.sort(np.arange(n_patches) % n_segments)
    return SpectralSong(name, label, None, patches.astype(np.float16), segments, [30.0] * n_segments)


def songs(n: int, seed: int = 0) -> list[SpectralSong]:
    return [song(f"{label}{i}", label, seed=seed) for label in LABELS for i in range(n)]


def fitted(recipe: Recipe = CNN, seed: int = 0, **options: object) -> FittedNetwork:
    return fit_network(recipe, songs(3), songs(1, seed=9), LABELS, seed, **options)  # type: ignore[arg-type]


@pytest.fixture(scope="module")
def plain() -> FittedNetwork:
    """A fit that nothing disturbs."""
    return fitted()


# What is learned.


def test_it_learns() -> None:
    recipe = replace(CNN, fit=replace(CNN.fit, epochs=12))
    made = fitted(recipe)
    for one in songs(2, seed=33):
        assert LABELS[int(made(one).mean(axis=0).argmax())] == one.label
    assert made.history["loss"][-1] < made.history["loss"][0]


def test_history_has_a_value_an_epoch(plain: FittedNetwork) -> None:
    assert set(plain.history) == {"loss", "accuracy", "val_loss", "val_accuracy", "learning_rate"}
    assert {len(values) for values in plain.history.values()} == {CNN.fit.epochs}
    assert plain.best_epoch == int(np.argmin(plain.history["val_loss"])) and plain.seconds > 0


def test_the_weights_are_those_of_the_best_epoch(plain: FittedNetwork) -> None:
    """Checked with a rate that makes the last epoch a bad one."""
    recipe = replace(CNN, fit=Fit(epochs=6, batch_size=9, learning_rate=0.05, plateau_patience=0))
    for made in (plain, fitted(recipe)):
        losses = []
        assert made is plain or len(set(made.history["learning_rate"])) == 1
        for one in songs(1, seed=9):
            probabilities = made.network.model.predict_on_batch(one.patches.astype(np.float32))
            losses.append(-np.log(probabilities[:, LABELS.index(one.label)]).mean())
        assert np.mean(losses) == pytest.approx(made.history["val_loss"][made.best_epoch], abs=1e-4)


def test_a_segments_embedding_is_the_mean_of_its_patches(plain: FittedNetwork) -> None:
    one = song("low7", "low", n_patches=5, n_segments=2)
    assert one.segments.tolist() == [0, 0, 0, 1, 1]
    outputs = plain.network.trunk.predict_on_batch(one.patches.astype(np.float32))
    each = outputs[0] if isinstance(outputs, list) else outputs
    means = np.stack([each[:3].mean(axis=0), each[3:].mean(axis=0)])
    head = plain.network.head()
    np.testing.assert_allclose(plain.embeddings(one), means, atol=1e-5)
    np.testing.assert_allclose(plain(one), softmax(means @ head.kernel + head.bias), atol=1e-5)


def test_without_validation_the_training_loss_is_watched() -> None:
    made = fit_network(CNN, songs(2), None, LABELS, 0)
    assert set(made.history) == {"loss", "accuracy", "learning_rate"}
    assert made.best_epoch == int(np.argmin(made.history["loss"]))


def test_the_seed_decides_the_fit_and_memory_maps_do_not(plain: FittedNetwork, tmp_path: Path) -> None:
    mapped = []
    for one in songs(3):
        np.save(tmp_path / f"{one.name}.npy", one.patches)
        mapped.append(replace(one, patches=np.load(tmp_path / f"{one.name}.npy", mmap_mode="r")))
    other = fitted(seed=1, folder=tmp_path, save_every_s=0)
    assert other.history["loss"] != plain.history["loss"]
    # The other fit's state lies there, and is not taken.
    again = fit_network(CNN, mapped, songs(1, seed=9), LABELS, 0, folder=tmp_path)
    assert again.history == plain.history


def test_on_a_cosine_all_songs_are_learned_from_and_the_last_epoch_is_kept() -> None:
    recipe = replace(CNN, fit=Fit(epochs=10, batch_size=9, learning_rate=0.01, schedule="cosine"))
    made = fitted(recipe)
    assert made.best_epoch == 9 and "val_loss" not in made.history
    rates = made.history["learning_rate"]
    assert rates[0] == pytest.approx(0.01) and rates == sorted(rates, reverse=True)
    assert rates[5] == pytest.approx(0.01 * (1 + np.cos(np.pi * 5 / 9)) / 2) and rates[-1] < 1e-9
    apart = fit_network(recipe, [*songs(3), *songs(1, seed=9)], None, LABELS, 0)
    assert apart.history == made.history


# What counts how much.


def test_labels_count_alike_and_songs_within_them() -> None:
    some = [song("a", "low", 1), song("b", "low", 3), song("c", "high", 2)]
    weights = patch_weights(some, LABELS)
    # Half of all weight is for "high"; each song of "low" has half of the other half.
    assert [w.sum() / 6 for w in weights] == pytest.approx([0.25, 0.25, 0.5])
    assert np.concatenate(weights).mean() == pytest.approx(1)
    assert all(np.ptp(w) == 0 for w in weights)


def test_segments_may_count_differently() -> None:
    one = replace(
        song("a", "low", 3, n_segments=2), segment_weights=np.array([0.5, 1.5], np.float32)
    )  # two patches, then one
    weights = patch_weights([one, song("b", "low", 3)], LABELS)
    np.testing.assert_allclose(weights[0], [0.6, 0.6, 1.8], rtol=1e-5)
    np.testing.assert_allclose(weights[1], 1, rtol=1e-5)


def test_weights_reach_the_loss() -> None:
    """In the validation loss five songs of one label count as much as one of another; a third has none."""
    many = [song(f"low{i}", "low", seed=4) for i in range(5)] + [song("high0", "high", seed=4)]
    made = fit_network(replace(CNN, fit=Fit(epochs=1, batch_size=4)), songs(2), many, LABELS, 0)
    of_label = {
        label: np.mean(
            [
                -np.log(
                    made.network.model.predict_on_batch(s.patches.astype(np.float32))[:, LABELS.index(label)]
                )
                for s in many
                if s.label == label
            ]
        )
        for label in ("low", "high")
    }
    assert abs(of_label["low"] - of_label["high"]) > 1e-3
    assert made.history["val_loss"][0] == pytest.approx((of_label["low"] + of_label["high"]) / 2, abs=1e-4)


# When it stops, and how it goes on.

STUBBORN = replace(
    CNN,
    fit=Fit(
        epochs=12, batch_size=9, learning_rate=0.03, stop_patience=4, plateau_patience=2, plateau_factor=0.5
    ),
)


def test_it_stops_and_lowers_the_rate_where_nothing_improves() -> None:
    recipe = replace(STUBBORN, fit=replace(STUBBORN.fit, epochs=60, learning_rate=0.2))
    history = fitted(recipe).history
    losses, rates = history["val_loss"], history["learning_rate"]
    best = int(np.argmin(losses))
    assert len(losses) < 60 and len(losses) == best + 1 + recipe.fit.stop_patience
    assert rates[0] == pytest.approx(0.2) and rates[-1] < rates[0]


class KilledError(Exception):
    pass


def killed_after(epochs: int) -> Callable[[int, int], None]:
    def progress(done: int, _of: int) -> None:
        if done == epochs:
            raise KilledError

    return progress


def test_a_killed_fit_goes_on_and_ends_the_same(tmp_path: Path) -> None:
    whole, after = fitted(STUBBORN), 5
    with pytest.raises(KilledError):
        fitted(STUBBORN, folder=tmp_path, save_every_s=0, progress=killed_after(after))
    seen: list[int] = []
    again = fitted(STUBBORN, folder=tmp_path, save_every_s=0, progress=lambda done, _of: seen.append(done))
    assert seen[0] == after  # the killed epoch was not saved yet, the ones before it were
    assert again.history == whole.history and again.best_epoch == whole.best_epoch
    for name, value in whole.network.trunk_weights().items():
        np.testing.assert_array_equal(again.network.trunk_weights()[name], value)
    seen.clear()
    third = fitted(STUBBORN, folder=tmp_path, progress=lambda done, _of: seen.append(done))
    assert not seen and third.history == whole.history
    np.testing.assert_array_equal(third.network.head().kernel, whole.network.head().kernel)


def test_epochs_since_the_last_state_are_run_again(plain: FittedNetwork, tmp_path: Path) -> None:
    with pytest.raises(KilledError):
        fitted(folder=tmp_path, save_every_s=3600, progress=killed_after(3))
    seen: list[int] = []
    again = fitted(folder=tmp_path, save_every_s=3600, progress=lambda done, _of: seen.append(done))
    assert seen[0] == 1 and again.history == plain.history


def _die(folder: Path) -> None:
    def progress(done: int, _of: int) -> None:
        if done == 3:
            os._exit(9)

    fitted(folder=folder, save_every_s=0, progress=progress)


def test_a_process_that_dies_leaves_a_state(plain: FittedNetwork, tmp_path: Path) -> None:
    process = multiprocessing.get_context("spawn").Process(target=_die, args=(tmp_path,))
    process.start()
    process.join()
    assert process.exitcode == 9
    seen: list[int] = []
    again = fitted(folder=tmp_path, save_every_s=0, progress=lambda done, _of: seen.append(done))
    assert seen[0] == 3
    for name, values in plain.history.items():
        np.testing.assert_allclose(again.history[name], values, atol=1e-5)


# Frozen layers.


def test_frozen_layers_see_each_patch_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    vgg16 = replace(CNN, arch="vgg16", image=(32, 32), augment=Augment())
    passed: list[int] = []
    real = frozen_features.last_output

    def counted(model: object, patches: npt.NDArray[np.generic]) -> Array:
        passed.append(len(patches))
        return real(model, patches)

    monkeypatch.setattr(frozen_features, "last_output", counted)
    kept = FrozenFeatures(tmp_path)
    first = fitted(vgg16, frozen_features=kept)
    assert sum(passed) == 3 * (9 + 3)
    again = fitted(vgg16, frozen_features=FrozenFeatures(tmp_path))
    assert sum(passed) == 3 * (9 + 3) and again.history == first.history
    one = songs(1, seed=9)[0]
    probabilities = first(one)
    assert sum(passed) == 3 * (9 + 3)
    trunk = real(first.network.trunk, one.patches).mean(axis=0, keepdims=True)
    head = first.network.head()
    np.testing.assert_allclose(probabilities, softmax(trunk @ head.kernel + head.bias), atol=1e-5)


def test_image_augmentation_sends_patches_through_vgg16(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(FrozenFeatures, "passed", None)  # which would fail if it were called
    recipe = replace(
        CNN, arch="vgg16", image=(32, 32), augment=Augment(image_shift=0.1), fit=Fit(epochs=1, batch_size=9)
    )
    assert len(fitted(recipe).history["loss"]) == 1


def test_a_fit_that_is_dropped_leaves_no_graph_behind() -> None:
    """Each graph keeps its weights alive, and the optimizer's: 300 MB a fit of the study's network."""

    def graphs() -> int:
        gc.collect()
        return sum(type(found).__name__ == "FuncGraph" for found in gc.get_objects())

    before = graphs()
    fitted(replace(CNN, fit=Fit(epochs=1, batch_size=9)))
    assert graphs() == before
