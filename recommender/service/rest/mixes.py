"""Mixes over HTTP; made in the background when the library, or the day, is another than they were made of."""

import threading
from typing import Annotated, Literal

from fastapi import APIRouter, HTTPException, Path, Request
from fastapi.responses import Response
from pydantic import BaseModel, Field
from sqlalchemy.orm import Session

from db.listening.mixes import get_mix, mix_track_ids, state_of
from db.listening.tables import Mix
from db.models import LARGEST
from db.values import utc_now
from recommender.errors import RecommenderError
from recommender.mixes.make import are_current, keep_mixes
from recommender.mixes.save import save_mix
from recommender.presentation.mixes import mix_answer, mixes_answer
from recommender.service.dependencies import TheHeld, TheState
from recommender.service.http.problems import JsonResponse, documented
from recommender.service.http.troubles import RETRY_S
from recommender.service.rest.models import Computing, Song, Time
from recommender.service.shared import Kind
from recommender.service.state import Held, State

router = APIRouter(tags=["mixes"])

MixId = Annotated[int, Path(ge=1, le=LARGEST, description="Id of a mix.")]


class MixInfo(BaseModel):
    """Songs that belong together."""

    mix_id: int = Field(description="Stays while the library grows.")
    kind: Literal["sound", "new", "forgotten", "deepcuts"]
    name: str
    reason: str = Field(description="Why there is such a mix.")
    songs: int = Field(description="How many there are to listen to.")
    of_tracks: int = Field(description="How many tracks of the library belong to it.")
    covers: list[int] = Field(description="Its first four songs, for their covers.")
    playlist_id: int | None = Field(description="The playlist that it is saved as.")
    changed: Time


class MixesAnswer(BaseModel):
    """All mixes: those of the day first, then the clusters, the largest first."""

    status: Literal["ready", "computing"] = Field(description="`computing`: newer ones are being made.")
    mixes: list[MixInfo]


class MixSongs(MixInfo):
    """A mix with its songs, in the order to listen to."""

    tracks: list[Song]


class SavedMix(BaseModel):
    """A mix, and the playlist that it is saved as."""

    mix_id: int
    playlist_id: int


class Mixes:
    """Makes mixes in the background, one process at a time; they are kept in the catalogue.

    Parameters
    ----------
    state
        Of the service.
    """

    def __init__(self, state: State) -> None:
        self._state = state
        self._lock = threading.Lock()
        self._running: threading.Thread | None = None
        self._failed = False

    def begin(self, held: Held) -> None:
        """Begin to make them, unless that is being done.

        Raises
        ------
        RecommenderError
            If that went wrong; the next call tries again.
        """
        with self._lock:
            if self._failed:
                self._failed = False
                raise RecommenderError("the mixes cannot be made; the service's log says why")
            if self._running is not None and self._running.is_alive():
                return
            if self._state.board.take(Kind.MIXES, 1):
                self._running = threading.Thread(target=self._make, args=(held,), name="mixes", daemon=True)
                self._running.start()

    def _make(self, held: Held) -> None:
        done = False
        try:
            keep_mixes(self._state.catalog, held.index, held.bundle, utc_now())
            done = True
        finally:  # an error is written to the log by the thread
            self._failed = not done
            self._state.board.give_back(Kind.MIXES)


@router.get(
    "/api/mixes",
    response_model=MixesAnswer,
    responses={202: {"model": Computing, "description": "They are being made; ask again."}},
)
def list_mixes(request: Request, state: TheState, held: TheHeld) -> Response:
    """Return the library's mixes; older ones while newer are being made."""
    with state.view() as session:
        current = are_current(session, held.bundle, held.token, utc_now())
        answer = mixes_answer(session) if current or state_of(session) else None
    if not current:
        makes: Mixes = request.app.state.mixes
        makes.begin(held)
    if answer is None:
        return JsonResponse({"status": "computing"}, 202, {"Retry-After": str(RETRY_S)})
    return JsonResponse({"status": "ready" if current else "computing", **answer})


@router.get("/api/mixes/{mix_id}", response_model=MixSongs, responses=documented(404))
def read_mix(state: TheState, held: TheHeld, mix_id: MixId) -> Response:
    """Return a mix with its songs, in the order to listen to."""
    with state.snapshot() as session:
        return JsonResponse(mix_answer(session, _mix(session, mix_id), held.bundle))


@router.put("/api/mixes/{mix_id}/playlist", response_model=SavedMix, responses=documented(404))
def save_mix_as_playlist(state: TheState, mix_id: MixId) -> Response:
    """Save a mix as a playlist; one that it was saved as before is filled anew."""
    with state.change() as session:
        found = _mix(session, mix_id)
        playlist_id = save_mix(session, found, mix_track_ids(session).get(mix_id, []))
    return JsonResponse({"mix_id": mix_id, "playlist_id": playlist_id})


def _mix(session: Session, mix_id: int) -> Mix:
    found = get_mix(session, mix_id)
    if found is None:
        raise HTTPException(404, f"no mix has the id {mix_id}")
    return found
