"""Decode through FFmpeg (PyAV): whatever libsndfile does not read."""

import errno
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from functools import partial
from pathlib import Path
from typing import Any, Final

import numpy as np

from classifier.audio.inner_files import audio_behind_junk
from classifier.audio.limits import block_frames, check_form
from classifier.audio.mp3_frames import declared_s as mp3_declared_s
from classifier.audio.report import DecodeReport, Samples
from classifier.audio.tag_free_file import Part, UntaggedFile
from classifier.errors import LimitError, NotAudioError, UnknownCodecError

# Only formats that carry audio: a playlist dressed up as audio must not make FFmpeg open other files.
FFMPEG_FORMATS: Final = (
    "mp3,flac,ogg,wav,aiff,mov,mp4,m4a,aac,asf,ape,wv,w64,caf,matroska,webm,tta,mpc,mpc8"
    ",ac3,eac3,dts,dsf,iff,au"
)
OPTIONS: Final = {"format_whitelist": FFMPEG_FORMATS}
PROTECTED: Final = ("drms", "enca", "drmi", "p608", "aavd")
"""What MP4 calls the audio of shops that encrypt it."""
ASF_HEAD: Final = 64 << 10
ASF_ENCRYPTION: Final = (
    bytes.fromhex("fbb31122 23bd d211 b4b700a0c955fc6e"),
    bytes.fromhex("14e68a29 2226 174c b935dae07ee9289c"),
    bytes.fromhex("33850543 8169 e649 9b74ad12cb86d58c"),
)
"""Names of the objects in which Windows Media keeps what is needed to have a key."""
MAX_BAD_PACKETS: Final = 1000
MOST_FRAME_SAMPLES: Final = 2**26
"""Of all channels of one frame, at the rate of the stream."""


def open_ffmpeg(
    path: Path, report: DecodeReport, part: Part | None = None, *, one_layout: bool = False
) -> tuple[int, Iterator[Samples]]:
    """Open a file, or a part of one; return its sampling rate in Hz and its blocks of (frames, channels).

    Parameters
    ----------
    one_layout
        See `ToFloat`.

    Raises
    ------
    NotAudioError
        If FFmpeg does not recognise it, has no decoder for it, or it has no audio stream.
    LimitError
        If it claims to be more than a file may be.
    """
    file, container, rate_hz = open_container(path, part)
    report.declared_s = _declared_s(container, path)
    frames = decode_packets(file, container, ToFloat(rate_hz, one_layout=one_layout), report)
    return rate_hz, _gather(frames, rate_hz)


def _declared_s(container: Any, path: Path) -> float | None:
    """Return how long a file says that its audio is, in seconds, which pictures may outlast."""
    import av

    if container.format.name == "mp3":
        return mp3_declared_s(path, vbri=True)
    if container.format.name in (
        "aac",
        "ac3",
        "eac3",
        "dts",
    ):  # a guess from the bit rate of the first frames
        return None
    stream = container.streams.audio[0]
    if stream.duration and stream.time_base:
        return float(stream.duration * stream.time_base)
    if container.duration and len(container.streams) == 1:
        return float(container.duration / av.time_base)
    return None


def open_container(path: Path, part: Part | None = None) -> tuple[UntaggedFile, Any, int]:
    """Open a file as FFmpeg's container of an audio stream; return both, and the sampling rate in Hz.

    Raises
    ------
    NotAudioError, LimitError
        As of `open_ffmpeg`.
    """
    file, container = open_demuxer(path, part)
    with ExitStack() as held:
        held.enter_context(file)
        codec = container.streams.audio[0].codec_context
        if _is_protected(container, codec, file):
            raise UnknownCodecError("protected (DRM): its audio cannot be decoded without its key")
        if codec is None:
            raise UnknownCodecError("its audio cannot be decoded: no decoder knows its codec")
        if not codec.sample_rate:
            raise NotAudioError("no audio stream")
        check_form(codec.sample_rate, codec.layout.nb_channels)
        held.pop_all()
    return file, container, codec.sample_rate


def _is_protected(container: Any, codec: Any, file: UntaggedFile) -> bool:
    """Whether a file says that its audio is encrypted."""
    if codec is not None and codec.codec_tag in PROTECTED:
        return True
    if container.format.name != "asf":
        return False
    position = file.tell()
    file.seek(0)
    head = file.read(ASF_HEAD)
    file.seek(position)
    return any(name in head for name in ASF_ENCRYPTION)


def open_demuxer(path: Path, part: Part | None = None) -> tuple[UntaggedFile, Any]:
    """Open a file, or a part of it, as FFmpeg's container of an audio stream, of any codec; return both.

    A whole file that is none is looked through for where audio begins behind something else.

    Raises
    ------
    NotAudioError
        If FFmpeg does not recognise it, or it has no audio stream.
    """
    try:
        return _demuxer(path, part)
    except NotAudioError:
        behind = audio_behind_junk(path) if part is None else None
        if behind is None:
            raise
    return _demuxer(path, behind)


def _demuxer(path: Path, part: Part | None) -> tuple[UntaggedFile, Any]:
    import av  # not at the top: costly, and most queries name a catalogued track

    av.logging.set_level(av.logging.PANIC)
    with ExitStack() as held:
        file = held.enter_context(UntaggedFile(path, part))
        try:
            container = av.open(file, options=OPTIONS, metadata_errors="replace")
            stream = container.streams.audio[0]
        except (av.error.FFmpegError, IndexError) as error:
            raise NotAudioError(str(error)) from error
        if stream.codec_context is not None and stream.codec_context.name == "flac":
            stream.codec_context.options = {
                "err_detect": "crccheck+explode"
            }  # what is damaged is not to be heard
        held.pop_all()
    return file, container


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


def decode_packets(
    file: UntaggedFile, container: Any, to_float: "ToFloat", report: DecodeReport
) -> Iterator[Samples]:
    """Decode packet by packet, leaving out those that cannot be decoded; close both at the end."""
    import av

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


class ToFloat:
    """Frames of any format and rate to blocks of (samples, channels) at one rate, float32.

    A stream may change its rate and its channels on the way (recordings joined end to end do).

    Parameters
    ----------
    one_layout
        Whether all have the channels of the first frame. Not for mono: FFmpeg's own mixing of channels
        differs from the average.
    """

    def __init__(self, rate_hz: int, *, one_layout: bool = False) -> None:
        self._rate_hz, self._one_layout = rate_hz, one_layout
        self._kind: tuple[object, ...] = ()
        self._layout: Any = None
        self._resampler: Any = None
        self._longest = 0

    def __call__(self, frame: Any) -> Iterator[Samples]:
        """Yield a frame's samples; raise `ValueError` for what FFmpeg cannot convert, or must not."""
        import av

        kind = (frame.format.name, frame.layout.name, frame.layout.nb_channels, frame.sample_rate)
        if kind != self._kind:
            self._longest = longest_frame(frame, self._rate_hz)
            self._kind = kind
            self._layout = self._layout if self._layout and self._one_layout else frame.layout
            # Interleaved: PyAV reads beyond the planes of frames with eight channels or more.
            self._resampler = av.AudioResampler(format="flt", layout=self._layout, rate=self._rate_hz)
        if frame.samples > self._longest:
            raise ValueError("a frame that is too long")
        for even in self._resampler.resample(frame):
            yield even.to_ndarray().reshape(-1, self._layout.nb_channels)


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


def _gather(pieces: Iterator[Samples], rate_hz: int) -> Iterator[Samples]:
    """Join the small frames of FFmpeg into blocks, each of one number of channels."""
    held: list[Samples] = []
    n_held = 0
    for piece in pieces:
        if held and piece.shape[1] != held[0].shape[1]:
            yield np.concatenate(held)
            held, n_held = [], 0
        held.append(piece)
        n_held += len(piece)
        if n_held >= block_frames(rate_hz, piece.shape[1]):
            yield np.concatenate(held)
            held, n_held = [], 0
    if held:
        yield np.concatenate(held)
