"""The service: what is asked over HTTP, to the same answers as the commands give."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from importlib.metadata import version

import anyio.to_thread
from fastapi import FastAPI
from starlette_compress import CompressMiddleware

from recommender import params
from recommender.params import APP_NAME
from recommender.service.access import AccessSettings, Guard
from recommender.service.audiomuse import router as audiomuse
from recommender.service.decoding.covers import Covers
from recommender.service.decoding.overviews import Overviews
from recommender.service.decoding.transcoding import Transcoder
from recommender.service.decoding.upload_receiver import Uploads
from recommender.service.http import guide, static_page
from recommender.service.http.head_requests import Heads
from recommender.service.http.login_throttle import WrongLogins
from recommender.service.http.problems import JsonResponse, add_problems
from recommender.service.http.proxies import Proxied
from recommender.service.kept_answers import KeptAnswers, Remembered
from recommender.service.metrics import Measured, Metrics
from recommender.service.rest import router as rest
from recommender.service.rest.catalogue import Vocabulary
from recommender.service.rest.maps import Maps
from recommender.service.rest.mixes import Mixes
from recommender.service.state import State
from recommender.service.subsonic import router as subsonic
from recommender.service.subsonic.genres import PredictedGenres
from recommender.service.subsonic.known_ids import KnownIds
from recommender.service.subsonic.listening import PlayNotes


def create_app(state: State, settings: AccessSettings) -> FastAPI:
    """Return the application; its state is started and closed with it."""

    @asynccontextmanager
    async def lifespan(_app: FastAPI) -> AsyncIterator[None]:
        anyio.to_thread.current_default_thread_limiter().total_tokens = params.THREADS
        state.start()
        yield
        _release(app)
        state.close()

    app = FastAPI(
        title=APP_NAME,
        version=version(APP_NAME),
        summary="Music recommendation by the sound itself.",
        lifespan=lifespan,
        docs_url=None,  # its page would load from another host; ours is of the page's files
        redoc_url=None,
        redirect_slashes=False,  # it would name the host that the request names
        default_response_class=JsonResponse,
    )
    _equip(app, state, settings)
    add_problems(app)
    app.add_middleware(CompressMiddleware)  # text alone: audio and pictures are packed already
    app.add_middleware(Remembered, answers=app.state.answers)
    app.add_middleware(Heads)
    app.add_middleware(Guard, settings=settings, wrong_logins=app.state.wrong_logins)
    app.add_middleware(Measured, metrics=app.state.metrics)
    app.add_middleware(Proxied, root_path=settings.root_path, trusted=settings.proxies)
    app.include_router(static_page.router)  # asked for most often, and so looked for first
    app.include_router(rest.router)
    app.include_router(audiomuse.router)
    app.include_router(subsonic.router)
    app.include_router(guide.router)
    return app


def _equip(app: FastAPI, state: State, settings: AccessSettings) -> None:
    """Give the application what its requests are answered with."""
    board, cache = state.board, state.home.cache_dir
    uploads = Uploads(settings.max_upload_bytes, board=board)
    app.state.deepcuts, app.state.settings = state, settings
    app.state.predicted_genres, app.state.play_notes = PredictedGenres(), PlayNotes(state)
    app.state.mixes = Mixes(state)
    app.state.maps, app.state.uploads, app.state.vocabulary = Maps(state), uploads, Vocabulary()
    app.state.overviews, app.state.covers = Overviews(cache / "pictures"), Covers(folder=cache / "covers")
    app.state.transcoder = Transcoder(cache / "transcoded", board)
    app.state.metrics = Metrics(state, uploads)
    app.state.board, app.state.wrong_logins = board, WrongLogins(board=board)
    app.state.answers, app.state.known_ids = KeptAnswers(state), KnownIds()


def _release(app: FastAPI) -> None:
    """End the processes and threads that answer."""
    app.state.uploads.analyser.close()
    app.state.overviews.analyser.close()
    app.state.covers.decoder.close()
    app.state.transcoder.close()
    app.state.play_notes.close()
