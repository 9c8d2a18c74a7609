"""What may be read of one file's tags, counted while it is read."""

import errno
import os
from pathlib import Path
from typing import BinaryIO, Final

from classifier import params
from classifier.errors import LimitError
from classifier.files import open_regular

MB: Final = 2**20
BESIDE: Final = 16 * MB
"""Bytes that a reader takes in beside the tags, to find them and to see what the audio is."""


class Budget:
    """Counts what one file's tags hold against the limits of `classifier.params`.

    Each method raises `LimitError`, which names the limit, once there is more of something than may be.
    """

    def __init__(self) -> None:
        self._bytes = self._fields = self._unpacked = self._pictures = self._copied = 0

    def size(self, n_bytes: int) -> None:
        """Count bytes of tags."""
        self._bytes += n_bytes
        if self._bytes > params.LARGEST_TAG_BYTES:
            most = in_mb(params.LARGEST_TAG_BYTES)
            raise LimitError(f"its tags have {in_mb(self._bytes)} or more; at most {most} are read")

    def fields(self, number: int = 1) -> None:
        """Count fields, or the values of one."""
        self._fields += number
        if self._fields > params.MOST_TAG_FIELDS:
            raise LimitError(
                f"its tags have {self._fields:,} fields or more; at most {params.MOST_TAG_FIELDS:,} are read"
            )

    def pictures(self, number: int = 1) -> None:
        """Count pictures of an ID3 tag."""
        self._pictures += number
        if self._pictures > params.MOST_PICTURES:
            raise LimitError(f"its tags hold more than the {params.MOST_PICTURES} pictures that are read")

    def room(self) -> int:
        """Return how many bytes may still be unpacked."""
        return params.LARGEST_UNPACKED_BYTES - self._unpacked

    def unpacked(self, n_bytes: int) -> None:
        """Count bytes that were unpacked."""
        self._unpacked += n_bytes
        if self._unpacked > params.LARGEST_UNPACKED_BYTES:
            most = in_mb(params.LARGEST_UNPACKED_BYTES)
            raise LimitError(f"the compressed parts of its tags unpack to more than the {most} that are read")

    def copied(self, n_bytes: int) -> None:
        """Count bytes that a reader copies before it comes to the next field."""
        self._copied += n_bytes
        if self._copied > params.MOST_TAG_COPIED:
            raise LimitError(
                f"its tags have too many fields for their size: {self._fields:,} and more in "
                f"{in_mb(self._bytes)}, of which a reader copies more than {params.MOST_TAG_COPIED >> 30} GB"
            )

    def nested(self, depth: int) -> None:
        """Check how deep parts lie within each other."""
        if depth > params.DEEPEST_NESTING:
            raise LimitError(
                f"parts of it lie more than {params.DEEPEST_NESTING} deep within each other; no more are read"
            )


class MeteredFile:
    """A binary file whose reader may read so often, and so much, and no more.

    Parameters
    ----------
    path
        Of the file; a reader may look at its ending, too.

    Attributes
    ----------
    exceeded
        What was raised, once more is read than may be: a reader may catch it, but goes no further.
    """

    def __init__(self, path: Path) -> None:
        self._file: BinaryIO = open_regular(path)
        self.name = os.fspath(path)
        self.seek, self.tell, self.close = self._file.seek, self._file.tell, self._file.close
        self.size = os.fstat(self._file.fileno()).st_size
        self.exceeded: LimitError | None = None
        self._reads, self._bytes = 0, 0

    def __enter__(self) -> "MeteredFile":
        return self

    def __exit__(self, *_error: object) -> None:
        self.close()

    def read(self, size: int = -1) -> bytes:
        """Read from the file.

        Raises
        ------
        LimitError
            Once that was too much, or too often; before it is.
        """
        if self.exceeded is not None:
            raise self.exceeded
        left = max(0, self.size - self._file.tell())
        wanted = left if size is None or size < 0 else min(size, left)
        self._reads += 1
        self._bytes += wanted
        if self._reads > params.MOST_TAG_READS:
            self.exceeded = LimitError(
                f"it has more than the {params.MOST_TAG_READS:,} atoms, chunks, blocks or pages "
                "among which its tags are looked for"
            )
        elif self._bytes > params.LARGEST_TAG_BYTES + BESIDE:
            most = in_mb(params.LARGEST_TAG_BYTES)
            self.exceeded = LimitError(f"its tags have more than the {most} that are read")
        if self.exceeded is not None:
            raise self.exceeded
        return self._file.read(wanted)

    def again(self) -> None:
        """Go back to the start, and count anew."""
        self._reads = self._bytes = 0
        self._file.seek(0)

    def part(self, start: int) -> "FilePart":
        """Return what begins at an offset, as a file of its own that is counted with this one; count anew."""
        self.again()
        return FilePart(self, start)


class FilePart:
    """What begins somewhere within a metered file, as a file of its own."""

    def __init__(self, file: MeteredFile, start: int) -> None:
        self._file, self._start = file, start
        self.name, self.size, self.close = file.name, max(0, file.size - start), file.close
        self.seek(0)

    def read(self, size: int = -1) -> bytes:
        """Read as `MeteredFile.read` does."""
        return self._file.read(size)

    def seek(self, offset: int, whence: int = os.SEEK_SET) -> int:
        """Move, as in any file; a position before the start is none.

        Raises
        ------
        OSError
            As the system does for such a position.
        """
        base = {os.SEEK_CUR: self.tell(), os.SEEK_END: self.size}.get(whence, 0)
        if base + offset < 0:
            raise OSError(errno.EINVAL, os.strerror(errno.EINVAL))
        return self._file.seek(self._start + base + offset) - self._start

    def tell(self) -> int:
        """Return the position within the part."""
        return self._file.tell() - self._start


File = MeteredFile | FilePart


def in_mb(n_bytes: int) -> str:
    """Return a size as people read it."""
    return f"{n_bytes / MB:.1f} MB".replace(".0 MB", " MB")
