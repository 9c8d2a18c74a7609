"""A file on disk to blocks of mono float32 samples.

libsndfile decodes what it reads (wav, aiff, flac, ogg, opus, mp3), FFmpeg through PyAV the rest.
Nothing here holds more than a block of audio, whatever the length of the file.
"""

import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import numpy as np
import numpy.typing as npt
import soundfile

from classifier import params
from classifier.errors import AudioError, EmptyFileError, NotAudioError, UnreadableFileError
from classifier.quiet import quiet_stderr

Samples = npt.NDArray[np.float32]

AUDIO_EXTENSIONS: Final = frozenset(
    (".mp3", ".flac", ".ogg", ".oga", ".opus", ".m4a", ".m4b", ".mp4", ".aac")  # noqa: RUF005
    + (".wav", ".aiff", ".aif", ".aifc", ".wma", ".asf", ".ape", ".wv")
)
FFMPEG_FIRST: Final = frozenset([".opus", ".m4a", ".m4b", ".mp4", ".aac", ".wma", ".asf", ".ape", ".wv"])
# Only formats that carry audio: a playlist dressed up as audio must not make FFmpeg open other files.
FFMPEG_FORMATS: Final = "mp3,flac,ogg,wav,aiff,mov,mp4,m4a,aac,asf,ape,wv,w64,caf,matroska,webm,tta,mpc,mpc8"
UNKNOWN_FRAMES: Final = 1 << 62
MAX_BAD_PACKETS: Final = 1000
# Raw AAC declares no length: FFmpeg's is a guess from the bit rate of its first frames.
GUESSED_DURATION: Final = frozenset({"aac"})
# Size that a header holds where its writer could not know it.
STREAMED_SIZE: Final = 0xFFFF_0000


@dataclass
class DecodeReport:
    """What decoding found out; complete once the blocks are used up.

    Attributes
    ----------
    declared_s
        Length that the container declares, in seconds; None where it declares none.
    decoded_s
        Length decoded so far, in seconds.
    warnings
        One plain sentence per thing that was wrong but did not stop the decoding.
    """

    declared_s: float | None = None
    decoded_s: float = 0.0
    damaged: bool = False
    invalid_samples: bool = False

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
        if self.damaged and not found:
            found.append("damaged: some of its audio could not be decoded and was left out")
        if self.invalid_samples:
            found.append("holds samples that are not numbers; they were taken as silence")
        return found


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
        with open(path, "rb") as file:
            if not file.read(1):
                raise EmptyFileError("the file is empty")
    except OSError as error:
        reason = (error.strerror or str(error)).lower()
        raise UnreadableFileError(f"cannot be read: {reason}") from error


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
        (samples,) float32, nominally in −1..1, at most about ten seconds long.

    Raises
    ------
    UnreadableFileError, EmptyFileError, NotAudioError
        Before the first block. An error in mid-file ends the stream and is noted in `report`.
    """
    check_readable(path)
    openers = [_open_soundfile, _open_ffmpeg]
    if path.suffix.lower() in FFMPEG_FIRST:
        openers.reverse()
    for opener in openers:
        try:
            source_rate_hz, blocks = opener(path, report)
            break
        except NotAudioError:
            continue
    else:
        raise NotAudioError("not audio, or too damaged to be decoded")
    yield from _resample(_count(blocks, source_rate_hz, report), source_rate_hz, rate_hz)


def _count(blocks: Iterator[Samples], rate_hz: int, report: DecodeReport) -> Iterator[Samples]:
    """Keep the report's length up to date and replace samples that are not numbers."""
    for block in blocks:
        report.decoded_s += len(block) / rate_hz
        if not np.isfinite(block.sum()):
            report.invalid_samples = True
            yield np.nan_to_num(block, nan=0.0, posinf=0.0, neginf=0.0)
        else:
            yield block


def _resample(blocks: Iterator[Samples], from_hz: int, to_hz: int) -> Iterator[Samples]:
    if from_hz == to_hz:
        yield from blocks
        return
    import soxr

    stream = soxr.ResampleStream(from_hz, to_hz, 1, dtype="float32", quality="HQ")
    for block in blocks:
        yield stream.resample_chunk(block)
    yield stream.resample_chunk(np.zeros(0, np.float32), last=True)


def _mix(frames: Samples) -> Samples:
    """Average the channels of (frames, channels); a product is 50 times faster than ``mean``."""
    channels = frames.shape[1]
    if channels == 1:
        return frames[:, 0]
    return frames @ np.full(channels, 1.0 / channels, np.float32)


def _open_soundfile(path: Path, report: DecodeReport) -> tuple[int, Iterator[Samples]]:
    try:
        with quiet_stderr():
            file = soundfile.SoundFile(os.fsencode(path))
    except soundfile.LibsndfileError as error:
        raise NotAudioError(str(error)) from error
    if file.subtype == "OPUS":
        # libsndfile 1.2 ends some Opus streams early when read in blocks; FFmpeg does not.
        file.close()
        raise NotAudioError("left to FFmpeg")
    if file.frames < UNKNOWN_FRAMES:
        report.declared_s = file.frames / file.samplerate * _missing_share(path)
    return file.samplerate, _soundfile_blocks(file, report)


def _missing_share(path: Path) -> float:
    """Return how many times longer than the file a RIFF or AIFF header says it is, at least 1.

    libsndfile silently takes the file's own length where it is shorter than the header's.
    """
    with open(path, "rb") as file:
        head = file.read(8)
    order = {b"RIFF": "little", b"FORM": "big"}.get(head[:4])
    if order is None:
        return 1.0
    declared = int.from_bytes(head[4:8], order) + 8  # type: ignore[arg-type]
    return max(1.0, declared / path.stat().st_size) if declared < STREAMED_SIZE else 1.0


def _soundfile_blocks(file: soundfile.SoundFile, report: DecodeReport) -> Iterator[Samples]:
    with file:
        n_frames = int(params.BLOCK_S * file.samplerate)
        while True:
            try:
                frames = file.read(n_frames, dtype="float32", always_2d=True)
            except soundfile.LibsndfileError:
                report.damaged = True
                return
            if not len(frames):
                return
            yield _mix(frames)


def _open_ffmpeg(path: Path, report: DecodeReport) -> tuple[int, Iterator[Samples]]:
    import av

    av.logging.set_level(av.logging.PANIC)
    file = open(path, "rb")
    try:
        container = av.open(file, options={"format_whitelist": FFMPEG_FORMATS})
        stream = container.streams.audio[0]
        rate_hz = stream.codec_context.sample_rate
    except (av.error.FFmpegError, IndexError) as error:
        file.close()
        raise NotAudioError(str(error)) from error
    if not rate_hz:
        file.close()
        raise NotAudioError("no audio stream")
    if container.duration and container.format.name not in GUESSED_DURATION:
        report.declared_s = container.duration / av.time_base
    return rate_hz, _gather(_ffmpeg_frames(file, container, rate_hz, report), rate_hz)


def _ffmpeg_frames(file, container, rate_hz: int, report: DecodeReport) -> Iterator[Samples]:  # type: ignore[no-untyped-def]
    """Decode packet by packet, leaving out those that cannot be decoded."""
    import av

    resampler = av.AudioResampler(format="fltp", rate=rate_hz)
    bad_packets = 0
    with file, container:
        packets = container.demux(audio=0)
        while True:
            try:
                packet = next(packets)
            except StopIteration:
                return
            except (av.error.FFmpegError, OSError):
                report.damaged = True
                return
            try:
                for frame in packet.decode():
                    for even in resampler.resample(frame):
                        yield _mix(even.to_ndarray().T)
            except (av.error.FFmpegError, ValueError):
                report.damaged = True
                bad_packets += 1
                if bad_packets > MAX_BAD_PACKETS:
                    return


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


__all__ = ["AUDIO_EXTENSIONS", "AudioError", "DecodeReport", "is_audio_path", "stream_mono"]
