"""A whole song at a glance, for pictures: its loudness and its mel spectrogram over time."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import numpy as np
import numpy.typing as npt

from classifier.arrays import Array
from classifier.audio.decode import DecodeReport, Range, stream_mono
from classifier.errors import TooShortError
from classifier.features.frontend import MIN_POWER, FrontEnd, power_mel

Bytes = npt.NDArray[np.uint8]

LEAST_S: Final = 0.1
"""A column is no shorter."""
MOST_COLUMNS: Final = 4096
"""Of more, two become one."""
CHUNK_S: Final = 10.0
LOUDEST: Final = 0.998
"""Of the values, so many parts lie below the brightest that is shown."""
RANGE_DB: Final = 70.0


@dataclass(frozen=True)
class Overview:
    """A song at a glance.

    Attributes
    ----------
    column_s
        Seconds a column.
    duration_s
        Of the song.
    peaks
        (columns,) greatest magnitude, 0..255 for 0..1.
    mel
        (columns, bands) level, 0..255 for the lowest to the highest shown, `RANGE_DB` apart.
    """

    column_s: float
    duration_s: float
    peaks: Bytes
    mel: Bytes


def overview(
    path: Path,
    mel_filters: Array,
    front_end: FrontEnd,
    length_s: float | None = None,
    within: Range = (0.0, None),
) -> Overview:
    """Return a song at a glance; the memory to decode it does not grow with its length.

    Parameters
    ----------
    path
        An audio file.
    mel_filters, front_end
        Of a bundle.
    length_s
        About how long it is, if that is known: then columns are as long as that needs from the first.
    within
        From where to where in the file the song is.

    Raises
    ------
    AudioError
        A subclass that names the reason why it cannot be decoded.
    """
    rate_hz = front_end.rate_hz
    column_s = max(LEAST_S, (length_s or 0.0) / (MOST_COLUMNS / 2))
    frames = max(1, round(column_s * rate_hz / front_end.hop_length))
    column_n = frames * front_end.hop_length
    peaks, powers = np.zeros(0, np.float32), np.zeros((0, len(mel_filters)), np.float32)
    decoded, merged = 0, 1
    for chunk in _chunks(path, rate_hz, column_n, within):
        decoded += len(chunk)
        new_peaks, new_powers = _columns(chunk, frames, mel_filters, front_end)
        for _ in range(merged.bit_length() - 1):
            new_peaks, new_powers = _halved(new_peaks, new_powers)
        peaks, powers = np.append(peaks, new_peaks), np.concatenate([powers, new_powers])
        if len(peaks) > MOST_COLUMNS:
            (peaks, powers), merged = _halved(peaks, powers), 2 * merged
    if not decoded:
        raise TooShortError("too short: it holds no audio")
    loudness = np.asarray(np.rint(255 * np.minimum(peaks, 1)), np.uint8)
    return Overview(merged * column_n / rate_hz, decoded / rate_hz, loudness, _levels(powers))


def _columns(chunk: Array, frames: int, mel_filters: Array, front_end: FrontEnd) -> tuple[Array, Array]:
    """Return the peak of each column of so many frames, (columns,), and its mean power, (columns, bands)."""
    column_n = frames * front_end.hop_length
    whole = np.pad(chunk, (0, -len(chunk) % column_n))
    power = power_mel(whole, mel_filters, front_end)[:-1].reshape(-1, frames, len(mel_filters))
    return np.abs(whole).reshape(-1, column_n).max(axis=1), power.mean(axis=1)


def _chunks(path: Path, rate_hz: int, column_n: int, within: Range) -> Iterator[Array]:
    """Yield a file's samples, a whole number of columns at a time, and the rest."""
    columns = 1 << max(0, round(CHUNK_S * rate_hz / column_n) - 1).bit_length()  # halves evenly
    held, held_n = [np.zeros(0, np.float32)], 0
    for block in stream_mono(path, rate_hz, DecodeReport(), *within):
        held.append(block)
        held_n += len(block)
        if held_n >= columns * column_n:
            joined = np.concatenate(held)
            whole = held_n // (columns * column_n) * columns * column_n
            yield joined[:whole]
            held, held_n = [joined[whole:]], held_n - whole
    if held_n:
        yield np.concatenate(held)


def _halved(peaks: Array, powers: Array) -> tuple[Array, Array]:
    """Return one column for each two."""
    odd = len(peaks) % 2
    peaks, powers = np.pad(peaks, (0, odd), mode="edge"), np.pad(powers, ((0, odd), (0, 0)), mode="edge")
    return peaks.reshape(-1, 2).max(axis=1), powers.reshape(-1, 2, powers.shape[1]).mean(axis=1)


def _levels(powers: Array) -> Bytes:
    decibels = 10 * np.log10(np.maximum(powers, MIN_POWER))
    top = float(np.quantile(decibels, LOUDEST))
    return np.asarray(np.rint(255 * np.clip((decibels - top) / RANGE_DB + 1, 0, 1)), np.uint8)
