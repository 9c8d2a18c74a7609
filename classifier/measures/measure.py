"""What is measured of a segment, and the tempo, key, loudness and energy that come of it."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np

from classifier.arrays import Array
from classifier.measures.energy import energy_of, upper_share
from classifier.measures.key import chroma, key_of
from classifier.measures.loudness import block_powers, integrated
from classifier.measures.tempo import onsets_of, tempo_of, tempogram

VERSION: Final = 1
"""Stored beside what is measured; one more whenever something else would be."""


@dataclass(frozen=True)
class Measures:
    """Tempo, key, loudness and energy of a song or a segment; None where there is none to tell.

    Attributes
    ----------
    tempo_bpm, tempo_confidence
        Beats per minute, and the probability that they are right within 4 %.
    key, key_confidence
        One of `classifier.measures.key.KEYS`, and the probability that it is the right one.
    loudness_lufs, loudness_confidence
        Integrated, after EBU R128, and the probability that an exact meter is within 0.5 LU of it.
    energy, energy_confidence
        0..1, and how far loudness, growth and brightness agree on it.
    """

    tempo_bpm: float | None = None
    tempo_confidence: float = 0.0
    key: str | None = None
    key_confidence: float = 0.0
    loudness_lufs: float | None = None
    loudness_confidence: float = 0.0
    energy: float | None = None
    energy_confidence: float = 0.0


UNKNOWN: Final = Measures()


@dataclass(frozen=True)
class SegmentSound:
    """What is measured of one segment, from which its own measures are made, and those of its song.

    Attributes
    ----------
    duration_s
        Length, in seconds.
    tempogram, chroma, blocks
        As `classifier.measures` has them: (tempi,), (12,) and K-weighted powers of the analysed channel.
    growth, upper_share
        What energy needs: the mean onset strength, and how bright the segment is.
    """

    duration_s: float
    tempogram: Array
    chroma: Array
    blocks: Array
    growth: float
    upper_share: float


@dataclass(frozen=True)
class MeasuredTrack:
    """The measures of a song, and of each of its segments, in order of time."""

    song: Measures
    segments: list[Measures]


def measure_segment(
    samples: Array, rate_hz: int, log_mel: Array, frame_powers: Array, frame_hz: float
) -> SegmentSound:
    """Measure a segment.

    Parameters
    ----------
    samples
        (samples,) float32, mono.
    rate_hz
        Their sampling rate, in Hz.
    log_mel
        (frames, bands), log10(1 + 10,000 · power) at the reference level.
    frame_powers
        (frames,) K-weighted mean squares of the samples.
    frame_hz
        Frames a second.
    """
    onsets = onsets_of(log_mel, frame_hz)
    return SegmentSound(
        len(samples) / rate_hz,
        tempogram(onsets, frame_hz),
        chroma(samples, rate_hz),
        block_powers(frame_powers, frame_hz),
        float(onsets.mean()) if len(onsets) else 0.0,
        upper_share(log_mel),
    )


def measured_track(
    sounds: Sequence[SegmentSound | None], louder: tuple[float, float] = (0.0, 0.0)
) -> MeasuredTrack:
    """Return the measures of a song and of its segments; a segment that is None is silent, and has none."""
    audible = [sound for sound in sounds if sound is not None]
    segments = [UNKNOWN if sound is None else measures_of([sound], louder) for sound in sounds]
    return MeasuredTrack(measures_of(audible, louder) if audible else UNKNOWN, segments)


def measures_of(sounds: Sequence[SegmentSound], louder: tuple[float, float] = (0.0, 0.0)) -> Measures:
    """Return the measures of a song by its segments that are not silent, or of one segment.

    Parameters
    ----------
    sounds
        At least one.
    louder
        By how much all channels are louder than the analysed one, as `ChannelPassages.louder` gives it.
    """
    durations = [sound.duration_s for sound in sounds]
    tempo = tempo_of([sound.tempogram for sound in sounds], durations)
    key = key_of([sound.chroma for sound in sounds], durations)
    loudness = integrated([sound.blocks for sound in sounds], louder)
    if loudness is None:
        return UNKNOWN
    textures = [(sound.growth, sound.upper_share) for sound in sounds]
    grows, upper = np.average(textures, axis=0, weights=durations)
    energy = energy_of(loudness.lufs, float(grows), float(upper))
    return Measures(
        None if tempo is None else tempo.bpm,
        0.0 if tempo is None else tempo.confidence,
        None if key is None else key.name,
        0.0 if key is None else key.confidence,
        loudness.lufs,
        loudness.confidence,
        energy.value,
        energy.confidence,
    )
