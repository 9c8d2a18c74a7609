"""Playlists over HTTP: made, changed, kept up to date, and as files for players."""

from collections.abc import Sequence
from typing import Annotated, Any, Literal
from urllib.parse import quote

from fastapi import APIRouter, HTTPException, Path, Query, Request
from fastapi.responses import Response
from pydantic import BaseModel, BeforeValidator, ConfigDict, Field
from sqlalchemy.orm import Session

from db.listening import playlists, smart_playlists
from db.listening.tables import SmartPlaylist
from db.models import LARGEST, Playlist, Track
from db.values import iso_utc
from recommender import params
from recommender.errors import FilterError
from recommender.presentation.smart_playlists import kept_json
from recommender.presentation.songs import tracks_json
from recommender.service.dependencies import TheHeld, TheState
from recommender.service.fresh_playlists import freshened, sound_of
from recommender.service.http.problems import JsonResponse, documented
from recommender.service.rest.models import Song, Time
from recommender.service.rest.models_lists import WantedList
from recommender.service.rest.params import whole
from recommender.service.state import Held, State
from recommender.shortlists.playlists import Naming, tracks_m3u8
from recommender.smart_playlists.fill import keep
from recommender.smart_playlists.rules import rules_of

router = APIRouter(tags=["playlists"])

M3U8 = "audio/x-mpegurl"
LEFT_OUT = "X-Left-Out"
FILE: dict[int | str, dict[str, Any]] = {
    200: {
        "description": "The file.",
        "content": {M3U8: {"schema": {"type": "string", "format": "binary"}}},
        "headers": {
            LEFT_OUT: {
                "description": "How many songs are not in it, as there is a line break in their paths; "
                "only where there are any.",
                "schema": {"type": "integer", "minimum": 1},
            }
        },
    }
}
Paths = Annotated[
    Literal["absolute", "relative", "addresses"],
    Query(
        description="What songs are called: their paths; those relative to the library's folder (the one "
        "that holds all, of several); or addresses of this service."
    ),
]
PlaylistId = Annotated[int, Path(ge=1, le=LARGEST, description="Id of a playlist.")]
Title = Annotated[str, Field(min_length=1, max_length=params.LONGEST_TEXT)]
Comment = Annotated[str, Field(max_length=params.LONGEST_TEXT)]


KEEPS_ITSELF = "it keeps itself up to date; freeze it first (rules: null), then it can be changed by hand"
TrackIds = Annotated[
    list[Annotated[int, Field(ge=1, le=LARGEST), BeforeValidator(whole)]],
    Field(max_length=params.LONGEST_PLAYLIST),
]


class NewPlaylist(BaseModel):
    """A playlist to be made."""

    model_config = ConfigDict(strict=True, extra="forbid")

    name: Title
    comment: Comment = ""
    track_ids: TrackIds = []
    rules: WantedList | None = Field(
        default=None, description="A list that it is filled with, now and whenever it is out of date."
    )


class PlaylistChange(BaseModel):
    """What is to be different in a playlist; what is left out stays as it is."""

    model_config = ConfigDict(strict=True, extra="forbid")

    name: Title | None = None
    comment: Comment | None = None
    track_ids: TrackIds | None = Field(default=None, description="Instead of those that are in it.")
    rules: WantedList | None = Field(
        default=None, description="A list to be filled with from now on; null: it stays as it is now."
    )


class PlaylistInfo(BaseModel):
    """A playlist."""

    playlist_id: int
    name: str
    comment: str
    songs: int
    duration_s: float
    created: Time
    changed: Time
    rules: WantedList | None = Field(description="What it keeps itself filled with; null: a person fills it.")
    rules_in_words: list[str] | None
    filled: Time | None = Field(description="When it was filled for the last time.")
    problem: str | None = Field(description="Why it could not be filled then, and is as it was.")


class PlaylistSongs(PlaylistInfo):
    """A playlist with its tracks, in order."""

    tracks: list[Song]


class Playlists(BaseModel):
    """All playlists, by name."""

    playlists: list[PlaylistInfo]


@router.get("/api/playlists", response_model=Playlists)
def list_playlists(state: TheState) -> Response:
    """Return all playlists; of those that keep themselves up to date, some that are not are filled first."""
    freshened(state)
    with state.catalog.snapshot() as session:
        found, kept = playlists.all_playlists(session), smart_playlists.all_smart_playlists(session)
        shown = [
            _info(session, one.playlist, one.songs, one.duration_s, kept.get(one.playlist.id))
            for one in found
        ]
    return JsonResponse({"playlists": shown})


@router.post(
    "/api/playlists", status_code=201, response_model=PlaylistSongs, responses=documented(400, 404, 413)
)
def create_playlist(request: Request, state: TheState, held: TheHeld, wanted: NewPlaylist) -> Response:
    """Make a playlist; its address is in the header `Location`."""
    if wanted.rules is not None:
        if wanted.track_ids:
            raise FilterError("a playlist that keeps itself up to date is given no songs")
        rules = rules_of(wanted.rules.said())
        playlist_id = keep(state, sound_of(held), rules, name=wanted.name, comment=wanted.comment)
        with state.catalog.snapshot() as session:
            shown = _with_songs(session, held, _playlist(session, playlist_id))
    else:
        with state.change() as session:
            try:
                made = playlists.create_playlist(
                    session, wanted.name, wanted.track_ids, comment=wanted.comment
                )
            except KeyError as error:
                raise _no_track(error) from None
            shown = _with_songs(session, held, made)
    at = f"{request.scope['root_path']}/api/playlists/{shown['playlist_id']}"
    return JsonResponse(shown, 201, {"Location": at})


@router.get("/api/playlists/{playlist_id}.m3u8", response_class=Response, responses=FILE | documented(404))
def get_playlist_file(
    request: Request, state: TheState, playlist_id: PlaylistId, paths: Paths = "absolute"
) -> Response:
    """Return a playlist as a file for players: by paths of this machine, or by addresses of the service."""
    freshened(state, [playlist_id])
    with state.catalog.snapshot() as session:
        found = _playlist(session, playlist_id)
        name, tracks = found.name, playlists.playlist_tracks(session, found)
    return m3u8_answer(request, name, tracks, paths)


def m3u8_answer(request: Request, name: str, tracks: Sequence[Track], paths: str) -> Response:
    """Return tracks as a file for players.

    Parameters
    ----------
    paths
        As of `recommender.shortlists.playlists.Naming`.
    """
    content, left_out = tracks_m3u8(tracks, Naming(paths), str(request.base_url))
    file = quote(f"{name}.m3u8".encode("utf-8", "replace"), safe="")
    headers = {"Content-Disposition": f"attachment; filename=\"playlist.m3u8\"; filename*=UTF-8''{file}"}
    if left_out:
        headers[LEFT_OUT] = str(len(left_out))
    return Response(content, media_type=M3U8, headers=headers)


@router.get("/api/playlists/{playlist_id:int}", response_model=PlaylistSongs, responses=documented(404))
def get_playlist(state: TheState, held: TheHeld, playlist_id: PlaylistId) -> Response:
    """Return a playlist with its tracks; one that keeps itself up to date is filled first, if it is not."""
    freshened(state, [playlist_id])
    with state.catalog.snapshot() as session:
        return JsonResponse(_with_songs(session, held, _playlist(session, playlist_id)))


@router.put(
    "/api/playlists/{playlist_id:int}",
    response_model=PlaylistSongs,
    responses=documented(400, 404, 409, 413),
)
def change_playlist(
    state: TheState, held: TheHeld, playlist_id: PlaylistId, wanted: PlaylistChange
) -> Response:
    """Rename a playlist, put other tracks in it, have it keep itself up to date, or no longer."""
    if wanted.rules is not None:
        if wanted.track_ids is not None:
            raise FilterError("a playlist that keeps itself up to date is given no songs")
        _keep(state, held, playlist_id, wanted.rules)
    with state.change() as session:
        found = _playlist(session, playlist_id)
        if wanted.rules is None and "rules" in wanted.model_fields_set:
            smart_playlists.freeze(session, found)
        playlists.describe_playlist(session, found, name=wanted.name, comment=wanted.comment)
        if wanted.track_ids is not None:
            if smart_playlists.smart_playlist_of(session, found) is not None:
                raise HTTPException(409, KEEPS_ITSELF)
            try:
                playlists.replace_tracks(session, found, wanted.track_ids)
            except KeyError as error:
                raise _no_track(error) from None
        shown = _with_songs(session, held, found)
    return JsonResponse(shown)


def _keep(state: State, held: Held, playlist_id: int, wanted: WantedList) -> None:
    try:
        keep(state, sound_of(held), rules_of(wanted.said()), playlist_id=playlist_id)
    except KeyError:
        raise HTTPException(404, f"no playlist has the id {playlist_id}") from None


@router.delete("/api/playlists/{playlist_id:int}", status_code=204, responses=documented(404))
def delete_playlist(state: TheState, playlist_id: PlaylistId) -> Response:
    """Delete a playlist; its tracks stay."""
    with state.change() as session:
        playlists.delete_playlist(session, _playlist(session, playlist_id))
    return Response(status_code=204)


def _playlist(session: Session, playlist_id: int) -> Playlist:
    found = playlists.get_playlist(session, playlist_id)
    if found is None:
        raise HTTPException(404, f"no playlist has the id {playlist_id}")
    return found


def _no_track(error: KeyError) -> HTTPException:
    return HTTPException(404, f"no track has the id {error.args[0]}")


def _with_songs(session: Session, held: Held, found: Playlist) -> dict[str, Any]:
    tracks = playlists.playlist_tracks(session, found)
    shown = {track["track_id"]: track for track in tracks_json(session, list(set(tracks)), held.bundle)}
    seconds = sum(track.duration_s or 0.0 for track in tracks)
    info = _info(session, found, len(tracks), seconds, smart_playlists.smart_playlist_of(session, found))
    return {**info, "tracks": [shown[track.id] for track in tracks]}


def _info(
    session: Session, found: Playlist, songs: int, seconds: float, kept: SmartPlaylist | None
) -> dict[str, Any]:
    return {
        "playlist_id": found.id,
        "name": found.name,
        "comment": found.comment,
        "songs": songs,
        "duration_s": round(seconds, 3),
        "created": iso_utc(found.created),
        "changed": iso_utc(found.changed),
        **kept_json(session, kept),
    }
