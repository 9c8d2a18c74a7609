"""Errors as problem details (RFC 9457)."""

import json
from http import HTTPStatus
from typing import Any

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import Response
from starlette.exceptions import HTTPException

from classifier.errors import AudioError, ClassifierError
from db.errors import CatalogError
from recommender.errors import (
    AmbiguousQueryError,
    FilterError,
    HomeLockedError,
    QueryError,
    RecommenderError,
)

MEDIA_TYPE = "application/problem+json"

STATUS_OF: tuple[tuple[type[Exception], HTTPStatus], ...] = (
    (AmbiguousQueryError, HTTPStatus.CONFLICT),
    (QueryError, HTTPStatus.NOT_FOUND),
    (FilterError, HTTPStatus.UNPROCESSABLE_ENTITY),
    (AudioError, HTTPStatus.UNPROCESSABLE_ENTITY),
    (HomeLockedError, HTTPStatus.CONFLICT),
    (CatalogError, HTTPStatus.SERVICE_UNAVAILABLE),
    (RecommenderError, HTTPStatus.CONFLICT),
    (ClassifierError, HTTPStatus.CONFLICT),
)


class JsonResponse(Response):
    """JSON in ASCII: a path that is not UTF-8 keeps its bytes as escapes, as ``--json`` has them."""

    media_type = "application/json"

    def render(self, content: Any) -> bytes:
        """Return the bytes."""
        return json.dumps(content, allow_nan=False, separators=(",", ":")).encode("ascii")


def problem(status: int, detail: str, headers: dict[str, str] | None = None, **more: Any) -> Response:
    """Return an error as problem details."""
    body = {"type": "about:blank", "title": HTTPStatus(status).phrase, "status": status, "detail": detail}
    content = json.dumps(body | more).encode("ascii")
    return Response(content, status, headers=headers, media_type=MEDIA_TYPE)


def add_problems(app: FastAPI) -> None:
    """Let every error leave as problem details."""

    async def http(_request: Request, error: Exception) -> Response:
        known = error if isinstance(error, HTTPException) else HTTPException(500)
        return problem(known.status_code, str(known.detail), dict(known.headers or {}))

    async def invalid(_request: Request, error: Exception) -> Response:
        found = error.errors() if isinstance(error, RequestValidationError) else []
        wrong = [{"where": list(map(str, e["loc"])), "message": e["msg"]} for e in found]
        said = "; ".join(f"{'.'.join(e['where'])}: {e['message']}" for e in wrong)
        return problem(HTTPStatus.UNPROCESSABLE_ENTITY, said or "the request cannot be read", errors=wrong)

    async def typed(_request: Request, error: Exception) -> Response:
        status = next((s for kind, s in STATUS_OF if isinstance(error, kind)), HTTPStatus.CONFLICT)
        if isinstance(error, AmbiguousQueryError):
            return problem(status, str(error), matches=error.matches)
        return problem(status, str(error))

    app.add_exception_handler(HTTPException, http)
    app.add_exception_handler(RequestValidationError, invalid)
    for kind in (RecommenderError, ClassifierError, CatalogError):
        app.add_exception_handler(kind, typed)
