"""The page to listen with, and what it is made of: a handful of files, which are kept in memory.

Its modules are there one by one, to be read, and joined (`joined_modules`), as the page loads them.
"""

import hashlib
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Final

from fastapi import APIRouter, HTTPException
from fastapi.responses import Response
from starlette.datastructures import Headers
from starlette.requests import Request
from starlette.staticfiles import NotModifiedResponse, StaticFiles

from recommender.service.http.joined_modules import joined

STATIC: Final = Path(__file__).parent.parent / "static"
MEDIA_TYPES: Final = {
    ".html": "text/html",
    ".css": "text/css",
    ".js": "text/javascript",
    ".svg": "image/svg+xml",
}
"""Python and the system tell others for some, as their versions and tables have it."""
CACHE: Final = "no-cache"  # kept by the browser, but asked for again: a newer version is seen at once
FILES: Final = StaticFiles(directory=STATIC)


@dataclass(frozen=True)
class PagePart:
    """A file of the page; its tag goes by the content: who packages them may give all the same time."""

    content: bytes
    tag: str
    media_type: str

    @classmethod
    def of(cls, content: bytes, suffix: str) -> "PagePart":
        """Return what a file of some kind holds."""
        tag = f'"{hashlib.sha256(content).hexdigest()[:20]}"'
        return cls(content, tag, MEDIA_TYPES[suffix])

    def answer(self, scope_headers: Headers) -> Response:
        """Return it, or that the browser has it already."""
        headers = {"ETag": self.tag, "Cache-Control": CACHE}
        answer = Response(self.content, headers=headers, media_type=self.media_type)
        known = FILES.is_not_modified(answer.headers, scope_headers)
        return NotModifiedResponse(answer.headers) if known else answer


PARTS: Final = {
    file.name: PagePart.of(file.read_bytes(), file.suffix)
    for file in STATIC.iterdir()
    if file.suffix in MEDIA_TYPES
}
"""What there is by its name; nothing else is ever sent, whatever path is asked for."""
TOGETHER: Final = {"before.js": ("theme.js", "ahead.js"), "page.css": ("style.css", "parts.css")}
"""Parts that the page asks for as one, in this order."""
MODULES: Final = {name: part.content.decode("utf-8") for name, part in PARTS.items() if name.endswith(".js")}
router = APIRouter(include_in_schema=False)


async def _part(request: Request) -> Response:
    """Return a part of the page."""
    part = PARTS.get(request.path_params["name"])
    if part is None:
        raise HTTPException(404, "the page has no such part")
    return part.answer(request.headers)


@cache
def joined_part(name: str) -> PagePart:
    """Return a module with all that it imports, or parts that are asked for as one."""
    if name in TOGETHER:
        together = b"\n".join(PARTS[one].content for one in TOGETHER[name])
        return PagePart.of(together, Path(name).suffix)
    return PagePart.of(joined(name, MODULES).encode("utf-8"), ".js")


async def _joined(request: Request) -> Response:
    """Return a joined part of the page."""
    name = request.path_params["name"]
    if name not in MODULES and name not in TOGETHER:
        raise HTTPException(404, "the page has no such part")
    return joined_part(name).answer(request.headers)


async def _page(request: Request) -> Response:
    """Return the page."""
    return PARTS["index.html"].answer(request.headers)


async def _docs(request: Request) -> Response:
    """Return the page that explains the REST interface."""
    return PARTS["docs.html"].answer(request.headers)


async def _icon(request: Request) -> Response:
    """Return the page's icon, which browsers ask for by this name."""
    return PARTS["icon.svg"].answer(request.headers)


for _path, _endpoint in (
    ("/static/{name}", _part),
    ("/static/joined/{name}", _joined),
    ("/", _page),
    ("/docs", _docs),
    ("/favicon.ico", _icon),
):
    router.add_route(_path, _endpoint, methods=["GET"])
