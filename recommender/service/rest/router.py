"""The REST interface: the commands' answers over HTTP."""

from fastapi import APIRouter, Depends

from recommender.service.rest import catalogue, lists, maps, pictures, playlists, tracks, uploads
from recommender.service.rest.params import only_known

router = APIRouter(dependencies=[Depends(only_known)])

for part in (catalogue, tracks, lists, maps, uploads, playlists, pictures):
    router.include_router(part.router)
