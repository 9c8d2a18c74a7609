"""The REST interface: the commands' answers over HTTP."""

from fastapi import APIRouter, Depends
from fastapi.responses import Response

from recommender.answers.status import status_answer
from recommender.service import rest_lists, rest_map, rest_tracks, rest_uploads
from recommender.service.depends import TheState
from recommender.service.problems import JsonResponse
from recommender.service.rest_models import CatalogueStatus, Health
from recommender.service.rest_params import only_known

router = APIRouter(dependencies=[Depends(only_known)])


@router.get("/health", tags=["service"], response_model=Health)
def health(state: TheState) -> Response:
    """Say whether the service can answer: that its catalogue can be read."""
    with state.session() as session:
        session.connection()
    return JsonResponse({"status": "ok"})


@router.get("/api/status", tags=["catalogue"], response_model=CatalogueStatus)
def status(state: TheState) -> Response:
    """Return what the catalogue holds, as ``deepcuts status --json`` does."""
    return JsonResponse(status_answer(state.home, state.catalog))


for part in (rest_tracks, rest_lists, rest_map, rest_uploads):
    router.include_router(part.router)
