"""A file's audio without the tags before and behind it.

Some demuxers (Monkey's Audio, WavPack, MP3) count what follows the last frame as part of it, and a
large tag in front hides what the file is from those who look at its first bytes.
"""

import io
import os
from pathlib import Path
from typing import BinaryIO, Final

from classifier.progress import made_progress
from classifier.regular_file import open_regular

ID3V1_SIZE: Final = 128
ID3V2_HEADER_SIZE: Final = 10
ID3V2_HAS_FOOTER: Final = 0x10
APE_FOOTER_SIZE: Final = 32
APE_HAS_HEADER: Final = 1 << 31


class UntaggedFile(io.RawIOBase):
    """A binary file, read-only, that begins after ID3v2 tags and ends before APEv2 and ID3v1 tags.

    Parameters
    ----------
    path
        The file.

    Raises
    ------
    OSError
        If it cannot be opened.
    """

    def __init__(self, path: Path) -> None:
        self._file = open_regular(path)
        end = _end_of_audio(self._file)
        self._start = min(_start_of_audio(self._file), end)
        self._length = end - self._start
        self._position = 0
        self._file.seek(self._start)
        self._furthest = 0

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

    def seek(self, offset: int, whence: int = os.SEEK_SET) -> int:
        """Move to any place from the start on, be it behind the end, where nothing is read.

        A damaged file makes a demuxer ask for places before the start, and for some that no system
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
        header = file.read(ID3V2_HEADER_SIZE)
        if len(header) < ID3V2_HEADER_SIZE or header[:3] != b"ID3" or max(header[6:]) > 0x7F:
            return start
        size = sum(byte << shift for byte, shift in zip(header[6:], (21, 14, 7, 0), strict=True))
        footer = ID3V2_HEADER_SIZE if header[5] & ID3V2_HAS_FOOTER else 0
        start += ID3V2_HEADER_SIZE + size + footer


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
