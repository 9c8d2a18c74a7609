"""A file on disk to blocks of mono float32 samples.

libsndfile decodes what it reads well (wav, aiff, flac, ogg, mp3), FFmpeg through PyAV the rest, and
libmpg123, where it is installed, MP3s.
Nothing here holds more than a block of audio, whatever the length of the file.
"""

import os
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Final, TypeVar

import numpy as np

from classifier.audio.ffmpeg import open_ffmpeg
from classifier.audio.limits import block_frames, check_form, within_length
from classifier.audio.mp3_frames import declares_length
from classifier.audio.mpg123 import open_mono
from classifier.audio.quiet import quiet_stderr
from classifier.audio.report import DecodeReport, Samples, clean, mix
from classifier.errors import (
    AudioError,
    EmptyFileError,
    LimitError,
    NotAudioError,
    TooShortError,
    UnknownCodecError,
    UnreadableFileError,
)
from classifier.regular_file import open_regular
from classifier.system_errors import said

if TYPE_CHECKING:
    from soundfile import SoundFile

Opened = TypeVar("Opened")

AUDIO_EXTENSIONS: Final = frozenset(
    (".mp3", ".flac", ".ogg", ".oga", ".opus", ".m4a", ".m4b", ".mp4", ".aac")  # noqa: RUF005
    + (".wav", ".aiff", ".aif", ".aifc", ".wma", ".asf", ".ape", ".wv")
)
FFMPEG_FIRST: Final = frozenset([".opus", ".m4a", ".m4b", ".mp4", ".aac", ".wma", ".asf", ".ape", ".wv"])
UNKNOWN_FRAMES: Final = 1 << 62
# Size that a header holds where its writer could not know it.
SYSTEM_ERROR: Final = 2
"""What libsndfile calls an error of the system's, not of the file."""
STREAMED_SIZE: Final = 0xFFFF_0000


def is_audio_path(path: str) -> bool:
    """Whether the file name has an extension that deepcuts analyses, in any case."""
    return os.path.splitext(path)[1].lower() in AUDIO_EXTENSIONS


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


def stream_mono(path: Path, rate_hz: int, report: DecodeReport) -> Iterator[Samples]:
    """Decode a file as mono blocks at the given rate.

    Channels are averaged, then resampled with soxr's HQ.

    Parameters
    ----------
    path
        The file.
    rate_hz
        Sampling rate of the blocks, in Hz.
    report
        Filled in while decoding.

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
    check_readable(path)
    openers = [lambda path: _open_soundfile(path, report), lambda path: open_ffmpeg(path, report)]
    source_rate_hz, blocks = first_that_opens(path, openers)
    counted = _count(within_length(blocks, source_rate_hz), source_rate_hz, report)
    yield from _resample(counted, source_rate_hz, rate_hz)


def first_that_opens(path: Path, openers: Sequence[Callable[[Path], Opened]]) -> Opened:
    """Return what libsndfile's opener gives, or FFmpeg's, where that one knows no better.

    Parameters
    ----------
    openers
        Of either, in this order.

    Raises
    ------
    UnreadableFileError, NotAudioError, LimitError
    """
    unknown = NotAudioError("not audio, or too damaged to be decoded")
    for opener in reversed(openers) if path.suffix.lower() in FFMPEG_FIRST else openers:
        try:
            return opener(path)
        except UnknownCodecError as error:
            unknown = error
        except NotAudioError:
            continue
        except OSError as error:
            raise _unreadable(error) from error
    raise unknown


def whole_mono(path: Path, rate_hz: int, report: DecodeReport) -> Iterator[Samples]:
    """Decode a file as `stream_mono` does, for what is kept: a disk that fails is an error at any time.

    Raises
    ------
    UnreadableFileError
        After the last block, too, where the rest could not be read.
    EmptyFileError, NotAudioError
        Before the first block.
    """
    yield from stream_mono(path, rate_hz, report)
    if report.disk_failed:
        raise UnreadableFileError("cannot be read to its end: its disk failed")


def read_clip(path: Path, rate_hz: int, start_s: float, seconds: float) -> Samples:
    """Decode a stretch of a file to mono.

    Parameters
    ----------
    path
        An audio file; nothing after the stretch is decoded.
    rate_hz
        Sampling rate to resample to, in Hz.
    start_s, seconds
        Where it begins and how long it is at most: it ends where the audio does.

    Raises
    ------
    AudioError
        A subclass that names the reason; `TooShortError` where the audio ends before the stretch begins.
    """
    first, last = round(start_s * rate_hz), round((start_s + seconds) * rate_hz)
    blocks: list[Samples] = []
    decoded = 0
    for block in stream_mono(path, rate_hz, DecodeReport()):
        blocks.append(block[max(0, first - decoded) : max(0, last - decoded)])
        decoded += len(block)
        if decoded >= last:
            break
    if decoded <= first:
        raise TooShortError(f"too short: it ends after {decoded / rate_hz:.1f} s, before {start_s:g} s")
    return np.concatenate(blocks)


def _count(blocks: Iterator[Samples], rate_hz: int, report: DecodeReport) -> Iterator[Samples]:
    """Keep the report's length up to date."""
    for block in blocks:
        report.decoded_s += len(block) / rate_hz
        yield block


def _resample(blocks: Iterator[Samples], from_hz: int, to_hz: int) -> Iterator[Samples]:
    if from_hz == to_hz:
        yield from (block.copy() for block in blocks)  # a decoder may use a block's memory again
        return
    import soxr

    stream = soxr.ResampleStream(from_hz, to_hz, 1, dtype="float32", quality="HQ")
    for block in blocks:
        yield stream.resample_chunk(block)
    yield stream.resample_chunk(np.zeros(0, np.float32), last=True)


def _open_soundfile(path: Path, report: DecodeReport) -> tuple[int, Iterator[Samples]]:
    import soundfile  # not at the top: most queries decode nothing

    try:
        with quiet_stderr():
            file = soundfile.SoundFile(os.fsencode(path))
    except soundfile.LibsndfileError as error:
        if error.code == SYSTEM_ERROR:
            raise UnreadableFileError("cannot be read: the system refuses it") from error
        raise NotAudioError(str(error)) from error
    _check_form(file)
    if file.subtype == "OPUS":
        # libsndfile 1.2 ends some Opus streams early when read in blocks; FFmpeg does not.
        file.close()
        raise NotAudioError("left to FFmpeg")
    if file.subtype == "MPEG_LAYER_III":
        return file.samplerate, _open_mp3(file, path, report)
    if file.frames < UNKNOWN_FRAMES:
        report.declared_s = file.frames / file.samplerate * _missing_share(path)
    return file.samplerate, clean(_soundfile_blocks(file, report), report)


def _check_form(file: "SoundFile") -> None:
    try:
        check_form(file.samplerate, file.channels)
    except LimitError:
        file.close()
        raise


def _open_mp3(file: "SoundFile", path: Path, report: DecodeReport) -> Iterator[Samples]:
    """Let libmpg123 read an MP3, or libsndfile where that is not there."""
    if declares_length(path, vbri=False):
        report.declared_s = file.frames / file.samplerate
    blocks = open_mono(path, file.samplerate, report)
    if blocks is None and report.declared_s is not None:
        return _soundfile_blocks(file, report)
    file.close()
    if blocks is None:
        # libsndfile ends where it guesses that such a file does.
        raise NotAudioError("left to FFmpeg")
    return blocks


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
    return max(1.0, declared / path.stat().st_size) if declared < STREAMED_SIZE else 1.0


def _soundfile_blocks(file: "SoundFile", report: DecodeReport) -> Iterator[Samples]:
    # Not `file.read`: after every block it seeks to where it is, for which libsndfile decodes some frames
    # of an MP3 again, and it does not tell how much was decoded before an error.
    from soundfile import _ffi, _snd

    with file:
        # One for the whole file: fresh memory for every block takes a tenth of the decoder's own time.
        block = np.empty((block_frames(file.samplerate, file.channels), file.channels), np.float32)
        data = _ffi.from_buffer("float[]", block, require_writable=True)
        frames = len(block)
        while frames > 0 and not report.damaged:
            with quiet_stderr():
                frames = _snd.sf_readf_float(file._file, data, len(block))
                error = _snd.sf_error(file._file)
            report.damaged, report.disk_failed = error != 0, error == SYSTEM_ERROR
            if frames > 0:
                yield mix(block[:frames])


__all__ = ["AUDIO_EXTENSIONS", "AudioError", "DecodeReport", "is_audio_path", "stream_mono"]
