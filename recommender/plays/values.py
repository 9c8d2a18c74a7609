"""Numbers, times and lines as files of plays have them."""

import re
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Final

MAX_PLAYS: Final = 2**31 - 1
"""A larger count is damage."""

EPOCH = datetime(1970, 1, 1)
LATEST: Final = EPOCH + timedelta(seconds=10**10)
"""In the year 2286, where seconds have eleven digits; milliseconds had as many until 1973."""
FILETIME_EPOCH = datetime(1601, 1, 1)
DATE_FORMATS = ("%d %b %Y %H:%M", "%d %b %Y %H:%M:%S", "%d %b %Y")
SHOWN_TEXT = 200


@dataclass(frozen=True)
class PathLine:
    """A line that says how often the file at a path was played.

    Attributes
    ----------
    line
        Number of its first line in the file.
    text
        The path as written.
    folder
        What a relative one is relative to.
    plays, last_played
        As in `db.listening.plays.PlayCount`.
    """

    line: int
    text: str
    folder: str
    plays: int
    last_played: datetime | None


@dataclass(frozen=True)
class Listen:
    """A line that says that a song was played, `times` times.

    Attributes
    ----------
    line, part
        Its number, and the file of an archive that it is in.
    """

    line: int
    artist: str
    title: str
    album: str
    played_at: datetime | None
    times: int = 1
    part: str = ""


@dataclass(frozen=True)
class Rejected:
    """A line, or several that say the same, that counts for no track.

    Attributes
    ----------
    line, part
        Number of the (first) line, and the file of an archive that it is in.
    text
        The path or song that it names.
    reason
        Why, in plain words.
    lines
        How many lines say so.
    """

    line: int
    text: str
    reason: str
    part: str = ""
    lines: int = 1


@dataclass(frozen=True)
class NowPlaying:
    """An entry that was being played when the export was made: no listen yet."""


Line = PathLine | Listen | Rejected | NowPlaying


def clean(text: object, at_most: int | None = None) -> str:
    """Return a text that can be stored and printed, stripped, and cut where it is long."""
    whole = str(text).encode("utf-8", "replace").decode("utf-8").strip()
    return whole if at_most is None or len(whole) <= at_most else whole[: at_most - 1] + "…"


def parse_plays(text: str) -> int:
    """Return a play count.

    Raises
    ------
    ValueError
        With what is wrong, if it is no whole number from 0 on.
    """
    match = re.fullmatch(r"\+?(\d{1,18})(\.0*)?", text.strip(), re.ASCII)
    if match is None or int(match[1]) > MAX_PLAYS:
        raise ValueError(f"plays '{clean(text, SHOWN_TEXT)}' is no whole number from 0 to {MAX_PLAYS}")
    return int(match[1])


def parse_time(text: str) -> datetime | None:
    """Return a time as naive UTC; None where it stands for "never", as 0 does.

    Understood are ISO 8601 (without a zone: UTC), "31 Dec 2020, 12:34" as Last.fm writes it, seconds
    and milliseconds since 1970, and the 100 ns since 1601 that foobar2000 writes.

    Raises
    ------
    ValueError
        With what is wrong, if it is none of these, before 1970, or so late that it is damage.
    """
    words = text.strip().removesuffix(" UTC").removesuffix(" GMT")
    try:
        number = re.fullmatch(r"(0|\d{9,18})(\.\d*)?", words, re.ASCII)
        when = _from_number(int(number[1])) if number else _from_words(words)
    except (ValueError, OverflowError):
        when = None
    if when is not None and when >= LATEST:
        raise ValueError(f"'{clean(text, SHOWN_TEXT)}' is in the year {when.year}, which is still to come")
    if when is None or when < EPOCH:
        raise ValueError(f"'{clean(text, SHOWN_TEXT)}' is no date that can be read, or before 1970")
    return None if when == EPOCH else when


def _from_number(number: int) -> datetime:
    if number < 10**11:
        return EPOCH + timedelta(seconds=number)
    if number < 10**13:
        return EPOCH + timedelta(milliseconds=number)
    if 10**17 < number < 2 * 10**17:
        return FILETIME_EPOCH + timedelta(microseconds=number // 10)
    raise ValueError("neither seconds, milliseconds nor 100 ns")


def _from_words(words: str) -> datetime:
    try:
        when = datetime.fromisoformat(words)
    except ValueError:
        return _from_english(" ".join(words.replace(",", " ").split()))
    return when.astimezone(UTC).replace(tzinfo=None) if when.tzinfo else when


def _from_english(words: str) -> datetime:
    for date_format in DATE_FORMATS:
        try:
            return datetime.strptime(words, date_format)
        except ValueError:
            continue
    raise ValueError("no known format")
