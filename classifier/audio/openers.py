"""Which decoder reads a file, and which goes on where that one ends before the file does.

libsndfile decodes what it reads well (wav, aiff, flac, ogg), FFmpeg through PyAV the rest, and libmpg123,
where it is installed, MP3s to one channel.
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Final

import numpy as np

from classifier import params
from classifier.audio.ffmpeg import open_ffmpeg
from classifier.audio.inner_files import links
from classifier.audio.libsndfile import MP3, open_soundfile, passed_over, read_frames
from classifier.audio.mp3_frames import declared_s as mp3_declared_s
from classifier.audio.mpg123 import cancels, open_mono
from classifier.audio.report import COMPLETE_S, DecodeReport, Samples, clean, mix
from classifier.audio.resampling import resample
from classifier.audio.tag_free_file import Part
from classifier.errors import (
    AudioError,
    EmptyFileError,
    NotAudioError,
    UnknownCodecError,
    UnreadableFileError,
    said,
)
from classifier.files import open_regular

FFMPEG_FIRST: Final = frozenset(
    (".opus", ".m4a", ".m4b", ".mp4", ".aac", ".wma", ".asf", ".ape", ".wv", ".mka", ".webm", ".weba")  # noqa: RUF005
    + (".tta", ".spx", ".dsf", ".dff", ".ac3", ".dts", ".mpc")
)
UNKNOWN_FRAMES: Final = 1 << 62
STREAMED_SIZES: Final = ((0x7FFF_0000, 0x8001_0000), (0xFFFF_0000, 0x1_0001_0000))
"""Between these are the sizes that headers hold where their writers could not know them."""
# What a WAV file can hold of what libsndfile reads; anything else was decoded to float.
WAV_SUBTYPES: Final = ("PCM_U8", "PCM_16", "PCM_24", "PCM_32", "FLOAT", "DOUBLE")


@dataclass(frozen=True)
class Opened:
    """A file that is being decoded.

    Attributes
    ----------
    rate_hz
        Its sampling rate.
    blocks
        (frames, channels) float32, each of which may be overwritten by the next.
    subtype
        libsndfile's name of how the file stores a sample, where WAV can store it the same way.
    stops_early
        Whether its decoder gives up at damage, or believes a length that is told.
    first
        The frame that the blocks begin with.
    """

    rate_hz: int
    blocks: Iterator[Samples]
    subtype: str = "FLOAT"
    stops_early: bool = False
    first: int = 0


Opener = Callable[[Path, DecodeReport, Part | None, float], Opened]


def check_readable(path: Path) -> None:
    """Raise a typed error if the file is missing, empty or not readable.

    Raises
    ------
    UnreadableFileError, EmptyFileError
    """
    try:
        with open_regular(path) as file:
            if not file.read(1):
                raise EmptyFileError("the file is empty")
    except OSError as error:
        raise _unreadable(error) from error


def _unreadable(error: OSError) -> UnreadableFileError:
    return UnreadableFileError(f"cannot be read: {said(error).lower()}")


def open_decoded(path: Path, report: DecodeReport, *, mono: bool = False, start_s: float = 0.0) -> Opened:
    """Open a file.

    Parameters
    ----------
    report
        Filled in while its blocks are taken, but for what was decoded.
    mono
        Whether one channel will do, where that comes cheaper. Else all blocks have the channels of the first.
    start_s
        What is before is not wanted: it is passed over, to the very sample, where that can be done undecoded.

    Raises
    ------
    UnreadableFileError, EmptyFileError, NotAudioError, LimitError
    """
    check_readable(path)
    try:
        parts: Sequence[Part | None] = links(path) or [None]
    except OSError as error:
        raise _unreadable(error) from error
    opened = _open(path, report, parts[0], mono, start_s if len(parts) == 1 else 0.0)
    if len(parts) > 1:
        report.declared_s = None
        opened = replace(opened, blocks=_chained(path, opened, parts[1:], report, mono))
    return opened if mono else replace(opened, blocks=_even(opened.blocks))


def _open(path: Path, report: DecodeReport, part: Part | None, mono: bool, start_s: float = 0.0) -> Opened:
    """Open a file, or a part of one, with the first decoder that knows it; others go on if it ends early."""
    openers: list[Opener] = [_open_soundfile_mono if mono else _open_soundfile, _open_ffmpeg_mono]
    if not mono:
        openers[1] = _open_ffmpeg
    if path.suffix.lower() in FFMPEG_FIRST:
        openers.reverse()
    unknown = NotAudioError("not audio, or too damaged to be decoded")
    for number, opener in enumerate(openers, start=1):
        try:
            opened = opener(path, report, part, start_s)
        except UnknownCodecError as error:
            unknown = error
        except NotAudioError:
            continue
        except OSError as error:
            raise _unreadable(error) from error
        else:
            return replace(opened, blocks=_going_on(opened, openers[number:], path, report, part))
    raise unknown


def _going_on(
    opened: Opened, others: Sequence[Opener], path: Path, report: DecodeReport, part: Part | None
) -> Iterator[Samples]:
    """Yield the blocks of a file, and what another decoder knows after the last of them."""
    frames = opened.first
    for block in opened.blocks:
        frames += len(block)
        yield block
    if not _ended_early(opened, report, frames):
        return
    for opener in others:
        again = DecodeReport()
        try:
            second = opener(path, again, part, 0.0)
        except (AudioError, OSError):
            continue
        n_all = 0
        for block in _at_rate(second, opened.rate_hz):
            n_all += len(block)
            if n_all > frames:
                yield block[max(0, len(block) - (n_all - frames)) :]
        report.disk_failed |= again.disk_failed
        report.declared_s = again.declared_s if report.declared_s is None else report.declared_s
        if n_all > frames or (n_all == frames and not again.damaged):
            report.damaged = report.damaged and (n_all > frames or again.damaged)
            return


def _ended_early(opened: Opened, report: DecodeReport, frames: int) -> bool:
    """Whether a decoder may have left out what another one knows."""
    decoded_s = frames / opened.rate_hz
    missing = report.declared_s is None or report.declared_s - decoded_s > COMPLETE_S
    if report.disk_failed or not (missing or not frames):
        return False
    if opened.stops_early and (report.damaged or report.declared_s is not None):
        return True
    return decoded_s < params.MIN_TRACK_S


def _chained(
    path: Path, first: Opened, parts: Sequence[Part | None], report: DecodeReport, mono: bool
) -> Iterator[Samples]:
    """Yield the blocks of streams that follow each other, at the rate of the first."""
    yield from first.blocks
    for part in parts:
        own = DecodeReport()
        try:
            yield from _at_rate(_open(path, own, part, mono), first.rate_hz)
        except NotAudioError:
            own.damaged = True
        report.damaged |= own.damaged
        report.disk_failed |= own.disk_failed


def _at_rate(opened: Opened, rate_hz: int) -> Iterator[Samples]:
    return (
        opened.blocks
        if opened.rate_hz == rate_hz
        else resample(_even(opened.blocks), opened.rate_hz, rate_hz)
    )


def _even(blocks: Iterator[Samples]) -> Iterator[Samples]:
    """Yield blocks with the channels of the first; of another number of channels all get the average."""
    channels = 0
    for block in blocks:
        channels = channels or block.shape[1]
        yield block if block.shape[1] == channels else np.repeat(mix(block)[:, None], channels, axis=1)


def _open_soundfile(path: Path, report: DecodeReport, part: Part | None, start_s: float) -> Opened:
    file = open_soundfile(path, part)
    if file.subtype == MP3:
        file.close()
        raise NotAudioError("left to FFmpeg")
    first = passed_over(file, start_s) if start_s > 0 else 0
    if file.frames < UNKNOWN_FRAMES:
        missing_share = 1.0 if part is not None else _missing_share(path)
        report.declared_s = file.frames / file.samplerate * missing_share
    blocks = read_frames(file, report)
    subtype = file.subtype if file.subtype in WAV_SUBTYPES else "FLOAT"
    kept = blocks if file.subtype.startswith("PCM") else clean(blocks, report)
    return Opened(file.samplerate, kept, subtype, stops_early=True, first=first)


def _open_soundfile_mono(path: Path, report: DecodeReport, part: Part | None, start_s: float) -> Opened:
    """Open a file as libsndfile has it, or, if it is an MP3, as libmpg123 mixes its channels."""
    file = open_soundfile(path, part)
    if file.subtype != MP3:
        file.close()
        return _open_soundfile(path, report, part, start_s)
    rate_hz, length_s = file.samplerate, file.frames / file.samplerate
    file.close()
    blocks = None if cancels(path, rate_hz, report.passages) else open_mono(path, rate_hz, report)
    if blocks is None:  # libsndfile ends where the file says that it does, be there more
        raise NotAudioError("left to FFmpeg")
    report.declared_s = None if mp3_declared_s(path, vbri=False) is None else length_s
    return Opened(rate_hz, clean((block[:, None] for block in blocks), report))


def _open_ffmpeg(path: Path, report: DecodeReport, part: Part | None, _start_s: float) -> Opened:
    rate_hz, blocks = open_ffmpeg(path, report, part, one_layout=True)
    return Opened(rate_hz, clean(blocks, report))


def _open_ffmpeg_mono(path: Path, report: DecodeReport, part: Part | None, _start_s: float) -> Opened:
    # FFmpeg's own mixing of channels differs from the average.
    rate_hz, blocks = open_ffmpeg(path, report, part)
    return Opened(rate_hz, clean(blocks, report))


def _missing_share(path: Path) -> float:
    """Return how many times longer than the file a RIFF or AIFF header says it is, at least 1.

    libsndfile silently takes the file's own length where it is shorter than the header's.
    """
    with open_regular(path) as file:
        head = file.read(8)
    order = {b"RIFF": "little", b"FORM": "big"}.get(head[:4])
    if order is None:
        return 1.0
    declared = int.from_bytes(head[4:8], order) + 8  # type: ignore[arg-type]
    unknown = any(least <= declared < most for least, most in STREAMED_SIZES)
    return 1.0 if unknown else max(1.0, declared / path.stat().st_size)
