"""A song encoded anew while it is read: for players that cannot play its file, or not over their network.

Or an excerpt of one, as a file of its own.
"""

from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass
from fractions import Fraction
from io import BytesIO
from pathlib import Path
from typing import Any, Final

import numpy as np

from classifier.audio.decode import cut
from classifier.audio.excerpt import open_frames_at, open_range
from classifier.audio.ffmpeg import open_container
from classifier.audio.report import Samples
from classifier.audio.resampling import resample
from classifier.errors import NotAudioError

FRAME: Final = 1 << 12
"""Samples that are handed to an encoder at a time: the first bytes come soon."""
LAYOUTS: Final = ("mono", "stereo", "2.1", "4.0", "5.0", "5.1", "6.1", "7.1")
"""FFmpeg's names for one channel, two, …"""
FINE: Final = ("PCM_24", "PCM_32")
"""libsndfile's names of samples of more than 16 bits; what losses made, or floating point, has no more."""

FINE_BITS: Final = 24
LOSSLESS: Final = ("flac", "alac", "ape", "wavpack", "tta")


@dataclass(frozen=True)
class Encoding:
    """How a format is written.

    Attributes
    ----------
    encoder, container
        FFmpeg's names.
    rates_hz
        Sampling rates that it takes, ascending; 16 kHz holds all that lower ones do, at bit rates that they
        do not allow.
    bit_rates
        The least, the usual and the highest one, in bits a second; None for what loses nothing.
    options
        FFmpeg's, for the encoder and for the container.
    """

    encoder: str
    container: str
    rates_hz: tuple[int, ...]
    bit_rates: tuple[int, int, int] | None
    encoder_options: tuple[tuple[str, str], ...] = ()
    container_options: tuple[tuple[str, str], ...] = ()


USUAL_RATES_HZ: Final = (16_000, 22_050, 24_000, 32_000, 44_100, 48_000)
ENCODINGS: Final = {
    "mp3": Encoding(
        "libmp3lame",
        "mp3",
        USUAL_RATES_HZ,
        (32_000, 192_000, 320_000),
        (("compression_level", "7"),),
        (("write_xing", "0"), ("id3v2_version", "0")),
    ),
    "opus": Encoding(
        "libopus",
        "ogg",
        (48_000,),
        (16_000, 128_000, 256_000),
        (("compression_level", "5"),),
        (("page_duration", "200000"),),
    ),
    "aac": Encoding("aac", "adts", USUAL_RATES_HZ, (32_000, 160_000, 320_000), (("aac_coder", "fast"),)),
    "flac": Encoding("flac", "flac", (*USUAL_RATES_HZ, 88_200, 96_000, 176_400, 192_000), None),
}


def load_libraries() -> None:
    """Load what encoding needs, so that it is there when a song is to begin at once."""
    import av
    import soundfile
    import soxr

    from classifier.audio import mpg123

    av.logging.set_level(av.logging.PANIC)
    _ = soundfile, soxr, mpg123.version()
    for name, how in ENCODINGS.items():  # encoders make tables when they are first used
        silence = np.zeros((FRAME, 2), np.float32)
        deque(_written(iter((silence,)), how.rates_hz[-1], how, bits_a_second(name, None), fine=False), 0)


@dataclass(frozen=True)
class StreamForm:
    """What the audio of a file is; container and codec by FFmpeg's names, `bits` None where it is lossy."""

    container: str
    codec: str
    rate_hz: int
    channels: int
    bits: int | None


def stream_form(path: Path) -> StreamForm:
    """Return what the audio of a file is; raises as `open_container` does."""
    file, container, rate_hz = open_container(path)
    with file, container:
        codec = container.streams.audio[0].codec_context
        lossless = codec.name.startswith("pcm") or codec.name in LOSSLESS
        bits = codec.format.bytes * 8 if lossless and codec.format is not None else None
        bits = FINE_BITS if bits == 32 and codec.name in LOSSLESS else bits
        return StreamForm(container.format.name, codec.name, rate_hz, codec.layout.nb_channels, bits)


class _Sink:
    """Takes what FFmpeg writes, until it is taken from here; it cannot be gone back in."""

    def __init__(self) -> None:
        self.held = bytearray()

    def write(self, data: bytes) -> int:
        self.held += data
        return len(data)

    def taken(self) -> bytes:
        found, self.held = bytes(self.held), bytearray()
        return found


def encoded(
    path: Path,
    name: str,
    bit_rate: int | None,
    start_s: float = 0.0,
    end_s: float | None = None,
    *,
    most_hz: int | None = None,
    most_bits: int | None = None,
) -> Iterator[bytes]:
    """Yield a file, or a part of it, encoded anew; no more than a block is in memory.

    Parameters
    ----------
    path
        An audio file.
    name
        One of `ENCODINGS`.
    bit_rate
        Bits a second, brought within what the format has; None for its usual one.
    start_s, end_s
        Of the part; to the end by default.
    most_hz, most_bits
        A sampling rate, and bits of a sample, that are not to be exceeded.

    Raises
    ------
    AudioError
        If the file cannot be decoded, or nothing of it is there.
    """
    how = ENCODINGS[name]
    from_hz, subtype, blocks = open_frames_at(path, start_s)
    if end_s is not None:
        blocks = cut(blocks, 0, max(0, round((end_s - start_s) * from_hz)))
    to_hz = rate_for(name, from_hz, most_hz)
    fine = subtype in FINE and (most_bits or FINE_BITS) >= FINE_BITS
    sound = resample((np.nan_to_num(block) for block in blocks), from_hz, to_hz)
    yield from _written(sound, to_hz, how, bits_a_second(name, bit_rate), fine=fine)


def encoded_excerpt(path: Path, name: str, bit_rate: int | None, start_s: float, end_s: float) -> bytes:
    """Return an excerpt of a file as a file of its own, whose header says how long it is.

    It is decoded up to there, so that it is, sample by sample, what analysis had; parameters and errors are
    as of `encoded`.
    """
    how, file = ENCODINGS[name], BytesIO()
    from_hz, subtype, blocks = open_range(path, start_s, end_s)
    to_hz = rate_for(name, from_hz)
    sound = resample((np.nan_to_num(block) for block in blocks), from_hz, to_hz)
    options = {"id3v2_version": "0"} if how.container == "mp3" else {}
    fine, rate = subtype in FINE, bits_a_second(name, bit_rate)
    deque(_written_into(file, options, sound, to_hz, how, rate, fine=fine), 0)
    return file.getvalue()


def rate_for(name: str, rate_hz: int, most_hz: int | None = None) -> int:
    """Return the sampling rate that sound of some rate is encoded at: the next higher one, or the highest.

    Parameters
    ----------
    most_hz
        Not to be exceeded, but by a format that has no lower rate.
    """
    every = ENCODINGS[name].rates_hz
    allowed = [rate for rate in every if most_hz is None or rate <= most_hz] or every[:1]
    return min((rate for rate in allowed if rate >= rate_hz), default=allowed[-1])


def bits_a_second(name: str, wanted: int | None) -> int | None:
    """Return the bit rate that a format is written with; None for one that loses nothing."""
    rates = ENCODINGS[name].bit_rates
    if rates is None:
        return None
    least, usual, most = rates
    return usual if wanted is None else min(max(wanted, least), most)


def _written(
    sound: Iterator[Samples], rate_hz: int, how: Encoding, bit_rate: int | None, *, fine: bool
) -> Iterator[bytes]:
    sink, options = _Sink(), {**dict(how.container_options), "flush_packets": "1"}
    for _ in _written_into(sink, options, sound, rate_hz, how, bit_rate, fine=fine):
        if sink.held:
            yield sink.taken()
    yield sink.taken()


def _written_into(
    sink: Any,
    options: dict[str, str],
    sound: Iterator[Samples],
    rate_hz: int,
    how: Encoding,
    bit_rate: int | None,
    *,
    fine: bool,
) -> Iterator[None]:
    """Write into a file or sink; yield whenever there may be more in it."""
    import av

    stream, position = None, 0
    with av.open(sink, "w", format=how.container, options=options) as container:
        for block in sound:
            for start in range(0, len(block), FRAME):
                part = np.clip(block[start : start + FRAME], -1.0, 1.0)
                if stream is None:
                    stream = _stream(container, rate_hz, part.shape[1], how, bit_rate, fine=fine)
                container.mux(stream.encode(_frame(part, rate_hz, position)))
                position += len(part)
                yield
        if stream is None:
            raise NotAudioError("no audio could be decoded there")
        container.mux(stream.encode(None))


def _stream(
    container: Any, rate_hz: int, channels: int, how: Encoding, bit_rate: int | None, *, fine: bool
) -> Any:
    stream = container.add_stream(how.encoder, rate=rate_hz, options=dict(how.encoder_options))
    stream.layout = LAYOUTS[min(channels, 2) - 1]
    if bit_rate is None:
        stream.format = "s32" if fine else "s16"
    else:
        stream.bit_rate = bit_rate
    return stream


def _frame(part: Samples, rate_hz: int, position: int) -> Any:
    """Return samples of any number of channels, interleaved, as a frame of FFmpeg's with its time."""
    import av

    samples = np.ascontiguousarray(part, np.float32).reshape(1, -1)
    frame = av.AudioFrame.from_ndarray(samples, "flt", LAYOUTS[part.shape[1] - 1])
    frame.sample_rate, frame.pts, frame.time_base = rate_hz, position, Fraction(1, rate_hz)
    return frame
