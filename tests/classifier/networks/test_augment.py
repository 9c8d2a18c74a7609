"""Augmentation by value: gains against louder audio, images against scipy, the rest by hand."""

from dataclasses import replace

import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.ndimage import map_coordinates

from classifier.errors import TrainingDataError
from classifier.features.frontend import FrontEnd, mel_filters, segment_patches
from classifier.networks.augment import Batch, augmented, masked, mixed, moved, rolled, with_gain
from classifier.networks.recipes import Augment

Array = npt.NDArray[np.float32]

RATE_HZ = 8000
SMALL = FrontEnd(
    rate_hz=RATE_HZ,
    n_fft=256,
    hop_length=128,
    n_mels=20,
    n_mfcc=8,
    patch_frames=30,
    reference_rms=None,
    limits=(-60.0, 40.0),
)
FRONT_ENDS = {
    "log10": SMALL,
    "log10 in limits": replace(SMALL, normalise="limits", limits=(-1.0, 9.0)),
    "db": replace(SMALL, scale="db"),
    "db in limits": replace(SMALL, scale="db", normalise="limits"),
    "mfcc": replace(SMALL, scale="db", feature="mfcc"),
    "mfcc in limits": replace(SMALL, scale="db", feature="mfcc", normalise="limits", limits=(-250, 250)),
}


def noise(seed: int = 0) -> Array:
    samples = np.random.default_rng(seed).standard_normal(RATE_HZ // 2) * np.linspace(0.2, 1, RATE_HZ // 2)
    return samples.astype(np.float32)


def patches_of(samples: Array, front_end: FrontEnd) -> Array:
    return segment_patches(samples, 1.0, mel_filters(front_end), front_end)


@pytest.mark.parametrize("name", FRONT_ENDS)
@pytest.mark.parametrize("gain_db", [-6.0, 4.5])
def test_a_gain_is_what_louder_audio_gives(name: str, gain_db: float) -> None:
    front_end = FRONT_ENDS[name]
    plain = patches_of(noise(), front_end)
    louder = patches_of(noise() * np.float32(10 ** (gain_db / 20)), front_end)
    assert np.abs(louder - plain).max() > 0.01
    if front_end.normalise == "limits":
        assert plain.min() > 0 and plain.max() < 1  # nothing is cut, so the gain is exact
    changed = with_gain(plain, np.array([gain_db] * len(plain)), front_end)
    np.testing.assert_allclose(changed, louder, atol=2e-4)


def test_each_patch_has_its_own_gain() -> None:
    patches = np.full((2, 3, 4), 7, np.float32)
    changed = with_gain(patches, np.array([1.0, -2.0]), FRONT_ENDS["db"])
    assert (changed[0] == 8).all() and (changed[1] == 5).all()


def test_what_the_limits_cut_stays_cut() -> None:
    patches = np.array([[[0.0, 0.5, 0.98, 1.0]]], np.float32)
    changed = with_gain(patches, np.array([5.0]), FRONT_ENDS["db in limits"])
    np.testing.assert_allclose(changed, [[[0.0, 0.55, 1.0, 1.0]]], atol=1e-6)


def test_a_patch_of_standard_deviation_1_has_no_level() -> None:
    patches = patches_of(noise(), replace(SMALL, normalise="standard"))
    assert with_gain(patches, np.array([6.0]), replace(SMALL, normalise="standard")) is patches


@pytest.mark.parametrize("lossy", [replace(SMALL, feature="mfcc"), replace(SMALL, scale="db-twice")])
def test_no_gain_where_the_power_is_lost(lossy: FrontEnd) -> None:
    with pytest.raises(TrainingDataError, match="gain"):
        with_gain(np.zeros((1, 3, lossy.n_bands), np.float32), np.array([1.0]), lossy)


def test_rolled_goes_round() -> None:
    patches = np.arange(5, dtype=np.float32).reshape(1, 5, 1).repeat(3, axis=0)
    turned = rolled(patches, np.array([0, 2, -1]))[:, :, 0]
    assert turned.tolist() == [[0, 1, 2, 3, 4], [3, 4, 0, 1, 2], [1, 2, 3, 4, 0]]


def test_masks_hold_the_patch_mean() -> None:
    patches = np.arange(12, dtype=np.float32).reshape(1, 4, 3).repeat(2, axis=0)
    in_time = masked(patches, np.array([1, 0]), np.array([3, 0]), axis=1)
    assert in_time[0].tolist() == [[0, 1, 2], [5.5] * 3, [5.5] * 3, [9, 10, 11]]
    assert (in_time[1] == patches[1]).all()
    in_bands = masked(patches, np.array([2, 2]), np.array([3, 3]), axis=2)
    assert in_bands[0, :, 2].tolist() == [5.5] * 4 and (in_bands[:, :, :2] == patches[:, :, :2]).all()


def test_mixup_by_hand() -> None:
    batch = Batch(
        np.array([[[1.0]], [[5.0]]], np.float32), np.eye(2, dtype=np.float32), np.array([1, 3], np.float32)
    )
    made = mixed(batch, np.array([1, 0]), np.array([0.75, 0.5]))
    assert made.patches.ravel().tolist() == [2.0, 3.0]
    assert made.weights.tolist() == [1.5, 2.0]  # 0.75 · 1 + 0.25 · 3, 0.5 · 3 + 0.5 · 1
    np.testing.assert_allclose(made.targets, [[0.5, 0.5], [0.25, 0.75]])


@given(st.integers(0, 10_000), st.floats(0.05, 5))
def test_mixup_keeps_the_weighted_loss_linear(seed: int, alpha: float) -> None:
    """weight · cross-entropy of a mixed target = the mix of the two weighted cross-entropies."""
    rng = np.random.default_rng(seed)
    targets = np.eye(3, dtype=np.float32)[rng.integers(0, 3, 4)]
    batch = Batch(np.zeros((4, 1, 1), np.float32), targets, rng.uniform(0.2, 3, 4).astype(np.float32))
    partners, shares = rng.permutation(4), rng.beta(alpha, alpha, 4)
    log_p = np.log(rng.dirichlet(np.ones(3), 4))
    made = mixed(batch, partners, shares)
    own = -batch.weights * (batch.targets * log_p).sum(axis=1)
    others = -batch.weights[partners] * (batch.targets[partners] * log_p).sum(axis=1)
    loss = -made.weights * (made.targets * log_p).sum(axis=1)
    np.testing.assert_allclose(loss, shares * own + (1 - shares) * others, rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize(("shift", "zoom"), [(0.0, (1, 1)), (2.0, (1, 1)), (-1.3, (0.9, 1.1)), (0, (1.1, 1))])
def test_moved_is_scipys_interpolation(shift: float, zoom: tuple[float, float]) -> None:
    patch = np.random.default_rng(3).standard_normal((9, 7)).astype(np.float32)
    frame = (np.arange(9) - 4) * zoom[0] + 4
    band = (np.arange(7) - 3) * zoom[1] + 3 - shift
    expected = map_coordinates(patch, np.meshgrid(frame, band, indexing="ij"), order=1, mode="nearest")
    found = moved(patch[None], np.array([float(shift)]), np.array([zoom], float))[0]
    np.testing.assert_allclose(found, expected, atol=1e-5)


def test_a_positive_shift_goes_to_higher_bands() -> None:
    patch = np.tile(np.arange(4, dtype=np.float32), (1, 2, 1))
    found = moved(patch, np.array([1.0]), np.ones((1, 2)))
    assert found[0, 0].tolist() == [0, 0, 1, 2]


ALL = Augment(0.5, 6.0, 0.2, 0.3, 0.4, 0.1, 0.1)


def batch_of(n: int = 16) -> Batch:
    rng = np.random.default_rng(5)
    patches = rng.uniform(0.5, 4, (n, 30, 20)).astype(np.float32)
    return Batch(patches, np.eye(4, dtype=np.float32)[rng.integers(0, 4, n)], np.ones(n, np.float32))


def test_nothing_on_changes_nothing() -> None:
    made = augmented(batch_of(), Augment(), SMALL, np.random.default_rng(0))
    assert (made.patches == batch_of().patches).all() and (made.targets == batch_of().targets).all()


def test_the_generator_decides_everything() -> None:
    first, again, other = (
        augmented(batch_of(), ALL, SMALL, np.random.default_rng(seed)) for seed in (1, 1, 2)
    )
    assert (first.patches == again.patches).all() and (first.targets == again.targets).all()
    assert np.abs(first.patches - other.patches).max() > 0.1
    assert first.patches.dtype == first.targets.dtype == first.weights.dtype == np.float32
    np.testing.assert_allclose(first.targets.sum(axis=1), 1, atol=1e-6)


def test_shift_reach_and_mask_widths_are_as_told() -> None:
    position = np.arange(30, dtype=np.float32)[None, :, None].repeat(400, axis=0).repeat(20, axis=2)
    batch = Batch(position, np.ones((400, 1), np.float32), np.ones(400, np.float32))
    turned = augmented(batch, Augment(time_shift=0.5), SMALL, np.random.default_rng(0)).patches[:, 0, 0]
    shifts = np.where(turned > 15, turned - 30, turned)
    assert -15 <= shifts.min() < -13 and 13 < shifts.max() <= 15
    hidden = augmented(batch, Augment(time_mask=0.2), SMALL, np.random.default_rng(0)).patches == 14.5
    assert set(hidden[:, :, 0].sum(axis=1)) == set(range(7))
    assert hidden[:, 0].any() and hidden[:, -1].any()  # the ends are masked too
    bands = np.broadcast_to(np.arange(20, dtype=np.float32), (400, 30, 20)).copy()
    made = augmented(replace(batch, patches=bands), Augment(band_mask=0.3), SMALL, np.random.default_rng(0))
    assert set((made.patches == 9.5)[:, 0].sum(axis=1)) == set(range(7))


def test_gains_stay_within_what_is_asked() -> None:
    quiet = Batch(np.zeros((500, 2, 2), np.float32), np.ones((500, 1), np.float32), np.ones(500, np.float32))
    made = augmented(quiet, Augment(gain_db=6.0), FRONT_ENDS["db"], np.random.default_rng(0)).patches
    assert -6 <= made.min() < -5.8 and 5.8 < made.max() <= 6
    assert (made == made[:, :1, :1]).all()
