"""From samples to 30 s segments, from segments to 3 s patches; and their level."""

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Final

import numpy as np
import numpy.typing as npt

from classifier import params
from classifier.errors import TooShortError

Samples = npt.NDArray[np.float32]
Flags = npt.NDArray[np.bool_]

SILENCE_FLOOR_DBFS = -120.0
ROUGHLY: Final = 4.0
"""A sum in float32 that has less than this share of what would matter cannot be that far off."""


@dataclass(frozen=True)
class AudioSegment:
    """A segment of a track, with its samples.

    Attributes
    ----------
    start_s, end_s
        Where in the track it lies, in seconds.
    samples
        (samples,) float32, mono.
    """

    start_s: float
    end_s: float
    samples: Samples

    @cached_property
    def rms(self) -> float:
        """Return the root-mean-square level, 0..1 for audio within full scale."""
        return math.sqrt(float(np.dot(self.samples, self.samples)) / max(1, len(self.samples)))

    @property
    def level_dbfs(self) -> float:
        """Return the root-mean-square level in dB re full scale, at least −120."""
        return max(SILENCE_FLOOR_DBFS, 20 * math.log10(max(self.rms, 1e-9)))

    @property
    def silent(self) -> bool:
        """Return whether the segment is under the silence threshold."""
        return self.level_dbfs < params.SILENCE_DBFS


def iter_segments(blocks: Iterator[Samples], rate_hz: int) -> Iterator[AudioSegment]:
    """Yield the segments that a stream of samples is cut into.

    Every segment is 30 s long but the last: a rest of 5 s or more is kept at its true length, a
    shorter one joins the segment before it. A track of 3 to 30 s is one segment.

    Parameters
    ----------
    blocks
        Mono blocks of any length.
    rate_hz
        Their sampling rate, in Hz.

    Raises
    ------
    TooShortError
        If the whole stream is shorter than 3 s.
    """
    segment_n = round(params.SEGMENT_S * rate_hz)
    # A segment may be cut once what follows it is known to stand on its own.
    enough_n = segment_n + round(params.MIN_LAST_SEGMENT_S * rate_hz)
    held: list[Samples] = []
    held_n = start_n = 0
    for block in blocks:
        held.append(block)
        held_n += len(block)
        while held_n >= enough_n:
            joined = np.concatenate(held)
            yield _segment(joined[:segment_n], start_n, rate_hz)
            held, held_n = [joined[segment_n:]], held_n - segment_n
            start_n += segment_n
    if held_n < params.MIN_TRACK_S * rate_hz:  # only at the start: a rest is at least 5 s long
        raise TooShortError(
            f"too short: {held_n / rate_hz:.1f} s, at least {params.MIN_TRACK_S:.0f} s are needed"
        )
    yield _segment(np.concatenate(held), start_n, rate_hz)


def _segment(samples: Samples, start_n: int, rate_hz: int) -> AudioSegment:
    centred = without_offset(samples, rate_hz)
    return AudioSegment(start_n / rate_hz, (start_n + len(samples)) / rate_hz, centred)


def without_offset(samples: Samples, rate_hz: int) -> Samples:
    """Return samples without a constant that was added to them, as cheap converters do.

    What has none worth mentioning is returned as it is. So is music whose mean is of slow movements, which
    differs from second to second, unless it is most of what there is. Where there was an offset, the ends are
    faded: resampling rings where a file jumps to it.
    """
    energy = float(np.dot(samples, samples))
    rough = float(np.einsum("i->", samples)) ** 2  # a sixth of the time of a mean in float64
    if ROUGHLY * rough <= params.CONSTANT_OFFSET_SHARE * energy * len(samples):
        return samples
    mean = float(samples.mean(dtype=np.float64)) if len(samples) else 0.0
    of_mean = mean**2 * len(samples)
    if of_mean <= params.CONSTANT_OFFSET_SHARE * energy:
        return samples
    if of_mean <= params.OFFSET_SHARE * energy and not _is_constant(samples, mean, rate_hz):
        return samples
    centred = samples - np.float32(mean)
    fade = np.linspace(0, 1, min(len(samples) // 2, round(params.OFFSET_FADE_S * rate_hz)), dtype=np.float32)
    centred[: len(fade)] *= fade
    centred[len(centred) - len(fade) :] *= fade[::-1]
    return centred


def _is_constant(samples: Samples, mean: float, rate_hz: int) -> bool:
    """Whether the seconds of some samples have the same mean."""
    whole = samples[: len(samples) // rate_hz * rate_hz].reshape(-1, rate_hz)
    return float(whole.mean(axis=1, dtype=np.float64).std()) <= params.CONSTANT_OFFSET_SPREAD * abs(mean)


def heard_patches(segment: AudioSegment, starts: Sequence[int], length: int) -> tuple[Flags, float]:
    """Return which patches of a segment are more than silence, and the level without the others.

    A patch is silent where it is under the threshold of a whole segment, and far under its own segment.

    Parameters
    ----------
    starts, length
        Where patches begin and how long they are, in samples.

    Returns
    -------
    tuple
        (patches,), and the root-mean-square level of the segment's other samples.
    """
    power = segment.rms**2
    limit = min(10 ** (params.SILENCE_DBFS / 10), power * 10 ** (-params.UNDER_SEGMENT_DB / 10))
    parts = [segment.samples[start : start + length] for start in starts]
    heard = np.array([float(np.dot(part, part)) >= limit * len(part) for part in parts], bool)
    if heard.all():
        return heard, segment.rms
    silent = np.zeros(len(segment.samples), bool)
    for start, is_heard in zip(starts, heard, strict=True):
        silent[start : start + length] |= not is_heard
    loud = segment.samples[~silent]
    return heard, math.sqrt(float(np.dot(loud, loud)) / max(1, len(loud)))


def patch_starts(
    n_frames: int, patch_frames: int, min_rest_frames: int, patch_hop: int | None = None
) -> list[int]:
    """Return the first frame of each patch of a segment.

    Patches follow each other without overlap, or so many frames apart; a rest of at least
    `min_rest_frames` gives one more patch, aligned to the end of the segment.
    """
    starts = list(range(0, n_frames - patch_frames + 1, patch_hop or patch_frames))
    rest = n_frames - (starts[-1] + patch_frames) if starts else n_frames
    if starts and rest >= min_rest_frames:
        starts.append(n_frames - patch_frames)
    return starts
