"""The request for a list of songs: its options, with their defaults, and what of them fits together."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Final, TypeVar

from classifier.measures.key import key_named, neighbours
from recommender import params
from recommender.errors import FilterError
from recommender.retrieval.filters import Filters, Range
from recommender.retrieval.query import MIN_PASSAGE_S
from recommender.retrieval.query_file import Span
from recommender.retrieval.sound_filters import Voice

TEMPO_LEEWAY: Final = 0.04
NEXT_S: Final = 30.0
"""Length of a passage of which only one end is named."""


@dataclass(frozen=True)
class ListRequest:
    """The options of a list of songs.

    Attributes
    ----------
    n
        How many songs.
    hub_correction
        False for plain cosines.
    discover
        0..1, how much the rarely played are favoured.
    diversity
        0..1, how much songs of one kind are avoided.
    per_artist, per_album
        At most so many of one; 0 for no limit; None for three and two tenths of the list, if that fills it.
    exclude_same_artist
        Whether the queries' artists are left out.
    filters
        Which tracks may be in it at all.
    passages
        Whether the passages that match are looked for, which takes as long as the rest.
    """

    n: int = params.N_RESULTS
    hub_correction: bool = True
    discover: float = 0.0
    diversity: float = 0.0
    per_artist: int | None = None
    per_album: int | None = None
    exclude_same_artist: bool = False
    filters: Filters = field(default_factory=Filters)
    passages: bool = True

    @property
    def evenly(self) -> bool:
        """Return whether limits choose by how often they show each song, too."""
        return self.hub_correction and (self.per_artist != 0 or self.per_album != 0)


Item = TypeVar("Item")


def spread_evenly(items: Sequence[Item], most: int) -> list[Item]:
    """Return some of many items, evenly spread over them; all where they are no more than that."""
    if len(items) <= most:
        return list(items)
    return [items[i * len(items) // most] for i in range(most)]


def passage_between(
    start_s: float | None, end_s: float | None, start_name: str, end_name: str
) -> Span | None:
    """Return the passage between two times; where only one is named, 30 s from it or up to it.

    Raises
    ------
    FilterError
        If it is shorter than 3 s; the message calls the times by their names.
    """
    if end_s is None:
        if start_s is None:
            return None
        end_s = start_s + NEXT_S
    begins_s = max(0.0, end_s - NEXT_S) if start_s is None else start_s
    if end_s - begins_s < MIN_PASSAGE_S:
        least = f"a passage is {MIN_PASSAGE_S:.0f} s long at least"
        raise FilterError(f"{least}; {start_name} must lie before {end_name}")
    return Span(begins_s, end_s)


def ordered_range(low: float | None, high: float | None, asked: str) -> Range:
    """Return the range from one number to another.

    Raises
    ------
    FilterError
        If it ends before it begins; the message begins with what was asked for.
    """
    if low is not None and high is not None and low > high:
        raise FilterError(f"{asked} ends before it begins")
    return Range(low, high)


def tempo_range(low: float | None, high: float | None, asked: str) -> Range:
    """Return the range of tempi; one tempo alone means what is within 4 % of it.

    Raises
    ------
    FilterError
        If it ends before it begins; the message begins with what was asked for.
    """
    if low is not None and low == high:
        return Range(low * (1 - TEMPO_LEEWAY), low * (1 + TEMPO_LEEWAY))
    return ordered_range(low, high, asked)


def keys_named(names: Sequence[str], *, related: bool) -> tuple[str, ...]:
    """Return the keys that some names mean, each once.

    Parameters
    ----------
    names
        Such as "A minor", "Am", "Bb" or "f sharp minor".
    related
        Whether the neighbours of each on the circle of fifths are meant, too.

    Raises
    ------
    FilterError
        If one is no key's name.
    """
    found: list[str] = []
    for name in names:
        key = key_named(name)
        if key is None:
            raise FilterError(f"{name} is no key; write A minor, F# major, Bb, Am or 8A")
        found += [key, *(neighbours(key) if related else ())]
    return tuple(dict.fromkeys(found))


def day_of(text: str, option: str = "") -> datetime:
    """Return the beginning of a day that is written YYYY-MM-DD.

    Raises
    ------
    FilterError
        If there is no such day.
    """
    try:
        return datetime.strptime(text, "%Y-%m-%d")
    except ValueError:
        raise FilterError(f"{option} {text} is no day; write YYYY-MM-DD".lstrip()) from None


def filters_named(
    *,
    genre: Sequence[str] = (),
    tag: Sequence[str] = (),
    mood: Sequence[str] = (),
    voice: Voice | None = None,
    year_from: int | None = None,
    year_to: int | None = None,
    duration_from_s: float | None = None,
    duration_to_s: float | None = None,
    max_plays: int | None = None,
    unplayed: bool = False,
    not_played_since: str | None = None,
    tempo_from: float | None = None,
    tempo_to: float | None = None,
    key: Sequence[str] = (),
    related_keys: bool = False,
    energy_from: float | None = None,
    energy_to: float | None = None,
    not_artist: Sequence[str] = (),
    not_album: Sequence[str] = (),
) -> Filters:
    """Return the filters that some values set, named as over HTTP.

    Raises
    ------
    FilterError
        If a range ends before it begins, or a key or a day is none.
    """
    return Filters(
        genres=tuple(genre),
        tags=tuple(tag),
        years=_range("year", year_from, year_to),
        duration_s=_range("duration", duration_from_s, duration_to_s),
        max_plays=0 if unplayed else max_plays,
        not_played_since=day_of(not_played_since) if not_played_since is not None else None,
        tempo_bpm=_tempi(tempo_from, tempo_to),
        keys=keys_named(key, related=related_keys),
        energy=_range("energy", energy_from, energy_to),
        moods=tuple(mood),
        voice=voice,
        not_by=frozenset(not_artist),
        not_on=frozenset(not_album),
    )


def names_of(filters: Filters) -> dict[str, Any]:
    """Return the values by which `filters_named` gives some filters; those that set none are left out."""
    values: dict[str, Any] = {"voice": filters.voice, "max_plays": filters.max_plays}
    if filters.not_played_since is not None:
        values["not_played_since"] = f"{filters.not_played_since:%Y-%m-%d}"
    for name, unit, ends in (
        ("year", "", filters.years),
        ("duration", "_s", filters.duration_s),
        ("tempo", "", filters.tempo_bpm),
        ("energy", "", filters.energy),
    ):
        if ends is not None:
            values |= {f"{name}_from{unit}": ends.low, f"{name}_to{unit}": ends.high}
    for name, several in (
        ("genre", filters.genres),
        ("tag", filters.tags),
        ("mood", filters.moods),
        ("key", filters.keys),
        ("not_artist", sorted(filters.not_by)),
        ("not_album", sorted(filters.not_on)),
    ):
        values[name] = list(several) or None
    return {name: value for name, value in values.items() if value is not None}


def _range(name: str, low: float | None, high: float | None) -> Range | None:
    if low is None or high is None:
        return None if low is high else Range(low, high)
    return ordered_range(low, high, f"{name}: {low:g} to {high:g}")


def _tempi(low: float | None, high: float | None) -> Range | None:
    if low is None and high is None:
        return None
    return tempo_range(low, high, f"tempo: {low} to {high}")
