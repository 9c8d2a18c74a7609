"""HEAD wherever GET is answered: the same answer without its body (RFC 9110, section 9.3.2)."""

from contextlib import suppress
from http import HTTPStatus

from starlette.types import ASGIApp, Message, Receive, Scope, Send


class _EnoughError(Exception):
    """The rest of the answer is not wanted."""


class Heads:
    """Answers HEAD as GET where no route answers it itself; what the body would be is not worked out."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer a request."""
        if scope["type"] != "http" or scope["method"] != "HEAD":
            await self._app(scope, receive, send)
            return
        # Only GET may ask for a range.
        headers = [(name, value) for name, value in scope["headers"] if name != b"range"]
        instead = {**scope, "method": "GET", "headers": headers}
        refused = False

        async def unless_refused(message: Message) -> None:
            nonlocal refused
            if message["type"] == "http.response.start":
                refused = message["status"] == HTTPStatus.METHOD_NOT_ALLOWED
            if not refused:
                await send(message)

        await self._app(scope, receive, unless_refused)
        if refused:
            await self._without_body(instead, receive, send)
            if "route" in instead:
                scope["route"] = instead["route"]  # by which it is counted

    async def _without_body(self, scope: Scope, receive: Receive, send: Send) -> None:
        async def head_only(message: Message) -> None:
            await send(message)
            if message["type"] == "http.response.start":
                await send({"type": "http.response.body", "body": b"", "more_body": False})
                raise _EnoughError

        with suppress(_EnoughError):
            await self._app(scope, receive, head_only)
