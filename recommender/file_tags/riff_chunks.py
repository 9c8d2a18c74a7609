"""The genre in the INFO list of a WAV file, beside its ID3 tag.

Where there is such a list, as in all that FFmpeg writes, FFmpeg 5 and the players that are built on it show
what it says and nothing of the tag; FFmpeg 8 shows of each field what stands last. Where the list is empty,
they show the tag, so it is left so.
"""

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Final

from classifier.regular_file import open_regular
from recommender.file_tags.id3 import Chunk
from recommender.file_tags.riff_info import INFO, NAME, info_lists
from recommender.file_tags.stored_tags import INFO_GENRE, Entry, StoredTags

GENRE: Final = b"IGNR"


class ChunkAndInfo(Chunk):
    """The tag in a chunk of a WAV file, and the genre in the list of entries that is another chunk.

    An entry's bytes are all that follow its name: size, text and padding.
    """

    def load(self, path: Path) -> StoredTags:
        """See `formats.load`."""
        tags = super().load(path)
        with open_regular(path) as file:
            items = [item for _, found in info_lists(file) for item in found]
        genres = (Entry(INFO_GENRE, item[NAME:]) for item in items if item.startswith(GENRE))
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


def _with_genres(items: list[bytes], values: list[bytes]) -> Iterator[bytes]:
    """Yield entries with values in the places of genres, as far as there are any; those are used up."""
    for item in items:
        if not item.startswith(GENRE):
            yield item
        elif values:
            yield GENRE + values.pop(0)
