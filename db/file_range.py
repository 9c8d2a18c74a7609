"""Which part of a file a track is: all of it, or of an album in one file from one second to another.

The catalogue knows a part by the path of its file with ``#`` and its number behind, as ``album.flac#03``. No
file is ingested under such a name: it does not end as those of audio do.
"""

import re
from dataclasses import dataclass
from typing import Final

PART_MARK: Final = "#"
_NUMBER: Final = re.compile(PART_MARK + r"[0-9]{2,}$")


@dataclass(frozen=True)
class FileRange:
    """A file, or a part of it.

    Attributes
    ----------
    path
        The file's absolute path.
    start_s, end_s
        In seconds of its audio; None: to its end.
    """

    path: str
    start_s: float = 0.0
    end_s: float | None = None

    def within(self, start_s: float, end_s: float) -> tuple[float, float]:
        """Return from where to where in the file an excerpt of it is; where it ends, the excerpt does."""
        end_s = self.start_s + end_s
        return self.start_s + start_s, end_s if self.end_s is None else min(end_s, self.end_s)

    @property
    def whole(self) -> bool:
        """Whether it is all of the file."""
        return self.start_s == 0.0 and self.end_s is None


def range_of(path: str, start_s: float | None, end_s: float | None) -> FileRange:
    """Return what a path of the catalogue means; `start_s` is None where it is that of a file."""
    return FileRange(path) if start_s is None else FileRange(file_of(path), start_s, end_s)


def part_path(path: str, number: int) -> str:
    """Return how the catalogue knows a numbered part of a file."""
    return f"{path}{PART_MARK}{number:02d}"


def file_of(path: str) -> str:
    """Return the file that a path of the catalogue leads to, be it that of a part."""
    return _NUMBER.sub("", path)
