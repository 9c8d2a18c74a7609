"""What an endpoint is given: the state, and what is held of it; no parameter that it does not know.

Dependencies are asynchronous only to be called at once: others wait for a thread each.
"""

from typing import Annotated, Any

from fastapi import Depends, HTTPException, Request
from fastapi.dependencies.models import Dependant
from fastapi.routing import APIRoute

from db.models import LARGEST, Track
from db.rows import TrackRow, row_of
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


async def only_known(request: Request) -> None:
    """Refuse parameters that an endpoint does not have: a misspelt one would change nothing, unseen.

    Raises
    ------
    HTTPException
        422.
    """
    route = request.scope.get("route")
    if isinstance(route, APIRoute):
        known = _query_names(route.dependant)
        unknown = [name for name in request.query_params if name not in known]
        if unknown:
            there = f"there are: {', '.join(sorted(known))}" if known else "there are none"
            raise HTTPException(422, f"no parameter is called '{unknown[0]}'; {there}")


def _query_names(asked: Dependant) -> set[str]:
    below = [_query_names(inner) for inner in asked.dependencies]
    return {field.alias for field in asked.query_params}.union(*below)


def shown_track(session: Any, track_id: int) -> TrackRow:
    """Return the same, to be shown: its values alone.

    Raises
    ------
    HTTPException
        As of `present_track`.
    """
    track = row_of(session, track_id)
    if track is None or track.missing:
        raise HTTPException(404, f"no track has the id {track_id}")
    return track


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
