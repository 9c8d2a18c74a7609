"""Files that are sent over HTTP: what they sound like, and what sounds like them."""

from functools import partial
from typing import Annotated, Any

import anyio.to_thread
from fastapi import APIRouter, Query, Request
from fastapi.responses import Response

from db.models import LARGEST
from db.tracks import with_content
from recommender import params
from recommender.presentation.sound import sound_answer
from recommender.retrieval.query import AnalysedFile, Span, from_analysed_file, from_track
from recommender.retrieval.query import Query as SongQuery
from recommender.retrieval.request import ListRequest
from recommender.service.decoding.uploads import UPLOAD_BODY, UPLOAD_ERRORS, Uploads
from recommender.service.dependencies import TheHeld, TheState
from recommender.service.http.problems import JsonResponse
from recommender.service.rest.lists import Explain, answer_for, catalogued
from recommender.service.rest.models import Classified
from recommender.service.rest.models_lists import SimilarAnswer
from recommender.service.rest.params import TheSpan, TheWishes
from recommender.service.state import Held, State

router = APIRouter(tags=["uploads"])


@router.post("/api/classify", response_model=Classified, responses=UPLOAD_ERRORS, openapi_extra=UPLOAD_BODY)
async def classify(request: Request, held: TheHeld) -> Response:
    """Return what a file sounds like, whole and by segments; it is not kept."""
    uploads: Uploads = request.app.state.uploads
    async with uploads.received(request) as (path, name):
        heard, _ = await anyio.to_thread.run_sync(partial(uploads.hearing.hear, path, held.bundle))
        answer = await anyio.to_thread.run_sync(partial(sound_answer, held.bundle, heard.analysis))
    return JsonResponse({"path": name, **answer})


@router.post("/api/similar", response_model=SimilarAnswer, responses=UPLOAD_ERRORS, openapi_extra=UPLOAD_BODY)
async def similar_to_file(
    request: Request,
    state: TheState,
    held: TheHeld,
    span: TheSpan,
    wishes: TheWishes,
    unwanted: Annotated[
        list[Annotated[int, Query(ge=1, le=LARGEST)]],
        Query(alias="not", max_length=params.MOST_NAMES, description="Songs that the list should be unlike."),
    ] = [],  # noqa: B006 - FastAPI copies it
    explain: Explain = False,
) -> Response:
    """Return the songs that sound like a file, or like a passage of it; it is not kept."""
    uploads: Uploads = request.app.state.uploads
    async with uploads.received(request) as (path, name):
        heard = await anyio.to_thread.run_sync(partial(uploads.hearing.hear, path, held.bundle, span))
    asked = partial(_similar, state, held, heard, name, span, wishes, unwanted, explain)
    return JsonResponse(await anyio.to_thread.run_sync(asked))


def _similar(
    state: State,
    held: Held,
    heard: tuple[AnalysedFile, str | None],
    name: str,
    span: Span | None,
    wishes: ListRequest,
    unwanted: list[int],
    explain: bool,
) -> dict[str, Any]:
    with state.snapshot() as session:
        query = _query(session, held, *heard, name, span)
        pushed = catalogued(session, held, unwanted)
        return answer_for(session, held, [query], wishes, pushed, explain=explain)


def _query(
    session: Any, held: Held, file: AnalysedFile, content_hash: str | None, name: str, span: Span | None
) -> SongQuery:
    """Return a file as a query; as the track that it is, where the catalogue has the same audio."""
    copies = with_content(session, content_hash) if content_hash else []
    for track in copies:
        if track.analysed_hash == content_hash and track.error_kind is None and not track.missing:
            return from_track(session, track, held.bundle, span)
    named = AnalysedFile(
        file.title or name.rpartition(".")[0] or name, file.artist, file.album, file.analysis
    )
    return from_analysed_file(named, name, held.bundle, span, frozenset(track.id for track in copies))
