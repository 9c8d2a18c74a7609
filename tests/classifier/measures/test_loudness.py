"""Loudness against FFmpeg's meter and SciPy's filters."""

from pathlib import Path

import numpy as np
import pytest
from scipy.signal import lfilter

from classifier.features.frontend import power_mel
from classifier.measures import loudness
from classifier.model.bundle import Bundle
from classifier.model.inference import Trunk
from tests import synth
from tests.ebur128 import ffmpegs_lufs

RATE_HZ = 16_000


def filtered_power(samples: np.ndarray) -> float:
    """Return the K-weighted mean square of samples at 48 kHz, by the filters themselves."""
    for above, below in loudness._FILTERS:
        samples = lfilter(above, below, samples)
    return float(np.mean(samples**2))


@pytest.mark.parametrize("hz", [50.0, 100.0, 1000.0, 3000.0, 10_000.0])
def test_k_weighting_is_what_the_filters_do(hz: float) -> None:
    tone = np.sin(2 * np.pi * hz * np.arange(96_000) / 48_000)
    weight = float(loudness.k_weighting(np.array([hz]))[0])
    assert filtered_power(tone) == pytest.approx(weight * 0.5, rel=0.01)


@pytest.mark.parametrize("seed", range(3))
def test_weighted_bands_are_the_power_of_filtered_samples(shipped: Bundle, seed: int) -> None:
    import soxr

    samples = synth.music_like(8, seed, RATE_HZ)
    weights = loudness.band_weights(shipped.mel_filters, RATE_HZ)
    found = float((power_mel(samples, shipped.mel_filters, shipped.front_end) @ weights).mean())
    expected = filtered_power(soxr.resample(samples.astype(np.float64), RATE_HZ, 48_000))
    assert 10 * np.log10(found / expected) == pytest.approx(0, abs=0.15)


def stereo(kind: str) -> np.ndarray:
    """Return 20 s of stereo at 44.1 kHz."""
    left, right = (synth.noise(20, seed, 44_100, rms=0.05) for seed in (1, 2))
    music = synth.music_like(20, 5, 44_100) / 2
    other = {
        "alike": music,
        "apart": right,
        "half": music / 2 + right / 2,
        "none": 0 * left,
        "opposed": -music,
    }
    first = left if kind in ("apart", "none") else music
    return np.column_stack([first, other[kind]]).astype(np.float32)


@pytest.mark.parametrize("extension", ["flac", "mp3", "m4a"])
@pytest.mark.parametrize("kind", ["alike", "apart", "half", "none", "opposed"])
def test_loudness_of_a_file_is_ffmpegs(shipped: Bundle, tmp_path: Path, kind: str, extension: str) -> None:
    path = synth.write(tmp_path / f"song.{extension}", stereo(kind), 44_100)
    found = Trunk(shipped, threads=1).analyse_file(path).measures
    assert found.loudness_lufs == pytest.approx(ffmpegs_lufs(path), abs=0.5)
    assert found.loudness_confidence > 0.5


def test_quiet_blocks_do_not_count() -> None:
    loud, quiet = np.full(100, 1e-2), np.full(300, 1e-6)
    alone, both = (loudness.integrated([b], (0, 0)) for b in (loud, np.concatenate([loud, quiet])))
    assert alone is not None
    assert both == alone
    assert alone.lufs == pytest.approx(-0.691 - 20)
    assert loudness.integrated([np.full(50, 1e-8)], (0, 0)) is None


def test_blocks_are_means_of_400_ms_100_ms_apart() -> None:
    powers = np.random.default_rng(0).random(200).astype(np.float32)
    found = loudness.block_powers(powers, 50.0)
    assert len(found) == 37
    np.testing.assert_allclose(found[3], powers[15:35].mean(), rtol=1e-6)


def test_five_channels_count_by_their_weights() -> None:
    passages = loudness.ChannelPassages(16_000)
    frames = np.column_stack([synth.noise(1, seed, 16_000) for seed in range(6)])
    frames[:, :3] = 0
    passages.add(frames, 16_000, chosen=4)
    (whole,), (analysed,) = passages.whole, passages.analysed
    assert whole / analysed == pytest.approx(
        2 * 1.41, rel=0.15
    )  # two of surround, and no low-frequency effects


def test_what_varies_is_believed_less() -> None:
    passages = loudness.ChannelPassages(16_000)
    passages.whole, passages.analysed = [2.0, 2.0, 2.0, 2.0], [1.0, 1.0, 1.0, 1.0]
    steady = passages.louder()
    passages.whole = [1.0, 3.0, 1.5, 2.5]
    varying = passages.louder()
    assert steady == (pytest.approx(3.0103, abs=1e-4), pytest.approx(0.0))
    assert varying[0] == pytest.approx(steady[0])
    blocks = [np.full(50, 1e-2)]
    sure, unsure = (loudness.integrated(blocks, louder) for louder in (steady, varying))
    assert sure is not None
    assert unsure is not None
    assert unsure.confidence < sure.confidence
