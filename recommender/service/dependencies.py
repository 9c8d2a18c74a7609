"""What an endpoint is given: the state, and a session of the catalogue.

Dependencies are asynchronous only to be called at once: others wait for a thread each.
"""

from typing import Annotated, Any

from fastapi import Depends, HTTPException, Request

from db.models import LARGEST, Track
from recommender.service.state import Held, State


def state_of(request: Request) -> State:
    """Return what all requests share."""
    state: State = request.app.state.deepcuts
    return state


async def _state(request: Request) -> State:
    return state_of(request)


async def _held(request: Request) -> Held:
    return state_of(request).held


TheState = Annotated[State, Depends(_state)]
TheHeld = Annotated[Held, Depends(_held)]
"""The bundle and the index, which a request reads once."""


def present_track(session: Any, track_id: int) -> Track:
    """Return a track whose file was there when it was last looked for.

    Raises
    ------
    HTTPException
        404 if there is none.
    """
    track = session.get(Track, track_id) if 0 < track_id <= LARGEST else None
    if track is None or track.missing:
        raise HTTPException(404, f"no track has the id {track_id}")
    found: Track = track
    return found
