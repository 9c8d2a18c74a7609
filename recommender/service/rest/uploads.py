"""Files that are sent over HTTP: what they sound like, and what sounds like them."""

from functools import partial
from typing import Any

import anyio.to_thread
from fastapi import APIRouter, Request
from fastapi.responses import Response

from db.sound.features import track_features
from db.tracks import with_content
from db.values import same_content
from recommender.presentation.sound import sound_answer
from recommender.retrieval.query import Query as SongQuery
from recommender.retrieval.query import from_analysed_file, from_track
from recommender.retrieval.query_file import AnalysedFile, Span
from recommender.retrieval.request import ListRequest
from recommender.service.decoding.upload_receiver import UPLOAD_BODY, UPLOAD_ERRORS, Uploads
from recommender.service.dependencies import TheHeld, TheState
from recommender.service.http.problems import JsonResponse
from recommender.service.rest.lists import Explain, answer_for, catalogued
from recommender.service.rest.models import Classified
from recommender.service.rest.models_lists import SimilarAnswer
from recommender.service.rest.params import TheOptions, TheSpan, Unwanted
from recommender.service.state import Held, State

router = APIRouter(tags=["uploads"])


@router.post("/api/classify", response_model=Classified, responses=UPLOAD_ERRORS, openapi_extra=UPLOAD_BODY)
async def classify_file(request: Request, held: TheHeld) -> Response:
    """Return what a file sounds like, whole and by segments; it is not kept."""
    uploads: Uploads = request.app.state.uploads
    async with uploads.received(request) as (path, name):
        file = await anyio.to_thread.run_sync(partial(uploads.analyser.analyse, path, held.bundle))
        answer = await anyio.to_thread.run_sync(partial(sound_answer, held.bundle, file.analysis))
    return JsonResponse({"path": name, **answer})


@router.post("/api/similar", response_model=SimilarAnswer, responses=UPLOAD_ERRORS, openapi_extra=UPLOAD_BODY)
async def similar_to_file(
    request: Request,
    state: TheState,
    held: TheHeld,
    span: TheSpan,
    options: TheOptions,
    unwanted: Unwanted = [],  # noqa: B006 - FastAPI copies it
    explain: Explain = False,
) -> Response:
    """Return the songs that sound like a file, or like a passage of it; it is not kept.

    A file whose audio is in the catalogue is not analysed: the list is that of the track.
    """
    uploads: Uploads = request.app.state.uploads
    async with uploads.received(request) as (path, name):
        content_hash = await anyio.to_thread.run_sync(uploads.analyser.content_hash, path, held.bundle)
        query = await anyio.to_thread.run_sync(_as_catalogued, state, held, content_hash, span)
        if query is None:
            file = await anyio.to_thread.run_sync(uploads.analyser.analyse, path, held.bundle, span)
            query = await anyio.to_thread.run_sync(_as_sent, state, held, content_hash, file, name, span)
    asked = partial(_similar, state, held, query, options, unwanted, explain)
    return JsonResponse(await anyio.to_thread.run_sync(asked))


def _as_catalogued(state: State, held: Held, content_hash: str | None, span: Span | None) -> SongQuery | None:
    """Return the track that has an audio as a query; None where none is there and analysed."""
    with state.snapshot() as session:
        for track in with_content(session, content_hash) if content_hash else ():
            known = same_content(track.analysed_hash, content_hash)
            usable = known and track.error_kind is None and not track.missing
            if usable and track_features(session, track.id, held.bundle.trunk_id) is not None:
                return from_track(session, track, held.bundle, span)
    return None


def _as_sent(
    state: State, held: Held, content_hash: str | None, file: AnalysedFile, name: str, span: Span | None
) -> SongQuery:
    """Return a file as a query; tracks of the same audio are not in its list."""
    with state.snapshot() as session:
        copies = with_content(session, content_hash) if content_hash else []
        excluded = frozenset(track.id for track in copies)
    return from_analysed_file(file, name, held.bundle, span, excluded)


def _similar(
    state: State,
    held: Held,
    query: SongQuery,
    options: ListRequest,
    unwanted: list[int],
    explain: bool,
) -> dict[str, Any]:
    with state.snapshot() as session:
        pushed = catalogued(session, held, unwanted)
        return answer_for(session, held, [query], options, pushed, explain=explain)
