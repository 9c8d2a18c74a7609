"""A file on disk to blocks of mono float32 samples.

Nothing here holds more than a block of audio, whatever the length of the file.
"""

import os
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Final

import numpy as np

from classifier.audio.limits import within_length
from classifier.audio.openers import FFMPEG_FIRST, check_readable, open_decoded
from classifier.audio.report import DecodeReport, Mixer, Samples
from classifier.audio.resampling import resample
from classifier.errors import AudioError, NotAudioError, TooShortError, UnreadableFileError
from classifier.measures.loudness import ChannelPassages

AUDIO_EXTENSIONS: Final = FFMPEG_FIRST | frozenset(
    (
        ".mp3",
        ".mp2",
        ".flac",
        ".ogg",
        ".oga",
        ".wav",
        ".aiff",
        ".aif",
        ".aifc",
        ".au",
        ".caf",
        ".w64",
        ".rf64",
    )
)


Range = tuple[float, float | None]
"""From where to where in a file, in seconds; None for its end."""


def is_audio_path(path: str) -> bool:
    """Whether the file name has an extension that deepcuts analyses, in any case."""
    return os.path.splitext(path)[1].lower() in AUDIO_EXTENSIONS


def stream_mono(
    path: Path, rate_hz: int, report: DecodeReport, start_s: float = 0.0, end_s: float | None = None
) -> Iterator[Samples]:
    """Decode a file, or a range of it, as mono blocks at the given rate.

    Channels are averaged, unless they cancel each other, then resampled with soxr's HQ.

    Parameters
    ----------
    path
        The file.
    rate_hz
        Sampling rate of the blocks, in Hz.
    report
        Filled in while decoding.
    start_s, end_s
        From where to where; None for the file's end. Where a decoder cannot go to the very sample, what is
        before is decoded, so that the range has the samples that the file has.

    Yields
    ------
    numpy.ndarray
        (samples,) float32, nominally in −1..1, at most about a second long.

    Raises
    ------
    UnreadableFileError, EmptyFileError, NotAudioError
        Before the first block. An error in mid-file ends the stream and is noted in `report`.
    LimitError
        If it claims to be, or turns out to be, more than a file may be.
    """
    if start_s > 0 or end_s is not None:
        for _, blocks in stream_ranges(path, rate_hz, [(start_s, end_s)], [report]):
            yield from blocks
        return
    opened = open_decoded(path, report, mono=True)
    mixed = map(Mixer(report, opened.rate_hz), opened.blocks)
    counted = _count(within_length(mixed, opened.rate_hz), opened.rate_hz, report)
    yield from resample(counted, opened.rate_hz, rate_hz)


def stream_ranges(
    path: Path, rate_hz: int, ranges: Sequence[Range], reports: Iterable[DecodeReport]
) -> Iterator[tuple[DecodeReport, Iterator[Samples]]]:
    """Decode ranges of a file, each as if it were a file of its own; the file is decoded once.

    Parameters
    ----------
    path, rate_hz
        As of `stream_mono`.
    ranges
        In ascending order, none beginning before the one before it ends.
    reports
        One for each range, filled in while that is decoded.

    Yields
    ------
    tuple
        The report and the blocks of each range, to be used up, or left, before the next is asked for.

    Raises
    ------
    UnreadableFileError, EmptyFileError, NotAudioError, LimitError
        Before the first range. `LimitError` also while blocks are taken.
    TooShortError
        In place of the blocks of a range that begins where there is no audio any more.
    """
    of_file = DecodeReport()
    opened = open_decoded(path, of_file, mono=True, start_s=ranges[0][0] if ranges else 0.0)
    frames = Frames(within_length(opened.blocks, opened.rate_hz), opened.first)
    for (start_s, end_s), report in zip(ranges, reports, strict=True):
        last = None if end_s is None else round(end_s * opened.rate_hz)
        taken = frames.between(round(start_s * opened.rate_hz), last)
        counted = _count(map(Mixer(report, opened.rate_hz), taken), opened.rate_hz, report)
        blocks = resample(counted, opened.rate_hz, rate_hz)
        yield report, _noted(blocks, report, of_file, start_s, end_s)


def _noted(
    blocks: Iterator[Samples],
    report: DecodeReport,
    of_file: DecodeReport,
    start_s: float,
    end_s: float | None,
) -> Iterator[Samples]:
    """Yield the blocks of a range; then its report says what became known of the file meanwhile."""
    before = replace(of_file)
    yield from blocks
    known_end_s = of_file.declared_s if end_s is None else end_s
    report.declared_s = None if known_end_s is None else known_end_s - start_s
    report.damaged = of_file.damaged and not before.damaged
    report.disk_failed = of_file.disk_failed
    report.invalid_samples = of_file.invalid_samples and not before.invalid_samples
    if not report.decoded_s and not report.disk_failed:
        raise TooShortError(f"too short: the audio of its file ends before it begins, at {start_s:.1f} s")


class Frames:
    """A file's blocks, of which one part after the other is taken."""

    def __init__(self, blocks: Iterator[Samples], first: int) -> None:
        self._blocks = blocks
        self._held: Samples | None = None
        self._position = first

    def between(self, first: int, last: int | None) -> Iterator[Samples]:
        """Yield what lies from one frame to another, None for the end; what is before it is passed over."""
        while last is None or self._position < last:
            block = next(self._blocks, None) if self._held is None else self._held
            if block is None:
                return
            end = len(block) if last is None else min(len(block), last - self._position)
            begin = min(max(0, first - self._position), end)
            self._held = block[end:] if end < len(block) else None
            self._position += end
            if begin < end:
                yield block[begin:end]


def whole_mono(path: Path, rate_hz: int, report: DecodeReport) -> Iterator[Samples]:
    """Decode a file as `stream_mono` does, for what is kept: a disk that fails is an error at any time.

    Raises
    ------
    UnreadableFileError
        After the last block, too, where the rest could not be read.
    EmptyFileError, NotAudioError
        Before the first block.
    NotAudioError
        After the last, if so little of it can be decoded that it would be too short.
    """
    yield from to_its_end(stream_mono(path, rate_hz, report), report)


def to_its_end(blocks: Iterator[Samples], report: DecodeReport) -> Iterator[Samples]:
    """Yield blocks of what is kept, a file or a range of it.

    Raises
    ------
    UnreadableFileError, NotAudioError
        After the last, as `whole_mono` does.
    """
    yield from blocks
    if report.disk_failed:
        raise UnreadableFileError("cannot be read to its end: its disk failed")
    if report.undecoded is not None:
        raise NotAudioError(report.undecoded)


def read_clip(
    path: Path, rate_hz: int, start_s: float, seconds: float, passages: ChannelPassages | None = None
) -> Samples:
    """Decode an excerpt of a file to mono.

    Parameters
    ----------
    path
        An audio file; nothing after the excerpt is decoded.
    rate_hz
        Sampling rate to resample to, in Hz.
    start_s, seconds
        Where it begins and how long it is at most: it ends where the audio does.
    passages
        Told of the loudness of all channels, in passages of the file.

    Raises
    ------
    AudioError
        A subclass that names the reason; `TooShortError` where the audio ends before the excerpt begins.
    """
    report = DecodeReport(passages=passages)
    blocks = stream_mono(path, rate_hz, report)
    first, last = round(start_s * rate_hz), round((start_s + seconds) * rate_hz)
    kept = list(cut(blocks, first, last))
    if not any(map(len, kept)):
        if report.undecoded is not None:
            raise NotAudioError(report.undecoded)
        raise TooShortError(f"too short: it ends after {report.decoded_s:.1f} s, before {start_s:g} s")
    return np.concatenate(kept)


def cut(blocks: Iterator[Samples], first: int, last: int) -> Iterator[Samples]:
    """Yield copies of what lies from one frame to another; nothing after that is decoded."""
    position = 0
    for block in blocks:
        yield block[max(0, first - position) : max(0, last - position)].copy()
        position += len(block)
        if position >= last:
            break


def _count(blocks: Iterator[Samples], rate_hz: int, report: DecodeReport) -> Iterator[Samples]:
    """Keep the report's length up to date."""
    for block in blocks:
        report.decoded_s += len(block) / rate_hz
        yield block


__all__ = ["AUDIO_EXTENSIONS", "AudioError", "DecodeReport", "check_readable", "is_audio_path", "stream_mono"]
