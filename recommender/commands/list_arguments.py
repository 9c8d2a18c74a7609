"""What is typed of a list's request to what the ranking takes: ranges, clock times, days."""

import re
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from recommender.retrieval.filters import Filters, Range
    from recommender.retrieval.query_file import Span
    from recommender.retrieval.sound_filters import Voice


def filters_of(
    genre: list[str] | None = None,
    tag: list[str] | None = None,
    mood: list[str] | None = None,
    voice: "Voice | None" = None,
    year: str | None = None,
    duration: str | None = None,
    tempo: str | None = None,
    key: list[str] | None = None,
    related_keys: bool = False,
    energy: str | None = None,
    max_plays: int | None = None,
    unplayed: bool = False,
    not_played_since: str | None = None,
    not_artist: list[str] | None = None,
    not_album: list[str] | None = None,
) -> "Filters":
    """Return the filters that the options name.

    Raises
    ------
    FilterError
        If a range, a key or a day cannot be read.
    """
    from recommender.retrieval.filters import Filters
    from recommender.retrieval.request import day_of, keys_named

    since = not_played_since
    return Filters(
        genres=tuple(genre or ()),
        tags=tuple(tag or ()),
        moods=tuple(mood or ()),
        voice=voice,
        years=_years(year) if year is not None else None,
        duration_s=_durations(duration) if duration is not None else None,
        tempo_bpm=_tempi(tempo) if tempo is not None else None,
        keys=keys_named(key or (), related=related_keys),
        energy=_energies(energy) if energy is not None else None,
        max_plays=0 if unplayed else max_plays,
        not_played_since=day_of(since, "--not-played-since") if since is not None else None,
        not_by=frozenset(not_artist or ()),
        not_on=frozenset(not_album or ()),
    )


def _years(text: str) -> "Range":
    from recommender.errors import FilterError
    from recommender.retrieval.request import ordered_range
    from recommender.retrieval.words.said_filters import decade_of

    if (decade := decade_of(text.strip())) is not None:
        return ordered_range(*decade, f"--year {text}")
    found = re.fullmatch(r"(\d{1,4})|(\d{1,4})?-(\d{1,4})?", text.replace(" ", ""))
    if found is None or not any(found.groups()):
        raise FilterError(f"--year {text} cannot be read; write 1994, 1990-1999, 1990-, -1999 or 90s")
    low, high = (int(part) if part else None for part in (found[1] or found[2], found[1] or found[3]))
    return ordered_range(low, high, f"--year {text}")


def _tempi(text: str) -> "Range":
    from recommender.retrieval.request import tempo_range

    asked = text.casefold().replace("bpm", "")
    return tempo_range(*_numbers(asked, f"--tempo {text}", "120, 90-130, 90- or -130"), f"--tempo {text}")


def _energies(text: str) -> "Range":
    from recommender.errors import FilterError
    from recommender.retrieval.request import ordered_range

    asked = f"--energy {text}"
    low, high = _numbers(text, asked, "0.4-0.7, 0.6- or -0.3")
    if max(low or 0.0, high or 0.0) > 1:
        raise FilterError(f"{asked} cannot be; energy goes from 0, calm, to 1, dense and loud")
    return ordered_range(low, high, asked)


def _numbers(text: str, asked: str, forms: str) -> "tuple[float | None, float | None]":
    """Return the ends of a range, which may be one number, or open at one end."""
    from recommender.errors import FilterError

    number = r"(\d+(?:\.\d+)?)"
    found = re.fullmatch(f"{number}|{number}?-{number}?", text.replace(" ", ""))
    if found is None or not any(found.groups()):
        raise FilterError(f"{asked} cannot be read; write {forms}")
    low, high = (float(part) if part else None for part in (found[1] or found[2], found[1] or found[3]))
    return low, high


def _durations(text: str) -> "Range":
    from recommender.errors import FilterError
    from recommender.retrieval.request import ordered_range

    low, dash, high = text.replace(" ", "").partition("-")
    if not dash or not (low or high):
        raise FilterError(f"--duration {text} cannot be read; write 2:00-5:00, 2:00- or -5:00")
    low_s, high_s = (seconds_of(end, "--duration") if end else None for end in (low, high))
    return ordered_range(low_s, high_s, f"--duration {text}")


def seconds_of(text: str, option: str) -> float:
    """Return ``h:mm:ss``, ``m:ss`` or seconds as seconds.

    Raises
    ------
    FilterError
        If it is none of these.
    """
    from recommender.errors import FilterError

    parts = text.strip().split(":")
    numbers = r"\d+(\.\d+)?"
    right = len(parts) <= 3 and all(re.fullmatch(r"\d+", part) for part in parts[:-1])
    if not right or not re.fullmatch(numbers, parts[-1]):
        raise FilterError(f"{option} {text} is no time; write seconds, m:ss or h:mm:ss")
    seconds = 0.0
    for part in parts:
        seconds = 60 * seconds + float(part)
    return seconds


def span_of(start: str | None, end: str | None) -> "Span | None":
    """Return the passage between two times; where only one is named, 30 s from it or up to it.

    Raises
    ------
    FilterError
        If a time cannot be read, or the passage is shorter than 3 s.
    """
    from recommender.retrieval.request import passage_between

    start_s, end_s = (
        seconds_of(text, option) if text is not None else None
        for text, option in ((start, "--from"), (end, "--to"))
    )
    return passage_between(start_s, end_s, "--from", "--to")
