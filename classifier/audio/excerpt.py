"""A stretch of an audio file as it was recorded: at its own rate, with all its channels."""

import os
from collections.abc import Iterator
from dataclasses import dataclass
from io import BytesIO
from pathlib import Path
from typing import Any

import numpy as np

from classifier import params
from classifier.audio.decode import check_readable, first_that_opens
from classifier.audio.ffmpeg import MAX_BAD_PACKETS, check_memory, longest_frame, open_container, packets_of
from classifier.audio.limits import block_frames, check_form, within_length
from classifier.audio.quiet import quiet_stderr
from classifier.audio.report import Samples
from classifier.errors import LimitError, NotAudioError

# What a WAV file can hold of what libsndfile reads; anything else was decoded to float.
WAV_SUBTYPES = ("PCM_U8", "PCM_16", "PCM_24", "PCM_32", "FLOAT", "DOUBLE")


MOST_SAMPLES = params.FILE_MEMORY // 16
"""Of all channels of a clip, which is held twice while it is written."""


@dataclass(frozen=True)
class Excerpt:
    """A stretch of audio.

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
    """Read a stretch of a file, decoding up to it so that it lies where analysis heard it.

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
        If it claims to be more than a file may be, or the stretch is too much to be held.
    """
    rate_hz, subtype, blocks = open_frames(path)
    return Excerpt(rate_hz, _cut(blocks, round(start_s * rate_hz), round(end_s * rate_hz)), subtype)


def wav_of(path: str, start_s: float, end_s: float) -> bytes:
    """Return a stretch of a file as a WAV file; raises as `read_excerpt` does."""
    return read_excerpt(Path(path), start_s, end_s).to_wav()


def open_frames(path: Path) -> tuple[int, str, Iterator[Samples]]:
    """Open a file; return its rate in Hz, its subtype as of `Excerpt`, and blocks of (frames, channels).

    Raises
    ------
    UnreadableFileError, EmptyFileError, NotAudioError
    LimitError
        If it claims to be more than a file may be; while the blocks are read, if it turns out to be longer.
    """
    check_readable(path)
    rate_hz, subtype, blocks = first_that_opens(path, [_soundfile_blocks, _ffmpeg_blocks])
    return rate_hz, subtype, within_length(blocks, rate_hz)


def _cut(blocks: Iterator[Samples], start: int, end: int) -> Samples:
    """Return the frames from one number to another of a stream of (frames, channels)."""
    kept, place = [], 0
    for block in blocks:
        if (end - start) * block.shape[1] > MOST_SAMPLES:
            size = f"{end - start:,} samples of {block.shape[1]} channels"
            raise LimitError(f"the clip is too large: {size}")
        kept.append(block[max(0, start - place) : max(0, end - place)].copy())
        place += len(block)
        if place >= end:
            break
    if not any(map(len, kept)):
        raise NotAudioError("no audio could be decoded there")
    return np.concatenate(kept)


def _soundfile_blocks(path: Path) -> tuple[int, str, Iterator[Samples]]:
    import soundfile

    try:
        with quiet_stderr():
            file = soundfile.SoundFile(os.fsencode(path))
    except soundfile.LibsndfileError as error:
        raise NotAudioError(str(error)) from error
    try:
        check_form(file.samplerate, file.channels)
    except LimitError:
        file.close()
        raise
    # As in `classifier.audio.decode`, where libsndfile may end MP3s and some Opus before their end.
    if file.subtype in ("OPUS", "MPEG_LAYER_III"):
        file.close()
        raise NotAudioError("left to FFmpeg")
    subtype = file.subtype if file.subtype in WAV_SUBTYPES else "FLOAT"
    return file.samplerate, subtype, _read(file)


def _read(file: Any) -> Iterator[Samples]:
    import soundfile

    frames = block_frames(file.samplerate, file.channels)
    with file:
        while True:
            try:
                with quiet_stderr():
                    block = file.read(frames, "float32", always_2d=True)
            except soundfile.LibsndfileError:
                return  # damage ends the stream, as it does in analysis
            if not len(block):
                return
            yield block


def _ffmpeg_blocks(path: Path) -> tuple[int, str, Iterator[Samples]]:
    file, container, rate_hz = open_container(path)
    return rate_hz, "FLOAT", _decode(file, container, rate_hz)


def _decode(file: Any, container: Any, rate_hz: int) -> Iterator[Samples]:
    """Decode packet by packet to the layout of the first frame; packets that cannot be are left out."""
    import av

    resampler, bad_packets, channels = None, 0, 0
    with file, container:
        packets = packets_of(container)
        while bad_packets <= MAX_BAD_PACKETS:
            try:
                packet = next(packets, None)
            except (av.error.FFmpegError, OSError) as error:
                check_memory(error)
                return  # as in analysis
            if packet is None:
                return
            try:
                for frame in packet.decode():
                    if frame.samples > longest_frame(frame, rate_hz):
                        raise ValueError("a frame that is too long")
                    if resampler is None:
                        resampler = av.AudioResampler(format="flt", layout=frame.layout, rate=rate_hz)
                        channels = frame.layout.nb_channels
                    for even in resampler.resample(frame):
                        yield even.to_ndarray().reshape(-1, channels)
            except (av.error.FFmpegError, ValueError) as error:
                check_memory(error)
                bad_packets += 1
