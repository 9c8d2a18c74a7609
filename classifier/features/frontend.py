"""Log-mel spectrograms and MFCCs in numpy, equal to librosa's by value.

librosa is the reference (a test compares them) but costs over a second of imports, so serving
computes the same numbers from the mel filters that the bundle carries.
"""

import math
import warnings
from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields
from typing import Any, Literal

import numpy as np

from classifier import params
from classifier.arrays import Array
from classifier.features.mel_bands import band_parts
from classifier.features.segments import patch_starts
from classifier.measures.windows import hann

CHUNK_FRAMES = 256  # transformed at a time: what is in flight stays within the processor's cache
# librosa's power_to_db: the least power, and how far below a segment's peak its decibels may lie.
MIN_POWER, TOP_DB = 1e-10, 80.0


@dataclass(frozen=True)
class FrontEnd:
    """The numbers that define a network's input; kept in the bundle.

    Attributes
    ----------
    rate_hz
        Sampling rate, in Hz.
    n_fft, hop_length
        Length and hop of the analysis window, in samples.
    n_mels
        Number of mel bands (Slaney's scale and area normalisation, 0 to half the rate).
    log_scale
        Where `scale` is ``log10``, the logarithm is ``log10(log_scale · power + 1)``.
    patch_frames
        Frames in one input of the network.
    min_rest_s
        A rest of a segment this long, in seconds, gives one more patch.
    reference_rms
        Level to which every segment is scaled first; None for none.
    feature
        ``log-mel``, or ``mfcc``: its discrete cosine transform (type 2, orthonormal).
    n_mfcc
        Number of coefficients of ``mfcc``.
    scale
        ``log10``; ``db``: librosa's ``power_to_db``, at most 80 dB below the segment's peak; or
        ``db-twice``: that conversion applied again to its own result, a published slip.
    padding
        What a segment shorter than a patch is filled up with: ``none`` (it gives no patch),
        ``silence`` (what digital silence after the segment would measure), or ``zero`` (the number 0).
    normalise
        ``none``; ``limits``: `limits` become 0 and 1 and what lies beyond is cut; ``standard``: mean
        0 and standard deviation 1 over each patch.
    limits
        Lowest and highest value shown, for ``limits``.
    patch_hop
        Frames from one patch to the next; None for as many as a patch has.
    """

    rate_hz: int = params.RATE_HZ
    n_fft: int = params.N_FFT
    hop_length: int = params.HOP_LENGTH
    n_mels: int = params.N_MELS
    log_scale: float = params.LOG_SCALE
    patch_frames: int = params.PATCH_FRAMES
    min_rest_s: float = params.MIN_REST_S
    reference_rms: float | None = params.REFERENCE_RMS
    feature: Literal["log-mel", "mfcc"] = "log-mel"
    n_mfcc: int = params.N_MFCC
    scale: Literal["log10", "db", "db-twice"] = "log10"
    padding: Literal["none", "silence", "zero"] = "none"
    normalise: Literal["none", "limits", "standard"] = "none"
    limits: tuple[float, float] = params.PICTURE_LIMITS_DB
    patch_hop: int | None = None

    @property
    def min_rest_frames(self) -> int:
        """Return `min_rest_s` in frames."""
        return math.ceil(self.min_rest_s * self.rate_hz / self.hop_length)

    @property
    def patch_s(self) -> float:
        """Return the length of a patch, in seconds; or from one kept to the next, where they overlap."""
        return self.kept_every * (self.patch_hop or self.patch_frames) * self.hop_length / self.rate_hz

    @property
    def kept_every(self) -> int:
        """Return of how many patches one's embedding is kept: of those that overlap, some say enough."""
        return max(1, self.patch_frames // (self.patch_hop or self.patch_frames))

    @property
    def read_s(self) -> float:
        """Return the length of what the network reads at once, in seconds."""
        return self.patch_frames * self.hop_length / self.rate_hz

    @property
    def n_bands(self) -> int:
        """Return the number of values a frame: mel bands or coefficients."""
        return self.n_mfcc if self.feature == "mfcc" else self.n_mels

    def describe(self) -> dict[str, Any]:
        """Return the fields for a bundle's description.

        Those that bundles of format 1 did not have are left out where they have their default, so
        that the ids hashed from a description stand.
        """
        described = asdict(self) | {"limits": list(self.limits)}
        plain = asdict(FrontEnd()) | {"limits": list(params.PICTURE_LIMITS_DB)}
        return {n: v for n, v in described.items() if n in _FORMAT_1 or v != plain[n]}

    @classmethod
    def from_description(cls, described: Mapping[str, Any]) -> "FrontEnd":
        """Return the front end that `describe` described.

        Raises
        ------
        TypeError
            If it has a field that this version does not know, or lacks one that every version writes.
        """
        missing = [name for name in _FORMAT_1 if name not in described]
        if missing:
            raise TypeError(f"the front end has no {missing[0]}")
        low, high = described.get("limits", params.PICTURE_LIMITS_DB)
        return cls(**{**described, "limits": (float(low), float(high))})


_FORMAT_1 = tuple(f.name for f in fields(FrontEnd))[:8]


def mel_filters(front_end: FrontEnd) -> Array:
    """Return librosa's mel filters, (n_mels, 1 + n_fft/2); a bundle carries them, so only training asks."""
    from librosa.filters import mel

    with warnings.catch_warnings():  # of bands that are always empty, which `tuning` counts
        warnings.simplefilter("ignore", UserWarning)
        made = mel(sr=front_end.rate_hz, n_fft=front_end.n_fft, n_mels=front_end.n_mels)
    return np.asarray(made, np.float32)


def to_reference_level(samples: Array, rms: float, front_end: FrontEnd) -> Array:
    """Return a segment scaled to the front end's reference level.

    Parameters
    ----------
    samples
        (samples,) mono.
    rms
        Their root-mean-square level; left alone where it is 0.
    """
    gain = np.float32(reference_gain(rms, front_end))
    return samples if gain == 1 else samples * gain


def reference_gain(rms: float, front_end: FrontEnd) -> float:
    """Return what brings samples of a level to the reference level; 1 where there is none, or they are 0."""
    level = front_end.reference_rms
    return float(np.float32(1.0 if level is None or rms <= 0 else level / rms))


def power_mel(samples: Array, mel_filters: Array, front_end: FrontEnd, gain: float = 1.0) -> Array:
    """Return the mel power spectrogram of a segment.

    The same as ``librosa.feature.melspectrogram`` with its defaults (Hann window, centred frames,
    zero padding, power 2).

    Parameters
    ----------
    samples
        (samples,) float32 at ``front_end.rate_hz``.
    mel_filters
        (n_mels, 1 + n_fft/2), as the bundle carries them.
    gain
        What the samples are multiplied with first.

    Returns
    -------
    numpy.ndarray
        (frames, n_mels) float32, frames = 1 + samples // hop_length.
    """
    n_fft, hop = front_end.n_fft, front_end.hop_length
    padded = np.zeros(len(samples) + n_fft, np.float32)
    np.multiply(samples, np.float32(gain), out=padded[n_fft // 2 : n_fft // 2 + len(samples)])
    frames = np.lib.stride_tricks.sliding_window_view(padded, n_fft)[::hop]
    # numpy's transform stays in float32 where it divides by n_fft; else it goes through float64 and back.
    window, parts = hann(n_fft) * np.float32(n_fft), band_parts(mel_filters)
    n_bands, n_bins = mel_filters.shape
    out = np.empty((len(frames), n_bands), np.float32)
    windowed = np.empty((CHUNK_FRAMES, n_fft), np.float32)  # memory used again stays in the cache
    spectrum = np.empty((CHUNK_FRAMES, n_bins), np.complex64)
    power, imaginary = np.empty((2, CHUNK_FRAMES, n_bins), np.float32)
    for start in range(0, len(frames), CHUNK_FRAMES):
        n = min(CHUNK_FRAMES, len(frames) - start)
        np.multiply(frames[start : start + n], window, out=windowed[:n])
        np.fft.rfft(windowed[:n], norm="forward", out=spectrum[:n])  # type: ignore[arg-type]
        np.square(spectrum.real[:n], out=power[:n])
        power[:n] += np.square(spectrum.imag[:n], out=imaginary[:n])
        for bands, bins, filters in parts:
            np.matmul(power[:n, bins], filters, out=out[start : start + n, bands])
    return out


def power_to_db(power: Array) -> Array:
    """Return decibels re 1, as ``librosa.power_to_db``: at most 80 dB below the largest."""
    decibels = 10 * np.log10(np.maximum(power, np.float32(MIN_POWER)))
    return np.asarray(np.maximum(decibels, decibels.max() - TOP_DB), np.float32)


def log_mel(samples: Array, mel_filters: Array, front_end: FrontEnd, gain: float = 1.0) -> Array:
    """Return the log-mel spectrogram of a segment, on the front end's scale.

    Parameters
    ----------
    samples, mel_filters, gain
        As `power_mel` takes them, which gives as many values.
    """
    return on_scale(power_mel(samples, mel_filters, front_end, gain), front_end)


def on_scale(power: Array, front_end: FrontEnd) -> Array:
    """Return mel power, (frames, n_mels), on the front end's scale; for ``log10`` in the same memory."""
    if front_end.scale == "log10":
        power *= np.float32(front_end.log_scale)
        power += np.float32(1)
        return np.asarray(np.log10(power, out=power))
    decibels = power_to_db(power)
    return decibels if front_end.scale == "db" else power_to_db(decibels)


def cosine_transform(n_mels: int, n_mfcc: int) -> Array:
    """Return the orthonormal DCT of type 2 as a matrix, (n_mels, n_mfcc) float32."""
    band, order = np.arange(n_mels)[:, None], np.arange(n_mfcc)[None]
    matrix = np.cos(np.pi * order * (2 * band + 1) / (2 * n_mels)) * np.sqrt(2 / n_mels)
    matrix[:, 0] /= np.sqrt(2)
    return np.asarray(matrix, np.float32)


def _filled(mel: Array, front_end: FrontEnd) -> Array:
    """Return a spectrogram filled up to one patch, as the front end's padding says."""
    lacking = front_end.patch_frames - len(mel)
    if lacking <= 0 or front_end.padding == "none":
        return mel
    fill = 0.0
    if front_end.padding == "silence" and front_end.scale != "log10":
        fill = max(10 * math.log10(MIN_POWER), float(mel.max()) - TOP_DB)
    return np.pad(mel, ((0, lacking), (0, 0)), constant_values=fill)


def _normalised(patches: Array, front_end: FrontEnd) -> Array:
    if front_end.normalise == "limits":
        low, high = front_end.limits
        return np.asarray(np.clip((patches - np.float32(low)) / np.float32(high - low), 0, 1))
    if front_end.normalise == "standard":
        centred = patches - patches.mean(axis=(1, 2), keepdims=True)
        deviation = centred.std(axis=(1, 2), keepdims=True)
        return np.asarray(centred / np.maximum(deviation, np.float32(params.MIN_STD)))
    return patches


def segment_patches(samples: Array, rms: float, mel_filters: Array, front_end: FrontEnd) -> Array:
    """Return what the network reads of a segment.

    Parameters
    ----------
    samples
        (samples,) float32 mono at ``front_end.rate_hz``.
    rms
        Their root-mean-square level.
    mel_filters
        (n_mels, 1 + n_fft/2).

    Returns
    -------
    numpy.ndarray
        (patches, patch_frames, n_bands) float32; none where the segment is shorter than a patch
        and the front end does not pad.
    """
    return mel_patches(log_mel(samples, mel_filters, front_end, reference_gain(rms, front_end)), front_end)


def mel_patches(mel: Array, front_end: FrontEnd) -> Array:
    """Return what the network reads of a segment's log-mel spectrogram, as `segment_patches` does."""
    mel = _filled(mel, front_end)
    bands = mel @ cosine_transform(front_end.n_mels, front_end.n_mfcc) if front_end.feature == "mfcc" else mel
    length = front_end.patch_frames
    starts = patch_starts(len(bands), length, front_end.min_rest_frames, front_end.patch_hop)
    if not starts:
        return np.zeros((0, length, front_end.n_bands), np.float32)
    return _normalised(np.stack([bands[start : start + length] for start in starts]), front_end)


def silent_patch(mel_filters: Array, front_end: FrontEnd) -> Array:
    """Return what the network reads of silence, (patch_frames, n_bands)."""
    samples = np.zeros(front_end.patch_frames * front_end.hop_length, np.float32)
    return np.asarray(segment_patches(samples, 0.0, mel_filters, front_end)[0], np.float32)
