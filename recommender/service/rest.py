"""The REST interface: the commands' answers over HTTP."""

from typing import Any

from fastapi import APIRouter

from recommender.answers.status import status_answer
from recommender.service.depends import TheState

router = APIRouter()


@router.get("/health", tags=["service"])
def health(state: TheState) -> dict[str, str]:
    """Say whether the service can answer: that its catalogue can be read."""
    with state.session() as session:
        session.connection()
    return {"status": "ok"}


@router.get("/api/status", tags=["catalogue"])
def status(state: TheState) -> dict[str, Any]:
    """Return what the catalogue holds, as ``deepcuts status --json`` does."""
    return status_answer(state.home)
