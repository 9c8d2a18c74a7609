"""The tags of a WAV file: its ID3 tag, and the genre in its INFO list beside it.

Where there is such a list, as in all that FFmpeg writes, FFmpeg 5 and the players that are built on it show
what it says and nothing of the tag; FFmpeg 8 shows of each field what stands last. Where the list is empty,
they show the tag, so it is left so.
"""

import os
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any, BinaryIO, Final

from mutagen._riff import RiffFile

from classifier.files import open_regular
from recommender.errors import TagError
from recommender.file_tags import chunks
from recommender.file_tags.id3 import Chunk
from recommender.file_tags.stored_tags import INFO_GENRE, StoredTags, TagEntry

GENRE: Final = b"IGNR"
UNTOLD: Final = 0x7FFF_0000
"""A size that is this or more, of a smaller file, stands for one that was not known."""
UNFINISHED: Final = (
    "its header never got the sizes of what it holds, as of a recording that was broken off: "
    "it is read, but nothing is written into it"
)


class ChunkAndInfo(Chunk):
    """The tag in a chunk of a WAV file, and the genre in the list of entries that is another chunk.

    An entry's bytes are all that follow its name: size, text and padding.
    """

    def load(self, path: Path) -> StoredTags:
        """See `formats.load`."""
        if _is_unfinished(path):
            raise TagError(UNFINISHED)
        tags = super().load(path)
        with open_regular(path) as file:
            items = [item for _, found in info_lists(file) for item in found]
        genres = (TagEntry(INFO_GENRE, item[NAME:]) for item in items if item.startswith(GENRE))
        return replace(tags, entries=(*tags.entries, *genres), info=bool(items))

    def save(self, path: Path, tags: StoredTags) -> None:
        """See `formats.save`."""
        own = (entry for entry in tags.entries if entry.key != INFO_GENRE)
        super().save(path, replace(tags, entries=tuple(own)))
        values = tags.of(INFO_GENRE)
        with open(path, "r+b") as file:
            lists = list(info_lists(file))
            for number, (chunk, items) in enumerate(lists, 1):
                new = list(_with_genres(items, values))
                if number == len(lists):
                    new += [GENRE + value for value in values]
                if new != items:
                    body = INFO + b"".join(new)
                    chunk.resize(len(body))
                    chunk.write(body)


def _is_unfinished(path: Path) -> bool:
    """Whether a file's header lacks the sizes of what it holds, so that a chunk behind would not be found."""
    with open_regular(path) as file:
        head = file.read(12)
        if head[:4] != b"RIFF":
            return False
        sizes = [head[4:8]]
        while len(chunk := file.read(8)) == 8 and chunk[:4] != b"data":
            size = int.from_bytes(chunk[4:], "little")
            file.seek(size + size % 2, os.SEEK_CUR)
        if chunk[:4] == b"data":
            sizes.append(chunk[4:])
        position, end = file.tell(), file.seek(0, os.SEEK_END)
    told = [int.from_bytes(size, "little") for size in sizes]
    return any(end < size >= UNTOLD or (not size and position < end) for size in told)


def _with_genres(items: list[bytes], values: list[bytes]) -> Iterator[bytes]:
    """Yield entries with values instead of genres, as far as there are any; those are used up."""
    for item in items:
        if not item.startswith(GENRE):
            yield item
        elif values:
            yield GENRE + values.pop(0)


LIST, INFO = "LIST", b"INFO"
NAME: Final = chunks.NAME


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
    """Return the text of an entry, given what follows its name."""
    return chunks.text_of(data[NAME : NAME + int.from_bytes(data[:NAME], "little")])


def _items(data: bytes) -> list[bytes] | None:
    """Return the entries of a list, with name, size and padding; None where they do not fill it."""
    found, offset = [], 0
    while offset < len(data):
        size = int.from_bytes(data[offset + NAME : offset + 2 * NAME], "little")
        end = offset + 2 * NAME + size + size % 2
        if len(data) < end:
            return None
        found.append(data[offset:end])
        offset = end
    return found
