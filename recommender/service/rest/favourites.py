"""Stars and ratings of tracks over HTTP: the same that players see."""

from collections.abc import Callable
from typing import Annotated, Any

from fastapi import APIRouter
from fastapi.responses import Response
from pydantic import BaseModel, BeforeValidator, ConfigDict, Field
from sqlalchemy.orm import Session

from db.listening.favourites import favourite_tracks, favourites, rate, star
from db.models import Favourite
from db.values import iso_utc, utc_now
from recommender import params
from recommender.presentation.songs import tracks_json
from recommender.service.dependencies import TheHeld, TheState, present_track
from recommender.service.http.problems import JsonResponse, documented
from recommender.service.rest.models import Song, Time
from recommender.service.rest.params import Offset, PageSize, TrackId, whole
from recommender.service.state import State

router = APIRouter(tags=["favourites"])

Rating = Annotated[int, Field(ge=1, le=5)]


class Marks(BaseModel):
    """What a person said of a track."""

    starred: Time | None = Field(description="When it was starred.")
    rating: Rating | None


class TrackMarks(Marks):
    """A track's star and rating."""

    track_id: int


class NewRating(BaseModel):
    """How good a track is."""

    model_config = ConfigDict(strict=True, extra="forbid")

    rating: Annotated[Rating, BeforeValidator(whole)]


class FavouriteSong(Song, Marks):
    """A track that is starred or rated."""


class FavouritePage(BaseModel):
    """Some of the tracks that are starred or rated."""

    total: int
    offset: int
    limit: int
    tracks: list[FavouriteSong]


def marks_of(session: Session, track_id: int) -> dict[str, Any]:
    """Return whether a track is starred, and how it is rated."""
    found = favourites(session, [str(track_id)]).get(str(track_id))
    return {"starred": None, "rating": None} if found is None else _marks(found)


def _marks(found: Favourite) -> dict[str, Any]:
    return {"starred": iso_utc(found.starred) if found.starred else None, "rating": found.rating}


@router.get("/api/favourites", response_model=FavouritePage)
def list_favourites(
    state: TheState, held: TheHeld, offset: Offset = 0, limit: PageSize = params.PAGE_SIZE
) -> Response:
    """Return the tracks that are starred, the last first, then those that are only rated, the best first."""
    with state.catalog.snapshot() as session:
        total, found = favourite_tracks(session, offset, limit)
        songs = tracks_json(session, [track for track, _ in found], held.bundle)
        shown = [song | _marks(its) for song, (_, its) in zip(songs, found, strict=True)]
    return JsonResponse({"total": total, "offset": offset, "limit": limit, "tracks": shown})


@router.put("/api/tracks/{track_id}/star", response_model=TrackMarks, responses=documented(404))
def star_track(state: TheState, track_id: TrackId) -> Response:
    """Star a track; one that is starred keeps its time."""
    return _changed(state, track_id, lambda session, item: star(session, item, utc_now()))


@router.delete("/api/tracks/{track_id}/star", response_model=TrackMarks, responses=documented(404))
def unstar_track(state: TheState, track_id: TrackId) -> Response:
    """Take a track's star away."""
    return _changed(state, track_id, lambda session, item: star(session, item, None))


@router.put("/api/tracks/{track_id}/rating", response_model=TrackMarks, responses=documented(400, 404, 413))
def rate_track(state: TheState, track_id: TrackId, wanted: NewRating) -> Response:
    """Rate a track 1 to 5."""
    return _changed(state, track_id, lambda session, item: rate(session, item, wanted.rating))


@router.delete("/api/tracks/{track_id}/rating", response_model=TrackMarks, responses=documented(404))
def unrate_track(state: TheState, track_id: TrackId) -> Response:
    """Take a track's rating away."""
    return _changed(state, track_id, lambda session, item: rate(session, item, None))


def _changed(state: State, track_id: int, change: Callable[[Session, str], None]) -> Response:
    with state.change() as session:
        present_track(session, track_id)
        change(session, str(track_id))
        return JsonResponse({"track_id": track_id, **marks_of(session, track_id)})
