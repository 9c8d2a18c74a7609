"""Tempo: onset strength against librosa, tempi that are known."""

import librosa
import numpy as np
import pytest

from classifier.features.frontend import log_mel
from classifier.measures import tempo
from classifier.model.bundle import Bundle
from tests import synth

RATE_HZ = 16_000
FRAME_HZ = RATE_HZ / 256


def mel_of(shipped: Bundle, samples: np.ndarray) -> np.ndarray:
    return log_mel(samples, shipped.mel_filters, shipped.front_end)


def tempo_of(mel: np.ndarray) -> tempo.Tempo | None:
    return tempo.tempo_of([tempo.tempogram(tempo.onsets_of(mel, FRAME_HZ), FRAME_HZ)], [1.0])


@pytest.mark.parametrize("lag", [1, 2, 3])
def test_onset_strength_is_librosas(shipped: Bundle, lag: int) -> None:
    mel = mel_of(shipped, synth.music_like(6, 4, RATE_HZ))
    channels = [slice(12 * band, 12 * band + 12) for band in range(8)]
    expected = librosa.onset.onset_strength_multi(
        S=mel.T, sr=RATE_HZ, lag=lag, center=False, channels=channels
    )
    found = tempo.onset_strength(mel, lag, 8)
    np.testing.assert_allclose(found, expected[:, lag : len(mel)].T, atol=1e-5)
    assert found.max() > 0.1


@pytest.mark.parametrize("bpm", [72.0, 91.5, 120.0, 143.0])
def test_the_tempo_of_clicks(shipped: Bundle, bpm: float) -> None:
    clicks = synth.clicks(20, bpm / 60, RATE_HZ) + synth.noise(20, 1, RATE_HZ, rms=0.002)
    found = tempo_of(mel_of(shipped, clicks))
    assert found is not None
    assert found.bpm == pytest.approx(bpm, rel=0.005)
    assert found.confidence > 0.8


def test_noise_has_no_tempo_worth_believing(shipped: Bundle) -> None:
    steady = tempo_of(mel_of(shipped, synth.clicks(20, 2, RATE_HZ)))
    noise = tempo_of(mel_of(shipped, synth.noise(20, 3, RATE_HZ)))
    assert steady is not None
    assert noise is None or noise.confidence < steady.confidence - 0.2


def test_of_silence_and_of_very_little_no_tempo_is_told() -> None:
    assert tempo_of(np.zeros((1000, 96), np.float32)) is None
    assert tempo_of(np.random.default_rng(0).random((200, 96)).astype(np.float32)) is None


def test_segments_count_by_their_length(shipped: Bundle) -> None:
    mels = [mel_of(shipped, synth.clicks(20, bpm / 60, RATE_HZ)) for bpm in (100, 130)]
    grams = [tempo.tempogram(tempo.onsets_of(mel, FRAME_HZ), FRAME_HZ) for mel in mels]
    for durations, bpm in (([30.0, 5.0], 100), ([5.0, 30.0], 130)):
        found = tempo.tempo_of(grams, durations)
        assert found is not None
        assert found.bpm == pytest.approx(bpm, rel=0.01)


def test_autocorrelation_is_the_definition() -> None:
    onsets = np.random.default_rng(1).random((50, 2)).astype(np.float32)
    found = tempo._autocorrelation(onsets)
    centred = onsets.astype(np.float64) - onsets.mean(axis=0)
    for lag in (0, 1, 7, 30):
        products = (centred[lag:] * centred[: 50 - lag]).mean(axis=0)
        np.testing.assert_allclose(found[lag], products / (centred**2).mean(axis=0), atol=1e-5)
