"""Listens in JSON, as ListenBrainz and Last.fm have them: a document, or one listen a line."""

import json
from collections.abc import Iterable, Iterator
from typing import Any

from recommender.errors import PlaysError
from recommender.plays.values import SHOWN_TEXT, Line, Listen, NowPlaying, Rejected, clean, parse_time

# What holds listens: ListenBrainz' API, Last.fm's API, tools that fetched either.
CONTAINERS = ("payload", "listens", "recenttracks", "track", "tracks", "scrobbles")
MAX_DEPTH = 6


def read_document(document: Any, name: str) -> Iterator[Line]:
    """Yield the listens of a JSON document; their line is their number in it.

    Raises
    ------
    PlaysError
        If nothing in it looks like listens.
    """
    if not isinstance(document, list) and not _is_listen(document) and not _inner(document):
        raise PlaysError(f"{name} is JSON, but neither of ListenBrainz nor of Last.fm")
    for number, item in enumerate(_items(document), start=1):
        yield _line(item, number, "")


def read_lines(lines: Iterable[str], part: str = "") -> Iterator[Line]:
    """Yield the listens of JSON lines; `part` is the file of an archive that they are in."""
    for number, text in enumerate(lines, start=1):
        if not text.strip():
            continue
        try:
            value = json.loads(text)
        except (ValueError, RecursionError):
            yield Rejected(number, clean(text, SHOWN_TEXT), "it is not JSON", part)
            continue
        yield _line(value, number, part)


def is_listen_line(text: str) -> bool:
    """Whether a line is a listen in JSON."""
    try:
        return _is_listen(json.loads(text))
    except (ValueError, RecursionError):
        return False


def _is_listen(value: Any) -> bool:
    return isinstance(value, dict) and ("track_metadata" in value or "artist" in value)


def _inner(value: Any) -> list[Any]:
    """Return the parts of an object that may hold listens."""
    if not isinstance(value, dict):
        return []
    return [value[key] for key in CONTAINERS if isinstance(value.get(key), list | dict)]


def _items(value: Any, depth: int = 0) -> Iterator[Any]:
    """Yield what should be listens: the leaves of lists and of what holds listens."""
    inner = value if isinstance(value, list) else [] if _is_listen(value) else _inner(value)
    if depth > MAX_DEPTH or (not inner and value != []):
        yield value
    else:
        for part in inner:
            yield from _items(part, depth + 1)


def _line(item: Any, number: int, part: str) -> Line:
    if not _is_listen(item):
        return Rejected(number, _shown(item), "it is no listen", part)
    known = _listenbrainz(item) if "track_metadata" in item else _lastfm(item)
    if known is None:
        return NowPlaying()
    artist, title, album, time = known
    try:
        if not artist or not title:
            raise ValueError(f"it has no {'title' if artist else 'artist'}")
        played_at = parse_time(time)
    except ValueError as error:
        return Rejected(number, f"{artist} - {title}", str(error), part)
    return Listen(number, artist, title, album, played_at, part=part)


Known = tuple[str, str, str, str]


def _listenbrainz(item: dict[str, Any]) -> Known | None:
    """Return artist, title, album and time of a listen; None for what is playing."""
    if item.get("playing_now") is True:
        return None
    song = item["track_metadata"] if isinstance(item["track_metadata"], dict) else {}
    names = (_text(song.get(key)) for key in ("artist_name", "track_name", "release_name"))
    return *names, _text(item.get("listened_at"))  # type: ignore[return-value]


def _lastfm(item: dict[str, Any]) -> Known | None:
    """Return artist, title, album and time of a scrobble; None for what is playing."""
    attributes = item.get("@attr")
    if isinstance(attributes, dict) and _text(attributes.get("nowplaying")) == "true":
        return None
    title = _text(item.get("name")) or _text(item.get("track")) or _text(item.get("title"))
    time = _text(item.get("date")) or _text(item.get("uts")) or _text(item.get("timestamp"))
    return _text(item["artist"]), title, _text(item.get("album")), time


def _shown(item: Any) -> str:
    try:
        return clean(json.dumps(item), SHOWN_TEXT)
    except RecursionError:
        return "…"


def _text(value: Any, depth: int = 0) -> str:
    """Return a text, number, or the text of an object as Last.fm writes it."""
    if isinstance(value, dict):
        inner = next((value[key] for key in ("uts", "#text", "name") if key in value), None)
        return _text(inner, depth + 1) if depth < MAX_DEPTH else ""
    if value is None or isinstance(value, bool | list):
        return ""
    return clean(int(value) if isinstance(value, float) and value.is_integer() else value)
