"""The catalogue in two dimensions over HTTP; new songs are put on it in the background, after each ingest."""

import hashlib
import json
import logging
import threading
from typing import Any

from fastapi import APIRouter, Request
from fastapi.responses import Response
from sqlalchemy.exc import SQLAlchemyError

from classifier.files import make_folder, replace_file
from db.errors import CatalogError
from db.listening.map_places import layout_state
from db.tracks import labels_by_id
from recommender.errors import RecommenderError
from recommender.map.layout import map_points
from recommender.map.places import Layout, kept_layout
from recommender.service.dependencies import TheHeld, TheState
from recommender.service.http.problems import JsonResponse
from recommender.service.http.troubles import RETRY_S
from recommender.service.rest.models import Computing, MapAnswer
from recommender.service.shared import Kind
from recommender.service.state import Held, State

router = APIRouter(tags=["catalogue"])
LOG = logging.getLogger("deepcuts")

KEPT = 4
"""Maps of older indexes that stay in the cache."""
FORMAT = 2
"""Of the kept maps: a song without a genre said none in the first."""


class Maps:
    """Computes maps, one at a time, and keeps them in the home's cache.

    Parameters
    ----------
    state
        Of the service.
    """

    def __init__(self, state: State) -> None:
        self._state, self._folder = state, state.home.cache_dir / "maps"
        self._lock = threading.Lock()
        self._ready: tuple[str, list[dict[str, Any]]] | None = None
        self._running: threading.Thread | None = None
        self._failed: str | None = None

    def get(self, held: Held) -> list[dict[str, Any]] | None:
        """Return the map of what is held, or None while it is being computed.

        Raises
        ------
        RecommenderError
            If that went wrong; the next call tries again.
        """
        name = _name(held, self._number())
        with self._lock:
            if self._failed == name:
                self._failed = None
                raise RecommenderError("the map cannot be computed; the service's log says why")
            if self._ready is not None and self._ready[0] == name:
                return self._ready[1]
            if self._running is None or not self._running.is_alive():
                stored = self._stored(name) if len(held.index) else []
                if stored is not None:
                    self._ready = (name, stored)
                    return stored
                if not self._state.board.take(Kind.MAPS, 1):
                    return None  # another process computes it
                self._running = threading.Thread(target=self._compute, args=(held, name), daemon=True)
                self._running.start()
        return None

    def _stored(self, name: str) -> list[dict[str, Any]] | None:
        try:
            found: list[dict[str, Any]] = json.loads((self._folder / name).read_bytes())
        except (OSError, ValueError):
            return None
        return found

    def _compute(self, held: Held, name: str) -> None:
        try:
            self._compute_and_keep(held, name)
        finally:
            self._state.board.give_back(Kind.MAPS)

    def _compute_and_keep(self, held: Held, name: str) -> None:
        points = None
        try:
            with self._state.catalog.snapshot() as session:
                layout = kept_layout(session, held.bundle)
                points = map_points(session, held.bundle, layout.track_ids, layout.points)
        finally:  # an error is written to the log by the thread
            self._failed = name if points is None else None
        tracks = [
            {
                "track_id": p.track_id,
                "title": p.title,
                "artist": p.artist,
                "x": round(p.x, 4),
                "y": round(p.y, 4),
                "genre": p.genre,
            }
            for p in points
        ]
        self._store(layout)
        name = _name(held, self._number())
        self._keep(name, tracks)
        with self._lock:
            self._ready = (name, tracks)

    def _number(self) -> int:
        """Return the number of the layout that is stored: another whenever all is laid out anew."""
        with self._state.view() as session:
            return int(layout_state(session).get("number", 0))

    def _store(self, layout: Layout) -> None:
        try:
            with self._state.change() as session:
                layout.keep(session)
        except (CatalogError, SQLAlchemyError) as error:  # then it is laid out again another time
            LOG.warning("the places on the map could not be stored: %s", error)

    def _keep(self, name: str, tracks: list[dict[str, Any]]) -> None:
        try:
            make_folder(self._folder)
            replace_file(self._folder / name, json.dumps(tracks).encode(), private=True)
            older = sorted(self._folder.glob("*.json"), key=lambda path: -path.stat().st_mtime)[KEPT:]
            for path in older:
                path.unlink(missing_ok=True)
        except OSError:
            return  # a full disk, or a home that may only be read: it stays in memory


def _name(held: Held, number: int) -> str:
    key = f"{FORMAT} {number} {held.bundle.bundle_id} {held.token}".encode()
    return f"{hashlib.blake2b(key, digest_size=12).hexdigest()}.json"


@router.get(
    "/api/map",
    response_model=MapAnswer,
    responses={202: {"model": Computing, "description": "It is being computed; ask again."}},
)
def get_map(request: Request, state: TheState, held: TheHeld) -> Response:
    """Return the catalogue in two dimensions: tracks that sound alike lie near each other."""
    maps: Maps = request.app.state.maps
    tracks = maps.get(held)
    if tracks is None:
        return JsonResponse({"status": "computing"}, 202, {"Retry-After": str(RETRY_S)})
    with state.catalog.snapshot() as session:
        labels = labels_by_id(session)
    shown = [{**track, "genre": labels.get(track["track_id"], track["genre"])} for track in tracks]
    return JsonResponse({"status": "ready", "tracks": shown})
