"""Decode through FFmpeg (PyAV): whatever libsndfile does not read."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

import numpy as np

from classifier import params
from classifier.decode_report import DecodeReport, Samples, clean, mix
from classifier.errors import NotAudioError
from classifier.mp3_frames import declares_length
from classifier.untagged import UntaggedFile

# Only formats that carry audio: a playlist dressed up as audio must not make FFmpeg open other files.
FFMPEG_FORMATS: Final = "mp3,flac,ogg,wav,aiff,mov,mp4,m4a,aac,asf,ape,wv,w64,caf,matroska,webm,tta,mpc,mpc8"
OPTIONS: Final = {"format_whitelist": FFMPEG_FORMATS}
MAX_BAD_PACKETS: Final = 1000
MAX_CHANNELS: Final = 64


def open_ffmpeg(path: Path, report: DecodeReport) -> tuple[int, Iterator[Samples]]:
    """Open a file; return its sampling rate in Hz and its mono blocks.

    Raises
    ------
    NotAudioError
        If FFmpeg does not recognise it, or it has no audio stream.
    """
    import av

    av.logging.set_level(av.logging.PANIC)
    file = UntaggedFile(path)
    try:
        container = av.open(file, options=OPTIONS, metadata_errors="replace")
        stream = container.streams.audio[0]
        rate_hz = stream.codec_context.sample_rate
    except (av.error.FFmpegError, IndexError) as error:
        file.close()
        raise NotAudioError(str(error)) from error
    if not rate_hz:
        file.close()
        raise NotAudioError("no audio stream")
    if container.duration and not _guesses_length(container.format.name, path):
        report.declared_s = container.duration / av.time_base
    frames = _ffmpeg_frames(file, container, rate_hz, report)
    return rate_hz, clean(_gather(frames, rate_hz), report)


def _guesses_length(format_name: str, path: Path) -> bool:
    """Whether FFmpeg tells a length from no more than the bit rate of the first frames."""
    return format_name == "aac" or (format_name == "mp3" and not declares_length(path, vbri=True))


def _ffmpeg_frames(file, container, rate_hz: int, report: DecodeReport) -> Iterator[Samples]:  # type: ignore[no-untyped-def]
    """Decode packet by packet, leaving out those that cannot be decoded."""
    import av

    to_float = _ToFloat(rate_hz)
    bad_packets = 0
    with file, container:
        packets = container.demux(audio=0)
        while bad_packets <= MAX_BAD_PACKETS:
            try:
                packet = next(packets, None)
            except (av.error.FFmpegError, OSError) as error:
                report.damaged = True
                report.disk_failed = not isinstance(error, av.error.FFmpegError)  # the file's own
                return
            if packet is None:
                return
            try:
                for frame in packet.decode():
                    yield from to_float(frame)
            except (av.error.FFmpegError, ValueError):
                report.damaged = True
                bad_packets += 1


class _ToFloat:
    """Frames of any format and rate to mono float32 at one rate.

    A stream may change both on the way (recordings joined end to end do); FFmpeg's own channel
    mixing is not used, since it differs from the average.
    """

    def __init__(self, rate_hz: int) -> None:
        self._rate_hz = rate_hz
        self._kind: tuple[object, ...] = ()
        self._resampler: Any = None

    def __call__(self, frame: Any) -> Iterator[Samples]:
        import av

        kind = (frame.format.name, frame.layout.name, frame.layout.nb_channels, frame.sample_rate)
        if frame.layout.nb_channels > MAX_CHANNELS:
            raise ValueError(f"{frame.layout.nb_channels} channels")
        if kind != self._kind:
            self._kind = kind
            # Interleaved: PyAV reads beyond the planes of frames with eight channels or more.
            self._resampler = av.AudioResampler(format="flt", layout=frame.layout, rate=self._rate_hz)
        for even in self._resampler.resample(frame):
            yield mix(even.to_ndarray().reshape(-1, frame.layout.nb_channels))


def _gather(pieces: Iterator[Samples], rate_hz: int) -> Iterator[Samples]:
    """Join the small frames of FFmpeg into blocks."""
    held: list[Samples] = []
    n_held = 0
    for piece in pieces:
        held.append(piece)
        n_held += len(piece)
        if n_held >= params.BLOCK_S * rate_hz:
            yield np.concatenate(held)
            held, n_held = [], 0
    if held:
        yield np.concatenate(held)
