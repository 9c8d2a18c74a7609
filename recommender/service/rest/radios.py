"""Radios over HTTP: songs without end, like a song, an artist, a genre, a list or one's taste."""

from functools import partial
from typing import Annotated, Literal

from fastapi import APIRouter, HTTPException, Path
from fastapi.responses import Response
from pydantic import BaseModel, BeforeValidator, ConfigDict, Field
from sqlalchemy.orm import Session

from db.listening import radios
from db.listening.tables import Radio
from db.models import LARGEST
from recommender import params
from recommender.presentation.radios import (
    less_like_answer,
    radio_answer,
    radio_json,
    radios_answer,
    songs_json,
)
from recommender.radio.station import make_radio, play_on
from recommender.service.dependencies import TheHeld, TheState, present_track
from recommender.service.fresh_playlists import freshened
from recommender.service.http.problems import JsonResponse, documented
from recommender.service.rest.models import Song, Time
from recommender.service.rest.params import TrackId, whole
from recommender.service.state import State

router = APIRouter(tags=["radio"])

RadioId = Annotated[int, Path(ge=1, le=LARGEST, description="Id of a radio.")]
Position = Annotated[int, Path(ge=0, le=LARGEST, description="Which of its songs, from 0.")]
Kind = Literal["song", "artist", "genre", "decade", "playlist", "shortlist", "taste"]
Share = Annotated[float, Field(ge=0, le=1, allow_inf_nan=False)]
Text = Annotated[str, Field(max_length=params.LONGEST_TEXT)]
STRICT = ConfigDict(strict=True, extra="forbid")


class NewRadio(BaseModel):
    """A radio to be made."""

    model_config = STRICT

    kind: Kind = Field(description="What the seed is.")
    seed: Text = Field("", description="An id, an artist's name, a genre, or a year; nothing for taste.")
    name: Text = ""
    far: Share = Field(params.RADIO_FAR, description="0 stays near the seed, 1 goes on from song to song.")
    discover: Share = Field(0.0, description="How much the rarely played are favoured.")


class RadioChange(BaseModel):
    """How a radio is to play from its next song on; what is left out stays as it is."""

    model_config = STRICT

    name: Annotated[Text, Field(min_length=1)] | None = None
    far: Share | None = None
    discover: Share | None = None


class HowMany(BaseModel):
    """How many songs a radio is to go on for."""

    model_config = STRICT

    n: Annotated[int, Field(ge=1, le=params.LARGEST_PAGE), BeforeValidator(whole)] = params.N_RESULTS


class SongOutcome(BaseModel):
    """What the listener did with a song."""

    model_config = STRICT

    outcome: Literal["finished", "skipped", "starred"]


class RadioInfo(BaseModel):
    """A radio."""

    radio_id: int
    name: str
    kind: Kind
    seed: str
    far: float
    discover: float
    songs: int
    created: Time
    changed: Time


class RadioTrack(Song):
    """A song that a radio played."""

    position: int
    reason: str
    outcome: Literal["given", "finished", "skipped", "starred"]


class RadioPlayed(RadioInfo):
    """A radio with what it has played, in order."""

    played: list[RadioTrack]


class RadioList(BaseModel):
    """All radios, the one that played last first."""

    radios: list[RadioInfo]


class NextSongs(BaseModel):
    """What a radio plays next."""

    radio_id: int
    results: list[RadioTrack]


class LessLikeSongs(BaseModel):
    """Songs that less is wanted like, the last first."""

    tracks: list[Song]


class LessLike(BaseModel):
    """Whether less is wanted like a track."""

    track_id: int
    less_like: bool


@router.get("/api/radios", response_model=RadioList)
def list_radios(state: TheState) -> Response:
    """Return all radios, the one that played last first."""
    with state.catalog.snapshot() as session:
        return JsonResponse(radios_answer(session))


@router.post("/api/radios", response_model=RadioInfo, status_code=201, responses=documented(400, 404, 413))
def create_radio(state: TheState, held: TheHeld, wanted: NewRadio) -> Response:
    """Make a radio; it has played nothing yet."""
    given = wanted.model_dump(include={"far", "discover", "name"})
    if wanted.kind == "playlist" and wanted.seed.isdecimal():
        freshened(state, [int(wanted.seed)])
    with state.change() as session:
        made = make_radio(session, held.index, held.bundle, wanted.kind, wanted.seed, **given)
        shown = radio_json(made, 0)
    return JsonResponse(shown, 201, headers={"Location": f"/api/radios/{shown['radio_id']}"})


@router.get("/api/radios/{radio_id:int}", response_model=RadioPlayed, responses=documented(404))
def get_radio(state: TheState, held: TheHeld, radio_id: RadioId) -> Response:
    """Return a radio with what it has played."""
    with state.catalog.snapshot() as session:
        return JsonResponse(radio_answer(session, _radio(session, radio_id), held.bundle))


@router.put("/api/radios/{radio_id:int}", response_model=RadioInfo, responses=documented(400, 404, 413))
def change_radio(state: TheState, radio_id: RadioId, wanted: RadioChange) -> Response:
    """Rename a radio, or let it play nearer, farther, or what is rarely played."""
    with state.change() as session:
        found = _radio(session, radio_id)
        radios.tune_radio(session, found, **wanted.model_dump())
        return JsonResponse(radio_json(found, len(radios.radio_songs(session, found))))


@router.delete("/api/radios/{radio_id:int}", status_code=204, responses=documented(404))
def delete_radio(state: TheState, radio_id: RadioId) -> Response:
    """Delete a radio; the songs stay."""
    with state.change() as session:
        radios.delete_radio(session, _radio(session, radio_id))
    return Response(status_code=204)


@router.post("/api/radios/{radio_id:int}/next", response_model=NextSongs, responses=documented(400, 404, 413))
def next_songs(state: TheState, held: TheHeld, radio_id: RadioId, wanted: HowMany) -> Response:
    """Return a radio's next songs, which count as played from now on."""
    shown = play_on(
        state.snapshot,
        state.change,
        partial(_radio, radio_id=radio_id),
        held.index,
        held.bundle,
        wanted.n,
        partial(songs_json, bundle=held.bundle),
    )
    return JsonResponse({"radio_id": radio_id, "results": shown})


@router.put(
    "/api/radios/{radio_id:int}/songs/{position:int}",
    response_model=RadioPlayed,
    responses=documented(400, 404, 413),
)
def note_song(
    state: TheState, held: TheHeld, radio_id: RadioId, position: Position, wanted: SongOutcome
) -> Response:
    """Tell a radio that a song was finished, skipped or starred; the next songs follow from it."""
    with state.change() as session:
        radio = _radio(session, radio_id)
        radios.touch_radio(session, radio)
        song = radios.radio_song(session, radio, position)
        if song is None:
            raise HTTPException(404, f"the radio {radio_id} has played no song {position}")
        radios.note_outcome(session, song, wanted.outcome)
        return JsonResponse(radio_answer(session, radio, held.bundle))


@router.get("/api/less-like", response_model=LessLikeSongs)
def list_less_like(state: TheState, held: TheHeld) -> Response:
    """Return the songs that less is wanted like, the last first."""
    with state.catalog.snapshot() as session:
        return JsonResponse(less_like_answer(session, held.bundle))


@router.put("/api/tracks/{track_id}/less-like", response_model=LessLike, responses=documented(404))
def less_like_track(state: TheState, track_id: TrackId) -> Response:
    """Want less like a track: radios, mixes and `discover` obey it."""
    return _less_like(state, track_id, wanted=True)


@router.delete("/api/tracks/{track_id}/less-like", response_model=LessLike, responses=documented(404))
def undo_less_like_track(state: TheState, track_id: TrackId) -> Response:
    """Want no longer less like a track."""
    return _less_like(state, track_id, wanted=False)


def _less_like(state: State, track_id: int, *, wanted: bool) -> Response:
    with state.change() as session:
        present_track(session, track_id)
        radios.less_like(session, track_id, wanted=wanted)
    return JsonResponse({"track_id": track_id, "less_like": wanted})


def _radio(session: Session, radio_id: int) -> Radio:
    found = radios.get_radio(session, radio_id)
    if found is None:
        raise HTTPException(404, f"no radio has the id {radio_id}")
    return found
