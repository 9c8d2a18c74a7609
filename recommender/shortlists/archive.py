"""A ZIP archive that is sent while it is made: no more than one of its files is in memory."""

import time
from collections.abc import Sequence
from zipfile import ZIP_STORED, ZipFile, ZipInfo

READABLE = 0o644 << 16
"""Permissions of a file, where an archive keeps them."""


class StreamedZip:
    """An archive of files that are packed already: they are stored as they are."""

    def __init__(self) -> None:
        self._window = _Window()
        self._zip = ZipFile(self._window, "w", ZIP_STORED)

    def add(self, name: str, content: bytes) -> bytes:
        """Put a file in; return what of the archive is to be sent next."""
        info = ZipInfo(name, time.localtime()[:6])
        info.external_attr = READABLE
        self._zip.writestr(info, content)
        return self._window.taken()

    def close(self) -> bytes:
        """Return the end of the archive."""
        self._zip.close()
        return self._window.taken()


class _Window:
    """The end of a file whose beginning is gone: within what is left one may go back, as for sizes."""

    def __init__(self) -> None:
        self._left = bytearray()
        self._gone = self._at = 0

    def write(self, data: bytes) -> int:
        self._left[self._at : self._at + len(data)] = data
        self._at += len(data)
        return len(data)

    def tell(self) -> int:
        return self._gone + self._at

    def seek(self, position: int) -> int:
        self._at = position - self._gone
        return position

    def flush(self) -> None:
        """Do nothing: what is written is there."""

    def close(self) -> None:
        """Do nothing: what is left is still to be taken."""

    def taken(self) -> bytes:
        found = bytes(self._left)
        self._gone += len(found)
        self._left, self._at = bytearray(), 0
        return found


def left_out_text(left_out: Sequence[tuple[str, str]]) -> bytes:
    """Return what says, in an archive, which songs are not in it and why."""
    return "".join(f"{name}: {reason}\n" for name, reason in left_out).encode()
