"""Tempo: how regularly the onsets of several bands come again, by autocorrelation.

The steps are the field's: onset strength as the growth of a logarithmic mel spectrogram (Böck and Widmer,
"Maximum filter vibrato suppression for onset detection", DAFx 2013), its autocorrelation, the mean over
multiples of a period (Percival and Tzanetakis, "Streamlined tempo estimation", TASLP 2014), and a log-normal
prior over tempi (Ellis, "Beat tracking by dynamic programming", JNMR 2007).
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np

from classifier.arrays import Array, Floats
from classifier.measures.confidence import logistic


@dataclass(frozen=True)
class TempoSettings:
    """What tempi are looked for and how; the benchmark chooses among them by cross-validation.

    Attributes
    ----------
    lag_s
        Over so many seconds growth is taken.
    n_bands
        Bands whose onsets are told apart.
    local_s
        What onsets have on average within so many seconds is taken off.
    multiples
        Of a period, at each of which onsets should come again.
    prior_bpm, prior_octaves
        Where the prior over tempi has its top, and its width.
    """

    lag_s: float = 0.032
    n_bands: int = 8
    local_s: float = 1.0
    multiples: int = 4
    prior_bpm: float = 113.0
    prior_octaves: float = 1.1


SETTINGS: Final = TempoSettings()
SLOWEST_BPM: Final = 40.0
FASTEST_BPM: Final = 260.0
GRID_BPM: Final = np.exp(np.arange(math.log(SLOWEST_BPM), math.log(FASTEST_BPM), 0.01))
"""Tempi that are tried, 1 % apart."""
APART: Final = 0.08
"""Another tempo is one further off than this share."""
SHARPNESS: Final = 4
"""Power of a score, of whose sum the best tempo has a share: the fewer rivals, the more of it."""
SHORTEST_S: Final = 4.0
"""Of less, no tempo is told."""
OVERLAP: Final = 0.75
"""A lag is at most this share of the onsets' length."""
CONFIDENCE: Final = (-1.43, 1.72, 3.15)
"""Of `logistic`: offset, weights of the regularity and of the share; from `benchmarks/tempo_key.py`."""


@dataclass(frozen=True)
class Tempo:
    """A tempo in beats per minute, and how probable it is that it is right within 4 %."""

    bpm: float
    confidence: float


def onset_strength(log_mel: Array, lag: int, n_bands: int) -> Array:
    """Return how much a spectrogram grows, by band: as ``librosa.onset.onset_strength_multi``, not centred.

    Parameters
    ----------
    log_mel
        (frames, mel bands) on a logarithmic scale.
    lag
        Frames over which growth is taken.
    n_bands
        Groups of neighbouring mel bands.

    Returns
    -------
    numpy.ndarray
        (frames − lag, n_bands) float32.
    """
    growth = log_mel[lag:] - log_mel[:-lag]
    np.maximum(growth, 0, out=growth)
    groups = np.array_split(np.arange(log_mel.shape[1]), n_bands)
    means = np.zeros((log_mel.shape[1], n_bands), np.float32)
    for band, group in enumerate(groups):
        means[group, band] = 1 / max(1, len(group))
    return np.asarray(growth @ means, np.float32)


def onsets_of(log_mel: Array, frame_hz: float, settings: TempoSettings = SETTINGS) -> Array:
    """Return the onset strength of a segment as a tempo is found in, (frames, bands).

    Parameters
    ----------
    log_mel
        (frames, mel bands) on a logarithmic scale.
    frame_hz
        Frames a second.
    """
    return onset_strength(log_mel, max(1, round(settings.lag_s * frame_hz)), settings.n_bands)


def tempogram(bands: Array, frame_hz: float, settings: TempoSettings = SETTINGS) -> Array:
    """Return how regular a segment is at each tempo of `GRID_BPM`, (tempi,); about 0..1, 0 where nothing is.

    Parameters
    ----------
    bands
        (frames, bands) onset strength.
    frame_hz
        Frames a second.
    """
    if len(bands) < SHORTEST_S * frame_hz:
        return np.zeros(len(GRID_BPM), np.float32)
    onsets = np.column_stack([bands.mean(axis=1), bands])
    onsets = np.maximum(onsets - _local_mean(onsets, round(settings.local_s * frame_hz)), 0)
    correlation = _autocorrelation(onsets)
    both = (correlation[:, 0] + correlation[:, 1:].mean(axis=1)) / 2
    return _at_multiples(both, 60 * frame_hz / GRID_BPM, settings.multiples, OVERLAP * len(onsets))


def _local_mean(values: Array, width: int) -> Array:
    """Return the running mean of (frames, n) over so many frames."""
    sums = np.cumsum(np.vstack([np.zeros((1, values.shape[1])), values]), axis=0, dtype=np.float64)
    index = np.arange(len(values))
    first, last = np.maximum(index - width // 2, 0), np.minimum(index + width // 2 + 1, len(values))
    return np.asarray((sums[last] - sums[first]) / (last - first)[:, None], np.float32)


def _autocorrelation(onsets: Array) -> Array:
    """Return the autocorrelation of (frames, n), 1 at lag 0, each lag by as many products as it has."""
    n = len(onsets)
    size = 1 << (2 * n - 1).bit_length()
    centred = np.ascontiguousarray((onsets - onsets.mean(axis=0)).T)
    spectrum = np.fft.rfft(centred, size, norm="forward")
    found = np.fft.irfft(spectrum.real**2 + spectrum.imag**2)[:, :n].T
    found = found * (n / (n - np.arange(n)))[:, None]
    return np.asarray(found / np.maximum(found[0], 1e-12), np.float32)


def _at_multiples(correlation: Array, periods: Array, multiples: int, longest: float) -> Array:
    """Return the mean over a period's multiples that are not too long, at least 0."""
    lags = periods[:, None] * np.arange(1, multiples + 1)
    counted = lags <= longest
    values = np.interp(lags, np.arange(len(correlation)), correlation)
    return np.asarray(np.maximum((values * counted).sum(axis=1) / np.maximum(1, counted.sum(axis=1)), 0))


def tempo_of(
    tempograms: Sequence[Array], durations_s: Sequence[float], settings: TempoSettings = SETTINGS
) -> Tempo | None:
    """Return the tempo of a song, or of one segment, by the tempograms of its segments.

    Parameters
    ----------
    tempograms, durations_s
        Of each segment, as `tempogram` gives them, and its seconds.

    Returns
    -------
    Tempo or None
        None where no segment has any regularity.
    """
    regular = np.average(tempograms, axis=0, weights=durations_s)
    scores = _scores(regular, settings)
    best = int(scores.argmax())
    if scores[best] <= 0:
        return None
    return Tempo(_between(scores, best), logistic(CONFIDENCE, tempo_evidence(regular, settings)))


def tempo_evidence(regular: Array, settings: TempoSettings = SETTINGS) -> tuple[float, float]:
    """Return how regular the best tempo of a tempogram is, and its share of all scores, sharpened."""
    scores = _scores(regular, settings)
    best = int(scores.argmax())
    near = np.abs(np.log(GRID_BPM / GRID_BPM[best])) < APART
    sharp = (scores / max(float(scores[best]), 1e-12)) ** SHARPNESS
    return float(regular[best]), float(sharp[near].sum() / max(float(sharp.sum()), 1e-12))


def _scores(regular: Array, settings: TempoSettings) -> Floats:
    """Return a tempogram under the prior over tempi."""
    octaves = np.log2(GRID_BPM / settings.prior_bpm) / settings.prior_octaves
    return np.asarray(regular * np.exp(-0.5 * octaves**2))


def _between(scores: Array, best: int) -> float:
    """Return the tempo at the top of the parabola through a peak and its neighbours."""
    if not 0 < best < len(scores) - 1:
        return float(GRID_BPM[best])
    low, top, high = (float(scores[best + step]) for step in (-1, 0, 1))
    bend = low - 2 * top + high
    shift = 0.5 * (low - high) / bend if bend < 0 else 0.0
    return float(GRID_BPM[best] * math.exp(0.01 * shift))
