"""The front end against librosa, and the level rule."""

import math
from dataclasses import replace

import librosa
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from classifier.bundle import Bundle
from classifier.frontend import FrontEnd, hann, log_mel, to_reference_level
from classifier.segments import Segment
from classifier.serve import Trunk
from tests import synth

RATE_HZ = 16_000
TOLERANCE = 1e-4


def librosa_log_mel(samples: np.ndarray) -> np.ndarray:
    power = librosa.feature.melspectrogram(y=samples, sr=RATE_HZ, n_fft=512, hop_length=256, n_mels=96)
    return np.log10(10_000 * power + 1).T


def segment_of(samples: np.ndarray) -> Segment:
    return Segment(0.0, len(samples) / RATE_HZ, samples)


@pytest.mark.parametrize("n_samples", [3 * RATE_HZ, 35 * RATE_HZ, 30 * RATE_HZ - 1, 100_003, 65_536])
def test_log_mel_is_librosas(shipped: Bundle, n_samples: int) -> None:
    samples = synth.music_like(36, 3, RATE_HZ)[:n_samples]
    found = log_mel(samples, shipped.mel_filters, shipped.front_end)
    assert len(found) == 1 + n_samples // 256
    assert found.dtype == np.float32
    np.testing.assert_allclose(found, librosa_log_mel(samples), rtol=0, atol=TOLERANCE)


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
