"""What the plugins of AudioMuse-AI for Navidrome and Jellyfin ask, answered as they read it.

Written from the public source of those plugins; none of the two servers was ever run against it. A song is
called what the server calls it that asks; a track that this server does not know is in no answer.
"""

from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Annotated, Any, Final

from fastapi import APIRouter, Query
from fastapi.responses import Response
from sqlalchemy.orm import Session

from db.rows import TrackRow, rows_by_ids
from recommender import params
from recommender.errors import QueryError
from recommender.retrieval.discover import walk
from recommender.retrieval.query import Query as SongQuery
from recommender.retrieval.query import from_track
from recommender.retrieval.request import ListRequest, spread_evenly
from recommender.retrieval.similar import Match, similar
from recommender.service.audiomuse.items import Items, UnansweredError, items_with, items_with_artist
from recommender.service.dependencies import TheHeld, TheState
from recommender.service.http.problems import JsonResponse
from recommender.service.state import Held, State

router = APIRouter(include_in_schema=False)

MOST: Final = params.LARGEST_PAGE
MOST_ARTISTS: Final = 50
SEEDS: Final = 5
"""An artist is represented by so many songs."""
SONGS_AN_ARTIST: Final = 3
PATH_SONGS: Final = 25
NO_ALBUM: Final = "unknown"

Named = Annotated[str, Query(max_length=params.LONGEST_TEXT)]
Shape = dict[str, Any]


@router.get("/api/similar_tracks")
def similar_tracks(
    state: TheState,
    held: TheHeld,
    item_id: Named = "",
    n: int = 10,
    eliminate_duplicates: Named = "",
    server: Named = "",
) -> Response:
    """Return the songs of the server that sound like one of them, best first.

    `eliminate_duplicates` is what they call a limit of songs by one artist.
    """
    count = max(1, min(n, MOST))
    limit = 0 if eliminate_duplicates.lower() == "false" else None

    def answer(session: Session) -> list[Shape]:
        items, track_id = items_with(session, server, _given(item_id, "item_id"))
        request = ListRequest(n=count, per_artist=limit, per_album=limit, passages=False)
        found = _alike(session, held, items, [track_id], request)
        return [
            {**_song(items, match.track), "distance": round(1 - match.similarity, 6)} for match in found
        ] or _nothing("no song of the server sounds like it")

    return _answered(state, answer)


@router.get("/api/find_path")
def find_path(
    state: TheState,
    held: TheHeld,
    start_song_id: Named = "",
    end_song_id: Named = "",
    max_steps: int = PATH_SONGS,
    server: Named = "",
) -> Response:
    """Return a walk from one song of the server to another in small steps, both included."""
    count = max(2, min(max_steps, MOST))

    def answer(session: Session) -> Shape:
        items, start = items_with(session, server, _given(start_song_id, "start_song_id"))
        there, end = items_with(session, server, _given(end_song_id, "end_song_id"))
        if there.songs[0].connection != items.songs[0].connection:
            raise UnansweredError(400, "the two songs are those of two connections")
        first, last = _queries(session, held, items, [start, end])
        steps = walk(session, held.index, held.bundle, (first, last), count, ListRequest())
        way = sum(1 - step.score for step in steps if step.score is not None)
        return {"path": [_song(items, step.track) for step in steps], "total_distance": round(way, 6)}

    return _answered(state, answer)


@router.get("/api/similar_artists")
def similar_artists(
    state: TheState,
    held: TheHeld,
    artist: Named = "",
    artist_id: Named = "",
    n: int = 10,
    include_component_matches: Named = "",
    server: Named = "",
) -> Response:
    """Return artists whose songs sound like those of an artist, who is named by the server's id.

    Navidrome's plugin sends the id as `artist`. `component_matches` are the songs that are alike.
    """
    count = max(1, min(n, MOST_ARTISTS))

    def answer(session: Session) -> list[Shape]:
        wanted = _given(artist_id or artist, "artist_id")
        items, track_ids = items_with_artist(session, server, wanted)
        seeds = spread_evenly(sorted(track_ids), SEEDS)
        request = ListRequest(
            n=SONGS_AN_ARTIST * count,
            per_artist=SONGS_AN_ARTIST,
            exclude_same_artist=True,
            passages=False,
        )
        grouped: dict[str, list[Match]] = {}
        for match in _alike(session, held, items, seeds, request):
            there = items.of_tracks[match.track.id].artist_id
            if there and there != wanted:
                grouped.setdefault(there, []).append(match)
        own = list(rows_by_ids(session, seeds).values()) if include_component_matches == "true" else None
        found = [_artist(items, one, matches, own) for one, matches in grouped.items()]
        return found[:count] or _nothing("no artist of the server sounds like it")

    return _answered(state, answer)


def _answered(state: State, answer: Callable[[Session], object]) -> Response:
    """Return an answer, or why there is none in the way that the plugins read it."""
    try:
        with state.snapshot() as session:
            return JsonResponse(answer(session))
    except UnansweredError as refusal:
        return JsonResponse({"error": str(refusal)}, refusal.status)
    except QueryError as error:
        return JsonResponse({"error": str(error)}, 404)


def _given(value: str, name: str) -> str:
    if not value:
        raise UnansweredError(400, f"{name} is missing")
    return value


def _nothing(said: str) -> list[Shape]:
    raise UnansweredError(404, said)


def _queries(session: Session, held: Held, items: Items, track_ids: Sequence[int]) -> list[SongQuery]:
    """Return tracks as queries to which nothing is like that the server does not know."""
    rows = rows_by_ids(session, track_ids)
    elsewhere = items.unknown_there(held.index.rows.track_ids.tolist())
    queries = [from_track(session, rows[i], held.bundle) for i in track_ids if i in rows]
    if len(queries) < len(track_ids):
        raise QueryError("a song is not in the catalogue any more")
    return [replace(queries[0], excluded=queries[0].excluded | elsewhere), *queries[1:]]


def _alike(
    session: Session, held: Held, items: Items, track_ids: Sequence[int], request: ListRequest
) -> list[Match]:
    """Return the songs that sound like any of some tracks."""
    queries = _queries(session, held, items, track_ids)
    tastes = [1.0] * len(queries) if len(queries) > 1 else None
    return similar(session, held.index, held.bundle, queries, request, tastes=tastes).matches


def _song(items: Items, track: TrackRow) -> Shape:
    return {
        "item_id": items.of_tracks[track.id].remote_id,
        "title": track.title,
        "author": track.artist,
        "album": track.album or NO_ALBUM,
    }


def _artist(items: Items, artist_id: str, matches: Sequence[Match], own: Sequence[TrackRow] | None) -> Shape:
    """Return an artist with how much the nearest song differs, with songs of both if `own` are given."""
    distance = round(1 - matches[0].similarity, 6)
    shape: Shape = {"artist": matches[0].track.artist, "artist_id": artist_id, "divergence": distance}
    if own is not None:
        theirs = [match.track for match in matches]
        names = ("artist1_representative_songs", "artist2_representative_songs")
        songs = {
            name: [{key: _song(items, one)[key] for key in ("item_id", "title")} for one in tracks]
            for name, tracks in zip(names, (own, theirs), strict=True)
        }
        shape["component_matches"] = [{"distance": distance, **songs}]
    return shape
