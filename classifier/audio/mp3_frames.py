"""What the headers of an MP3's frames tell.

FFmpeg hands out packet by packet, which takes four times as long as hashing them; where it would hand out
every byte, one look at each header shows that.
"""

from pathlib import Path
from typing import Final

from classifier.audio.tag_free_file import UntaggedFile

LARGEST: Final = 32 << 20
"""Bytes of audio above which a file is not read as a whole."""
FEWEST_FRAMES: Final = 100
"""In fewer, FFmpeg may see another format."""
LOOKED_AT: Final = 64 << 10
"""Bytes in which the first frame is looked for."""

_LAYER_3: Final = 0b01
_KBITS: Final = {
    1: (32, 40, 48, 56, 64, 80, 96, 112, 128, 160, 192, 224, 256, 320),
    2: (8, 16, 24, 32, 40, 48, 56, 64, 80, 96, 112, 128, 144, 160),
}
_RATES_HZ: Final = {
    0b11: (44_100, 48_000, 32_000),
    0b10: (22_050, 24_000, 16_000),
    0b00: (11_025, 12_000, 8_000),
}
_MONO: Final = 0b11
_HEADER_SIZE: Final = 4
# Where an encoder describes the file, after the header of its first frame, by version and whether mono.
_INFO_PLACE: Final = {(1, False): 32, (1, True): 17, (2, False): 17, (2, True): 9}
_VBRI_PLACE: Final = 32


def _frame_sizes() -> dict[bytes, int]:
    """Return the size of a frame by the first three bytes of its header."""
    sizes = {}
    for version, rates_hz in _RATES_HZ.items():
        samples, kbits = (1152, _KBITS[1]) if version == 0b11 else (576, _KBITS[2])
        for rate, rate_hz in enumerate(rates_hz):
            for number, kbit in enumerate(kbits, start=1):
                for protected in range(2):
                    for padding in range(2):
                        for private in range(2):
                            second = 0b1110_0000 | version << 3 | _LAYER_3 << 1 | protected
                            third = number << 4 | rate << 2 | padding << 1 | private
                            size = samples // 8 * kbit * 1000 // rate_hz + padding
                            sizes[bytes((0xFF, second, third))] = size
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
    place = n_frames = 0
    size_of, end = _SIZES.get, len(data)
    while place < end:
        size = size_of(data[place : place + 3])
        if size is None:
            return None
        place += size
        n_frames += 1
    if place != end or n_frames < FEWEST_FRAMES:
        return None
    return _after_description(data)


def declares_length(path: Path, *, vbri: bool) -> bool:
    """Whether an MP3 says how long it is; where it does not, what decoders tell is a guess from its bit rate.

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
    with UntaggedFile(path) as file:
        data = file.read(LOOKED_AT)
    for place in range(len(data) - _HEADER_SIZE):
        size = _SIZES.get(data[place : place + 3])
        if size is not None and data[place + size : place + size + 3] in _SIZES:
            frame = data[place : place + size]
            return (vbri and _is_vbri(frame)) or (_is_xing(frame) and _says_frames(frame))
    return False


def _after_description(data: bytes) -> int | None:
    if _is_vbri(data):
        return None
    if not _is_xing(data):
        return 0
    return _SIZES[data[:3]] if _says_frames(data) else None


def _is_vbri(frame: bytes) -> bool:
    place = _HEADER_SIZE + _VBRI_PLACE
    return frame[place : place + 4] == b"VBRI"


def _is_xing(frame: bytes) -> bool:
    place = _info_place(frame)
    return frame[place : place + 4] in (b"Xing", b"Info")


def _says_frames(frame: bytes) -> bool:
    flags = _info_place(frame) + 7
    return bool(frame[flags] & 1) and any(frame[flags + 1 : flags + 5])


def _info_place(frame: bytes) -> int:
    version = 1 if frame[1] >> 3 & 0b11 == 0b11 else 2
    return _HEADER_SIZE + _INFO_PLACE[version, frame[3] >> 6 == _MONO]
