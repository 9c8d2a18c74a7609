"""A file's audio without the tags before and behind it.

Some demuxers (Monkey's Audio, WavPack, MP3) count what follows the last frame as part of it, and a
large tag in front hides what the file is from those who look at its first bytes.
"""

import io
import os
from pathlib import Path
from typing import Any, BinaryIO, Final, NamedTuple

from classifier.files import open_regular
from classifier.progress import made_progress

ID3V1_SIZE: Final = 128
ID3V2_HAS_FOOTER: Final = 0x10
APE_FOOTER_SIZE: Final = 32
APE_HAS_HEADER: Final = 1 << 31


class Part(NamedTuple):
    """From which byte of a file to which there is another file."""

    start: int
    end: int


class UntaggedFile(io.RawIOBase):
    """A binary file, read-only, that begins after ID3v2 tags and ends before APEv2 and ID3v1 tags.

    Parameters
    ----------
    path
        The file.
    part
        The part of it that is read; None for all between its tags.

    Raises
    ------
    OSError
        If it cannot be opened.
    """

    def __init__(self, path: Path, part: Part | None = None) -> None:
        self._file = open_regular(path)
        end = _end_of_audio(self._file) if part is None else part.end
        self._start = min(_start_of_audio(self._file) if part is None else part.start, end)
        self._length = end - self._start
        self._position = 0
        self._file.seek(self._start)
        self._furthest = 0

    @property
    def offset(self) -> int:
        """Return where in the file what is read begins."""
        return self._start

    @property
    def size(self) -> int:
        """Return how many bytes there are to be read."""
        return self._length

    def readable(self) -> bool:
        """Return True."""
        return True

    def seekable(self) -> bool:
        """Return True."""
        return True

    def read(self, size: int = -1) -> bytes:
        """Read at most `size` bytes of what lies between the tags."""
        left = max(0, self._length - self._position)
        data = self._file.read(left if size < 0 else min(size, left))
        self._position += len(data)
        if self._position > self._furthest:
            self._furthest = self._position
            made_progress()  # a reader that is caught in a loop comes no further
        return data

    def readinto(self, buffer: Any) -> int:
        """Read as much as fits into a buffer, and return how much that was."""
        data = self.read(len(buffer))
        buffer[: len(data)] = data
        return len(data)

    def seek(self, offset: int, whence: int = os.SEEK_SET) -> int:
        """Move to any position from the start on, be it behind the end, where nothing is read.

        A damaged file makes a demuxer ask for positions before the start, and for some that no system
        knows. The former lead to the start: an exception would not reach whoever opened the demuxer,
        but be printed.
        """
        base = {os.SEEK_CUR: self._position, os.SEEK_END: self._length}.get(whence, 0)
        self._position = max(0, base + offset)
        self._file.seek(self._start + min(self._position, self._length))
        return self._position

    def tell(self) -> int:
        """Return the position within what lies between the tags."""
        return self._position

    def close(self) -> None:
        """Close the file."""
        self._file.close()
        super().close()


def _start_of_audio(file: io.BufferedReader) -> int:
    start = 0
    while True:
        file.seek(start)
        header = file.read(HEADER_SIZE)
        size = tag_size(header)
        if not size:
            return start
        start += size + (HEADER_SIZE if header[5] & ID3V2_HAS_FOOTER else 0)


def has_id3v1(file: BinaryIO) -> bool:
    """Whether a file ends with an ID3v1 tag: with the size of one behind its mark.

    An APEv2 tag of a certain size has the same three letters there, in its own mark.
    """
    size = file.seek(0, os.SEEK_END)
    if size < ID3V1_SIZE:
        return False
    before = min(3, size - ID3V1_SIZE)
    file.seek(size - ID3V1_SIZE - before)
    found = file.read(before + 5)
    return found[before:].startswith(b"TAG") and found != b"APETAGEX"


def _end_of_audio(file: io.BufferedReader) -> int:
    end = file.seek(0, os.SEEK_END)
    if has_id3v1(file):
        end -= ID3V1_SIZE
    if end >= APE_FOOTER_SIZE:
        file.seek(end - APE_FOOTER_SIZE)
        footer = file.read(APE_FOOTER_SIZE)
        if footer[:8] == b"APETAGEX":
            size = int.from_bytes(footer[12:16], "little")
            flags = int.from_bytes(footer[20:24], "little")
            size += APE_FOOTER_SIZE if flags & APE_HAS_HEADER else 0
            end -= size if size <= end else 0
    return end


HEADER_SIZE: Final = 10
"""Bytes of the header of a tag, of its footer, and of the header of a frame since version 2.3."""


def number_of(data: bytes, bits: int = 7) -> int:
    """Return the number that bytes of so many bits hold."""
    mask = (1 << bits) - 1
    number = 0
    for byte in data:
        number = number << bits | byte & mask
    return number


def bytes_of(number: int, bits: int = 7) -> bytes:
    """Return a number in four bytes of so many bits."""
    return bytes(number >> bits * digit & (1 << bits) - 1 for digit in (3, 2, 1, 0))


def tag_size(header: bytes) -> int:
    """Return how many bytes an ID3v2 tag has with its header, but without a footer; 0 where it is none."""
    if len(header) < HEADER_SIZE or header[:3] != b"ID3" or max(header[6:HEADER_SIZE]) > 0x7F:
        return 0
    return HEADER_SIZE + number_of(header[6:HEADER_SIZE])
