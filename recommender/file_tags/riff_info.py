"""The INFO lists of a WAV file: entries with a name of four letters, a size, text and padding."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any, BinaryIO, Final

from mutagen._riff import RiffFile

from classifier.regular_file import open_regular

LIST, INFO = "LIST", b"INFO"
NAME: Final = 4
"""Bytes of a name; as many hold a size."""
LARGEST: Final = 1 << 20
"""Bytes of a list that can be one of words; a larger one is damaged, or holds something else."""


def info_texts(path: Path) -> dict[str, list[str]]:
    """Return the texts of a file's INFO lists by name, in lower case.

    Raises
    ------
    OSError, mutagen.MutagenError
        If the file cannot be read, or is no WAV file.
    """
    found: dict[str, list[str]] = {}
    with open_regular(path) as file:
        for chunk, items in info_lists(file):
            if chunk.size > LARGEST:
                continue
            for item in items:
                name = item[:NAME].decode("latin-1").lower()
                found.setdefault(name, []).append(text_of(item[NAME:]))
    return found


def info_lists(file: BinaryIO) -> Iterator[tuple[Any, list[bytes]]]:
    """Yield a file's INFO lists and their entries; without those that are damaged, which stay as they are."""
    for chunk in RiffFile(file).root.subchunks():
        if chunk.id != LIST or chunk.name.encode() != INFO:
            continue
        file.seek(chunk.data_offset + len(INFO))
        items = _items(file.read(chunk.size - chunk.HEADER_SIZE - len(INFO)))
        if items is not None:
            yield chunk, items


def text_of(data: bytes) -> str:
    """Return the text of an entry, given what follows its name: in UTF-8, or else Windows-1252.

    The format names no encoding; FFmpeg takes it for UTF-8.
    """
    content = data[NAME : NAME + int.from_bytes(data[:NAME], "little")].partition(b"\0")[0]
    try:
        return content.decode()
    except UnicodeDecodeError:
        return content.decode("cp1252", "replace")


def _items(data: bytes) -> list[bytes] | None:
    """Return the entries of a list, with name, size and padding; None where they do not fill it."""
    found, place = [], 0
    while place < len(data):
        size = int.from_bytes(data[place + NAME : place + 2 * NAME], "little")
        end = place + 2 * NAME + size + size % 2
        if len(data) < end:
            return None
        found.append(data[place:end])
        place = end
    return found
