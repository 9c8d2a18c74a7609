"""The page to listen with, and what it is made of: a handful of files that are read once."""

import hashlib
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from fastapi import APIRouter, HTTPException, Request
from fastapi.responses import Response

STATIC: Final = Path(__file__).parent.parent / "static"
MEDIA_TYPES: Final = {
    ".html": "text/html; charset=utf-8",
    ".css": "text/css; charset=utf-8",
    ".js": "text/javascript; charset=utf-8",
    ".svg": "image/svg+xml",
}
CACHE: Final = "no-cache"  # kept by the browser, but asked for again: a newer version is seen at once

router = APIRouter(include_in_schema=False)


@dataclass(frozen=True)
class Part:
    """A file that the page is made of.

    Attributes
    ----------
    tag
        Changes with the content, as HTTP's ETag.
    """

    content: bytes
    media_type: str
    tag: str

    @classmethod
    def read(cls, file: Path) -> "Part":
        """Return the part that a file is."""
        content = file.read_bytes()
        return cls(content, MEDIA_TYPES[file.suffix], f'"{hashlib.sha256(content).hexdigest()[:20]}"')


PARTS: Final = {file.name: Part.read(file) for file in STATIC.iterdir() if file.suffix in MEDIA_TYPES}
"""By name; nothing else is ever sent, whatever path is asked for."""


@router.api_route("/", methods=["GET", "HEAD"])
def page(request: Request) -> Response:
    """Return the page."""
    return _answer(request, PARTS["index.html"])


@router.api_route("/static/{name}", methods=["GET", "HEAD"])
def part(request: Request, name: str) -> Response:
    """Return a part of the page."""
    if name not in PARTS:
        raise HTTPException(404, "the page has no such part")
    return _answer(request, PARTS[name])


@router.api_route("/favicon.ico", methods=["GET", "HEAD"])
def icon(request: Request) -> Response:
    """Return the page's icon, which browsers ask for by this name."""
    return _answer(request, PARTS["icon.svg"])


def _answer(request: Request, wanted: Part) -> Response:
    headers = {"ETag": wanted.tag, "Cache-Control": CACHE}
    known = [tag.strip().removeprefix("W/") for tag in request.headers.get("if-none-match", "").split(",")]
    if wanted.tag in known or "*" in known:
        return Response(status_code=304, headers=headers)
    return Response(wanted.content, headers=headers, media_type=wanted.media_type)
