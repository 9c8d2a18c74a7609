"""What the headers of an MP3's frames tell.

FFmpeg hands out packet by packet, which takes four times as long as hashing them; where it would hand out
every byte, one look at each header shows that.
"""

import re
from contextlib import suppress
from io import BytesIO
from itertools import product
from pathlib import Path
from typing import Final

from classifier.audio.tag_free_file import UntaggedFile

LARGEST: Final = 32 << 20
"""Bytes of audio above which a file is not read as a whole."""
FEWEST_FRAMES: Final = 100
"""In fewer, FFmpeg may see another format."""
RUN_FRAMES: Final = 8
"""So many frames that follow each other are not there by chance."""
LOOKED_AT: Final = 64 << 10
"""Bytes in which the first frame is looked for."""

_LAYER_3: Final = 0b01
_HEADER: Final = re.compile(rb"\xff[\xe2\xe3\xf2\xf3\xfa\xfb][\x10-\xeb]")
_FREE: Final = re.compile(rb"\xff[\xe2\xe3\xf2\xf3\xfa\xfb][\x00-\x0b]")
_PADDING: Final = 0b11
"""With the private bit: what may differ from frame to frame."""
SMALLEST_FRAME: Final = 24
LARGEST_FREE_FRAME: Final = 5760
"""Bytes: 640 kbit/s at 16 kHz, which is the most that encoders make."""
_KBITS: Final = {
    1: (32, 40, 48, 56, 64, 80, 96, 112, 128, 160, 192, 224, 256, 320),
    2: (8, 16, 24, 32, 40, 48, 56, 64, 80, 96, 112, 128, 144, 160),
}
_RATES_HZ: Final = {
    0b11: (44_100, 48_000, 32_000),
    0b10: (22_050, 24_000, 16_000),
    0b00: (11_025, 12_000, 8_000),
}
_ONE_CHANNEL: Final = 0b11
_VBRI: Final = slice(36, 40)
"""Where Fraunhofer's encoder begins to describe a file, in its first frame."""


def _frame_sizes() -> dict[bytes, int]:
    """Return the size of a frame by the first three bytes of its header."""
    sizes = {}
    for version, rates_hz in _RATES_HZ.items():
        samples, kbits = (1152, _KBITS[1]) if version == 0b11 else (576, _KBITS[2])
        bits = product(enumerate(rates_hz), enumerate(kbits, start=1), range(2), range(2), range(2))
        for (rate, rate_hz), (number, kbit), protected, padding, private in bits:
            second = 0b1110_0000 | version << 3 | _LAYER_3 << 1 | protected
            third = number << 4 | rate << 2 | padding << 1 | private
            sizes[bytes((0xFF, second, third))] = samples // 8 * kbit * 1000 // rate_hz + padding
    return sizes


_SIZES: Final = _frame_sizes()


def first_packet(data: bytes) -> int | None:
    """Return where the first audio packet begins of an MP3 whose other bytes are all in packets.

    Parameters
    ----------
    data
        What lies between a file's tags.

    Returns
    -------
    int or None
        0, or the size of a first frame that holds the encoder's description; None where FFmpeg must say:
        it is no MP3, has other things between its frames, or is cut off within one.
    """
    offset = n_frames = 0
    sizes = _SIZES
    with suppress(KeyError):  # at the end, or where there is no header
        while True:
            offset += sizes[data[offset : offset + 3]]
            n_frames += 1
    if offset != len(data) or n_frames < FEWEST_FRAMES or data[_VBRI] == b"VBRI":
        return None
    from mutagen.mp3 import MPEGFrame

    first = MPEGFrame(BytesIO(data))
    if first.sketchy:  # no encoder describes the file there
        return 0
    return _SIZES[data[:3]] if getattr(first, "length", 0) > 0 else None


def free_format_start(data: bytes) -> int | None:
    """Return where an MP3's first whole frame is, if headers name no bit rate; FFmpeg reads no such file.

    All frames are of one size, with or without a byte of padding, that only where they lie tells.
    """
    for found in _FREE.finditer(data, 0, LARGEST_FREE_FRAME):
        start, head = found.start(), found.group()
        least = start + SMALLEST_FRAME
        for following in re.finditer(re.escape(head[:2]), data[least : start + LARGEST_FREE_FRAME + 2]):
            size = following.start() + SMALLEST_FRAME - (head[2] >> 1 & 1)
            at, frames = start, 0
            while frames < RUN_FRAMES and _same_but_padding(head, data[at : at + 3]):
                at, frames = at + size + (data[at + 2] >> 1 & 1), frames + 1
            if frames == RUN_FRAMES:
                return start
    return None


def _same_but_padding(head: bytes, other: bytes) -> bool:
    return len(other) == 3 and head[:2] == other[:2] and not (head[2] ^ other[2]) & ~_PADDING


def first_run(data: bytes, before: int) -> int | None:
    """Return where, before a position, some frames begin that follow each other; None for nowhere."""
    for found in _HEADER.finditer(data, 0, before):
        at, frames = found.start(), 0
        while frames < RUN_FRAMES and (size := _SIZES.get(data[at : at + 3])) is not None:
            at, frames = at + size, frames + 1
        if frames == RUN_FRAMES:
            return found.start()
    return None


def form_of(data: bytes) -> tuple[int, int]:
    """Return the sampling rate, in Hz, and the number of channels that the first header of an MP3 tells."""
    rate_hz = _RATES_HZ[data[1] >> 3 & 0b11][data[2] >> 2 & 0b11]
    return rate_hz, 1 if data[3] >> 6 == _ONE_CHANNEL else 2


def declared_s(path: Path, *, vbri: bool) -> float | None:
    """Return how long an MP3 says that it is, in seconds; where it does not, what decoders tell is a guess.

    Parameters
    ----------
    path
        The file.
    vbri
        Whether the decoder reads Fraunhofer's headers, too.

    Raises
    ------
    OSError
        If the file cannot be read.
    """
    from mutagen.mp3 import HeaderNotFoundError, MPEGFrame, MPEGInfo

    with UntaggedFile(path) as file:
        head = BytesIO(file.read(LOOKED_AT))
    try:
        head.seek(MPEGInfo(head).frame_offset)
        first = MPEGFrame(head)
    except HeaderNotFoundError:
        return None
    # mutagen gives a frame a length only where the frame says it.
    length_s = getattr(first, "length", 0)
    told = length_s > 0 and (vbri or getattr(first, "encoder_info", "") != "FhG")
    return float(length_s) if told else None
