"""Key: which of 24 profiles the pitch classes of a segment fit best.

The peaks of a spectrum that resolves semitones from 40 to 1,000 Hz are put into twelve pitch classes, in the
tuning of the recording, and compared with profiles of keys (Gómez, "Tonal description of polyphonic audio",
INFORMS 2006). The profiles are those that Faraldo and others took from recordings of popular music ("Key
estimation in electronic dance music", ECIR 2016) and their revision with what hardly occurs set to 0
("A multi-profile method for key estimation in EDM", AES 2017).
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from typing import Final

import numpy as np
import numpy.typing as npt

from classifier.arrays import Array, Array64, Floats
from classifier.measures.confidence import logistic
from classifier.measures.windows import hann

PITCH_CLASSES: Final = ("C", "C#", "D", "D#", "E", "F", "F#", "G", "G#", "A", "A#", "B")
MODES: Final = ("major", "minor")
KEYS: Final = tuple(f"{tonic} {mode}" for mode in MODES for tonic in PITCH_CLASSES)
"""The 24 keys, by the names that are stored and shown."""

_WRITTEN: Final = re.compile(
    r"([A-Ga-g])(?:[ -]*(#|b|(?i:sharp|flat)))?(?:[ -]*((?i:major|minor|maj|min)|m|M))?"
)

_ON_WHEEL: Final = re.compile(r"(1[0-2]|[1-9])([AaBb])")
"""A key as disc jockeys write it: an hour of a clock of fifths, with A for minor and B for major."""

_FROM_RECORDINGS: Final = (
    (0.1652, 0.0475, 0.0829, 0.0669, 0.0999, 0.0927, 0.0529, 0.1316, 0.0522, 0.0744, 0.0694, 0.0643),
    (0.1724, 0.0534, 0.0761, 0.1004, 0.0562, 0.0853, 0.0498, 0.1345, 0.0746, 0.0500, 0.0919, 0.0555),
)
_GATED: Final = (
    (1.0, 0.0, 0.42, 0.0, 0.53, 0.37, 0.0, 0.77, 0.0, 0.38, 0.21, 0.30),
    (1.0, 0.0, 0.36, 0.39, 0.0, 0.38, 0.0, 0.74, 0.27, 0.0, 0.42, 0.23),
)


@dataclass(frozen=True)
class KeySettings:
    """How pitch classes are taken from sound; the benchmark chooses among them by cross-validation.

    Attributes
    ----------
    rate_hz
        Sound is brought down to this rate.
    n_fft, hop_length
        Of the spectra, in samples at that rate.
    lowest_hz, highest_hz
        Between which pitches are looked for.
    least
        Peaks below this share of their frame's greatest do not count.
    power
        Of a peak's magnitude, to which it counts.
    gated
        Share of the profiles with zeros; the others have the rest.
    """

    rate_hz: int = 4000
    n_fft: int = 1024
    hop_length: int = 1024
    lowest_hz: float = 40.0
    highest_hz: float = 1000.0
    least: float = 0.15
    power: float = 0.7
    gated: float = 0.5


SETTINGS: Final = KeySettings()
A4_HZ: Final = 440.0
PARTS: Final = 3
"""Of a segment, in each of which a key is looked for, too: that they agree speaks for it."""
CONFIDENCE: Final = (-2.27, 1.87, 1.89)
"""Of `logistic`: offset, weights of the fit and of the thirds that agree; from `benchmarks/tempo_key.py`."""


@dataclass(frozen=True)
class Key:
    """One of `KEYS`, and how probable it is that it is right."""

    name: str
    confidence: float


def chroma(samples: Array, rate_hz: int, settings: KeySettings = SETTINGS) -> Array:
    """Return how strong each pitch class from C on is in each third of a segment, (3, 12).

    The strengths of each frame have the sum 1, or are 0 where it has no pitch.

    Parameters
    ----------
    samples
        (samples,) float32, mono.
    rate_hz
        Their sampling rate, in Hz.
    """
    frame, pitch, weight, n_frames = _peaks(samples, rate_hz, settings)
    if not len(pitch):
        return np.zeros((PARTS, 12), np.float32)
    tuning = float(np.angle(np.sum(weight * np.exp(2j * np.pi * pitch)))) / (2 * np.pi)
    pitch = pitch - tuning
    below = np.floor(pitch)
    share = np.sin(np.pi / 2 * (pitch - below)) ** 2
    low = below.astype(np.intp)
    cells = frame * 12
    found = np.bincount(cells + (low + 9) % 12, weight * (1 - share), 12 * n_frames)
    found += np.bincount(cells + (low + 10) % 12, weight * share, 12 * n_frames)
    by_frame = found.reshape(n_frames, 12)
    sums = by_frame.sum(axis=1, keepdims=True)
    parts = np.array_split(by_frame / np.maximum(sums, 1e-12), PARTS)
    return np.array([part.mean(axis=0) if len(part) else np.zeros(12) for part in parts], np.float32)


def _peaks(
    samples: Array, rate_hz: int, settings: KeySettings
) -> tuple[npt.NDArray[np.intp], Floats, Floats, int]:
    """Return the frame, the semitones from A4 and the weight of each peak, and how many frames there are."""
    magnitudes = _magnitudes(samples, rate_hz, settings)
    per_bin = settings.rate_hz / settings.n_fft
    first, last = int(settings.lowest_hz / per_bin), int(settings.highest_hz / per_bin)
    middle = magnitudes[:, first:last]
    counted = middle > settings.least * np.maximum(middle.max(axis=1, keepdims=True), 1e-9)
    counted &= middle > magnitudes[:, first - 1 : last - 1]
    counted &= middle >= magnitudes[:, first + 1 : last + 1]
    frame, column = np.nonzero(counted)
    column += first
    low, top, high = (np.log(np.maximum(magnitudes[frame, column + step], 1e-12)) for step in (-1, 0, 1))
    shift = 0.5 * (low - high) / np.minimum(low - 2 * top + high, -1e-9)
    pitch = 12 * np.log2((column + shift) * (per_bin / A4_HZ))
    return frame, pitch, np.exp(settings.power * (top - 0.25 * (low - high) * shift)), len(magnitudes)


def _magnitudes(samples: Array, rate_hz: int, settings: KeySettings) -> Array:
    """Return the magnitudes of a segment's spectra, (frames, bins)."""
    slow, n_fft = _slowed(samples, rate_hz, settings.rate_hz), settings.n_fft
    slow = np.pad(slow, (0, max(0, n_fft - len(slow))))
    frames = np.lib.stride_tricks.sliding_window_view(slow, n_fft)[:: settings.hop_length]
    return np.asarray(np.abs(np.fft.rfft(frames * hann(n_fft), norm="forward")), np.float32)


def _slowed(samples: Array, rate_hz: int, to_hz: int) -> Array:
    """Return samples at a lower rate; what is above an eighth of it is somewhat weaker than it was."""
    if rate_hz == 2 * to_hz or rate_hz == 4 * to_hz:
        return _slowed(_halved(samples), rate_hz // 2, to_hz)
    if rate_hz == to_hz:
        return samples
    import soxr

    return np.asarray(soxr.resample(samples, rate_hz, to_hz, quality="LQ"), np.float32)


def _halved(samples: Array) -> Array:
    """Return samples at half the rate, by the filter (1, 3, 3, 1)/8: a third of the time of a sharp one.

    What it folds to below a quarter of the new rate, it weakens by 25 dB and more.
    """
    even, odd = samples[0 : len(samples) // 2 * 2 : 2], samples[1::2]
    found = even + odd
    outer = odd[:-2] + even[2:]
    outer *= np.float32(1 / 3)
    found[1:-1] += outer
    found *= np.float32(3 / 8)
    return found


def key_of(
    chromas: Sequence[Array], durations_s: Sequence[float], settings: KeySettings = SETTINGS
) -> Key | None:
    """Return the key of a song, or of one segment, by the pitch classes of its segments.

    Parameters
    ----------
    chromas, durations_s
        Of each segment, as `chroma` gives them, and its seconds.

    Returns
    -------
    Key or None
        None where no pitch was found, or all are equally strong.
    """
    best, *evidence = key_evidence(chromas, durations_s, settings)
    return None if best < 0 else Key(KEYS[best], logistic(CONFIDENCE, evidence))


def key_evidence(
    chromas: Sequence[Array], durations_s: Sequence[float], settings: KeySettings = SETTINGS
) -> tuple[int, float, float]:
    """Return the number of the best key, its fit, and which share of the thirds it fits best.

    Of pitch classes that are all alike the number is −1.
    """
    fits = key_fits(
        np.average([parts.mean(axis=0) for parts in chromas], axis=0, weights=durations_s), settings
    )
    if not fits.any():
        return -1, 0.0, 0.0
    best = int(fits.argmax())
    alike = [[int(key_fits(part, settings).argmax()) == best for part in parts] for parts in chromas]
    return best, float(fits[best]), float(np.average(np.mean(alike, axis=1), weights=durations_s))


def key_fits(classes: Array, settings: KeySettings = SETTINGS) -> Floats:
    """Return the correlation of pitch classes (12,) with the profile of each key, (24,)."""
    centred = classes - classes.mean()
    length = float(np.linalg.norm(centred))
    if length < 1e-6:
        return np.zeros(len(KEYS))
    return np.asarray(_profiles(settings.gated) @ centred / length)


@cache
def _profiles(gated: float) -> Array64:
    """Return the profiles of all keys, (24, 12), each a mean of two of mean 0 and length 1."""
    kinds = []
    for of_c in (_GATED, _FROM_RECORDINGS):
        rows = np.array([np.roll(profile, tonic) for profile in of_c for tonic in range(12)])
        rows -= rows.mean(axis=1, keepdims=True)
        kinds.append(rows / np.linalg.norm(rows, axis=1, keepdims=True))
    return np.asarray(gated * kinds[0] + (1 - gated) * kinds[1])


def key_named(text: str) -> str | None:
    """Return the name in `KEYS` of the key that some text means, or None where it means none.

    A letter with a sharp or a flat, then "major" or "minor", or "m" for minor; a letter alone is major. Or
    a place on the Camelot wheel, such as "8A", which is A minor.
    """
    if (hour := _ON_WHEEL.fullmatch(text.strip())) is not None:
        minor = hour[2] in "Aa"
        return f"{PITCH_CLASSES[(9 * minor + 7 * (int(hour[1]) - 8)) % 12]} {MODES[minor]}"
    found = _WRITTEN.fullmatch(text.strip().replace("♯", "#").replace("♭", "b"))
    if found is None:
        return None
    letter, sign, mode = (part or "" for part in found.groups())
    steps = {"": 0, "#": 1, "b": -1}[{"sharp": "#", "flat": "b"}.get(sign.casefold(), sign)]
    tonic = PITCH_CLASSES[(PITCH_CLASSES.index(letter.upper()) + steps) % 12]
    minor = mode == "m" or mode.casefold() in ("min", "minor")
    return f"{tonic} {MODES[minor]}"


def short_name(key: str) -> str:
    """Return a key as tags of files have it: ``Am``, ``F#``."""
    tonic, mode = key.split()
    return tonic + ("m" if mode == "minor" else "")


def neighbours(key: str) -> tuple[str, ...]:
    """Return the keys beside one on the circle of fifths: a fifth up, a fifth down, and the relative key."""
    tonic, mode = key.split()
    place = PITCH_CLASSES.index(tonic)
    relative, other = (place + 9, "minor") if mode == "major" else (place + 3, "major")
    around = ((place + 7, mode), (place + 5, mode), (relative, other))
    return tuple(f"{PITCH_CLASSES[number % 12]} {name}" for number, name in around)
