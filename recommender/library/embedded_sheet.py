"""The cue sheet in the comments of a FLAC file, found without any reader of tags: the scan looks at it."""

from io import BytesIO
from pathlib import Path
from typing import Final

from classifier.audio.tag_free_file import UntaggedFile

ENDING: Final = ".flac"
COMMENTS: Final = 4
"""Number of the kind of block that holds comments."""
MOST_BLOCKS: Final = 200
LARGEST_COMMENTS: Final = 2**24
"""Bytes of what is looked through; a block may be as large, with pictures in it."""
NAME: Final = b"cuesheet="


def embedded_sheet(path: str) -> bytes | None:
    """Return the sheet that a FLAC file brings in a comment called CUESHEET; None where it brings none."""
    if not path.lower().endswith(ENDING):
        return None
    try:
        with UntaggedFile(Path(path)) as file:
            return _sheet_in(_comments(file))
    except OSError:
        return None  # what reads it next says why


def _comments(file: UntaggedFile) -> bytes:
    """Return the block of comments of a FLAC file; nothing where there is none."""
    if file.read(4) != b"fLaC":
        return b""
    for _ in range(MOST_BLOCKS):
        head = file.read(4)
        if len(head) < 4:
            return b""
        size = int.from_bytes(head[1:], "big")
        if head[0] & 0x7F == COMMENTS:
            return file.read(min(size, LARGEST_COMMENTS))
        if head[0] & 0x80:  # the last one
            return b""
        file.seek(file.tell() + size)
    return b""


def _sheet_in(comments: bytes) -> bytes | None:
    """Return the sheet among comments: sizes, in four bytes each, before the texts."""
    file = BytesIO(comments)
    file.seek(_number(file), 1)  # who wrote it
    for _ in range(_number(file)):
        text = file.read(size := _number(file))
        if len(text) < size or not size:
            return None
        if text[: len(NAME)].lower() == NAME:
            return text[len(NAME) :]
    return None


def _number(file: BytesIO) -> int:
    return int.from_bytes(file.read(4), "little")
