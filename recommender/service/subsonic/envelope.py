"""OpenSubsonic's envelope, in JSON and in XML, and its errors."""

import json
import re
import tempfile
from collections.abc import AsyncIterator, Callable, Iterable, Iterator
from contextlib import ExitStack
from functools import cache, cached_property
from importlib.metadata import version
from typing import IO, Any, Final
from xml.etree import ElementTree

import anyio.to_thread
from fastapi.responses import Response, StreamingResponse
from starlette.types import Receive, Scope, Send

from recommender.params import APP_NAME, READ_BYTES

Answer = dict[str, Any]

VERSION: Final = "1.16.1"
"""Of the Subsonic protocol."""
NAMESPACE: Final = "http://subsonic.org/restapi"
TEXT: Final = "value"
"""What an object calls this is the text of its XML element; all other plain values are attributes."""

GENERIC, MISSING, CLIENT_TOO_OLD, SERVER_TOO_OLD = 0, 10, 20, 30
WRONG_LOGIN, NO_TOKENS, NO_PASSWORDS, CONFLICT, WRONG_KEY = 40, 41, 42, 43, 44
NOT_ALLOWED, NOT_FOUND = 50, 70

NOT_IN_XML = re.compile("[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")


class SubsonicError(Exception):
    """An error that a player is told of.

    Parameters
    ----------
    code
        One of those that OpenSubsonic defines.
    message
        One plain line.
    status
        Of HTTP, which is 200 but where the specification has another.
    """

    def __init__(self, code: int, message: str, status: int = 200) -> None:
        super().__init__(message)
        self.code, self.status = code, status


IN_MEMORY: Final = 8 * 2**20
"""Bytes of an answer that are kept in memory while it is written; what is longer goes to a temporary file."""
MEDIA_TYPES: Final = {"json": "application/json", "xml": "text/xml; charset=utf-8"}


class Many:
    """A list of objects that are made while it is written, once, some at a time.

    Parameters
    ----------
    parts
        Begins to make them.
    """

    def __init__(self, parts: Callable[[], Iterable[list[Answer]]]) -> None:
        self._parts = parts

    def __iter__(self) -> Iterator[list[Answer]]:
        """Make them, some at a time."""
        return iter(self._parts())

    def each(self, change: Callable[[Answer], Answer]) -> "Many":
        """Return what is made of each of them."""
        return Many(lambda: ([change(one) for one in part] for part in self._parts()))


class Same:
    """A list of objects that stays the same from answer to answer: as JSON it is written once.

    Parameters
    ----------
    content
        Nobody may change it.
    """

    def __init__(self, content: list[Answer]) -> None:
        self.content = content

    @cached_property
    def json(self) -> str:
        """It as JSON."""
        return _plain(self.content)


def answered(content: Answer, form: str, status: int = 200) -> Response:
    """Return an answer in its envelope, in ``json`` or in ``xml``; what it holds is made now.

    Raises
    ------
    OSError
        If there is no room for a long one.
    """
    return _enveloped({"status": "ok"}, content, form, status)


def failed(error: SubsonicError, form: str, status: int | None = None) -> Response:
    """Return an error in its envelope; with another status of HTTP than its own, if one is named."""
    said = {"error": {"code": error.code, "message": str(error)}}
    return _enveloped({"status": "failed"}, said, form, error.status if status is None else status)


def _enveloped(head: Answer, content: Answer, form: str, status: int) -> Response:
    whole = {
        **head,
        "version": VERSION,
        "type": APP_NAME,
        "serverVersion": _own_version(),
        "openSubsonic": True,
        **content,
    }
    parts = _json({"subsonic-response": whole}) if form == "json" else _document(whole)
    with ExitStack() as held:
        spool = held.enter_context(tempfile.SpooledTemporaryFile(IN_MEMORY))
        for part in parts:
            spool.write(part.encode())
        size = spool.tell()
        spool.seek(0)
        if size <= READ_BYTES:
            return Response(spool.read(), status, media_type=MEDIA_TYPES[form])
        held.pop_all()
    return LongAnswer(spool, size, status, MEDIA_TYPES[form])


@cache
def _own_version() -> str:
    return version(APP_NAME)


class LongAnswer(StreamingResponse):
    """An answer that is written already, of so many bytes; what it is read from is closed when it is sent."""

    def __init__(self, spool: IO[bytes], size: int, status: int, kind: str) -> None:
        self.spool = spool
        super().__init__(self._blocks(), status, {"Content-Length": str(size)}, kind)

    async def _blocks(self) -> AsyncIterator[bytes]:
        while block := await anyio.to_thread.run_sync(self.spool.read, READ_BYTES):
            yield block

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Send it."""
        with self.spool:
            await super().__call__(scope, receive, send)


def _json(value: Any) -> Iterator[str]:
    """Yield an answer as JSON, in ASCII."""
    if isinstance(value, Many):
        texts = filter(None, (_plain(part)[1:-1] for part in value))
        yield "["
        yield next(texts, "")
        yield from (f",{text}" for text in texts)
        yield "]"
    elif isinstance(value, dict):
        for n, (name, inner) in enumerate(value.items()):
            yield f"{',' if n else '{'}{_plain(name)}:"
            yield from _json(inner)
        yield "}" if value else "{}"
    else:
        yield value.json if isinstance(value, Same) else _plain(value)


def _plain(value: Any) -> str:
    return json.dumps(value, allow_nan=False, separators=(",", ":"))


def _document(whole: Answer) -> Iterator[str]:
    """Yield an answer as XML."""
    yield "<?xml version='1.0' encoding='UTF-8'?>\n"
    yield from _xml("subsonic-response", {"xmlns": NAMESPACE, **whole})


def _xml(name: str, content: Answer) -> Iterator[str]:
    """Yield an object as an element: plain values as attributes, objects and lists as elements in it."""
    content = {key: value.content if isinstance(value, Same) else value for key, value in content.items()}
    inner = {key: value for key, value in content.items() if isinstance(value, (dict, list, Many))}
    if not any(isinstance(value, (dict, Many)) for value in inner.values()):
        yield ElementTree.tostring(_element(name, content), encoding="unicode")
        return
    plain = {key: value for key, value in content.items() if key not in inner}
    yield ElementTree.tostring(_element(name, plain), encoding="unicode").removesuffix(" />") + ">"
    for key, value in inner.items():
        if isinstance(value, dict):
            yield from _xml(key, value)
        else:
            for part in value if isinstance(value, Many) else [value]:
                yield "".join(ElementTree.tostring(one, encoding="unicode") for one in _elements(key, part))
    yield f"</{name}>"


def _element(name: str, content: Answer) -> ElementTree.Element:
    """Return an object as an element: plain values as attributes, objects and lists as elements in it."""
    made = ElementTree.Element(name)
    for key, value in content.items():
        if isinstance(value, dict):
            made.append(_element(key, value))
        elif isinstance(value, list):
            made.extend(_elements(key, value))
        elif key == TEXT:
            made.text = _text(value)
        else:
            made.set(key, _text(value))
    return made


def _elements(name: str, values: Iterable[Any]) -> Iterator[ElementTree.Element]:
    return (_element(name, one if isinstance(one, dict) else {TEXT: one}) for one in values)


def _text(value: Any) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    return NOT_IN_XML.sub("\ufffd", str(value))
