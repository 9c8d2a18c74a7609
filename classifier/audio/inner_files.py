"""Where in a file its audio lies: behind junk, or as several streams in a row; and where FLAC ends."""

import re
from collections.abc import Iterator
from itertools import islice
from pathlib import Path
from typing import Final

from classifier.audio.mp3_frames import first_run
from classifier.audio.tag_free_file import Part, UntaggedFile

READ: Final = 1 << 20
MOST_JUNK: Final = 16 << 20
"""Bytes before the audio that are looked through."""
MOST_LINKS: Final = 2000
"""Of a chain; what is beyond belongs to the last."""
OVERLAP: Final = 64
LARGEST_FLAC_FRAME: Final = 128 << 10

_BEGINNINGS: Final = re.compile(
    rb"fLaC[\x00\x80]\x00\x00\x22|OggS\x00\x02\x00{8}|RIFF....WAVEfmt |FORM....AIF[FC]", re.DOTALL
)
_FIRST_PAGE: Final = re.compile(rb"OggS\x00[\x02\x03\x06\x07]")
_PAGE_HEADER: Final = 27
_FLAC_SYNC: Final = re.compile(rb"\xff[\xf8\xf9]")
_STREAMINFO: Final = slice(8, 42)
_FLAC_BEGINNING: Final = re.compile(rb"fLaC[\x00\x80]\x00\x00\x22")
BESIDE_THE_MIDDLE: Final = (0.4, 0.6)
"""Shares of a file; of two FLACs that are equally long the one before has higher numbers."""


def audio_behind_junk(path: Path) -> Part | None:
    """Return the part of a file from where audio of a known format begins; None where there is none.

    Raises
    ------
    OSError
        If it cannot be read.
    """
    with UntaggedFile(path) as file:
        data = file.read(MOST_JUNK)
        found = _BEGINNINGS.search(data)
        run = first_run(data, found.start() if found else len(data))
        start = run if run is not None else found.start() if found else None
        return Part(file.offset + start, file.offset + file.size) if start else None


def links(path: Path) -> list[Part]:
    """Return the files that follow each other in one, none if it is single: a chain of Ogg, or joined FLACs.

    Raises
    ------
    OSError
        If it cannot be read.
    """
    with UntaggedFile(path) as file:
        kind = file.read(4)
        if kind == b"OggS":
            starts = _starts_of_links(file)
        elif kind == b"fLaC" and _may_be_joined(file):
            starts = list(islice(_found(file, _FLAC_BEGINNING), MOST_LINKS))
        else:
            return []
        ends = [*starts[1:], file.size]
        spans = zip(starts, ends, strict=True)
        return (
            [Part(file.offset + start, file.offset + end) for start, end in spans] if len(starts) > 1 else []
        )


def _starts_of_links(file: UntaggedFile) -> list[int]:
    """Return where the links of an Ogg file begin."""
    starts: list[int] = []
    group_end = -1
    for start in _found(file, _FIRST_PAGE):
        if start != group_end and len(starts) < MOST_LINKS:
            starts.append(start)
        group_end = _page_end(file, start)
    return starts


def _may_be_joined(file: UntaggedFile) -> bool:
    """Whether the frames of a FLAC file do not count up to what its header tells.

    So it is looked through only where there is a reason to: reading all of it would take its time.
    """
    file.seek(0)
    head = file.read(_STREAMINFO.stop)
    block, told = int.from_bytes(head[8:10], "big"), int.from_bytes(head[21:26], "big") & (1 << 36) - 1
    last = max(_frame_ends(file, file.size - LARGEST_FLAC_FRAME, block), default=0)
    if last != told and last:
        return True
    earlier, later = (
        next(_frame_ends(file, int(share * file.size), block), None) for share in BESIDE_THE_MIDDLE
    )
    return earlier is not None and later is not None and later < earlier


def _frame_ends(file: UntaggedFile, start: int, block: int) -> Iterator[int]:
    """Yield the numbers of the samples behind the frames of FLAC that begin within some bytes."""
    file.seek(max(0, start))
    data = file.read(LARGEST_FLAC_FRAME)
    ends = (_frame_end(data[at : at + 20], block) for at in (f.start() for f in _FLAC_SYNC.finditer(data)))
    return (end for end in ends if end)


def _found(file: UntaggedFile, pattern: re.Pattern[bytes]) -> Iterator[int]:
    """Yield where a pattern of a few bytes fits in a file."""
    start = 0
    while True:
        file.seek(start)
        data = file.read(READ + OVERLAP)
        yield from (start + found.start() for found in pattern.finditer(data) if found.start() < READ)
        if len(data) <= READ:
            return
        start += READ


def _page_end(file: UntaggedFile, start: int) -> int:
    file.seek(start)
    header = file.read(_PAGE_HEADER + 255)
    segments = header[26] if len(header) > 26 else 0
    return start + _PAGE_HEADER + segments + sum(header[_PAGE_HEADER : _PAGE_HEADER + segments])


def flac_end(path: Path, part: Part | None = None) -> int:
    """Return how many samples a FLAC file has by the last frames that it holds; 0 where they do not tell.

    Of a file that holds several, `part` says which is meant. Its first header may tell fewer: of a recording
    that went on, or of an encoder that was stopped.

    Raises
    ------
    OSError
        If it cannot be read.
    """
    with UntaggedFile(path, part) as file:
        head = file.read(_STREAMINFO.stop)
        if head[:4] != b"fLaC" or len(head) < _STREAMINFO.stop:
            return 0
        block = int.from_bytes(head[8:10], "big")
        return max(_frame_ends(file, file.size - LARGEST_FLAC_FRAME, block), default=0)


def _frame_end(header: bytes, block: int) -> int:
    """Return the number of the sample behind a FLAC frame; 0 where these bytes are no frame's header."""
    if (
        len(header) < 20
        or header[3] & 1
        or header[2] >> 4 == 0
        or header[2] & 15 == 15
        or header[3] >> 4 > 10
    ):
        return 0
    ones = f"{header[4]:08b}".index("0") if header[4] != 0xFF else 8
    if ones in (1, 8):
        return 0
    length = max(1, ones)
    number = header[4] & (0x7F >> ones)
    for byte in header[5 : 4 + length]:
        number = number << 6 | byte & 0x3F
    size_bytes = {6: 1, 7: 2}.get(header[2] >> 4, 0)
    end = 4 + length + size_bytes + {12: 1, 13: 2, 14: 2}.get(header[2] & 15, 0)
    if _crc8(header[:end]) != header[end]:
        return 0
    size = _block_size(header[2] >> 4, header[4 + length : 4 + length + size_bytes])
    return number + size if header[1] & 1 else number * block + size


def _block_size(code: int, more: bytes) -> int:
    if more:
        return int.from_bytes(more, "big") + 1
    if code == 1:
        return 192
    return 576 << code - 2 if code < 6 else 256 << code - 8


def _crc8(data: bytes) -> int:
    crc = 0
    for byte in data:
        crc ^= byte
        for _ in range(8):
            crc = (crc << 1 ^ (0x07 if crc & 0x80 else 0)) & 0xFF
    return crc
