"""Errors as problem details (RFC 9457), and what they and the credentials are in the description."""

import json
import re
from http import HTTPStatus
from typing import Any

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse, Response
from pydantic import BaseModel, Field
from sqlalchemy import exc
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
from recommender.params import LONGEST_TEXT, SHOWN_ERRORS
from recommender.service.http.auth import ANY_SCHEME, OPEN_PATHS, SCHEMES
from recommender.service.http.troubles import noted

MEDIA_TYPE = "application/problem+json"
ANYWHERE = (400, 401, 403, 408, 413, 421, 422, 429, 500, 503, 507)
"""Errors that any request may be answered with."""

SAFE_HEADERS = {
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
    "X-Frame-Options": "DENY",
    "Content-Security-Policy": "default-src 'self'; img-src 'self' data: blob:; style-src 'self'; "
    "media-src 'self' blob:; object-src 'none'; base-uri 'none'; frame-ancestors 'none'; form-action 'self'",
}
"""Of every answer: what keeps browsers from taking it for anything else than it is."""

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


class Problem(BaseModel):
    """An error, as RFC 9457 has it."""

    type: str
    title: str
    status: int
    detail: str
    matches: list[str] | None = Field(default=None, description="Tracks that the words fit.")
    errors: list[dict[str, Any]] | None = Field(default=None, description="What of the request is wrong.")


def documented(*statuses: int) -> dict[int | str, dict[str, Any]]:
    """Return the description of errors that an endpoint may answer with, besides those that all may."""
    content = {MEDIA_TYPE: {"schema": {"$ref": "#/components/schemas/Problem"}}}
    return {status: {"description": HTTPStatus(status).phrase, "content": content} for status in statuses}


class JsonResponse(JSONResponse):
    """JSON in ASCII: a path that is not UTF-8 keeps its bytes as escapes, as ``--json`` has them."""

    def render(self, content: Any) -> bytes:
        """Return the bytes."""
        return json.dumps(content, allow_nan=False, separators=(",", ":")).encode("ascii")


def problem(status: int, detail: str, headers: dict[str, str] | None = None, **more: Any) -> Response:
    """Return an error as problem details."""
    body = {"type": "about:blank", "title": HTTPStatus(status).phrase, "status": status, "detail": detail}
    content = json.dumps(body | more).encode("ascii")
    return Response(content, status, headers=headers, media_type=MEDIA_TYPE)


def add_problems(app: FastAPI) -> None:
    """Let every error leave as problem details, and say so in the description."""
    app.add_exception_handler(HTTPException, _of_http)
    app.add_exception_handler(RequestValidationError, _of_validation)
    for kind in (RecommenderError, ClassifierError, CatalogError):
        app.add_exception_handler(kind, _typed)
    for other in (exc.SQLAlchemyError, OSError, MemoryError, RuntimeError):
        app.add_exception_handler(other, _of_system)
    app.add_exception_handler(Exception, _fault)
    _describe(app)


async def _of_http(request: Request, error: Exception) -> Response:
    known = error if isinstance(error, HTTPException) else HTTPException(500)
    headers = dict(known.headers or {})
    if known.status_code == HTTPStatus.METHOD_NOT_ALLOWED:
        headers["Allow"] = _allowed(request.app, request.url.path) or headers.get("Allow", "GET")
    return problem(known.status_code, str(known.detail), headers)


async def _of_validation(_request: Request, error: Exception) -> Response:
    found = error.errors() if isinstance(error, RequestValidationError) else []
    wrong = [
        {"where": [str(part)[:LONGEST_TEXT] for part in e["loc"]], "message": e["msg"]}
        for e in found[:SHOWN_ERRORS]
    ]
    said = "; ".join(f"{'.'.join(e['where'])}: {e['message']}" for e in wrong)
    return problem(HTTPStatus.UNPROCESSABLE_ENTITY, said or "the request cannot be read", errors=wrong)


async def _typed(_request: Request, error: Exception) -> Response:
    found = noted(error)
    if found is not None:
        return problem(found.status, found.said, found.headers)
    status = next((s for kind, s in STATUS_OF if isinstance(error, kind)), HTTPStatus.CONFLICT)
    more: dict[str, Any] = {"matches": error.matches} if isinstance(error, AmbiguousQueryError) else {}
    return problem(status, str(error), **more)


async def _of_system(_request: Request, error: Exception) -> Response:
    found = noted(error)
    if found is None:
        raise error
    return problem(found.status, found.said, found.headers)


async def _fault(_request: Request, _error: Exception) -> Response:
    said = "a fault of the service; its log says more"
    return problem(HTTPStatus.INTERNAL_SERVER_ERROR, said, SAFE_HEADERS)


def _allowed(app: FastAPI, path: str) -> str:
    """Return the methods of all operations at a path: each route by itself knows only its own."""
    fitting = {
        template: operations
        for template, operations in app.openapi().get("paths", {}).items()
        if re.fullmatch(re.sub(r"\\\{.*?\\\}", "[^/]+", re.escape(template)), path)
    }
    finest = max(fitting, key=len, default="")
    methods = {method.upper() for method in fitting.get(finest, ())}
    return ", ".join(sorted(methods | {"HEAD"} if "GET" in methods else methods))


def _describe(app: FastAPI) -> None:
    """Name in the description what opens every operation, and the errors that each may answer with."""
    plain = app.openapi
    anywhere = {str(status): said for status, said in documented(*ANYWHERE).items()}

    def described() -> dict[str, Any]:
        if app.openapi_schema is None:
            found = plain()
            schemas = found.setdefault("components", {}).setdefault("schemas", {})
            schemas["Problem"] = Problem.model_json_schema()
            for unused in ("HTTPValidationError", "ValidationError"):
                schemas.pop(unused, None)
            found["components"]["securitySchemes"], found["security"] = SCHEMES, ANY_SCHEME
            for name, path in found.get("paths", {}).items():
                for operation in path.values():
                    operation["responses"] |= anywhere
                    operation["summary"] = operation["summary"].capitalize()
                    if name in OPEN_PATHS:
                        operation["security"] = []
        return app.openapi_schema or plain()

    app.openapi = described  # type: ignore[method-assign]
