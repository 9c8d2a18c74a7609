"""Log-mel spectrograms in numpy, equal to librosa's by value.

librosa is the reference (a test compares them) but costs over a second of imports, so serving
computes the same numbers from the mel filters that the bundle carries.
"""

import math
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from classifier import params

Array = npt.NDArray[np.float32]

# Frames transformed at a time: what is in flight stays within the processor's cache.
CHUNK_FRAMES = 256


@dataclass(frozen=True)
class FrontEnd:
    """The numbers that define a log-mel spectrogram; kept in the bundle.

    Attributes
    ----------
    rate_hz
        Sampling rate, in Hz.
    n_fft, hop_length
        Length and hop of the analysis window, in samples.
    n_mels
        Number of mel bands (Slaney's scale and area normalisation, 0 to half the rate).
    log_scale
        The logarithm is ``log10(log_scale · power + 1)``.
    patch_frames
        Frames in one input of the network.
    min_rest_s
        A rest of a segment this long, in seconds, gives one more patch.
    reference_rms
        Level to which every segment is scaled first; None for none.
    """

    rate_hz: int = params.RATE_HZ
    n_fft: int = params.N_FFT
    hop_length: int = params.HOP_LENGTH
    n_mels: int = params.N_MELS
    log_scale: float = params.LOG_SCALE
    patch_frames: int = params.PATCH_FRAMES
    min_rest_s: float = params.MIN_REST_S
    reference_rms: float | None = params.REFERENCE_RMS

    @property
    def min_rest_frames(self) -> int:
        """`min_rest_s` in frames."""
        return math.ceil(self.min_rest_s * self.rate_hz / self.hop_length)

    @property
    def patch_s(self) -> float:
        """Length of a patch, in seconds."""
        return self.patch_frames * self.hop_length / self.rate_hz


def hann(n_fft: int) -> Array:
    """Return the periodic Hann window, (n_fft,) float32."""
    return (0.5 - 0.5 * np.cos(2 * np.pi * np.arange(n_fft) / n_fft)).astype(np.float32)


def to_reference_level(samples: Array, rms: float, front_end: FrontEnd) -> Array:
    """Scale a segment to the front end's reference level.

    Parameters
    ----------
    samples
        (samples,) mono.
    rms
        Their root-mean-square level; left alone where it is 0.
    """
    if front_end.reference_rms is None or rms <= 0:
        return samples
    return samples * np.float32(front_end.reference_rms / rms)


def log_mel(samples: Array, mel_filters: Array, front_end: FrontEnd) -> Array:
    """Compute the log-mel spectrogram of a segment.

    The same as ``log10(log_scale · librosa.feature.melspectrogram(...) + 1)`` with librosa's
    defaults (Hann window, centred frames, zero padding, power 2).

    Parameters
    ----------
    samples
        (samples,) float32 at ``front_end.rate_hz``.
    mel_filters
        (n_mels, 1 + n_fft/2), as the bundle carries them.

    Returns
    -------
    numpy.ndarray
        (frames, n_mels) float32, frames = 1 + samples // hop_length.
    """
    n_fft, hop = front_end.n_fft, front_end.hop_length
    padded = np.pad(samples, n_fft // 2)
    frames = np.lib.stride_tricks.sliding_window_view(padded, n_fft)[::hop]
    window, filters = hann(n_fft), np.ascontiguousarray(mel_filters.T)
    out = np.empty((len(frames), filters.shape[1]), np.float32)
    for start in range(0, len(frames), CHUNK_FRAMES):
        spectrum = np.fft.rfft(frames[start : start + CHUNK_FRAMES] * window)
        power = spectrum.real**2 + spectrum.imag**2
        np.matmul(power, filters, out=out[start : start + CHUNK_FRAMES])
    out *= np.float32(front_end.log_scale)
    out += np.float32(1)
    return np.log10(out, out=out)
