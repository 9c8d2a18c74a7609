"""Playlists that keep themselves up to date, for machines and in words."""

from collections.abc import Iterable
from typing import Any

from sqlalchemy.orm import Session

from classifier.errors import ClassifierError
from db.listening.playlists import get_playlist
from db.listening.smart_playlists import wanted
from db.listening.tables import SmartPlaylist
from db.rows import rows_by_ids
from db.values import iso_utc
from recommender import params
from recommender.errors import RecommenderError
from recommender.presentation.text import clock
from recommender.retrieval.filters import Filters, Range
from recommender.smart_playlists.rules import Rules, rules_of

NAMED = 3
"""Songs that a list goes by are named, up to so many."""
ORDERS = {
    "path": "by folder",
    "artist": "by artist",
    "title": "by title",
    "album": "by album",
    "plays": "most played first",
    "id": "as they came",
}


def kept_json(session: Session, stored: SmartPlaylist | None) -> dict[str, Any]:
    """Return what a playlist is filled with, in values and in words; all None where a person fills it."""
    if stored is None:
        return {"rules": None, "rules_in_words": None, "filled": None, "problem": None}
    said = wanted(stored)
    try:
        words = rules_in_words(session, rules_of(said))
    except (RecommenderError, ClassifierError) as error:
        words = [str(error)]
    return {
        "rules": said,
        "rules_in_words": words,
        "filled": None if stored.filled is None else iso_utc(stored.filled),
        "problem": stored.problem or None,
    }


def rules_in_words(session: Session, rules: Rules) -> list[str]:
    """Return what a list is of, part by part, as people say it."""
    request = rules.request
    words = [*_what(session, rules), *_filters(request.filters)]
    if rules.not_played_days is not None:
        words.append(f"not played for {rules.not_played_days} days")
    if rules.kind == "songs":
        words.append(ORDERS.get(rules.sort, rules.sort))
    if request.discover:
        words.append(f"rarely played favoured, {request.discover:g}")
    if request.diversity:
        words.append(f"variety {request.diversity:g}")
    if request.exclude_same_artist:
        words.append("by other artists")
    if request.per_artist:
        words.append(f"{request.per_artist} of an artist at most")
    if request.per_album:
        words.append(f"{request.per_album} of an album at most")
    if not request.hub_correction:
        words.append("without hub correction")
    every = rules.kind == "songs" and request.n >= params.LONGEST_PLAYLIST
    return words if every else [*words, f"{request.n} songs at most"]


def _what(session: Session, rules: Rules) -> list[str]:
    if rules.kind == "songs":
        return [f"“{rules.words}”"] if rules.words else ["all songs"]
    if rules.kind == "find":
        return [rules.words, *([f"not {rules.not_words}"] if rules.not_words else [])]
    if rules.kind == "discover":
        since = [f"played since {rules.since}"] if rules.since else []
        return ["never played, like what is played most", *since]
    part = "" if rules.span is None else f", {clock(rules.span.start_s)}-{clock(rules.span.end_s)}"
    liked = [f"like {name}{part}" for name in _songs(session, rules.like)]
    if rules.any_of and len(rules.like) > 1:
        liked = [f"like any of {len(rules.like)} songs"]
    if rules.playlist is not None:
        found = get_playlist(session, rules.playlist)
        liked.append(f"like any song of {found.name}" if found else "like a playlist that is gone")
    return [*liked, *(f"unlike {name}" for name in _songs(session, rules.unlike))]


def _songs(session: Session, track_ids: tuple[int, ...]) -> list[str]:
    rows = rows_by_ids(session, list(track_ids))
    named = [_name(rows[i]) if i in rows else "a song that is gone" for i in track_ids[:NAMED]]
    more = len(track_ids) - len(named)
    return [*named, *([f"{more} more"] if more > 0 else [])]


def _name(track: Any) -> str:
    return " - ".join(filter(None, (track.artist, track.title))) or str(track.rel_path)


def _filters(filters: Filters) -> list[str]:
    voice = [filters.voice] if filters.voice else []
    several: Iterable[str] = (*filters.genres, *filters.tags, *filters.moods, *voice, *filters.keys)
    ranges = [
        _span(filters.years, "{}"),
        _span(filters.duration_s, "{} long", clock),
        _span(filters.tempo_bpm, "{} bpm"),
        _span(filters.energy, "energy {}"),
    ]
    plays: list[str] = []
    if filters.max_plays is not None:
        plays.append("never played" if filters.max_plays == 0 else f"{filters.max_plays} plays at most")
    if filters.not_played_since is not None:
        plays.append(f"not played since {filters.not_played_since:%Y-%m-%d}")
    out = [f"not by {name}" for name in sorted(filters.not_by)]
    out += [f"not on {name}" for name in sorted(filters.not_on)]
    return [*several, *filter(None, ranges), *plays, *out]


def _span(ends: Range | None, words: str, shown: Any = "{:g}".format) -> str:
    if ends is None:
        return ""
    low, high = ("" if end is None else shown(end) for end in (ends.low, ends.high))
    return words.format(low if low == high else f"{low}-{high}")
