"""Tracks over HTTP: the list, the search, each one, and its audio."""

from typing import Annotated, Literal
from urllib.parse import urlencode

import anyio.to_thread
from fastapi import APIRouter, HTTPException, Query, Request
from fastapi.responses import Response

from db.listening.plays import add_play
from db.listing import track_page
from db.models import Track
from db.values import iso_utc, utc_now
from recommender import params
from recommender.presentation.songs import tracks_json
from recommender.presentation.track import track_answer
from recommender.retrieval.filters import Filters, ids_passing
from recommender.service.decoding.wav_stream import part_answer
from recommender.service.dependencies import TheHeld, TheState, present_track
from recommender.service.http.file_response import AUDIO, file_answer, open_file
from recommender.service.http.problems import JsonResponse, documented
from recommender.service.rest.favourites import marks_of
from recommender.service.rest.models import Plays, SongPage, TrackDetails
from recommender.service.rest.params import Name, Offset, PageSize, Text, TheFilters, TrackId

router = APIRouter(tags=["tracks"])

Sort = Literal["path", "artist", "title", "album", "plays", "id"]


@router.get("/api/tracks", response_model=SongPage)
def list_tracks(
    request: Request,
    state: TheState,
    held: TheHeld,
    filters: TheFilters,
    offset: Offset = 0,
    limit: PageSize = params.PAGE_SIZE,
    sort: Sort = "path",
    q: Annotated[
        str, Query(max_length=params.LONGEST_TEXT, description="Words of artist, title and album.")
    ] = "",
    artist: Name = None,
    album: Name = None,
    label: Name = None,
) -> Response:
    """Return the tracks whose files are there, a page at a time; a `Link` header leads to the next one."""
    wanted = {"artist": artist, "album": album, "label": label}
    with state.view() as session:
        only = ids_passing(session, held.index, held.bundle, filters) if filters else None
        total, found = track_page(session, sort, offset, limit, q, wanted, only)
        shown = tracks_json(session, found, held.bundle)
    following = offset + limit if offset + limit < total else None
    headers = {"Link": f'<{_at(request, following)}>; rel="next"'} if following is not None else None
    answer = {"total": total, "offset": offset, "limit": limit, "next_offset": following, "tracks": shown}
    return JsonResponse(answer, headers=headers)


def _at(request: Request, offset: int) -> str:
    """Return the address of another page of the same list."""
    kept = [(name, value) for name, value in request.query_params.multi_items() if name != "offset"]
    return f"{request.scope['root_path']}{request.url.path}?{urlencode([*kept, ('offset', offset)])}"


@router.get("/api/search", response_model=SongPage)
def search_tracks(
    request: Request,
    state: TheState,
    held: TheHeld,
    q: Text,
    offset: Offset = 0,
    limit: PageSize = params.PAGE_SIZE,
) -> Response:
    """Return the tracks whose artist, title and album hold all the words, by artist and title."""
    return list_tracks(request, state, held, Filters(), offset, limit, "artist", q)


@router.get("/api/tracks/{track_id}", response_model=TrackDetails, responses=documented(404))
def get_track(state: TheState, held: TheHeld, track_id: TrackId) -> Response:
    """Return all that is known of a track: its file, what it sounds like, and its segments."""
    with state.view() as session:
        answer = track_answer(session, present_track(session, track_id), held.bundle)
        return JsonResponse(answer | marks_of(session, track_id))


@router.post("/api/tracks/{track_id}/plays", response_model=Plays, responses=documented(404))
def count_play(state: TheState, track_id: TrackId) -> Response:
    """Count a play of a track, now."""
    with state.statement() as session:
        if not add_play(session, track_id, utc_now()):
            raise HTTPException(404, f"no track has the id {track_id}")
        found = present_track(session, track_id)
        last = found.last_played
        answer = {"track_id": track_id, "plays": found.plays, "last_played": last and iso_utc(last)}
    return JsonResponse(answer)


@router.head("/api/tracks/{track_id}/audio", name="head_audio", response_class=Response, responses=AUDIO)
@router.get("/api/tracks/{track_id}/audio", response_class=Response, responses=AUDIO)
async def get_audio(request: Request, state: TheState, track_id: TrackId, download: bool = False) -> Response:
    """Return a track's file as it is, or ranges of its bytes; a track of a cue sheet alone, as WAV."""

    def found() -> tuple[Track, Response | None]:
        with state.view() as session:
            track = present_track(session, track_id)
        file = open_file(track)
        if not track.file_range.whole:
            file.close()
            return track, None
        return track, file_answer(file, track.rel_path, request, download=download)

    track, answer = await anyio.to_thread.run_sync(found)
    return await part_answer(track, request, download=download) if answer is None else answer
