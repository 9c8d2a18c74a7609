"""What a file's own tags say, in any of the formats that mutagen reads."""

import errno
import json
import math
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any, Final

from recommender.file_tags.open_file import KnownFrames, TagSystem, open_tags
from recommender.file_tags.stored_tags import ID3_2, ID3_3, ID3V1, WORDS
from recommender.plays.values import MAX_PLAYS, parse_time

TAGS_VERSION: Final = 4
"""Of this reader: raised when it reads more, so that the tags of catalogued files are read again."""

PASSING: Final = (errno.EIO, errno.EMFILE, errno.ENFILE, errno.ENOMEM, errno.ESTALE, errno.ETIMEDOUT)
"""Errors that are not of a file, so that another time it may be read."""
LARGEST_NUMBER: Final = 99_999
JOINED: Final = (ID3_3, ID3_2, ID3V1, WORDS)
"""Kinds of tags in which semicolons join genres."""

# Names of the same field in ID3, MP4, ASF, Vorbis comments or APEv2, and the words of chunks (in lower case).
FIELDS: dict[str, tuple[str, ...]] = {
    "title": ("tit2", "tt2", "\xa9nam", "title", "inam", "name"),
    "artist": ("tpe1", "tp1", "\xa9art", "author", "artist", "iart", "auth"),
    "album": ("talb", "tal", "\xa9alb", "wm/albumtitle", "album", "iprd"),
    "year": ("tdrc", "tyer", "tye", "\xa9day", "wm/year", "date", "year", "icrd", "tdrl", "bext"),
    "album_artist": ("tpe2", "tp2", "aart", "wm/albumartist", "albumartist", "album artist", "album_artist"),
    "track": ("trck", "trk", "trkn", "wm/tracknumber", "tracknumber", "track", "itrk", "iprt"),
    "disc": ("tpos", "tpa", "disk", "wm/partofset", "discnumber", "disc"),
    "genre": (
        *("tcon", "tco", "\xa9gen", "wm/genre", "genre", "ignr"),
        *("txxx:genre", "txx:genre", "----:com.apple.itunes:genre"),
    ),
}
USELESS: Final = re.compile(
    r"\?*|[\W_]*(unknown( (title|artist|album|album ?artist|genre|year|track|disc))?|n/a|null)[\W_]*"
)
"""Values that say nothing, in lower case: those that a program writes where it has none."""
PRIVATE: Final = ("txxx:deepcuts", "txx:deepcuts", "deepcuts", "----:com.apple.itunes:deepcuts")
"""Where `tag --write` says what it wrote."""
# Where players write play counts, in lower case, letters and digits only, without what says in which
# format or for whom: PCNT and POPM of ID3 (MediaMonkey and others), FMPS_Playcount (Amarok, Clementine,
# Strawberry), playcount:someone@somewhere (Quod Libet), the statistics of foobar2000.
PLAY_COUNTS = frozenset(("pcnt", "cnt", "popm", "pop", "playcount", "playcounter", "fmpsplaycount"))
LAST_PLAYED = frozenset(("lastplayed", "lastplayedtimestamp", "lastplayeddate"))
# The frames of ID3 that any of this is read of.
FRAMES = KnownFrames(
    *("TPE2", "TPOS", "TDRL", "TXXX", "PCNT", "POPM", "TT2", "TP1", "TP2", "TAL", "TRK"),
    *("TPA", "TCO", "TYE", "TXX", "CNT", "POP"),
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
    own_genres
        Of the genres, those that `tag --write` says it wrote, in this home or in another.
    picture
        As `recommender.file_tags.cover_art.picture_hash` has it; None where nobody has looked.
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
    own_genres: list[str] = field(default_factory=list)
    picture: str | None = None


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
        systems = open_tags(path, FRAMES)
    except OSError as error:
        if error.errno in PASSING:
            raise
        return FileTags()
    values = [by_name(system.tags) for system in systems]
    found = {name: _first(values, keys) for name, keys in FIELDS.items()}
    years = [number for text in _all(values, FIELDS["year"]) if (number := _year(text))]
    genres = _genres(systems, values)
    private = {name.casefold() for text in _all(values, PRIVATE) for name in own_names(text)}
    return FileTags(
        title="; ".join(found["title"]),
        artist="; ".join(found["artist"]),
        album="; ".join(found["album"]),
        year=years[0] if years else None,
        genres=genres,
        plays=max((p for of in values for p in map(_plays, _of_players(of, PLAY_COUNTS))), default=0),
        last_played=max(
            filter(None, (_time(text) for of in values for text in _of_players(of, LAST_PLAYED))),
            default=None,
        ),
        album_artist="; ".join(found["album_artist"]),
        track_number=_number(_all(values, FIELDS["track"])),
        disc_number=_number(_all(values, FIELDS["disc"])),
        own_genres=[name for name in genres if name.casefold() in private],
    )


def tags_of_words(words: Mapping[str, str]) -> FileTags:
    """Return what words from elsewhere say of a song, by the names of `FIELDS`; useless ones say nothing."""
    said = {name: [] if says_nothing([text]) else [text.strip()] for name, text in words.items()}
    return FileTags(
        title="; ".join(said.get("title", ())),
        artist="; ".join(said.get("artist", ())),
        album="; ".join(said.get("album", ())),
        year=next(filter(None, map(_year, said.get("year", ()))), None),
        genres=separate(said.get("genre", [])),
        album_artist="; ".join(said.get("album_artist", ())),
        track_number=_number(said.get("track", [])),
        disc_number=_number(said.get("disc", [])),
    )


def _genres(systems: list[TagSystem], values: list[dict[str, Any]]) -> list[str]:
    """Return the genres of the first tag whose say something, else of the first that names any."""
    some: list[str] = []
    for system, of in zip(systems, values, strict=True):
        found = _first([of], FIELDS["genre"])
        # Before ID3v2.4 a field holds but one text, and so does an entry of an INFO list.
        found = separate(found) if system.kind in JOINED else found
        if not says_nothing(found):
            return found
        some = some or found
    return some


def own_names(text: str) -> list[str]:
    """Return the genres that the private field says were written; none where it was changed by hand."""
    try:
        return [str(name) for name in json.loads(text)["genre"]]
    except (ValueError, LookupError, TypeError, RecursionError):
        return []


def by_name(tags: Any) -> dict[str, Any]:
    """Return the values of tags by their names in lower case; those of lists of pairs are lists."""
    if not isinstance(tags, list):
        return {str(key).lower(): value for key, value in (tags or {}).items()}
    found: dict[str, Any] = {}
    for key, value in tags:
        found.setdefault(str(key).lower(), []).append(value)
    return found


def _first(values: list[dict[str, Any]], keys: tuple[str, ...]) -> list[str]:
    """Return the texts of the first of some fields that says something, else of the first that has any."""
    some: list[str] = []
    for of in values:
        for key in keys:
            texts = texts_of(of, key)
            if not says_nothing(texts):
                return texts
            some = some or texts
    return some


def says_nothing(texts: Sequence[str]) -> bool:
    """Whether there is no text, or none but such as programs write where they have nothing to say."""
    return all(USELESS.fullmatch(text.lower()) for text in texts)


def _all(values: list[dict[str, Any]], keys: tuple[str, ...]) -> list[str]:
    """Return the texts of all of some fields."""
    return [text for of in values for key in keys for text in texts_of(of, key)]


def texts_of(values: Mapping[str, Any], key: str) -> list[str]:
    """Return the texts of a field, without repeats."""
    if key not in values:
        return []
    value = values[key]
    if hasattr(value, "genres"):  # ID3 writes genres as numbers, too
        parts = value.genres
    elif hasattr(value, "text"):
        parts = value.text
    else:
        parts = value if isinstance(value, list) else [value]
    as_text = (part.decode("utf-8", "replace") if isinstance(part, bytes) else str(part) for part in parts)
    cleaned = (text.strip() for part in as_text for text in part.split("\0"))
    return list(dict.fromkeys(text for text in cleaned if text))


def separate(texts: list[str]) -> list[str]:
    """Return the names that semicolons join."""
    return list(dict.fromkeys(name.strip() for text in texts for name in text.split(";") if name.strip()))


def _year(text: str) -> int:
    """Return the year in a date, 0 for none: ``0019`` is how mutagen gives the ``19`` of an ID3v1 tag."""
    match = re.search(r"(?<![0-9])[1-9][0-9]{3}", text)
    return int(match[0]) if match else 0


def _number(texts: list[str]) -> int | None:
    """Return the first number of texts such as ``3``, ``3/12``, ``A3`` and MP4's ``(3, 12)``; 0 is none."""
    numbers = (int(match[0]) for text in texts if (match := re.search(r"[0-9]{1,9}", text)))
    return next((number for number in numbers if 0 < number <= LARGEST_NUMBER), None)


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
