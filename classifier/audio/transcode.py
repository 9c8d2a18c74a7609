"""A song written again as another file: encoded, resampled, at another level, or cut."""

from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from typing import Any, BinaryIO, Final, Literal

import numpy as np

from classifier import params
from classifier.audio.excerpt import open_frames
from classifier.audio.report import Samples
from classifier.audio.resampling import resample
from classifier.audio.stream_encode import ENCODINGS, rate_for
from classifier.errors import TooShortError, UnreadableFileError, in_words

Codec = Literal["flac", "mp3", "opus"]

MAX_CHANNELS: Final = {"mp3": 2, "opus": 2, "flac": 8}
FRAME: Final = 1 << 14


@dataclass(frozen=True)
class Recoding:
    """What to do to a song.

    Attributes
    ----------
    codec, bit_rate
        Of the new file; bits a second, None for FLAC (16 bit).
    other_rate_hz
        Sampling rates in Hz, of which the first that differs from the song's is taken; none to keep it.
        A rate that the codec does not take becomes the next higher one, or its highest.
    gain_db
        Added to the level; samples beyond full scale are clipped, as any integer format would.
    skip_s
        Seconds left out at the beginning.
    """

    codec: Codec = "flac"
    bit_rate: int | None = None
    other_rate_hz: tuple[int, ...] = ()
    gain_db: float = 0.0
    skip_s: float = 0.0


def recode(source: Path, target: Path, how: Recoding) -> float:
    """Write a song as another file and return its length in seconds; no more than a block is in memory.

    Parameters
    ----------
    source, target
        Audio files; the second is replaced. Its suffix has no say, its tags are empty. All channels are
        kept where the codec takes so many, else they are averaged.
    how
        What to do to it.

    Raises
    ------
    UnreadableFileError, EmptyFileError, NotAudioError
        If the source cannot be decoded, or the target cannot be written.
    TooShortError
        If less than a shortest last segment is left; nothing stays behind.
    """
    from_hz, _, blocks = open_frames(source)
    to_hz = next((rate for rate in how.other_rate_hz if rate != from_hz), from_hz)
    if how.codec != "flac":
        to_hz = rate_for(how.codec, to_hz)
    altered = _level(_skip(blocks, round(how.skip_s * from_hz)), how.gain_db, MAX_CHANNELS[how.codec])
    resampled = (np.clip(block, -1.0, 1.0) for block in resample(altered, from_hz, to_hz))
    write = _write_flac if how.codec == "flac" else _encode
    try:
        with open(target, "wb") as file:
            length_s = write(resampled, to_hz, file, how) / to_hz
    except OSError as error:
        target.unlink(missing_ok=True)
        raise UnreadableFileError(f"cannot write {target}: {in_words(error)}") from error
    if length_s < params.MIN_LAST_SEGMENT_S:
        target.unlink(missing_ok=True)
        raise TooShortError(f"too short: {length_s:.1f} s are left")
    return length_s


def _skip(blocks: Iterator[Samples], frames: int) -> Iterator[Samples]:
    for block in blocks:
        if len(block) > frames:
            yield block[frames:]
        frames = max(0, frames - len(block))


def _level(blocks: Iterator[Samples], gain_db: float, max_channels: int) -> Iterator[Samples]:
    gain = np.float32(10 ** (gain_db / 20))
    for block in blocks:
        frames = block if block.shape[1] <= max_channels else block.mean(axis=1, keepdims=True)
        yield np.clip(np.nan_to_num(frames) * gain, -1.0, 1.0)


def _write_flac(blocks: Iterator[Samples], rate_hz: int, target: BinaryIO, how: Recoding) -> int:
    """Write blocks as FLAC and return the number of frames."""
    import soundfile

    written = 0
    with ExitStack() as opened:
        file = None
        for block in blocks:
            if file is None:
                kind = (rate_hz, block.shape[1], "PCM_16")
                file = opened.enter_context(soundfile.SoundFile(target, "w", *kind, format="FLAC"))
            file.write(block)
            written += len(block)
    return written


def _encode(blocks: Iterator[Samples], rate_hz: int, target: BinaryIO, how: Recoding) -> int:
    """Write blocks through FFmpeg and return the number of frames."""
    import av

    encoding = ENCODINGS[how.codec]
    written = 0
    with av.open(target, "w", format=encoding.container) as container:
        stream: Any = None
        for frame in _frames(blocks, rate_hz):
            if stream is None:
                stream = container.add_stream(encoding.encoder, rate=rate_hz, layout=frame.layout.name)
                stream.bit_rate = how.bit_rate
            written += frame.samples
            container.mux(stream.encode(frame))  # PyAV cuts and converts frames as the encoder wants them
        if stream is not None:
            container.mux(stream.encode(None))
    return written


def _frames(blocks: Iterator[Samples], rate_hz: int) -> Iterator[Any]:
    """Turn blocks of one or two channels into FFmpeg's frames, with their positions in time."""
    import av

    position = 0
    for block in blocks:
        for start in range(0, len(block), FRAME):
            part = np.ascontiguousarray(block[start : start + FRAME].T, np.float32)
            frame = av.AudioFrame.from_ndarray(part, "fltp", "mono" if len(part) == 1 else "stereo")
            frame.sample_rate, frame.pts, frame.time_base = rate_hz, position, Fraction(1, rate_hz)
            position += part.shape[1]
            yield frame
