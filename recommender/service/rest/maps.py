"""The catalogue in two dimensions over HTTP; new songs are put on it in the background, after each ingest."""

import hashlib
import logging
import threading
from typing import Any, Final, Literal

from fastapi import APIRouter, Request
from fastapi.responses import Response
from pydantic import BaseModel, Field
from sqlalchemy.exc import SQLAlchemyError

from classifier.files import make_folder, replace_file
from db.errors import CatalogError
from db.listening.map_places import layout_state, map_facts
from db.tracks import labels_by_id
from recommender.errors import RecommenderError
from recommender.map.library_map import LibraryMap, library_map
from recommender.map.places import Layout, kept_layout
from recommender.presentation.map_answers import map_answer, map_columns
from recommender.service.dependencies import TheHeld, TheState
from recommender.service.http.problems import JsonResponse
from recommender.service.http.troubles import RETRY_S
from recommender.service.rest.models import Computing
from recommender.service.shared import Kind
from recommender.service.state import Held, State

router = APIRouter(tags=["catalogue"])
LOG = logging.getLogger("deepcuts")

KEPT = 4
"""Maps of older indexes that stay in the cache."""
FORMAT = 3
"""Of the kept maps: they have areas since the third."""


class MapTrack(BaseModel):
    """A track on the map; x and y in −1..1."""

    track_id: int
    title: str
    artist: str
    x: float
    y: float
    genre: str
    year: int | None
    tempo_bpm: float | None
    plays: int


class MapRegion(BaseModel):
    """A named area of the map, where many songs lie together."""

    name: str
    x: float
    y: float
    level: int = Field(ge=0, description="0 for areas of the whole map; 1 for those seen from nearer by.")
    tracks: int


class MapAnswer(BaseModel):
    """The catalogue in two dimensions."""

    status: Literal["ready"]
    tracks: list[MapTrack]
    regions: list[MapRegion]


class MapNames(BaseModel):
    """A column of names."""

    names: list[str]
    of: str = Field(description="Which of them each track has: 32 bits each, base64, low bytes first.")


class MapClasses(BaseModel):
    """What tracks are coloured by."""

    names: list[str]
    grey: int = Field(description="So many of the last names are grey: nothing, or nothing else, is known.")
    ordered: bool = Field(description="Whether the others are steps of a scale, the least first.")
    of: str = Field(description="Which of them each track is of: 8 bits each, base64.")


class MapColumns(BaseModel):
    """The catalogue in two dimensions, in columns: every one has `count` values, of the same tracks."""

    status: Literal["ready"]
    count: int
    track_ids: str = Field(description="32 bits each, base64, low bytes first.")
    x: str = Field(description="16 bits each, base64, low bytes first: 0..65535 for −1..1.")
    y: str = Field(description="As x.")
    titles: list[str]
    artists: MapNames
    labels: MapNames
    colours: dict[Literal["label", "decade", "tempo", "plays"], MapClasses]
    regions: list[MapRegion]


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
        self._ready: tuple[str, LibraryMap] | None = None
        self._running: threading.Thread | None = None
        self._failed: str | None = None

    def get(self, held: Held) -> LibraryMap | None:
        """Return the map of what is held, or None while it is being computed.

        Raises
        ------
        RecommenderError
            If that went wrong; the next call tries again.
        """
        name = self._name(held)
        with self._lock:
            if self._failed == name:
                self._failed = None
                raise RecommenderError("the map cannot be computed; the service's log says why")
            if self._ready is not None and self._ready[0] == name:
                return self._ready[1]
            if self._running is None or not self._running.is_alive():
                stored = self._stored(name) if len(held.index) else LibraryMap.nothing()
                if stored is not None:
                    self._ready = (name, stored)
                    return stored
                if not self._state.board.take(Kind.MAPS, 1):
                    return None  # another process computes it
                self._running = threading.Thread(target=self._compute, args=(held, name), daemon=True)
                self._running.start()
        return None

    def _stored(self, name: str) -> LibraryMap | None:
        try:
            return LibraryMap.unpacked((self._folder / name).read_bytes())
        except (OSError, ValueError):
            return None

    def _compute(self, held: Held, name: str) -> None:
        try:
            self._compute_and_keep(held, name)
        finally:
            self._state.board.give_back(Kind.MAPS)

    def _compute_and_keep(self, held: Held, name: str) -> None:
        drawn = None
        try:
            with self._state.catalog.snapshot() as session:
                layout = kept_layout(session, held.bundle)
                drawn = library_map(session, held.bundle, layout)
        finally:  # an error is written to the log by the thread
            self._failed = name if drawn is None else None
        self._store(layout)
        name = self._name(held)
        self._keep(name, drawn)
        with self._lock:
            self._ready = (name, drawn)

    def _name(self, held: Held) -> str:
        """Return the name of a map's file: another one for another layout, other songs, or other labels."""
        with self._state.view() as session:
            number, labels = layout_state(session).get("number", 0), sorted(labels_by_id(session).items())
        said = hashlib.blake2b(repr(labels).encode(), digest_size=12).hexdigest()
        key = f"{FORMAT} {number} {held.bundle.bundle_id} {held.token} {said}".encode()
        return f"{hashlib.blake2b(key, digest_size=12).hexdigest()}.json"

    def _store(self, layout: Layout) -> None:
        try:
            with self._state.change() as session:
                layout.keep(session)
        except (CatalogError, SQLAlchemyError) as error:  # then it is laid out again another time
            LOG.warning("the places on the map could not be stored: %s", error)

    def _keep(self, name: str, drawn: LibraryMap) -> None:
        try:
            make_folder(self._folder)
            replace_file(self._folder / name, drawn.packed(), private=True)
            older = sorted(self._folder.glob("*.json"), key=lambda path: -path.stat().st_mtime)[KEPT:]
            for path in older:
                path.unlink(missing_ok=True)
        except OSError:
            return  # a full disk, or a home that may only be read: it stays in memory


BEING_COMPUTED: Final[dict[int | str, dict[str, Any]]] = {
    202: {"model": Computing, "description": "It is being computed; ask again."}
}


@router.get("/api/map", response_model=MapAnswer, responses=BEING_COMPUTED)
def get_map(request: Request, state: TheState, held: TheHeld) -> Response:
    """Return the catalogue in two dimensions: tracks that sound alike lie near each other."""
    maps: Maps = request.app.state.maps
    drawn = maps.get(held)
    if drawn is None:
        return JsonResponse({"status": "computing"}, 202, {"Retry-After": str(RETRY_S)})
    with state.catalog.snapshot() as session:
        facts = map_facts(session)
    return JsonResponse(map_answer(drawn, facts))


@router.get("/api/map/columns", response_model=MapColumns, responses=BEING_COMPUTED)
def get_map_columns(request: Request, state: TheState, held: TheHeld) -> Response:
    """Return the same map in columns, with the classes of its colours: short to send for a large library."""
    maps: Maps = request.app.state.maps
    drawn = maps.get(held)
    if drawn is None:
        return JsonResponse({"status": "computing"}, 202, {"Retry-After": str(RETRY_S)})
    with state.catalog.snapshot() as session:
        facts = map_facts(session)
    return JsonResponse(map_columns(drawn, facts))
