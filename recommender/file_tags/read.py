"""What a file's own tags say, in any of the formats that mutagen reads."""

import errno
import math
import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any, Final

from mutagen.wave import WAVE

from recommender.file_tags.open_file import UNREADABLE, KnownFrames, open_tagged, system_error
from recommender.file_tags.riff_info import info_texts
from recommender.plays.values import MAX_PLAYS, parse_time

TAGS_VERSION: Final = 2
"""Of this reader: raised when it reads more, so that the tags of catalogued files are read again."""

PASSING: Final = (errno.EIO, errno.EMFILE, errno.ENFILE, errno.ENOMEM, errno.ESTALE, errno.ETIMEDOUT)
"""Errors that are not of a file, so that another time it may be read."""
LARGEST_NUMBER: Final = 99_999
ID3_4: Final = (2, 4, 0)

# Names of the same field in ID3, MP4, ASF, Vorbis comments or APEv2, and INFO lists (compared in lower case).
FIELDS: dict[str, tuple[str, ...]] = {
    "title": ("tit2", "\xa9nam", "title", "inam"),
    "artist": ("tpe1", "\xa9art", "author", "artist", "iart"),
    "album": ("talb", "\xa9alb", "wm/albumtitle", "album", "iprd"),
    "year": ("tdrc", "tyer", "\xa9day", "wm/year", "date", "year", "icrd"),
    "album_artist": ("tpe2", "aart", "wm/albumartist", "albumartist", "album artist", "album_artist"),
    "track": ("trck", "trkn", "wm/tracknumber", "tracknumber", "track", "itrk", "iprt"),
    "disc": ("tpos", "disk", "wm/partofset", "discnumber", "disc"),
    "genre": ("tcon", "\xa9gen", "wm/genre", "genre", "ignr"),
}
# Where players write play counts, in lower case, letters and digits only, without what says in which
# format or for whom: PCNT and POPM of ID3 (MediaMonkey and others), FMPS_Playcount (Amarok, Clementine,
# Strawberry), playcount:someone@somewhere (Quod Libet), the statistics of foobar2000.
PLAY_COUNTS = frozenset(("pcnt", "popm", "playcount", "playcounter", "fmpsplaycount"))
LAST_PLAYED = frozenset(("lastplayed", "lastplayedtimestamp", "lastplayeddate"))
# The frames of ID3 that any of this is read of, and those that make a date in older versions.
FRAMES = KnownFrames(
    *("TPE2", "TPOS", "TDAT", "TIME", "TXXX", "PCNT", "POPM", "TT2", "TP1", "TP2", "TAL", "TRK"),
    *("TPA", "TCO", "TYE", "TDA", "TIM", "TXX", "CNT", "POP"),
)


@dataclass(frozen=True)
class FileTags:
    """A file's tags; empty where it has none.

    Attributes
    ----------
    year
        Four digits, or None.
    genres
        In the file's order.
    plays, last_played
        The largest count and the newest date, naive UTC, that a player wrote; 0 and None where there
        is none.
    album_artist
        Whom the whole album is by, where the file says so.
    track_number, disc_number
        Where the song is on it, from 1.
    """

    title: str = ""
    artist: str = ""
    album: str = ""
    year: int | None = None
    genres: list[str] = field(default_factory=list)
    plays: int = 0
    last_played: datetime | None = None
    album_artist: str = ""
    track_number: int | None = None
    disc_number: int | None = None


def read_tags(path: Path) -> FileTags:
    """Read a file's tags; a file whose tags cannot be read has none.

    Raises
    ------
    LimitError
        If they exceed a limit.
    OSError
        If the disk fails, or the system has nothing left to read it with: it may have tags.
    """
    try:
        file = open_tagged(path, FRAMES)
        info = info_texts(path) if isinstance(file, WAVE) else {}
    except UNREADABLE as error:
        failed = system_error(error)
        if failed is not None and failed.errno in PASSING:
            raise failed from None
        return FileTags()
    if file is None or not (file.tags or info):
        return FileTags()
    values = info | _by_name(file.tags)
    found = {name: _texts(values, keys) for name, keys in FIELDS.items()}
    years = [int(match[0]) for text in found["year"] if (match := re.search(r"\d{4}", text))]
    # Before ID3v2.4 a field holds but one text, and so does an entry of an INFO list.
    joined = getattr(file.tags, "version", ID3_4) < ID3_4 or ("tcon" not in values and "ignr" in values)
    return FileTags(
        title="; ".join(found["title"]),
        artist="; ".join(found["artist"]),
        album="; ".join(found["album"]),
        year=years[0] if years else None,
        genres=_separate(found["genre"]) if joined else found["genre"],
        plays=max(map(_plays, _of_players(values, PLAY_COUNTS)), default=0),
        last_played=max(filter(None, map(_time, _of_players(values, LAST_PLAYED))), default=None),
        album_artist="; ".join(found["album_artist"]),
        track_number=_number(found["track"]),
        disc_number=_number(found["disc"]),
    )


def _by_name(tags: Any) -> dict[str, Any]:
    """Return the values of tags by their names in lower case; those of lists of pairs are lists."""
    if not isinstance(tags, list):
        return {str(key).lower(): value for key, value in (tags or {}).items()}
    found: dict[str, Any] = {}
    for key, value in tags:
        found.setdefault(str(key).lower(), []).append(value)
    return found


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


def _separate(texts: list[str]) -> list[str]:
    """Return the names that semicolons join."""
    return list(dict.fromkeys(name.strip() for text in texts for name in text.split(";") if name.strip()))


def _number(texts: list[str]) -> int | None:
    """Return the first number of texts such as ``3``, ``3/12``, ``A3`` and MP4's ``(3, 12)``; 0 is none."""
    numbers = [int(match[0]) for text in texts if (match := re.search(r"[0-9]{1,9}", text))]
    return numbers[0] if numbers and 0 < numbers[0] <= LARGEST_NUMBER else None


def _of_players(values: dict[str, Any], names: frozenset[str]) -> Iterator[str]:
    """Yield the texts of all fields with these names, whichever player wrote them."""
    for key, value in values.items():
        parts = key.split(":")
        own_name = parts[-1] if parts[0] in ("txxx", "----") else parts[0]
        if "".join(c for c in own_name if c.isalnum()) not in names:
            continue
        if isinstance(count := getattr(value, "count", None), int):  # PCNT, POPM
            yield str(count if count <= MAX_PLAYS else 0)
            continue
        texts = value.text if hasattr(value, "text") else value if isinstance(value, list) else [value]
        for text in texts:
            yield text.decode("utf-8", "replace") if isinstance(text, bytes) else str(text)


def _plays(text: str) -> int:
    """Return a count; FMPS writes it as a fraction. One that is none, or damaged, is 0."""
    try:
        number = float(text)
    except ValueError:
        return 0
    return int(number) if math.isfinite(number) and 0 <= number <= MAX_PLAYS else 0


def _time(text: str) -> datetime | None:
    try:
        return parse_time(text)
    except ValueError:
        return None
