"""Queries that are several songs: a folder, or a playlist's file."""

import os
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from sqlalchemy.orm import Session

    from recommender.retrieval.query import Query

PLAYLISTS: Final = (".m3u8", ".m3u")
Asked = Callable[[str], "Query"]


def is_song_set(name: str) -> bool:
    """Whether a query is a folder or a playlist's file."""
    return os.path.isdir(name) or (name.lower().endswith(PLAYLISTS) and os.path.isfile(name))


def queries_of(session: "Session", name: str, asked: Asked) -> "list[Query]":
    """Return the songs of a folder or playlist as queries: of many some, evenly spread.

    None of its songs is a match of them. What cannot be a query is said, and left out.

    Raises
    ------
    QueryError
        If there is none that can be one.
    """
    from classifier.errors import AudioError
    from recommender.commands.output import say_skipped
    from recommender.errors import QueryError
    from recommender.params import QUERY_SONGS
    from recommender.retrieval.request import spread_evenly

    paths = _paths(session, name)
    found, skipped = [], []
    for path in spread_evenly(paths, QUERY_SONGS):
        try:
            found.append(asked(path))
        except (AudioError, QueryError, OSError) as error:
            skipped.append((path, str(error)))
    say_skipped(skipped)
    if not found:
        raise QueryError(f"{name} holds no song that can be a query")
    excluded = found[0].excluded | _catalogued(session, paths)
    return [replace(found[0], excluded=excluded), *found[1:]]


def _paths(session: "Session", name: str) -> list[str]:
    """Return the paths of a folder's or playlist's songs, those of a file's parts in its place."""
    from db.tracks import parts_of

    folder = os.path.isdir(name)
    paths: list[str] = []
    for path, start_s in _files(os.path.abspath(name)) if folder else _entries(Path(name)):
        parts = parts_of(session, path)
        begins = [p for p in parts if start_s is None or abs((p.range_start_s or 0.0) - start_s) < 1.0]
        paths += [part.path for part in begins] or [path]
    return list(dict.fromkeys(paths))


def _files(folder: str) -> Iterator[tuple[str, None]]:
    from recommender.library.scan import find_files

    return ((file.path, None) for file in find_files(folder))


def _entries(playlist: Path) -> Iterator[tuple[str, float | None]]:
    from recommender.playlist import playlist_entries

    return ((entry.path, entry.start_s) for entry in playlist_entries(playlist))


def _catalogued(session: "Session", paths: Sequence[str]) -> frozenset[int]:
    from db.tracks import at_path

    tracks = (at_path(session, path) for path in paths)
    return frozenset(track.id for track in tracks if track is not None)
