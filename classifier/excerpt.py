"""A stretch of an audio file as it was recorded: at its own rate, with all its channels."""

import os
from collections.abc import Iterator
from dataclasses import dataclass
from io import BytesIO
from pathlib import Path
from typing import Any

import numpy as np

from classifier import params
from classifier.decode import FFMPEG_FIRST, check_readable
from classifier.decode_ffmpeg import OPTIONS
from classifier.decode_report import Samples
from classifier.errors import NotAudioError
from classifier.quiet import quiet_stderr
from classifier.untagged import UntaggedFile

# What a WAV file can hold of what libsndfile reads; anything else was decoded to float.
WAV_SUBTYPES = ("PCM_U8", "PCM_16", "PCM_24", "PCM_32", "FLOAT", "DOUBLE")


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
    """
    rate_hz, subtype, blocks = open_frames(path)
    return Excerpt(rate_hz, _cut(blocks, round(start_s * rate_hz), round(end_s * rate_hz)), subtype)


def open_frames(path: Path) -> tuple[int, str, Iterator[Samples]]:
    """Open a file; return its rate in Hz, its subtype as of `Excerpt`, and blocks of (frames, channels).

    Raises
    ------
    UnreadableFileError, EmptyFileError, NotAudioError
    """
    check_readable(path)
    openers = [_soundfile_blocks, _ffmpeg_blocks]
    if path.suffix.lower() in FFMPEG_FIRST:
        openers.reverse()
    for opener in openers:
        try:
            return opener(path)
        except NotAudioError:
            continue
    raise NotAudioError("not audio, or too damaged to be decoded")


def _cut(blocks: Iterator[Samples], start: int, end: int) -> Samples:
    """Return the frames from one number to another of a stream of (frames, channels)."""
    kept, place = [], 0
    for block in blocks:
        kept.append(block[max(0, start - place) : max(0, end - place)])
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
    # As in `classifier.decode`, where libsndfile may end MP3s and some Opus before their end.
    if file.subtype in ("OPUS", "MPEG_LAYER_III"):
        file.close()
        raise NotAudioError("left to FFmpeg")
    subtype = file.subtype if file.subtype in WAV_SUBTYPES else "FLOAT"
    return file.samplerate, subtype, _read(file)


def _read(file: Any) -> Iterator[Samples]:
    import soundfile

    with file:
        while True:
            try:
                with quiet_stderr():
                    block = file.read(round(params.BLOCK_S * file.samplerate), "float32", always_2d=True)
            except soundfile.LibsndfileError:
                return  # damage ends the stream, as it does in analysis
            if not len(block):
                return
            yield block


def _ffmpeg_blocks(path: Path) -> tuple[int, str, Iterator[Samples]]:
    import av

    file = UntaggedFile(path)
    try:
        container = av.open(file, options=OPTIONS, metadata_errors="replace")
        rate_hz = container.streams.audio[0].codec_context.sample_rate
    except (av.error.FFmpegError, IndexError) as error:
        file.close()
        raise NotAudioError(str(error)) from error
    return rate_hz, "FLOAT", _decode(file, container, rate_hz)


def _decode(file: Any, container: Any, rate_hz: int) -> Iterator[Samples]:
    """Decode packet by packet to the layout of the first frame; packets that cannot be are left out."""
    import av

    resampler = None
    with file, container:
        for packet in container.demux(audio=0):
            try:
                frames = packet.decode()
            except (av.error.FFmpegError, ValueError):
                continue
            for frame in frames:
                if resampler is None:
                    resampler = av.AudioResampler(format="flt", layout=frame.layout, rate=rate_hz)
                    channels = frame.layout.nb_channels
                for even in resampler.resample(frame):
                    yield even.to_ndarray().reshape(-1, channels)
