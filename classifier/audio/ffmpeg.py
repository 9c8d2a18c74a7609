"""Decode through FFmpeg (PyAV): whatever libsndfile does not read."""

import errno
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from functools import partial
from pathlib import Path
from typing import Any, Final

import numpy as np

from classifier.audio.limits import block_frames, check_form
from classifier.audio.mp3_frames import declares_length
from classifier.audio.report import DecodeReport, Samples, clean, mix
from classifier.audio.tag_free_file import UntaggedFile
from classifier.errors import LimitError, NotAudioError, UnknownCodecError

# Only formats that carry audio: a playlist dressed up as audio must not make FFmpeg open other files.
FFMPEG_FORMATS: Final = "mp3,flac,ogg,wav,aiff,mov,mp4,m4a,aac,asf,ape,wv,w64,caf,matroska,webm,tta,mpc,mpc8"
OPTIONS: Final = {"format_whitelist": FFMPEG_FORMATS}
MAX_BAD_PACKETS: Final = 1000
MOST_FRAME_SAMPLES: Final = 2**26
"""Of all channels of one frame, at the rate of the stream."""


def open_ffmpeg(path: Path, report: DecodeReport) -> tuple[int, Iterator[Samples]]:
    """Open a file; return its sampling rate in Hz and its mono blocks.

    Raises
    ------
    NotAudioError
        If FFmpeg does not recognise it, has no decoder for it, or it has no audio stream.
    LimitError
        If it claims to be more than a file may be.
    """
    file, container, rate_hz = open_container(path)
    import av

    if container.duration and not _guesses_length(container.format.name, path):
        report.declared_s = container.duration / av.time_base
    frames = _ffmpeg_frames(file, container, rate_hz, report)
    return rate_hz, clean(_gather(frames, rate_hz), report)


def open_container(path: Path) -> tuple[UntaggedFile, Any, int]:
    """Open a file as FFmpeg's container of an audio stream; return both, and the sampling rate in Hz.

    Raises
    ------
    NotAudioError, LimitError
        As of `open_ffmpeg`.
    """
    import av

    av.logging.set_level(av.logging.PANIC)
    with ExitStack() as held:
        file = held.enter_context(UntaggedFile(path))
        try:
            container = av.open(file, options=OPTIONS, metadata_errors="replace")
            stream = container.streams.audio[0]
        except (av.error.FFmpegError, IndexError) as error:
            raise NotAudioError(str(error)) from error
        codec = stream.codec_context
        if codec is None:
            raise UnknownCodecError("its audio cannot be decoded: no decoder knows its codec")
        if not codec.sample_rate:
            raise NotAudioError("no audio stream")
        check_form(codec.sample_rate, codec.layout.nb_channels)
        held.pop_all()
    return file, container, codec.sample_rate


def _guesses_length(format_name: str, path: Path) -> bool:
    """Whether FFmpeg tells a length from no more than the bit rate of the first frames."""
    return format_name == "aac" or (format_name == "mp3" and not declares_length(path, vbri=True))


def packets_of(container: Any, passed_over: Callable[[], None] = lambda: None) -> Iterator[Any]:
    """Yield the packets of the first audio stream of an opened container.

    Parameters
    ----------
    passed_over
        Called for a packet of a stream that begins only in the middle of the file: PyAV knows those alone
        that were there when the file was opened, and raises for any other.
    """
    stream = container.streams.audio[0]
    while True:
        try:
            yield from container.demux(stream)
            return
        except IndexError:
            passed_over()


def _ffmpeg_frames(file, container, rate_hz: int, report: DecodeReport) -> Iterator[Samples]:  # type: ignore[no-untyped-def]
    """Decode packet by packet, leaving out those that cannot be decoded."""
    import av

    to_float = _ToFloat(rate_hz)
    bad_packets = 0
    with file, container:
        packets = packets_of(container, partial(setattr, report, "damaged", True))
        while bad_packets <= MAX_BAD_PACKETS:
            try:
                packet = next(packets, None)
            except (av.error.FFmpegError, OSError) as error:
                check_memory(error)
                report.damaged = True
                report.disk_failed = not isinstance(error, av.error.FFmpegError)  # the file's own
                return
            if packet is None:
                return
            try:
                for frame in packet.decode():
                    yield from to_float(frame)
            except (av.error.FFmpegError, ValueError) as error:
                check_memory(error)
                report.damaged = True
                bad_packets += 1


def check_memory(error: Exception) -> None:
    """Raise what an error of FFmpeg is where there is no memory for it, which is no damage of the file.

    Raises
    ------
    MemoryError
    """
    if getattr(error, "errno", None) == errno.ENOMEM:
        raise MemoryError from error


def longest_frame(frame: Any, rate_hz: int) -> int:
    """Return how many samples a frame like this may have, so that it does not become too many at a rate.

    Raises
    ------
    ValueError
        If no frame like it is decoded; as FFmpeg raises for what it cannot decode.
    """
    channels, own_rate_hz = int(frame.layout.nb_channels), int(frame.sample_rate)
    try:
        check_form(own_rate_hz, channels)
    except LimitError as error:
        raise ValueError(str(error)) from error
    return MOST_FRAME_SAMPLES * own_rate_hz // (rate_hz * max(1, channels))


class _ToFloat:
    """Frames of any format and rate to mono float32 at one rate.

    A stream may change both on the way (recordings joined end to end do); FFmpeg's own channel
    mixing is not used, since it differs from the average.
    """

    def __init__(self, rate_hz: int) -> None:
        self._rate_hz = rate_hz
        self._kind: tuple[object, ...] = ()
        self._resampler: Any = None
        self._longest = 0

    def __call__(self, frame: Any) -> Iterator[Samples]:
        import av

        kind = (frame.format.name, frame.layout.name, frame.layout.nb_channels, frame.sample_rate)
        if kind != self._kind:
            self._longest = longest_frame(frame, self._rate_hz)
            self._kind = kind
            # Interleaved: PyAV reads beyond the planes of frames with eight channels or more.
            self._resampler = av.AudioResampler(format="flt", layout=frame.layout, rate=self._rate_hz)
        if frame.samples > self._longest:
            raise ValueError("a frame that is too long")
        for even in self._resampler.resample(frame):
            yield mix(even.to_ndarray().reshape(-1, frame.layout.nb_channels))


def _gather(pieces: Iterator[Samples], rate_hz: int) -> Iterator[Samples]:
    """Join the small frames of FFmpeg into blocks."""
    held: list[Samples] = []
    n_held, enough = 0, block_frames(rate_hz, 1)
    for piece in pieces:
        held.append(piece)
        n_held += len(piece)
        if n_held >= enough:
            yield np.concatenate(held)
            held, n_held = [], 0
    if held:
        yield np.concatenate(held)
