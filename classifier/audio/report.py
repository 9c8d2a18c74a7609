"""What decoding a file found out, and the mixing that all decoders share."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

import numpy as np
import numpy.typing as npt

from classifier import params
from classifier.measures.loudness import ChannelPassages

Samples = npt.NDArray[np.float32]

COMPLETE_S: Final = 0.01
FADING: Final = 0.5
"""Of what was heard before, so much counts beside a block."""
MOSTLY: Final = 0.5
CANCELLED_DBFS_POWER: Final = 10 ** (params.SILENCE_DBFS / 10)


@dataclass
class DecodeReport:
    """What decoding found out; complete once the blocks are used up.

    Attributes
    ----------
    declared_s
        Length that the container declares, in seconds; None where it declares none.
    decoded_s
        Length decoded so far, in seconds.
    disk_failed
        Whether what is missing could not be read, this time.
    passages
        Where the loudness of all channels is told of passages; None where nobody asks.
    warnings
        One plain sentence per thing that was wrong but did not stop the decoding.
    """

    declared_s: float | None = None
    decoded_s: float = 0.0
    damaged: bool = False
    disk_failed: bool = False
    invalid_samples: bool = False
    cancelled_channels: bool = False
    passages: ChannelPassages | None = None

    @property
    def complete(self) -> bool:
        """Whether all that the file declares was decoded."""
        return self.declared_s is not None and self.declared_s - self.decoded_s < COMPLETE_S

    @property
    def undecoded(self) -> str | None:
        """Return why there is less audio than can be analysed, where it is not that the file is short."""
        if self.decoded_s >= params.MIN_TRACK_S or (self.complete and self.decoded_s > 0):
            return None
        if self.declared_s is not None and self.declared_s >= params.MIN_TRACK_S:
            return (
                f"damaged: only {self.decoded_s:.1f} s of the {self.declared_s:.1f} s declared can be decoded"
            )
        if self.damaged or not self.decoded_s:
            return f"damaged: only {self.decoded_s:.1f} s can be decoded"
        return None

    @property
    def warnings(self) -> list[str]:
        """Return what to tell the user about the file."""
        found = []
        if self.declared_s is not None:
            missing_s = self.declared_s - self.decoded_s
            if missing_s > max(params.CUT_SHORT_S, params.CUT_SHORT_SHARE * self.declared_s):
                found.append(
                    f"cut short: decodes to {self.decoded_s:.1f} s of the {self.declared_s:.1f} s declared"
                )
        if self.damaged and not found and not self.complete:
            found.append("damaged: some of its audio could not be decoded and was left out")
        if self.invalid_samples:
            found.append("holds samples that are not numbers, or are absurd; they were clipped")
        if self.cancelled_channels:
            found.append("its channels cancel each other; the stronger one was taken")
        return found


class Mixer:
    """Frames of (samples, channels) to one channel: their average, unless the channels cancel each other.

    Where the average has lost nearly all of their energy for some time, as of a recording with one channel
    inverted, the stronger channel takes its place. Then, and only then, the report says so.

    Parameters
    ----------
    report
        Told of channels that cancel each other, and, where it asks, of the loudness of some blocks.
    rate_hz
        Sampling rate of the frames, in Hz.
    """

    def __init__(self, report: DecodeReport, rate_hz: int) -> None:
        self._report, self._rate_hz = report, rate_hz
        self._blocks = 0
        self._mixed = self._whole = 0.0
        self._chosen: int | None = None
        self._ones = np.ones(0, np.float32)

    def __call__(self, frames: Samples) -> Samples:
        """Return the one channel of a block, (samples,)."""
        mono = self._mono(frames)
        passages = self._report.passages
        if passages is not None and not passages.complete:
            if self._blocks % params.PASSAGE_BLOCKS == params.PASSAGE_BLOCKS // 2:
                passages.add(frames, self._rate_hz, self._chosen)
            self._blocks += 1
        return mono

    def _mono(self, frames: Samples) -> Samples:
        channels = frames.shape[1]
        if channels == 1:
            return frames[:, 0]
        mixed = mix(frames)
        energy = float(np.dot(frames.ravel(), frames.ravel())) / channels
        kept = float(np.dot(mixed, mixed))
        if len(self._ones) < len(mixed):  # kept: to make them takes as long as all the rest here
            self._ones = np.ones_like(mixed)
        offset = float(np.dot(mixed, self._ones[: len(mixed)])) ** 2 / max(1, len(mixed))
        if offset > MOSTLY * kept:  # a constant that all channels have does not cancel, whatever else does
            centred = frames - frames.mean(axis=0, dtype=np.float64).astype(np.float32)
            energy = float(np.dot(centred.ravel(), centred.ravel())) / channels
            kept = max(0.0, kept - offset)
        silent = energy <= CANCELLED_DBFS_POWER * len(frames)
        if not silent:
            self._mixed, self._whole = self._mixed * FADING + kept, self._whole * FADING + energy
        limit = params.CANCELLED / channels
        if self._chosen is None and (silent or kept > limit * energy):
            return mixed
        if self._mixed > (limit if self._chosen is None else 2 * limit) * self._whole:
            self._chosen = None
            return mixed
        if self._chosen is None or self._chosen >= channels:
            self._chosen = int(frames.var(axis=0, dtype=np.float64).argmax())
            self._report.cancelled_channels = True
        return np.ascontiguousarray(frames[:, self._chosen])


def channels_cancel(frames: Samples) -> bool:
    """Whether the average of two channels, (frames, 2), loses nearly all of what is more than silence."""
    if not len(frames):
        return False
    # A constant in both does not cancel. Each by itself: an average of pairs takes ten times as long.
    left, right = (channel - channel.mean() for channel in frames.T.copy())
    energy = float(np.dot(left, left) + np.dot(right, right)) / 2
    mixed = (left + right) / 2
    quiet = energy <= CANCELLED_DBFS_POWER * len(frames)
    return not quiet and float(np.dot(mixed, mixed)) <= params.CANCELLED / 2 * energy


def mix(frames: Samples) -> Samples:
    """Average the channels of (frames, channels); a product is 50 times faster than ``mean``."""
    channels = frames.shape[1]
    if channels == 1:
        return frames[:, 0]
    return frames @ np.full(channels, 1.0 / channels, np.float32)


def clean(blocks: Iterator[Samples], report: DecodeReport) -> Iterator[Samples]:
    """Clip what cannot be meant in blocks of (frames, channels), as files that store floats may hold.

    Samples that are not numbers become silence, those that are infinite or far beyond full scale are clipped
    to it. Where a good part of the samples are, the file has another full scale, and they stay.
    """
    for block in blocks:
        loudest = max(float(block.max(initial=0.0)), -float(block.min(initial=0.0)))
        if loudest <= params.ABSURD:  # not so for one that is not a number
            yield block
            continue
        wild = ~(np.abs(block) <= params.ABSURD)
        beyond = ~(np.abs(block) <= params.ABSURD_AT_ALL)
        if np.count_nonzero(wild) > params.ABSURD_SHARE * wild.size:
            wild = beyond
        if wild.any():
            report.invalid_samples = True
            full = np.where(np.isnan(block), np.float32(0), np.sign(block))
            yield np.where(wild, full, block).astype(np.float32)
        else:
            yield block
