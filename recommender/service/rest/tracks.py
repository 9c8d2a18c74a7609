"""Tracks over HTTP: the list, the search, each one, and its audio."""

from datetime import UTC, datetime
from typing import Annotated, Literal
from urllib.parse import urlencode

from fastapi import APIRouter, HTTPException, Query, Request
from fastapi.responses import Response

from db.listing import track_page
from db.plays import add_play
from recommender import params
from recommender.presentation.songs import tracks_json
from recommender.presentation.track import track_answer
from recommender.retrieval.filters import Filters, allowed_positions
from recommender.service.dependencies import TheHeld, TheState, present_track
from recommender.service.http.file_response import AUDIO, FileBytes, open_file
from recommender.service.http.problems import JsonResponse, documented
from recommender.service.rest.models import Plays, SongPage, TrackDetails
from recommender.service.rest.params import Name, Names, Offset, PageSize, Text, TrackId

router = APIRouter(tags=["tracks"])

Sort = Literal["path", "artist", "title", "album", "plays", "id"]


@router.get("/api/tracks", response_model=SongPage)
def tracks(
    request: Request,
    state: TheState,
    held: TheHeld,
    offset: Offset = 0,
    limit: PageSize = params.PAGE_SIZE,
    sort: Sort = "path",
    q: Annotated[
        str, Query(max_length=params.LONGEST_TEXT, description="Words of artist, title and album.")
    ] = "",
    artist: Name = None,
    album: Name = None,
    label: Name = None,
    genre: Names = [],  # noqa: B006 - FastAPI copies it
    tag: Names = [],  # noqa: B006
) -> Response:
    """Return the tracks whose files are there, a page at a time; a `Link` header leads to the next one."""
    wanted = {"artist": artist, "album": album, "label": label}
    with state.catalog.snapshot() as session:
        only = None
        if genre or tag:
            asked = Filters(genres=tuple(genre), tags=tuple(tag))
            places = allowed_positions(session, held.index, held.bundle, asked, frozenset())
            only = frozenset(held.index.rows.track_ids[places].tolist())
        total, found = track_page(session, sort, offset, limit, q, wanted, only)
        shown = tracks_json(session, found, held.bundle)
    following = offset + limit if offset + limit < total else None
    headers = {"Link": f'<{_at(request, following)}>; rel="next"'} if following is not None else None
    answer = {"total": total, "offset": offset, "limit": limit, "next_offset": following, "tracks": shown}
    return JsonResponse(answer, headers=headers)


def _at(request: Request, offset: int) -> str:
    """Return the address of another page of the same list."""
    kept = [(name, value) for name, value in request.query_params.multi_items() if name != "offset"]
    return f"{request.url.path}?{urlencode([*kept, ('offset', offset)])}"


@router.get("/api/search", response_model=SongPage)
def search(
    request: Request,
    state: TheState,
    held: TheHeld,
    q: Text,
    offset: Offset = 0,
    limit: PageSize = params.PAGE_SIZE,
) -> Response:
    """Return the tracks whose artist, title and album hold all the words, by artist and title."""
    return tracks(request, state, held, offset, limit, "artist", q)


@router.get("/api/tracks/{track_id}", response_model=TrackDetails, responses=documented(404))
def track(state: TheState, held: TheHeld, track_id: TrackId) -> Response:
    """Return all that is known of a track: its file, what it sounds like, and its segments."""
    with state.catalog.snapshot() as session:
        return JsonResponse(track_answer(session, present_track(session, track_id), held.bundle))


@router.post("/api/tracks/{track_id}/plays", response_model=Plays, responses=documented(404))
def count_play(state: TheState, track_id: TrackId) -> Response:
    """Count a play of a track, now."""
    with state.statement() as session:
        if not add_play(session, track_id, datetime.now(UTC).replace(tzinfo=None)):
            raise HTTPException(404, f"no track has the id {track_id}")
        found = present_track(session, track_id)
        last = found.last_played
        answer = {"track_id": track_id, "plays": found.plays, "last_played": last and last.isoformat()}
    return JsonResponse(answer)


@router.head("/api/tracks/{track_id}/audio", response_class=Response, responses=AUDIO)
@router.get("/api/tracks/{track_id}/audio", response_class=Response, responses=AUDIO)
def audio(request: Request, state: TheState, track_id: TrackId, download: bool = False) -> Response:
    """Return a track's file as it is, or ranges of its bytes."""
    with state.catalog.snapshot() as session:
        found = present_track(session, track_id)
    file = open_file(found)
    return FileBytes(file, found.rel_path, request, download=download)
