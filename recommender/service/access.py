"""Lets requests in, or refuses them before anything reads them."""

import asyncio
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from http import HTTPStatus
from typing import Final

from fastapi import HTTPException
from fastapi.responses import Response
from starlette.datastructures import Headers, MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from recommender import params
from recommender.params import APP_NAME
from recommender.service.http.auth import (
    OPEN_PATHS,
    Credentials,
    is_known_host,
    is_meant,
    is_named,
    is_same_site,
    user_of,
)
from recommender.service.http.login_throttle import WrongLogins
from recommender.service.http.problems import SAFE_HEADERS, problem
from recommender.service.http.proxies import ASKED_HOST
from recommender.service.subsonic.router import ACTIONS
from recommender.service.subsonic.sound.stream_plan import StreamRequest

SUBSONIC: Final = "/rest/"
"""OpenSubsonic has its own credentials and its own errors."""
UPLOADS: Final = frozenset(("/api/classify", "/api/similar"))
"""They keep their own bounds."""
VISITED: Final = frozenset(("/", "/docs", "/guide"))
"""Pages that a link on another site may lead to."""
SAFE_METHODS: Final = frozenset(("GET", "HEAD", "OPTIONS"))


@dataclass(frozen=True)
class AccessSettings:
    """How the service may be used.

    Attributes
    ----------
    credentials
        Without any, only this machine's own names for itself, and `hosts`, are answered.
    hosts
        Other names that it is asked by, in lower case.
    max_upload_bytes
        Of one uploaded file.
    root_path
        Path that the service is asked below, "" for none.
    proxies
        Addresses and networks of those whose word on a request's origin counts.
    player_limits
        What music players are sent at most, by what they call themselves, in lower case.
    """

    credentials: Credentials = field(default_factory=Credentials)
    hosts: frozenset[str] = frozenset()
    max_upload_bytes: int = params.MAX_UPLOAD_MB * 2**20
    root_path: str = ""
    proxies: tuple[str, ...] = params.PROXIES
    player_limits: Mapping[str, StreamRequest] = field(default_factory=dict)


class Guard:
    """Lets a request in, or refuses it; bounds what it sends; adds the headers that keep browsers safe."""

    def __init__(self, app: ASGIApp, settings: AccessSettings, wrong_logins: WrongLogins) -> None:
        self._app, self._settings, self._wrong_logins = app, settings, wrong_logins

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer a request."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return

        started = False

        async def send_safely(message: Message) -> None:
            nonlocal started
            if message["type"] == "http.response.start":
                started = True
                headers = MutableHeaders(scope=message)
                for name, value in SAFE_HEADERS.items():
                    headers.setdefault(name, value)
            await send(message)

        headers = Headers(scope=scope)
        refused = self._refusal(scope, headers)
        if refused is not None:
            await refused(scope, receive, send_safely)
            return
        bounded = receive if scope["path"] in UPLOADS else _bounded(receive)
        try:
            await self._app(scope, bounded, send_safely)
        except asyncio.CancelledError:  # the server is stopped, and will wait no longer; it is no fault
            if not started:
                stopped = problem(HTTPStatus.SERVICE_UNAVAILABLE, "the service is being stopped")
                await stopped(scope, receive, send_safely)

    def _refusal(self, scope: Scope, headers: Headers) -> Response | None:
        method, path = scope["method"], scope["path"]
        credentials, subsonic_path = self._settings.credentials, path.startswith(SUBSONIC)
        length = headers.get("content-length", "")
        if length and "transfer-encoding" in headers:  # a proxy before this might take it for two requests
            return problem(HTTPStatus.BAD_REQUEST, "the request has two lengths", {"Connection": "close"})
        names = {headers.get("host", ""), scope.get(ASKED_HOST, headers.get("host", ""))}
        if not credentials and not all(is_known_host(name, self._settings.hosts) for name in names):
            return problem(HTTPStatus.MISDIRECTED_REQUEST, "this service is not known by that host name")
        writes = _writes(method, path)
        # A page of another site, open in the user's browser, must not use what that browser may.
        visit = headers.get("sec-fetch-mode") == "navigate" and path in VISITED and method == "GET"
        foreign = not is_same_site(headers, reads=method in SAFE_METHODS and not writes) and not visit
        if foreign and not (credentials and subsonic_path):
            return problem(HTTPStatus.FORBIDDEN, "the service answers no other site's pages")
        if credentials and path not in OPEN_PATHS and not subsonic_path and not credentials.opens(headers):
            return self._not_let_in(scope, headers)
        if writes and not subsonic_path and not is_named(headers) and not is_meant(headers):
            return problem(HTTPStatus.FORBIDDEN, UNNAMED)
        if path not in UPLOADS and length.isdigit() and int(length) > params.LARGEST_BODY:
            return problem(HTTPStatus.REQUEST_ENTITY_TOO_LARGE, TOO_LARGE, {"Connection": "close"})
        return None

    def _not_let_in(self, scope: Scope, headers: Headers) -> Response:
        """Ask for credentials; where wrong ones were given too often, say when to come again."""
        given = "authorization" in headers or "x-api-key" in headers
        wait_s = self._wrong_logins.note(scope, "REST", user_of(headers)) if given else 0
        if wait_s:
            said = f"too many wrong logins; try again in {wait_s} s"
            return problem(HTTPStatus.TOO_MANY_REQUESTS, said, {"Retry-After": str(wait_s)})
        challenge = {"WWW-Authenticate": f'Basic realm="{APP_NAME}", charset="UTF-8"'}
        return problem(HTTPStatus.UNAUTHORIZED, "credentials are missing or wrong", challenge)


def _writes(method: str, path: str) -> bool:
    """Whether a request is to change something: in OpenSubsonic one of any method may."""
    if path.startswith(SUBSONIC):
        return path.removeprefix(SUBSONIC).removesuffix(".view") in ACTIONS
    return method not in SAFE_METHODS and path not in UPLOADS


UNNAMED: Final = (
    "what changes something must tell that it does not come from another site's page: send the header "
    "X-Requested-With (with any value), Authorization, X-API-Key, or Origin with the service's own address"
)
TOO_LARGE: Final = f"a request may have {params.LARGEST_BODY >> 10} KB at most"


def _bounded(receive: Receive) -> Receive:
    """Return what receives a request's body as long as it is neither too large nor too slow."""
    size, whole, until_s = 0, False, time.monotonic() + params.BODY_S

    async def received() -> Message:
        nonlocal size, whole
        if whole:
            return await receive()  # that the client is gone, which may take as long as it likes
        try:
            left_s = min(params.UPLOAD_IDLE_S, max(0.0, until_s - time.monotonic()))
            message = await asyncio.wait_for(receive(), left_s)
        except TimeoutError:
            said = "the request comes too slowly"
            raise HTTPException(HTTPStatus.REQUEST_TIMEOUT, said, {"Connection": "close"}) from None
        size += len(message.get("body", b""))
        whole = not message.get("more_body", False)
        if size > params.LARGEST_BODY:
            raise HTTPException(HTTPStatus.REQUEST_ENTITY_TOO_LARGE, TOO_LARGE, {"Connection": "close"})
        return message

    return received
