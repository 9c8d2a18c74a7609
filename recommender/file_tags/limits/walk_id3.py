"""A walk over the frames of an ID3 tag that adds up what a reader of it would take; nothing is kept.

The steps are those of mutagen, which unpacks whole frames, copies what follows after each of them, and goes
into frames within frames as deep as there are any.
"""

import zlib
from typing import Final

from mutagen.id3 import Frames
from mutagen.id3._tags import determine_bpi
from mutagen.id3._util import unsynch

from classifier.audio.tag_free_file import HEADER_SIZE, number_of, tag_size
from classifier.errors import LimitError
from recommender.file_tags.limits.budget import Budget, File

UNSYNCHRONISED: Final = 0x80
EXTENDED: Final = 0x40
# Flags of a frame in ID3v2.4, and in ID3v2.3.
COMPRESSED_4: Final = 0x08
ENCRYPTED_4: Final = 0x04
UNSYNCHRONISED_4: Final = 0x02
LENGTH_4: Final = 0x01
COMPRESSED_3: Final = 0x80
ENCRYPTED_3: Final = 0x40
STEP: Final = 2**20
"""Bytes that are unpacked at a time."""
MOST_MARKS: Final = 2_000_000
"""Bytes of 255 in what is to be made whole again; a reader makes an object of each."""
MOST_STEPS: Final = 200_000
"""From one frame to the next, where it is not known yet how their sizes are written."""
INNER: Final = {b"CHAP": 16, b"CTOC": 0}
"""Frames that hold others: bytes of numbers before those."""


def check_id3(file: File, start: int, budget: Budget) -> None:
    """Count the ID3v2 tag at an offset of a file, if there is one.

    Raises
    ------
    LimitError
        If it exceeds one.
    OSError
        If the file cannot be read.
    """
    file.seek(start)
    head = file.read(HEADER_SIZE)
    declared = tag_size(head)
    if not declared or head[3] not in (2, 3, 4):
        return
    size = min(declared, file.size - start) - HEADER_SIZE
    budget.size(size)
    data = file.read(size)
    version, flags = head[3], head[5]
    if flags & EXTENDED and data[:4].decode("latin-1") not in Frames:
        data = data[(number_of(data[:4]) if version == 4 else 4 + number_of(data[:4], 8)) :]
    if version < 4 and flags & UNSYNCHRONISED:
        data = _whole(data)
    _Walk(version, bool(flags & UNSYNCHRONISED), budget).frames(data, 1)


class _Walk:
    def __init__(self, version: int, unsynchronised: bool, budget: Budget) -> None:
        self._version, self._unsynchronised, self._budget = version, unsynchronised, budget
        self._name, self._head = (3, 6) if version == 2 else (4, HEADER_SIZE)

    def frames(self, data: bytes, depth: int) -> None:
        """Count the frames of a tag, or of a frame that holds some."""
        self._budget.nested(depth)
        bits, offset, bytes_of = self._bits(data), 0, memoryview(data)
        while offset + self._head <= len(data):
            name = data[offset : offset + self._name]
            if not name.strip(b"\0"):
                break
            size = number_of(data[offset + self._name : offset + 2 * self._name], bits)
            flags = data[offset + self._head - 1] if self._version > 2 else 0
            offset += self._head
            self._budget.fields()
            self._budget.copied(len(data) - offset)
            self._frame(name, flags, bytes_of[offset : offset + size], depth)
            offset += size

    def _bits(self, data: bytes) -> int:
        """Return how many bits each byte of a size has: some programs do not go by the version."""
        if self._version < 4:
            return 8
        for bits in (7, 8):
            offset = steps = 0
            while offset < len(data) - HEADER_SIZE and data[offset : offset + HEADER_SIZE].strip(b"\0"):
                offset += HEADER_SIZE + number_of(data[offset + 4 : offset + 8], bits)
                steps += 1
                if steps > MOST_STEPS:
                    self._budget.fields(steps)
        return 8 if determine_bpi(data, Frames) is int else 7

    def _frame(self, name: bytes, flags: int, content: memoryview, depth: int) -> None:
        if name in (b"APIC", b"PIC"):
            self._budget.pictures()
        packed = self._version > 2 and flags & (COMPRESSED_4 if self._version == 4 else COMPRESSED_3)
        if not packed and name[:1] != b"T" and name not in INNER:
            return
        data = self._plain(flags, content)
        if data is None:
            return
        if name[:1] == b"T":
            self._texts(data)
        elif name in INNER:
            inner = self._inner(name, data)
            if inner is not None:
                self.frames(inner, depth + 1)

    def _plain(self, flags: int, content: memoryview) -> bytes | None:
        """Return what a frame holds once it is unpacked; None where a reader gives it up."""
        if self._version == 2:
            return bytes(content)
        new = self._version == 4
        packed = flags & (COMPRESSED_4 if new else COMPRESSED_3)
        rest = content[4:] if packed or (new and flags & LENGTH_4) else content
        whole = new and (self._unsynchronised or flags & UNSYNCHRONISED_4)
        data = _whole(bytes(rest)) if whole else bytes(rest)
        if flags & (ENCRYPTED_4 if new else ENCRYPTED_3):
            return None
        if not packed:
            return data
        unpacked = self._unpack(data)
        return self._unpack(bytes(content[:4]) + data) if unpacked is None and new else unpacked

    def _unpack(self, data: bytes) -> bytes | None:
        """Return what data unpack to, never more than there may be; None where they are damaged."""
        unpacker, parts = zlib.decompressobj(), []
        try:
            while True:
                part = unpacker.decompress(data, STEP)
                self._budget.unpacked(len(part))
                parts.append(part)
                data = unpacker.unconsumed_tail
                if unpacker.eof:
                    return b"".join(parts)
                if not part and not data:
                    return None
        except zlib.error:
            return None

    def _texts(self, data: bytes) -> None:
        """Count the texts of a frame: for each, a reader copies those behind it."""
        wide = data[:1] in (b"\1", b"\2")
        more = max(0, data.count(b"\0\0" if wide else b"\0") - 1)
        self._budget.fields(more)
        self._budget.copied(more * len(data))

    def _inner(self, name: bytes, data: bytes) -> bytes | None:
        """Return the frames within a chapter, or a table of contents; None where it has none."""
        offset = data.find(b"\0") + 1
        if not offset:
            return None
        if name == b"CTOC":
            number, offset = data[offset + 1 : offset + 2], offset + 2
            for _ in range(number[0] if number else 0):
                offset = data.find(b"\0", offset) + 1
                if not offset:
                    return None
        return data[offset + INNER[name] :]


def _whole(data: bytes) -> bytes:
    """Return data without what made them safe for old decoders, where that was done."""
    if data.count(b"\xff") > MOST_MARKS:
        raise LimitError(f"its tag has more than {MOST_MARKS:,} bytes that are written unsynchronised")
    try:
        return unsynch.decode(data)  # type: ignore[no-any-return]
    except ValueError:
        return data
