"""The page to listen with, and what it is made of: a handful of files, by Starlette's `StaticFiles`."""

import hashlib
import os
from pathlib import Path
from typing import Final

from fastapi import APIRouter, HTTPException, Request
from fastapi.responses import FileResponse, Response
from starlette.datastructures import Headers
from starlette.staticfiles import NotModifiedResponse, StaticFiles
from starlette.types import Scope

STATIC: Final = Path(__file__).parent.parent / "static"
MEDIA_TYPES: Final = {
    ".html": "text/html",
    ".css": "text/css",
    ".js": "text/javascript",
    ".svg": "image/svg+xml",
}
"""Python and the system tell others for some, as their versions and tables have it."""
TAGS: Final = {
    file.name: f'"{hashlib.sha256(file.read_bytes()).hexdigest()[:20]}"'
    for file in STATIC.iterdir()
    if file.suffix in MEDIA_TYPES
}
"""HTTP's ETags by name; nothing else is ever sent, whatever path is asked for."""
CACHE: Final = "no-cache"  # kept by the browser, but asked for again: a newer version is seen at once

router = APIRouter(include_in_schema=False)


class PageFiles(StaticFiles):
    """The page's files; their tags go by the content: who packages them may give all the same time."""

    def file_response(
        self,
        full_path: str | os.PathLike[str],
        stat_result: os.stat_result,
        scope: Scope,
        status_code: int = 200,
    ) -> Response:
        """Return a file, or that the browser has it already."""
        file = Path(full_path)
        headers = {"ETag": TAGS[file.name], "Cache-Control": CACHE}
        kind = MEDIA_TYPES[file.suffix]
        answer = FileResponse(file, status_code, headers, kind, stat_result=stat_result)
        known = self.is_not_modified(answer.headers, Headers(scope=scope))
        return NotModifiedResponse(answer.headers) if known else answer


FILES: Final = PageFiles(directory=STATIC)


@router.api_route("/static/{name}", methods=["GET"])
async def part(request: Request, name: str) -> Response:
    """Return a part of the page."""
    if name not in TAGS:
        raise HTTPException(404, "the page has no such part")
    return await FILES.get_response(name, request.scope)


@router.api_route("/", methods=["GET"])
async def page(request: Request) -> Response:
    """Return the page."""
    return await part(request, "index.html")


@router.api_route("/docs", methods=["GET"])
async def docs(request: Request) -> Response:
    """Return the page that explains the REST interface."""
    return await part(request, "docs.html")


@router.api_route("/favicon.ico", methods=["GET"])
async def icon(request: Request) -> Response:
    """Return the page's icon, which browsers ask for by this name."""
    return await part(request, "icon.svg")
