"""An excerpt of an audio file as it was recorded: at its own rate, with all its channels."""

from collections.abc import Iterator
from dataclasses import dataclass
from io import BytesIO
from itertools import chain
from pathlib import Path
from typing import Any, Final

import numpy as np

from classifier import params
from classifier.audio.decode import Frames, cut
from classifier.audio.ffmpeg import ToFloat, decode_packets, open_container
from classifier.audio.limits import within_length
from classifier.audio.openers import open_decoded
from classifier.audio.report import DecodeReport, Samples, mix
from classifier.errors import AudioError, LimitError, NotAudioError

OpenedFrames = tuple[int, str, Iterator[Samples]]

MOST_SAMPLES = params.FILE_MEMORY // 16
"""Of all channels of a clip, which is held twice while it is written."""
NEAR_S: Final = 10.0
"""What comes before a moment so near the beginning is decoded: that is as quick."""
BEFORE_S: Final = 0.5
"""Decoders need some of what comes before, to sound as they do when they come from there."""


@dataclass(frozen=True)
class Excerpt:
    """An excerpt of an audio file.

    Attributes
    ----------
    rate_hz
        Sampling rate of the file.
    samples
        (samples, channels) float32.
    subtype
        libsndfile's name of how the file stores a sample, where WAV can store it the same way.
    """

    rate_hz: int
    samples: Samples
    subtype: str

    def to_wav(self) -> bytes:
        """Return it as a WAV file; lossless sources keep every sample."""
        import soundfile

        file = BytesIO()
        soundfile.write(file, self.samples, self.rate_hz, self.subtype, format="WAV")
        return file.getvalue()


def read_excerpt(path: Path, start_s: float, end_s: float) -> Excerpt:
    """Read an excerpt of a file, decoding up to it so that it is what analysis had there.

    Parameters
    ----------
    path
        An audio file.
    start_s, end_s
        From where to where, in seconds; cut at the file's end.

    Raises
    ------
    UnreadableFileError, EmptyFileError, NotAudioError
    LimitError
        If it claims to be more than a file may be, or the excerpt is too much to be held.
    """
    rate_hz, subtype, blocks = open_frames(path)
    first, last = round(start_s * rate_hz), round(end_s * rate_hz)
    kept = list(cut(_bounded(blocks, last - first), first, last))
    if not any(map(len, kept)):
        raise NotAudioError("no audio could be decoded there")
    return Excerpt(rate_hz, np.concatenate(kept), subtype)


def wav_of(path: str, start_s: float, end_s: float) -> bytes:
    """Return an excerpt of a file as a WAV file; raises as `read_excerpt` does."""
    return read_excerpt(Path(path), start_s, end_s).to_wav()


def open_frames(path: Path) -> OpenedFrames:
    """Open a file; return its rate in Hz, its subtype as of `Excerpt`, and blocks of (frames, channels).

    A block is overwritten by the next.

    Raises
    ------
    UnreadableFileError, EmptyFileError, NotAudioError
    LimitError
        If it claims to be more than a file may be; while the blocks are read, if it turns out to be longer.
    """
    opened = open_decoded(path, DecodeReport())
    return opened.rate_hz, opened.subtype, within_length(opened.blocks, opened.rate_hz)


def open_range(path: Path, start_s: float, end_s: float | None) -> OpenedFrames:
    """Open a range of a file as `open_frames` does the whole of it; None: to its end."""
    opened = open_decoded(path, DecodeReport(), start_s=start_s)
    rate_hz = opened.rate_hz
    frames = Frames(within_length(opened.blocks, rate_hz), opened.first)
    last = None if end_s is None else round(end_s * rate_hz)
    return rate_hz, opened.subtype, frames.between(round(start_s * rate_hz), last)


def two_channels(blocks: Iterator[Samples]) -> Iterator[Samples]:
    """Yield blocks of (frames, 2): as they are where they have two channels, else the average in both."""
    for block in blocks:
        yield block if block.shape[1] == 2 else np.repeat(mix(block)[:, None], 2, axis=1)


def _bounded(blocks: Iterator[Samples], n_frames: int) -> Iterator[Samples]:
    """Yield the blocks of a file of which so many frames are to be held.

    Raises
    ------
    LimitError
        If that is too much.
    """
    for block in blocks:
        if n_frames * block.shape[1] > MOST_SAMPLES:
            raise LimitError(f"the clip is too large: {n_frames:,} samples of {block.shape[1]} channels")
        yield block


def open_frames_at(path: Path, start_s: float) -> OpenedFrames:
    """Open a file at a moment in it, to be heard, without decoding what comes before; within milliseconds.

    Raises
    ------
    AudioError
        As of `open_frames`.
    """
    if start_s > NEAR_S:
        found = _sought(path, start_s)
        if found is not None:
            return found
    return open_range(path, start_s, None)


def _sought(path: Path, start_s: float) -> OpenedFrames | None:
    """Return the same through FFmpeg's seeking; None where that leads nowhere."""
    import av

    try:
        file, container, rate_hz = open_container(path)
    except AudioError:
        return None
    stream = container.streams.audio[0]
    began_s = float((stream.start_time or 0) * stream.time_base)
    try:
        container.seek(int((began_s + start_s - BEFORE_S) / stream.time_base), stream=stream)
    except (av.error.FFmpegError, OverflowError):
        file.close()
        container.close()
        return None
    since = _Since(rate_hz, began_s + start_s)
    blocks = decode_packets(file, container, since, DecodeReport())
    first = next(blocks, None)
    if first is None or since.late_s > BEFORE_S:
        blocks.close()  # type: ignore[attr-defined]
        return None
    subtype = "PCM_24" if stream.codec_context.format.name in ("s32", "s32p") else "PCM_16"
    return rate_hz, subtype, within_length(chain((first,), blocks), rate_hz)


class _Since(ToFloat):
    """Frames from a moment on, which is told by the times that they carry.

    Attributes
    ----------
    late_s
        So much later than that moment the first of them begins.
    """

    def __init__(self, rate_hz: int, first_s: float) -> None:
        super().__init__(rate_hz)
        self._first_s: float | None = first_s
        self.late_s = 0.0

    def __call__(self, frame: Any) -> Iterator[Samples]:
        """Yield what is to be had of a frame."""
        if self._first_s is None:
            yield from super().__call__(frame)
            return
        if frame.time is None:
            raise ValueError("a frame without a time")
        skipped = round((self._first_s - frame.time) * self._rate_hz)
        for block in super().__call__(frame):
            if skipped < len(block):
                if self._first_s is not None:
                    self.late_s, self._first_s = max(0.0, frame.time - self._first_s), None
                yield block[max(0, skipped) :]
            skipped = max(0, skipped - len(block))
