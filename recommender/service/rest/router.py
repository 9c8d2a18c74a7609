"""The REST interface: the commands' answers over HTTP."""

from fastapi import APIRouter, Depends
from fastapi.routing import APIRoute

from recommender.service.dependencies import only_known
from recommender.service.rest import (
    catalogue,
    favourites,
    lists,
    maps,
    mixes,
    pictures,
    playlists,
    radios,
    shortlist_files,
    shortlists,
    tracks,
    uploads,
)


def _operation_id(route: APIRoute) -> str:
    """Return the name of the function that answers: generated clients call theirs by it."""
    return route.name


router = APIRouter(dependencies=[Depends(only_known)], generate_unique_id_function=_operation_id)

for part in (
    catalogue,
    tracks,
    lists,
    maps,
    mixes,
    uploads,
    playlists,
    radios,
    shortlists,
    shortlist_files,
    favourites,
    pictures,
):
    router.include_router(part.router)
