"""The front end against librosa, and the level rule."""

import json
import math
from dataclasses import asdict, replace

import librosa
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from classifier import params
from classifier.features.frontend import (
    FrontEnd,
    log_mel,
    mel_filters,
    power_mel,
    power_to_db,
    segment_patches,
    to_reference_level,
)
from classifier.features.mel_bands import band_parts
from classifier.features.segments import AudioSegment
from classifier.measures.windows import hann
from classifier.model.bundle import Bundle
from classifier.model.inference import Trunk
from tests import synth

RATE_HZ = 16_000
TOLERANCE = 1e-4


def librosa_log_mel(samples: np.ndarray) -> np.ndarray:
    power = librosa.feature.melspectrogram(y=samples, sr=RATE_HZ, n_fft=512, hop_length=256, n_mels=96)
    return np.log10(10_000 * power + 1).T


def segment_of(samples: np.ndarray) -> AudioSegment:
    return AudioSegment(0.0, len(samples) / RATE_HZ, samples)


@pytest.mark.parametrize("n_samples", [3 * RATE_HZ, 35 * RATE_HZ, 30 * RATE_HZ - 1, 100_003, 65_536])
def test_log_mel_is_librosas(shipped: Bundle, n_samples: int) -> None:
    samples = synth.music_like(36, 3, RATE_HZ)[:n_samples]
    found = log_mel(samples, shipped.mel_filters, shipped.front_end)
    assert len(found) == 1 + n_samples // 256
    assert found.dtype == np.float32
    np.testing.assert_allclose(found, librosa_log_mel(samples), rtol=0, atol=TOLERANCE)


@pytest.mark.parametrize(("n_fft", "hop_length"), [(512, 256), (600, 200), (2048, 512)])
def test_power_mel_is_the_definition_in_float64(n_fft: int, hop_length: int) -> None:
    """A loud tone beside quiet noise, 90 dB lower: what float32 might lose. Errors are of the frame's sum."""
    front_end = FrontEnd(n_fft=n_fft, hop_length=hop_length, n_mels=40)
    filters = mel_filters(front_end)
    samples = (synth.sine(3, 1000, RATE_HZ) + synth.noise(3, 1, RATE_HZ, rms=3e-5)).astype(np.float32)
    window = 0.5 - 0.5 * np.cos(2 * np.pi * np.arange(n_fft) / n_fft)
    padded = np.pad(samples.astype(np.float64), n_fft // 2)
    frames = [padded[s : s + n_fft] * window for s in range(0, len(padded) - n_fft + 1, hop_length)]
    expected = np.abs(np.fft.rfft(frames)) ** 2 @ filters.T.astype(np.float64)
    found = power_mel(samples, filters, front_end)
    assert found.shape == expected.shape
    np.testing.assert_allclose(found, expected, rtol=2e-3, atol=1e-9)
    loud = expected > expected.max(axis=1, keepdims=True) / 1e4
    np.testing.assert_allclose(found[loud], expected[loud], rtol=2e-5)


@settings(max_examples=30, deadline=None)
@given(
    n_samples=st.integers(512, 5 * RATE_HZ),
    amplitude_exponent=st.floats(-5, 1),
    seed=st.integers(0, 9),
)
def test_log_mel_is_librosas_at_any_length_and_level(
    shipped: Bundle, n_samples: int, amplitude_exponent: float, seed: int
) -> None:
    samples = np.random.default_rng(seed).standard_normal(n_samples) * 10**amplitude_exponent
    samples = samples.astype(np.float32)
    found = log_mel(samples, shipped.mel_filters, shipped.front_end)
    np.testing.assert_allclose(found, librosa_log_mel(samples), rtol=0, atol=TOLERANCE)


def test_log_mel_of_silence_is_zero_and_of_full_scale_is_finite(shipped: Bundle) -> None:
    assert not log_mel(np.zeros(RATE_HZ * 3, np.float32), shipped.mel_filters, shipped.front_end).any()
    square = np.sign(synth.sine(3, 1000, RATE_HZ))
    found = log_mel(square, shipped.mel_filters, shipped.front_end)
    # In float16, as the original has it, the power times 10,000 would overflow.
    assert np.isfinite(found).all()
    assert found.max() > np.log10(65_504)


def test_window_is_librosas() -> None:
    np.testing.assert_allclose(hann(512), librosa.filters.get_window("hann", 512), rtol=0, atol=1e-7)


def test_shipped_mel_filters_are_librosas(shipped: Bundle) -> None:
    filters = librosa.filters.mel(sr=RATE_HZ, n_fft=512, n_mels=96)
    np.testing.assert_allclose(shipped.mel_filters, filters, rtol=1e-6, atol=1e-9)


def test_shipped_front_end_has_the_published_numbers(shipped: Bundle) -> None:
    front_end = shipped.front_end
    assert (front_end.rate_hz, front_end.n_fft, front_end.hop_length) == (16_000, 512, 256)
    assert (front_end.n_mels, front_end.log_scale, front_end.patch_frames) == (96, 10_000.0, 187)
    assert front_end.patch_s == pytest.approx(2.992)
    assert front_end.min_rest_frames == 94  # 1.5 s are 93.75 frames


@given(amplitude_exponent=st.floats(-4, 1), reference_rms=st.floats(0.01, 1), n_samples=st.integers(10, 5000))
def test_reference_level_is_reached(amplitude_exponent: float, reference_rms: float, n_samples: int) -> None:
    samples = np.random.default_rng(0).standard_normal(n_samples) * 10**amplitude_exponent
    segment = segment_of(samples.astype(np.float32))
    scaled = to_reference_level(segment.samples, segment.rms, FrontEnd(reference_rms=reference_rms))
    assert math.sqrt(np.mean(scaled.astype(np.float64) ** 2)) == pytest.approx(reference_rms, rel=1e-4)


def test_gain_is_a_product(shipped: Bundle) -> None:
    samples = synth.music_like(3.1, 5, RATE_HZ)
    found = power_mel(samples, shipped.mel_filters, shipped.front_end, gain=0.37)
    expected = power_mel(samples, shipped.mel_filters, shipped.front_end) * 0.37**2
    np.testing.assert_allclose(found, expected, rtol=1e-4)


def test_no_reference_level_and_digital_silence_leave_samples_alone() -> None:
    samples, silence = synth.noise(1), np.zeros(100, np.float32)
    np.testing.assert_array_equal(to_reference_level(samples, 0.1, FrontEnd(reference_rms=None)), samples)
    np.testing.assert_array_equal(to_reference_level(silence, 0.0, FrontEnd()), silence)


@pytest.mark.parametrize("gain_db", [-20, -6, 6])
def test_gain_changes_nothing(trunk: Trunk, gain_db: float) -> None:
    samples = synth.music_like(31, 5, RATE_HZ) * 0.3
    louder = samples * np.float32(10 ** (gain_db / 20))
    plain = trunk.analyse_segment(segment_of(samples), {"mel": 0.0, "network": 0.0})
    changed = trunk.analyse_segment(segment_of(louder), {"mel": 0.0, "network": 0.0})
    assert changed.level_dbfs - plain.level_dbfs == pytest.approx(gain_db, abs=1e-3)
    np.testing.assert_allclose(changed.tags, plain.tags, rtol=0, atol=TOLERANCE)
    np.testing.assert_allclose(changed.embedding, plain.embedding, rtol=0, atol=TOLERANCE)
    np.testing.assert_allclose(changed.patches, plain.patches, rtol=0, atol=2e-3)  # float16


def test_without_the_level_rule_gain_changes_the_embedding(shipped: Bundle) -> None:
    """What the rule is for: that the test above would not pass of itself."""
    loose = Trunk(replace(shipped, front_end=replace(shipped.front_end, reference_rms=None)), threads=1)
    samples = synth.music_like(6, 5, RATE_HZ) * 0.3
    plain, _ = loose.run(loose.patches(segment_of(samples)))
    softer, _ = loose.run(loose.patches(segment_of(samples / 2)))
    assert np.abs(plain - softer).max() > 0.01


# Front ends of other networks: decibels, MFCCs, padding and normalisation.

SETTINGS = [
    (22_050, 2048, 512, 128, 40),
    (22_050, 1024, 256, 256, 13),
    (16_000, 512, 256, 96, 20),
    (8_000, 256, 100, 40, 40),
]


def front_end_of(
    rate_hz: int, n_fft: int, hop_length: int, n_mels: int, n_mfcc: int, **more: object
) -> FrontEnd:
    return FrontEnd(
        rate_hz=rate_hz,
        n_fft=n_fft,
        hop_length=hop_length,
        n_mels=n_mels,
        n_mfcc=n_mfcc,
        reference_rms=None,
        **{"scale": "db", "patch_frames": 100, **more},
    )


def librosa_db(samples: np.ndarray, front_end: FrontEnd) -> np.ndarray:
    power = librosa.feature.melspectrogram(
        y=samples,
        sr=front_end.rate_hz,
        n_fft=front_end.n_fft,
        hop_length=front_end.hop_length,
        n_mels=front_end.n_mels,
    )
    return librosa.power_to_db(power)


def patches_of(samples: np.ndarray, front_end: FrontEnd) -> np.ndarray:
    rms = float(np.sqrt(np.mean(samples.astype(np.float64) ** 2)))
    return segment_patches(samples, rms, mel_filters(front_end), front_end)


@pytest.mark.parametrize("numbers", SETTINGS)
@pytest.mark.parametrize("gain", [1.0, 1e-4])
def test_decibels_are_librosas(numbers: tuple[int, ...], gain: float) -> None:
    front_end = front_end_of(*numbers)
    samples = synth.music_like(4, 3, front_end.rate_hz) * np.float32(gain)
    found = log_mel(samples, mel_filters(front_end), front_end)
    np.testing.assert_allclose(found, librosa_db(samples, front_end).T, rtol=0, atol=2e-3)
    assert found.min() >= found.max() - 80


@pytest.mark.parametrize("numbers", SETTINGS)
def test_decibels_of_decibels_are_the_studys_slip(numbers: tuple[int, ...]) -> None:
    front_end = front_end_of(*numbers, scale="db-twice")
    samples = synth.music_like(4, 3, front_end.rate_hz)
    slip = librosa.power_to_db(librosa_db(samples, front_end)).T
    found = log_mel(samples, mel_filters(front_end), front_end)
    # Near 0 dB the second logarithm has no slope worth comparing; above it the two agree.
    well_above = slip > -20
    np.testing.assert_allclose(found[well_above], slip[well_above], rtol=0, atol=0.05)
    erased = librosa_db(samples, front_end).T < -0.01
    assert erased.any()
    np.testing.assert_allclose(found[erased], max(-100.0, slip.max() - 80), atol=1e-3)


@pytest.mark.parametrize("numbers", SETTINGS)
def test_mfcc_are_librosas(numbers: tuple[int, ...]) -> None:
    front_end = front_end_of(*numbers, feature="mfcc")
    samples = synth.music_like(6, 4, front_end.rate_hz)
    whole = librosa.feature.mfcc(S=librosa_db(samples, front_end), n_mfcc=front_end.n_mfcc).T
    found = patches_of(samples, front_end)
    assert found.shape[2] == front_end.n_bands == front_end.n_mfcc
    np.testing.assert_allclose(found[0], whole[:100], rtol=0, atol=0.02)
    np.testing.assert_allclose(found[1], whole[100:200], rtol=0, atol=0.02)


def test_power_to_db_is_librosas_for_silence_and_extremes() -> None:
    for power in (np.zeros((4, 4)), np.array([[1e-20, 1.0, 1e5]]), np.full((2, 2), 1e-12)):
        found = power_to_db(power.astype(np.float32))
        np.testing.assert_allclose(found, librosa.power_to_db(power), rtol=0, atol=1e-3)


def test_patches_are_cut_to_their_frames_with_one_more_at_the_end_of_a_long_rest() -> None:
    front_end = front_end_of(8_000, 256, 100, 40, 40, patch_frames=100, min_rest_s=0.5)  # 40 frames
    filters = mel_filters(front_end)
    for seconds, starts in ((1.24, [0]), (1.7, [0]), (1.75, [0, 41]), (2.6, [0, 100]), (0.9, [])):
        samples = synth.music_like(seconds, 5, 8_000)
        whole = log_mel(samples, filters, front_end)
        found = patches_of(samples, front_end)
        assert found.shape == (len(starts), 100, 40)
        for patch, start in zip(found, starts, strict=True):
            np.testing.assert_array_equal(patch, whole[start : start + 100])


SHORT = {"patch_frames": 100, "min_rest_s": 0.5}


@pytest.mark.parametrize("feature", ["log-mel", "mfcc"])
def test_zero_pads_the_decibels_before_the_cosine_transform(feature: str) -> None:
    """As the study has it: full level rather than silence."""
    front_end = front_end_of(8_000, 256, 100, 40, 20, feature=feature, padding="zero", **SHORT)
    samples = synth.music_like(0.8, 5, 8_000)
    decibels = librosa_db(samples, front_end)
    padded = np.pad(decibels, ((0, 0), (0, 100 - decibels.shape[1])))
    expected = padded if feature == "log-mel" else librosa.feature.mfcc(S=padded, n_mfcc=20)
    (found,) = patches_of(samples, front_end)
    np.testing.assert_allclose(found, expected.T, rtol=0, atol=0.02)


@pytest.mark.parametrize("scale", ["log10", "db", "db-twice"])
@pytest.mark.parametrize("amplitude", [0.5, 1e-4])
def test_silence_pads_with_what_silence_measures(scale: str, amplitude: float) -> None:
    """The same as digital silence after the segment, even where the segment itself is nowhere quiet."""
    front_end = front_end_of(8_000, 256, 100, 40, 20, scale=scale, padding="silence", **SHORT)
    samples = synth.noise(0.8, 1, 8_000, rms=amplitude / 5)
    (found,) = patches_of(samples, front_end)
    silenced = np.pad(samples, (0, 100 * 100 - len(samples)))
    expected = log_mel(silenced, mel_filters(front_end), front_end)[:100]
    beyond = 1 + len(samples) // 100 + 2  # the window's edge reaches into the first frames of silence
    np.testing.assert_allclose(found[beyond:], expected[beyond:], rtol=0, atol=1e-3)
    np.testing.assert_array_equal(found[: beyond - 4], expected[: beyond - 4])
    assert found[beyond:].max() <= found[: beyond - 4].min() + 1e-3


def test_without_padding_a_short_segment_gives_nothing() -> None:
    front_end = front_end_of(8_000, 256, 100, 40, 20, **SHORT)
    assert patches_of(synth.noise(0.8, 1, 8_000), front_end).shape == (0, 100, 40)
    whole = replace(front_end, padding="zero")
    long_enough = synth.noise(1.5, 1, 8_000)
    np.testing.assert_array_equal(patches_of(long_enough, front_end), patches_of(long_enough, whole))


def test_limits_become_zero_and_one() -> None:
    plain = front_end_of(8_000, 256, 100, 40, 20, **SHORT)
    samples = synth.music_like(1.5, 5, 8_000)
    raw = patches_of(samples, plain)
    low, high = float(np.quantile(raw, 0.3)), float(np.quantile(raw, 0.8))
    found = patches_of(samples, replace(plain, normalise="limits", limits=(low, high)))
    np.testing.assert_allclose(found, np.clip((raw - low) / (high - low), 0, 1), rtol=0, atol=1e-5)
    assert (found.min(), found.max()) == (0, 1)
    assert found[raw < low].max() == 0
    assert found[raw > high].min() == 1


def test_standard_is_over_each_patch() -> None:
    plain = front_end_of(8_000, 256, 100, 40, 20, **SHORT)
    samples = np.concatenate([synth.noise(1.25, 1, 8_000), synth.music_like(1.25, 5, 8_000)])
    raw = patches_of(samples, plain)
    found = patches_of(samples, replace(plain, normalise="standard"))
    assert len(found) == 2
    for patch, of_raw in zip(found, raw, strict=True):
        np.testing.assert_allclose(patch, (of_raw - of_raw.mean()) / of_raw.std(), rtol=0, atol=1e-3)
        assert patch.mean() == pytest.approx(0, abs=1e-4)
        assert patch.std() == pytest.approx(1, abs=1e-3)
    flat = patches_of(np.zeros(12_500, np.float32), replace(plain, normalise="standard"))
    assert not flat.any()  # digital silence: nothing is divided by zero


FORMAT_1 = (
    "rate_hz",
    "n_fft",
    "hop_length",
    "n_mels",
    "log_scale",
    "patch_frames",
    "min_rest_s",
    "reference_rms",
)


def test_default_description_has_the_fields_of_format_1_alone() -> None:
    """Else the shipped trunk, whose id hashes its description, would be another's."""
    assert tuple(FrontEnd().describe()) == FORMAT_1
    # As published in format 1, a field that is at its default is there all the same.
    assert FrontEnd().describe()["n_fft"] == params.N_FFT


def test_shipped_trunk_keeps_its_id(shipped: Bundle) -> None:
    assert shipped.trunk_id == "trunk-e876a727254c71d5"


def test_what_differs_from_the_default_is_described() -> None:
    told = FrontEnd(feature="mfcc", limits=(-10.0, 60.0)).describe()
    assert {name: told[name] for name in told if name not in FORMAT_1} == {
        "feature": "mfcc",
        "limits": [-10.0, 60.0],
    }


@given(
    n_fft=st.sampled_from([512, 2048]),
    n_mfcc=st.integers(10, 50),
    reference_rms=st.none() | st.floats(0.01, 1),
    feature=st.sampled_from(["log-mel", "mfcc"]),
    scale=st.sampled_from(["log10", "db", "db-twice"]),
    padding=st.sampled_from(["none", "silence", "zero"]),
    normalise=st.sampled_from(["none", "limits", "standard"]),
    limits=st.tuples(st.floats(-100, 0), st.floats(1, 100)),
)
def test_description_round_trip(**fields: object) -> None:
    front_end = FrontEnd(**fields)
    again = FrontEnd.from_description(json.loads(json.dumps(front_end.describe())))
    assert again == front_end
    assert asdict(again) == asdict(front_end)


@pytest.mark.parametrize("name", ["rate_hz", "hop_length", "reference_rms"])
def test_a_description_that_lacks_a_field_is_refused(name: str) -> None:
    described = FrontEnd().describe()
    del described[name]
    with pytest.raises(TypeError, match=f"the front end has no {name}"):
        FrontEnd.from_description(described)


def test_unknown_field_of_a_description_is_refused() -> None:
    with pytest.raises(TypeError, match="n_octaves"):
        FrontEnd.from_description({**FrontEnd().describe(), "n_octaves": 3})


@settings(deadline=None)
@given(st.integers(1, 20), st.integers(1, 40), st.integers(0, 1_000))
def test_parts_of_bands_hold_all_that_the_filters_do(n_bands: int, n_bins: int, seed: int) -> None:
    """Bands that cover nothing, as of too fine a scale, among them."""
    random = np.random.default_rng(seed)
    filters = random.random((n_bands, n_bins), np.float32)
    filters *= np.abs(np.arange(n_bins) - random.integers(0, n_bins, (n_bands, 1))) < random.integers(0, 4)
    summed = np.full((3, n_bands), np.nan, np.float32)
    power = random.random((3, n_bins), np.float32)
    for bands, bins, part in band_parts(filters):
        summed[:, bands] = power[:, bins] @ part
    np.testing.assert_allclose(summed, power @ filters.T, rtol=1e-5, atol=1e-6)
