"""Loudness after EBU R128 (ITU-R BS.1770-4), from the mel bands that the network reads anyway.

An exact meter filters every sample of every channel, which would take half as long as all the rest of an
analysis. Here the mel bands are weighted instead, which gives the loudness of what is analysed, one channel
at 16 kHz, in every 0.4 s; and passages of all channels as they are in the file, some seconds apart, say by
how much the whole is louder. `benchmarks/tempo_key.py` measures how far that is from FFmpeg's meter.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import cache
from typing import Final

import numpy as np
import numpy.typing as npt

from classifier.arrays import Array, Floats
from classifier.measures.windows import hann

BLOCK_S: Final = 0.4
STEP_S: Final = 0.1
LEAST_LUFS: Final = -70.0
BELOW_MEAN_LU: Final = 10.0
"""Blocks under `LEAST_LUFS`, or so far under the mean of the others, do not count."""
OFFSET_LU: Final = -0.691
CHANNEL_WEIGHTS: Final = {5: (1.0, 1.0, 1.0, 1.41, 1.41), 6: (1.0, 1.0, 1.0, 0.0, 1.41, 1.41)}
"""Of five channels and more, in the order of files: surround counts more, low-frequency effects do not."""
PASSAGE_FFT: Final = 2048
PASSAGE_FRAMES: Final = 6
"""Of so many samples each: what of a passage is looked at."""
KEPT_BAND: Final = 0.95
"""Resampling keeps so much of the band below half the rate."""
METHOD_LU: Final = 0.2
"""Standard error of the weighted bands, of one channel, against FFmpeg's meter."""
NEAR_LU: Final = 0.5
"""What the confidence says is the probability of an error of no more than this."""
# The two filters of BS.1770 at 48 kHz: numerator and denominator.
_FILTERS: Final = (
    ((1.53512485958697, -2.69169618940638, 1.19839281085285), (1.0, -1.69065929318241, 0.73248077421585)),
    ((1.0, -2.0, 1.0), (1.0, -1.99004745483398, 0.99007225036621)),
)
_FILTERS_HZ: Final = 48_000


@dataclass(frozen=True)
class Loudness:
    """Integrated loudness in LUFS, and how probable it is that an exact meter is within 0.5 LU of it."""

    lufs: float
    confidence: float


def k_weighting(frequencies_hz: Floats) -> Floats:
    """Return what the K-weighting of BS.1770 multiplies power with, at each frequency."""
    delay = np.exp(-2j * np.pi * np.minimum(frequencies_hz, _FILTERS_HZ / 2) / _FILTERS_HZ)
    gain = np.ones(len(delay), complex)
    for above, below in _FILTERS:
        gain *= (above[0] + above[1] * delay + above[2] * delay**2) / (
            below[0] + below[1] * delay + below[2] * delay**2
        )
    return np.asarray(np.abs(gain) ** 2)


def band_weights(mel_filters: Array, rate_hz: int) -> Array:
    """Return weights of mel bands, (bands,), whose sum is the K-weighted mean square of a frame's samples.

    Parameters
    ----------
    mel_filters
        (bands, 1 + n_fft/2), of a power spectrum under a Hann window.
    rate_hz
        Sampling rate, in Hz.
    """
    n_bins = mel_filters.shape[1]
    n_fft = 2 * (n_bins - 1)
    wanted = k_weighting(np.arange(n_bins) * rate_hz / n_fft) * 2 / (n_fft**2 * 0.375)
    found, *_ = np.linalg.lstsq(mel_filters.T.astype(np.float64), wanted)
    return np.asarray(found, np.float32)


@dataclass
class ChannelPassages:
    """How much louder all channels of a file are than the one that is analysed, in passages of it.

    Attributes
    ----------
    rate_hz
        Of what is analysed.
    whole, analysed
        K-weighted power of each passage: of all channels in full band, and of the analysed one.
    complete
        Whether no more are wanted, as where one channel is all that is decoded of several.
    """

    rate_hz: int
    whole: list[float] = field(default_factory=list)
    analysed: list[float] = field(default_factory=list)
    complete: bool = False

    def add(self, frames: Array, rate_hz: int, chosen: int | None = None) -> None:
        """Look at a passage.

        Parameters
        ----------
        frames
            (samples, channels) as they are in the file.
        rate_hz
            Their sampling rate, in Hz.
        chosen
            The channel that is analysed; None for the average of all.
        """
        n = min(len(frames) // PASSAGE_FFT, PASSAGE_FRAMES)
        if not n:
            return
        spectra = _spectra(frames[: n * PASSAGE_FFT])
        read = spectra.mean(axis=0) if chosen is None else spectra[chosen]
        weights, kept = _bin_weights(rate_hz, self.rate_hz)
        self.analysed.append(float(_power(read).sum(axis=0) @ kept))
        counted = CHANNEL_WEIGHTS.get(len(spectra), (1.0,) * len(spectra))
        self.whole.append(float(np.asarray(counted) @ (_power(spectra).sum(axis=1) @ weights)))

    def louder(self) -> tuple[float, float]:
        """Return by how many LU all channels are louder, and the standard error of that."""
        if not self.analysed or not sum(self.analysed) or not sum(self.whole):
            return 0.0, 0.0
        whole, analysed = np.array(self.whole), np.array(self.analysed)
        ratio = whole.sum() / analysed.sum()
        n = len(whole)
        if n < 2:
            return 10 * math.log10(ratio), NEAR_LU
        # Of a ratio of sums; see Cochran, "Sampling Techniques", section 6.
        variance = ((whole - ratio * analysed) ** 2).sum() * n / (n - 1) / whole.sum() ** 2
        return 10 * math.log10(ratio), 10 / math.log(10) * math.sqrt(variance)


@cache
def _bin_weights(rate_hz: int, analysed_hz: int) -> tuple[Array, Array]:
    """Return the K-weighting of a passage's bins, and what is left of it at the rate that is analysed."""
    frequencies_hz = np.fft.rfftfreq(PASSAGE_FFT, 1 / rate_hz)
    weights = k_weighting(frequencies_hz).astype(np.float32)
    return weights, weights * (frequencies_hz < KEPT_BAND * analysed_hz / 2)


def _spectra(frames: Array) -> npt.NDArray[np.complex64]:
    """Return the spectra of a passage, (channels, frames, bins), under a Hann window."""
    parts = np.ascontiguousarray(frames.T).reshape(frames.shape[1], -1, PASSAGE_FFT)
    return np.asarray(np.fft.rfft(parts * hann(PASSAGE_FFT), norm="forward"), np.complex64)


def _power(spectra: npt.NDArray[np.complex64]) -> Array:
    return np.asarray(spectra.real**2 + spectra.imag**2)


def block_powers(frame_powers: Array, frame_hz: float) -> Array:
    """Return the mean K-weighted power of each 0.4 s, 0.1 s apart.

    Parameters
    ----------
    frame_powers
        (frames,) K-weighted mean squares.
    frame_hz
        Frames a second.
    """
    width = min(len(frame_powers), max(1, round(BLOCK_S * frame_hz)))
    sums = np.concatenate([np.zeros(1), np.cumsum(frame_powers, dtype=np.float64)])
    steps = np.arange(0, len(frame_powers) - width + 1, STEP_S * frame_hz)
    first = steps.astype(np.intp)
    return np.asarray((sums[first + width] - sums[first]) / width)


def integrated(blocks: Sequence[Array], louder: tuple[float, float]) -> Loudness | None:
    """Return the loudness of a song, or of one segment, by the blocks of its segments.

    Parameters
    ----------
    blocks
        Of each segment, as `block_powers` gives them.
    louder
        As `ChannelPassages.louder` gives it.

    Returns
    -------
    Loudness or None
        None where no block is loud enough to count.
    """
    powers = np.concatenate(list(blocks)) * 10 ** (louder[0] / 10)
    powers = powers[powers > _power_of(LEAST_LUFS)]
    if not len(powers):
        return None
    counted = powers[powers > powers.mean() * 10 ** (-BELOW_MEAN_LU / 10)]
    error = math.hypot(METHOD_LU, louder[1])
    return Loudness(lufs(float(counted.mean())), math.erf(NEAR_LU / (error * math.sqrt(2))))


def lufs(power: float) -> float:
    """Return the loudness of a K-weighted mean square."""
    return OFFSET_LU + 10 * math.log10(power)


def _power_of(loudness: float) -> float:
    return 10 ** ((loudness - OFFSET_LU) / 10)
