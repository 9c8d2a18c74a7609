"""What a file's own tags say, in any of the formats that mutagen reads."""

import re
import struct
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import mutagen

# Names of the same field in ID3, MP4, ASF, and Vorbis comments or APEv2 (compared in lower case).
FIELDS: dict[str, tuple[str, ...]] = {
    "title": ("tit2", "\xa9nam", "title"),
    "artist": ("tpe1", "\xa9art", "author", "artist"),
    "album": ("talb", "\xa9alb", "wm/albumtitle", "album"),
    "year": ("tdrc", "tyer", "\xa9day", "wm/year", "date", "year"),
    "genre": ("tcon", "\xa9gen", "wm/genre", "genre"),
}


@dataclass(frozen=True)
class FileTags:
    """A file's tags; empty where it has none.

    Attributes
    ----------
    year
        Four digits, or None.
    genres
        In the file's order.
    """

    title: str = ""
    artist: str = ""
    album: str = ""
    year: int | None = None
    genres: list[str] = field(default_factory=list)


def read_tags(path: Path) -> FileTags:
    """Read a file's tags; a file whose tags cannot be read has none."""
    try:
        file = mutagen.File(path)
    except (mutagen.MutagenError, struct.error, OSError, ValueError, LookupError, EOFError, TypeError):
        return FileTags()
    if file is None or not file.tags:
        return FileTags()
    values = {str(key).lower(): value for key, value in file.tags.items()}
    found = {name: _texts(values, keys) for name, keys in FIELDS.items()}
    years = [int(match[0]) for text in found["year"] if (match := re.search(r"\d{4}", text))]
    return FileTags(
        title="; ".join(found["title"]),
        artist="; ".join(found["artist"]),
        album="; ".join(found["album"]),
        year=years[0] if years else None,
        genres=found["genre"],
    )


def _texts(values: dict[str, Any], keys: tuple[str, ...]) -> list[str]:
    """Return the texts of the first of some fields that is there, without repeats."""
    for key in keys:
        if key in values:
            value = values[key]
            if hasattr(value, "genres"):  # ID3 writes genres as numbers, too
                parts = value.genres
            elif hasattr(value, "text"):
                parts = value.text
            else:
                parts = value if isinstance(value, list) else [value]
            cleaned = (text.strip() for part in parts for text in str(part).split("\0"))
            return list(dict.fromkeys(text for text in cleaned if text))
    return []
