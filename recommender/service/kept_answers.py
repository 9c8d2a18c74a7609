"""Answers that took work, kept as long as they would be worked out the same, within bounds."""

import re
import threading
from collections import OrderedDict
from collections.abc import Callable, Hashable
from contextlib import suppress
from dataclasses import dataclass
from typing import Any, Final, TypeVar

import anyio.to_thread
from fastapi.responses import Response, StreamingResponse
from starlette.datastructures import Headers
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from db.errors import CatalogGoneError
from recommender.service.state import State

KEPT_PATHS: Final = re.compile(
    r"/api/(?:tracks|search|similar|discover|find|path|tags|tracks/\d+(?:/similar)?)"
)
"""What is asked here is answered from the catalogue, the index and the bundle, and from nothing else."""
Made = TypeVar("Made")
LONGEST_CODINGS: Final = 200
KEPT_BYTES: Final = 2**25
"""Of answers that a process keeps."""
AROUND: Final = 500
"""Bytes that an answer takes beside its own."""


@dataclass(frozen=True)
class KeptAnswer:
    """An answer: its headers, and the route that made it."""

    body: bytes
    headers: list[tuple[bytes, bytes]]
    route: Any


class KeptAnswers:
    """The answers of one state of the catalogue, the index and the bundle; those that were wanted last.

    Parameters
    ----------
    state
        Of the service.
    """

    def __init__(self, state: State) -> None:
        self.state = state
        self._lock = threading.Lock()
        self._of: Hashable = None
        self._answers: OrderedDict[Hashable, KeptAnswer] = OrderedDict()
        self._bytes = 0

    def now(self) -> Hashable | None:
        """Return what is equal only as long as all would be answered the same; None where nobody can tell."""
        held, revision = self.state.held, self.state.catalog.revision.now()
        with suppress(CatalogGoneError):
            self.state.catalog.check_file()
            return None if revision is None else (revision, held.number)
        return None

    def get(self, now: Hashable | None, key: Hashable) -> KeptAnswer | None:
        """Return the answer of a request, if it is kept and still the same."""
        with self._lock:
            if now is None or now != self._of:
                return None
            found = self._answers.get(key)
            if found is not None:
                self._answers.move_to_end(key)
            return found

    def keep(self, now: Hashable | None, key: Hashable, answer: KeptAnswer) -> None:
        """Keep an answer; `now` is from before it was begun."""
        size = len(answer.body) + AROUND
        if now is None or size > KEPT_BYTES // 8:
            return
        with self._lock:
            if now != self._of:
                self._answers.clear()
                self._of, self._bytes = now, 0
            if key not in self._answers:
                self._answers[key] = answer
                self._bytes += size
            while self._bytes > KEPT_BYTES:
                _, oldest = self._answers.popitem(last=False)
                self._bytes -= len(oldest.body) + AROUND

    def same(self, key: Hashable, make: Callable[[], Made]) -> Response | Made:
        """Return an answer that is kept, or that is made."""
        now = self.now()
        kept = self.get(now, key)
        if kept is not None:
            made = Response(kept.body)
            made.raw_headers = list(kept.headers)
            return made
        answer = make()
        whole = isinstance(answer, Response) and not isinstance(answer, StreamingResponse)
        if isinstance(answer, Response) and whole and answer.status_code == 200:
            self.keep(now, key, KeptAnswer(bytes(answer.body), list(answer.raw_headers), None))
        return answer


class Remembered:
    """Answers what was answered before, where the path is one of `KEPT_PATHS`."""

    def __init__(self, app: ASGIApp, answers: KeptAnswers) -> None:
        self._app, self._answers = app, answers

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer a request."""
        if scope["type"] != "http" or scope["method"] != "GET" or not KEPT_PATHS.fullmatch(_path(scope)):
            await self._app(scope, receive, send)
            return
        answers, packed = self._answers, Headers(scope=scope).get("accept-encoding", "")[:LONGEST_CODINGS]
        key = (scope.get("root_path"), scope["path"], scope["query_string"], packed)
        if answers.state.catalog.on_server:  # which takes time to tell
            now = await anyio.to_thread.run_sync(answers.now)
        else:
            now = answers.now()
        kept = answers.get(now, key)
        if kept is not None:
            scope["route"] = kept.route
            await send({"type": "http.response.start", "status": 200, "headers": list(kept.headers)})
            await send({"type": "http.response.body", "body": kept.body})
            return
        headers: list[tuple[bytes, bytes]] | None = None

        async def noting(message: Message) -> None:
            nonlocal headers
            if message["type"] == "http.response.start":
                headers = list(message["headers"]) if message["status"] == 200 else None
            elif headers is not None and not message.get("more_body", False):
                body = bytes(message.get("body", b""))
                if any(name == b"content-length" and int(n) == len(body) for name, n in headers):
                    answers.keep(now, key, KeptAnswer(body, headers, scope.get("route")))
            await send(message)

        await self._app(scope, receive, noting)


def _path(scope: Scope) -> str:
    """Return the path below that of the service."""
    path: str = scope["path"]
    return path.removeprefix(scope.get("root_path", ""))
