"""The service: what is asked over HTTP, to the same answers as the commands give."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from http import HTTPStatus
from importlib.metadata import version

from fastapi import FastAPI
from fastapi.responses import Response
from starlette.datastructures import Headers, MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from recommender import params
from recommender.params import APP_NAME
from recommender.service import page, rest, subsonic
from recommender.service.auth import Credentials, is_known_host
from recommender.service.problems import JsonResponse, add_problems, problem
from recommender.service.rest_map import Maps
from recommender.service.state import State
from recommender.service.subsonic_genres import HeardGenres
from recommender.service.uploads import Uploads

OPEN_PATHS = frozenset(("/health",))
SUBSONIC = "/rest/"
"""OpenSubsonic has its own credentials and its own errors."""

SAFE_HEADERS = {
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
    "X-Frame-Options": "DENY",
    "Content-Security-Policy": "default-src 'self'; img-src 'self' data: blob:; style-src 'self'; "
    "media-src 'self' blob:; object-src 'none'; base-uri 'none'; frame-ancestors 'none'; form-action 'self'",
}


@dataclass(frozen=True)
class Settings:
    """How the service may be used.

    Attributes
    ----------
    credentials
        Without any, only this machine's own names for itself, and `hosts`, are answered.
    hosts
        Other names that it is asked by, in lower case.
    max_upload_bytes
        Of one uploaded file.
    """

    credentials: Credentials = field(default_factory=Credentials)
    hosts: frozenset[str] = frozenset()
    max_upload_bytes: int = params.MAX_UPLOAD_MB * 2**20


def create_app(state: State, settings: Settings) -> FastAPI:
    """Return the application; its state is started and closed with it."""
    uploads = Uploads(settings.max_upload_bytes)

    @asynccontextmanager
    async def lifespan(_app: FastAPI) -> AsyncIterator[None]:
        state.start()
        yield
        uploads.hearing.close()
        state.close()

    app = FastAPI(
        title=APP_NAME,
        version=version(APP_NAME),
        summary="Music recommendation by the sound itself.",
        lifespan=lifespan,
        docs_url=None,  # its page would load from another host
        redoc_url=None,
        default_response_class=JsonResponse,
    )
    app.state.deepcuts, app.state.settings = state, settings
    app.state.maps, app.state.uploads = Maps(state), uploads
    app.state.heard_genres = HeardGenres()
    add_problems(app)
    app.add_middleware(Guard, settings=settings)
    app.include_router(rest.router)
    app.include_router(subsonic.router)
    app.include_router(page.router)
    return app


class Guard:
    """Lets a request in, or refuses it before anything reads it; adds the headers that keep browsers safe."""

    def __init__(self, app: ASGIApp, settings: Settings) -> None:
        self._app, self._settings = app, settings

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer a request."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return

        async def send_safely(message: Message) -> None:
            if message["type"] == "http.response.start":
                headers = MutableHeaders(scope=message)
                for name, value in SAFE_HEADERS.items():
                    headers.setdefault(name, value)
            await send(message)

        refused = self._refusal(scope["path"], Headers(scope=scope))
        await (refused or self._app)(scope, receive, send_safely)

    def _refusal(self, path: str, headers: Headers) -> Response | None:
        credentials, subsonic_path = self._settings.credentials, path.startswith(SUBSONIC)
        if not credentials and not is_known_host(headers.get("host", ""), self._settings.hosts):
            return problem(HTTPStatus.MISDIRECTED_REQUEST, "this service is not known by that host name")
        # A page of another site, open in the user's browser, must not use what that browser may.
        visit = headers.get("sec-fetch-mode") == "navigate" and path == "/"
        foreign = headers.get("sec-fetch-site") == "cross-site" and not visit
        if foreign and not (credentials and subsonic_path):
            return problem(HTTPStatus.FORBIDDEN, "the service answers no other site's pages")
        if not credentials or path in OPEN_PATHS or subsonic_path or credentials.opens(headers):
            return None
        challenge = {"WWW-Authenticate": f'Basic realm="{APP_NAME}", charset="UTF-8"'}
        return problem(HTTPStatus.UNAUTHORIZED, "credentials are missing or wrong", challenge)
