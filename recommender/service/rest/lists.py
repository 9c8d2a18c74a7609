"""Lists over HTTP: songs like others, deep cuts, songs by words, a walk between two."""

from collections.abc import Sequence
from contextlib import suppress
from dataclasses import replace
from typing import Annotated, Any

from fastapi import APIRouter, HTTPException, Query
from fastapi.responses import Response
from sqlalchemy.orm import Session

from db.listening import playlists
from recommender import params
from recommender.errors import FilterError, QueryError
from recommender.presentation.lists import discover_answer, find_answer, path_answer, similar_answer
from recommender.presentation.reasons import reasons_json
from recommender.reasons.why import match_reasons
from recommender.retrieval.query import Query as SongQuery
from recommender.retrieval.query import from_track
from recommender.retrieval.query_file import Span
from recommender.retrieval.request import ListRequest, day_of, spread_evenly
from recommender.service.dependencies import TheHeld, TheState, shown_track
from recommender.service.fresh_playlists import freshened
from recommender.service.http.problems import JsonResponse, documented
from recommender.service.rest.models_lists import (
    DiscoverAnswer,
    FindAnswer,
    PathAnswer,
    SimilarAnswer,
)
from recommender.service.rest.params import (
    Count,
    Day,
    Id,
    Ids,
    PlaylistId,
    Text,
    TheFilters,
    TheOptions,
    TheSpan,
    TrackId,
    Unwanted,
)
from recommender.service.state import Held

router = APIRouter(tags=["lists"])

Explain = Annotated[bool, Query(description="Say why each song is in the list.")]


@router.get(
    "/api/tracks/{track_id}/similar",
    response_model=SimilarAnswer,
    response_model_exclude_unset=True,
    responses=documented(404),
)
def similar_to_track(
    state: TheState,
    held: TheHeld,
    track_id: TrackId,
    options: TheOptions,
    span: TheSpan,
    explain: Explain = False,
) -> Response:
    """Return the songs that sound like a track, or like a passage of it, best first."""
    with state.snapshot() as session:
        queries = catalogued(session, held, [track_id], span)
        return JsonResponse(answer_for(session, held, queries, options, explain=explain))


@router.get("/api/similar", response_model=SimilarAnswer, responses=documented(404))
def similar_to_tracks(
    state: TheState,
    held: TheHeld,
    options: TheOptions,
    span: TheSpan,
    id: Ids = [],  # noqa: B006
    playlist: PlaylistId = None,
    unwanted: Unwanted = [],  # noqa: B006
    explain: Explain = False,
) -> Response:
    """Return the songs that sound like each of several tracks, or any of a playlist, and unlike others."""
    if span is not None and (len(id) > 1 or playlist is not None):
        raise FilterError("a passage is of one song; name only one id")
    if not id and playlist is None:
        raise FilterError("there is nothing to go by; name songs by id, or a playlist")
    if playlist is not None:
        freshened(state, [playlist])
    with state.snapshot() as session:
        queries, pushed = catalogued(session, held, id, span), catalogued(session, held, unwanted)
        if playlist is not None:
            queries += songs_of_playlist(session, held, playlist)
        any_of = playlist is not None
        answer = answer_for(session, held, queries, options, pushed, explain=explain, any_of=any_of)
        return JsonResponse(answer)


@router.get("/api/discover", response_model=DiscoverAnswer, responses=documented(404))
def discover_tracks(
    state: TheState,
    held: TheHeld,
    options: TheOptions,
    seeds: Annotated[
        int, Query(ge=1, le=params.MOST_NAMES, description="So many of the songs played most.")
    ] = params.SEEDS,
    since: Day = None,
) -> Response:
    """Return songs never played that sound like what is played most, each with the song it is listed for."""
    day = day_of(since) if since is not None else None
    with state.snapshot() as session:
        return JsonResponse(discover_answer(session, held.index, held.bundle, options, seeds, day))


@router.get("/api/find", response_model=FindAnswer)
def find_tracks(
    state: TheState,
    held: TheHeld,
    words: Text,
    options: TheOptions,
    unwanted: Annotated[str, Query(alias="not", max_length=params.LONGEST_TEXT)] = "",
) -> Response:
    """Return the songs that tags, genres or labels fit best; after a minus, what is not wanted."""
    with state.snapshot() as session:
        return JsonResponse(find_answer(session, held.index, held.bundle, words, options, unwanted))


@router.get("/api/path", response_model=PathAnswer, responses=documented(404))
def path_between_tracks(
    state: TheState,
    held: TheHeld,
    start: Annotated[Id, Query(alias="from")],
    end: Annotated[Id, Query(alias="to")],
    filters: TheFilters,
    n: Annotated[Count, Query(ge=2)] = params.PATH_SONGS,
) -> Response:
    """Return a walk from one track to another in small steps, both included."""
    with state.snapshot() as session:
        first, last = catalogued(session, held, [start, end])
        ends = (first, last)
        return JsonResponse(
            path_answer(session, held.index, held.bundle, ends, n, ListRequest(filters=filters))
        )


def catalogued(
    session: Session, held: Held, track_ids: Sequence[int], span: Span | None = None
) -> list[SongQuery]:
    """Return tracks as queries.

    Raises
    ------
    HTTPException, QueryError
        If there is no such track, or it has no analysis.
    """
    return [from_track(session, shown_track(session, i), held.bundle, span) for i in track_ids]


def songs_of_playlist(session: Session, held: Held, playlist_id: int) -> list[SongQuery]:
    """Return the songs of a playlist as queries: of many some, evenly spread; none of all is a match.

    Raises
    ------
    HTTPException, QueryError
        If there is no such playlist, or no song of it is analysed.
    """
    found = playlists.get_playlist(session, playlist_id)
    if found is None:
        raise HTTPException(404, f"no playlist has the id {playlist_id}")
    ids = list(dict.fromkeys(track.id for track in playlists.playlist_tracks(session, found)))
    queries: list[SongQuery] = []
    for track_id in spread_evenly(ids, params.QUERY_SONGS):
        with suppress(QueryError, HTTPException):  # not analysed, or gone
            queries += catalogued(session, held, [track_id])
    if not queries:
        raise QueryError(f"no song of the playlist {found.name} is analysed")
    return [replace(queries[0], excluded=queries[0].excluded | frozenset(ids)), *queries[1:]]


def answer_for(
    session: Session,
    held: Held,
    queries: Sequence[SongQuery],
    options: ListRequest,
    unwanted: Sequence[SongQuery] = (),
    *,
    explain: bool,
    any_of: bool = False,
) -> dict[str, Any]:
    """Return the songs like some queries, with the reasons if they are asked for."""
    answer, matches = similar_answer(
        session, held.index, held.bundle, queries, options, unwanted, any_of=any_of
    )
    if explain:
        for result, match in zip(answer["results"], matches, strict=True):
            why = match_reasons(session, held.index, held.bundle, queries[match.query], match)
            result["reasons"] = reasons_json(why)
    return answer
