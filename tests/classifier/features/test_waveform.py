"""A song at a glance, against what its samples say."""

from pathlib import Path

import numpy as np
import pytest

from classifier.errors import NotAudioError
from classifier.features import waveform as module
from classifier.features.waveform import overview
from classifier.model.bundle import Bundle
from tests import synth

RATE_HZ = 16_000


def stepped(seconds: int) -> synth.Samples:
    """Return a 1 kHz tone that is loud in every other second."""
    times = synth.seconds_of(seconds, RATE_HZ)
    loud = np.where(np.floor(times) % 2 == 0, 0.8, 0.1)
    return np.asarray(loud * np.sin(2 * np.pi * 1000 * times), np.float32)


def test_peaks_and_bands(tmp_path: Path, shipped: Bundle) -> None:
    path = synth.write(tmp_path / "a.wav", stepped(25), RATE_HZ)
    found = overview(path, shipped.mel_filters, shipped.front_end, 25.0)
    assert found.duration_s == pytest.approx(25, abs=1e-3)
    assert found.column_s == pytest.approx(0.1, abs=0.01)
    middles = (np.arange(len(found.peaks)) + 0.5) * found.column_s
    inside = (middles % 1 > 0.15) & (middles % 1 < 0.85) & (middles < 24.9)
    expected = np.where(np.floor(middles) % 2 == 0, 0.8, 0.1)
    assert found.peaks[inside] / 255 == pytest.approx(expected[inside], abs=0.01)
    hz = np.linspace(0, RATE_HZ / 2, shipped.mel_filters.shape[1])
    band = shipped.mel_filters[:, np.abs(hz - 1000).argmin()].argmax()
    assert (np.abs(found.mel[inside].argmax(axis=1) - band) <= 1).all()
    steps = found.mel[inside, band].astype(float)
    loud = np.floor(middles[inside]) % 2 == 0
    decibels = (steps[loud].mean() - steps[~loud].mean()) / 255 * module.RANGE_DB
    assert decibels == pytest.approx(20 * np.log10(8), abs=0.5)


def test_a_song_that_is_longer_than_it_was_said_to_be(
    tmp_path: Path, shipped: Bundle, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = synth.write(tmp_path / "a.wav", stepped(50), RATE_HZ)
    plain = overview(path, shipped.mel_filters, shipped.front_end)
    monkeypatch.setattr(module, "MOST_COLUMNS", 64)
    short = overview(path, shipped.mel_filters, shipped.front_end)
    assert len(plain.peaks) == pytest.approx(50 / plain.column_s, abs=1)
    assert len(short.peaks) <= 64
    factor = round(short.column_s / plain.column_s)
    whole = len(short.peaks) - 1
    merged = plain.peaks[: whole * factor].reshape(whole, factor).max(axis=1)
    assert (short.peaks[:whole] == merged).all()


def test_what_is_not_audio(tmp_path: Path, shipped: Bundle) -> None:
    path = tmp_path / "a.mp3"
    path.write_text("nothing")
    with pytest.raises(NotAudioError):
        overview(path, shipped.mel_filters, shipped.front_end)
