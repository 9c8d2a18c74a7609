"""The user guide as pages: what stands in docs/guide, made into HTML when it is first asked for."""

import hashlib
import html
import re
from functools import cache
from pathlib import Path
from string import Template
from typing import TYPE_CHECKING, Any, Final

from fastapi import APIRouter, HTTPException, Request
from fastapi.responses import Response
from starlette.concurrency import run_in_threadpool
from starlette.datastructures import Headers
from starlette.staticfiles import NotModifiedResponse

from recommender.service.http.static_page import CACHE, FILES, MEDIA_TYPES, STATIC

if TYPE_CHECKING:
    from collections.abc import Sequence

    from markdown_it import MarkdownIt
    from markdown_it.token import Token

INSTALLED: Final = Path(__file__).parent.parent / "guide"
CHECKOUT: Final = Path(__file__).parents[3] / "docs" / "guide"
FOLDER: Final = INSTALLED if INSTALLED.is_dir() else CHECKOUT
"""setup.py copies the guide into the package; a checkout has it in docs/ alone."""
CONTENTS: Final = "README"
PAGES: Final = frozenset(file.stem for file in FOLDER.glob("*.md"))
PICTURE_TYPES: Final = {".png": "image/png", ".svg": MEDIA_TYPES[".svg"]}
PICTURES: Final = frozenset(file.name for file in FOLDER.glob("*.*") if file.suffix in PICTURE_TYPES)
"""Nothing else is ever sent, whatever path is asked for."""
PNG_SIZE: Final = slice(16, 24)

router = APIRouter(include_in_schema=False)


@router.api_route("/guide", methods=["GET"])
async def contents(request: Request) -> Response:
    """Return the guide's first page."""
    return await _page(request, CONTENTS)


@router.api_route("/guide/{name}", methods=["GET"])
async def page(request: Request, name: str) -> Response:
    """Return a page of the guide, or a picture in one."""
    if name in PICTURES:
        return await _picture(request, FOLDER / name)
    if name not in PAGES - {CONTENTS}:
        raise HTTPException(404, "the guide has no such page")
    return await _page(request, name)


async def _page(request: Request, name: str) -> Response:
    return _answer(request, await run_in_threadpool(page_html, name), MEDIA_TYPES[".html"])


async def _picture(request: Request, file: Path) -> Response:
    return _answer(request, await run_in_threadpool(file.read_bytes), PICTURE_TYPES[file.suffix])


def _answer(request: Request, content: bytes, kind: str) -> Response:
    tag = f'"{hashlib.sha256(content).hexdigest()[:20]}"'
    answer = Response(content, headers={"ETag": tag, "Cache-Control": CACHE}, media_type=kind)
    known = FILES.is_not_modified(answer.headers, Headers(scope=request.scope))
    return NotModifiedResponse(answer.headers) if known else answer


@cache
def page_html(name: str) -> bytes:
    """Return a page of the guide as HTML; `CONTENTS` is the first.

    Links lead from page to page of the guide; those that leave it name files of the project, which a
    service does not have, and become plain text.
    """
    text = (FOLDER / f"{name}.md").read_text(encoding="utf-8")
    title = html.escape(text.split("\n", 1)[0].lstrip("# "))
    up = "" if name == CONTENTS else "../"
    filled = Template((STATIC / "guide.html").read_text(encoding="utf-8")).substitute(
        title=title, up=up, body=_markdown(up).render(text)
    )
    return filled.encode()


def _markdown(up: str) -> "MarkdownIt":
    """Return what makes HTML of a page: no HTML of its own, no style, and code that keys can scroll."""
    from markdown_it import MarkdownIt

    made = MarkdownIt("commonmark", {"html": False}).enable("table")

    def fence(_self: Any, tokens: "Sequence[Token]", at: int, *_: Any) -> str:
        return f'<pre tabindex="0"><code>{html.escape(tokens[at].content)}</code></pre>\n'

    def image(_self: Any, tokens: "Sequence[Token]", at: int, *_: Any) -> str:
        name = str(tokens[at].attrs["src"])
        size = _size(FOLDER / name)
        alt, src = html.escape(tokens[at].content), html.escape(f"{'guide/' if not up else ''}{name}")
        return f'<img src="{src}" alt="{alt}" loading="lazy"{size}>'

    def link(_self: Any, tokens: "Sequence[Token]", at: int, *_: Any) -> str:
        where = _address(str(tokens[at].attrs["href"]), up)
        return f'<a class="link" href="{html.escape(where)}">' if where else "<a>"

    for rule, do in (("fence", fence), ("image", image), ("link_open", link)):
        made.add_render_rule(rule, do)
    return made


def _address(href: str, up: str) -> str | None:
    """Return where a link leads on the service; None for what it does not have."""
    found = re.fullmatch(r"([\w-]+)\.md(#[\w-]+)?", href)
    if found is None:
        return None
    if found[1] == CONTENTS:
        return f"{up}guide"
    return ("" if up else "guide/") + found[1]


def _size(picture: Path) -> str:
    """Return the attributes that keep a picture's room free while it is loaded."""
    if picture.suffix != ".png":
        return ""
    head = picture.read_bytes()[PNG_SIZE]
    return f' width="{int.from_bytes(head[:4])}" height="{int.from_bytes(head[4:])}"'
