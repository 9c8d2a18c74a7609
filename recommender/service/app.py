"""The service: what is asked over HTTP, to the same answers as the commands give."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from importlib.metadata import version

import anyio.to_thread
from fastapi import FastAPI

from recommender import params
from recommender.params import APP_NAME
from recommender.service.access import Guard, Settings
from recommender.service.decoding.covers import Covers
from recommender.service.decoding.pictures import Pictures
from recommender.service.decoding.uploads import Uploads
from recommender.service.http import static_page
from recommender.service.http.head_requests import Heads
from recommender.service.http.login_throttle import WrongLogins
from recommender.service.http.problems import JsonResponse, add_problems
from recommender.service.metrics import Measured, Metrics
from recommender.service.rest import router as rest
from recommender.service.rest.catalogue import Vocabulary
from recommender.service.rest.maps import Maps
from recommender.service.state import State
from recommender.service.subsonic import router as subsonic
from recommender.service.subsonic.genres import HeardGenres


def create_app(state: State, settings: Settings) -> FastAPI:
    """Return the application; its state is started and closed with it."""
    uploads, covers = Uploads(settings.max_upload_bytes), Covers()
    pictures = Pictures(state.home.cache_dir / "pictures")

    @asynccontextmanager
    async def lifespan(_app: FastAPI) -> AsyncIterator[None]:
        anyio.to_thread.current_default_thread_limiter().total_tokens = params.THREADS
        state.start()
        yield
        uploads.hearing.close()
        pictures.hearing.close()
        covers.decoder.close()
        state.close()

    app = FastAPI(
        title=APP_NAME,
        version=version(APP_NAME),
        summary="Music recommendation by the sound itself.",
        lifespan=lifespan,
        docs_url=None,  # its page would load from another host
        redoc_url=None,
        redirect_slashes=False,  # it would name the host that the request names
        default_response_class=JsonResponse,
    )
    app.state.deepcuts, app.state.settings = state, settings
    app.state.heard_genres = HeardGenres()
    app.state.maps, app.state.uploads, app.state.vocabulary = Maps(state), uploads, Vocabulary()
    app.state.pictures, app.state.covers = pictures, covers
    app.state.metrics = Metrics(state, uploads)
    app.state.wrong_logins = WrongLogins()
    add_problems(app)
    app.add_middleware(Heads)
    app.add_middleware(Guard, settings=settings, wrong_logins=app.state.wrong_logins)
    app.add_middleware(Measured, metrics=app.state.metrics)
    app.include_router(rest.router)
    app.include_router(subsonic.router)
    app.include_router(static_page.router)
    return app
