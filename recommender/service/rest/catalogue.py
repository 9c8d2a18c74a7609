"""The service and its catalogue over HTTP: health, metrics, status, genres, tags, figures."""

import json
import threading
import time
from pathlib import Path
from typing import Any

from fastapi import APIRouter, HTTPException, Request
from fastapi.responses import Response

from db.errors import CatalogError
from db.sound.features import vectors_token
from recommender import params
from recommender.presentation.status import status_answer
from recommender.retrieval.sound_filters import count_genres, count_tags
from recommender.service.dependencies import TheHeld, TheState
from recommender.service.http.problems import JsonResponse, documented
from recommender.service.metrics import CONTENT_TYPE, Metrics
from recommender.service.rest.models import CatalogueStatus, Evaluation, GenreCounts, Health, TagCounts
from recommender.service.state import Held, State

router = APIRouter()

EVALUATION = "evaluation"
"""Folder of the home where ``evaluate -o`` may write to."""


class Vocabulary:
    """How many songs each genre has: counted again for a newer index, and now and then, as labels change."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._counted: tuple[Held, float, dict[str, int]] | None = None

    def genres(self, state: State, held: Held) -> dict[str, int]:
        """Return the counts by path."""
        with self._lock:
            now, known = time.monotonic(), self._counted
            if known is not None and known[0] is held and now - known[1] < params.COUNTS_S:
                return known[2]
            with state.snapshot() as session:
                counts = count_genres(session, held.index, held.bundle)
            self._counted = (held, now, counts)
            return counts


@router.get("/health", tags=["service"], response_model=Health)
def get_health(state: TheState) -> Response:
    """Say whether the service can answer: that its catalogue can be read."""
    try:
        with state.session() as session:
            vectors_token(session)
    except CatalogError:  # it names the server and its user, and all may ask
        raise HTTPException(503, "the catalogue cannot be read") from None
    return JsonResponse({"status": "ok"})


@router.get(
    "/metrics",
    tags=["service"],
    response_class=Response,
    responses={200: {"description": "In Prometheus' text format.", "content": {"text/plain": {}}}},
)
def get_metrics(request: Request) -> Response:
    """Return figures of the service for Prometheus."""
    found: Metrics = request.app.state.metrics
    return Response(found.text(), headers={"Content-Type": CONTENT_TYPE})


@router.get("/api/status", tags=["catalogue"], response_model=CatalogueStatus)
def get_status(state: TheState) -> Response:
    """Return what the catalogue holds, as ``deepcuts status --json`` does."""
    return JsonResponse(status_answer(state.home, state.catalog))


@router.get("/api/genres", tags=["catalogue"], response_model=GenreCounts)
def list_genres(request: Request, state: TheState, held: TheHeld) -> Response:
    """Return the genres and labels that lists can be filtered by, and how many tracks pass each."""
    vocabulary: Vocabulary = request.app.state.vocabulary
    return JsonResponse({"genres": _ranked(vocabulary.genres(state, held))})


@router.get("/api/tags", tags=["catalogue"], response_model=TagCounts)
def list_tags(held: TheHeld) -> Response:
    """Return the tags that lists can be filtered by, and how many tracks have each."""
    facets = {n: facet for facet, names in held.bundle.taxonomy.facet_names().items() for n in names}
    ranked = _ranked(count_tags(held.index, held.bundle))
    return JsonResponse({"tags": [{**one, "facet": facets.get(one["name"])} for one in ranked]})


def _ranked(counts: dict[str, int]) -> list[dict[str, Any]]:
    return [
        {"name": name, "tracks": n} for name, n in sorted(counts.items(), key=lambda one: (-one[1], one[0]))
    ]


@router.get("/api/evaluation", tags=["catalogue"], response_model=Evaluation, responses=documented(404))
def get_evaluation(state: TheState, held: TheHeld) -> Response:
    """Return how good the model is: as it was measured when it was trained, and where it was since.

    The latter is what ``deepcuts evaluate`` and ``deepcuts evaluate recommender`` write to the folder
    ``evaluation`` of the home.
    """
    folder = state.home.path / EVALUATION
    found = {
        "training": held.bundle.training or None,
        "classifier": _stored(folder / "evaluation.json"),
        "recommender": _stored(folder / "recommender.json"),
    }
    if not any(found.values()):
        raise HTTPException(
            404, f"nothing was measured of {held.bundle.bundle_id}: see deepcuts evaluate --help"
        )
    return JsonResponse({"bundle_id": held.bundle.bundle_id, **found})


def _stored(path: Path) -> Any:
    try:
        return json.loads(path.read_bytes())
    except (OSError, ValueError):
        return None
