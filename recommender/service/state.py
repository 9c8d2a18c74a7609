"""What the service serves: the catalogue, the active bundle, and the index as it was last published.

An ingest changes the catalogue track by track and publishes the index at its end. The service answers from
the index that it holds until a newer one is published, and builds one itself where nobody else is writing.
"""

import itertools
import logging
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from typing import Final

from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.orm import Session

from classifier.errors import ClassifierError
from classifier.model.bundle import Bundle
from db.errors import CatalogBusyError, CatalogError, CatalogGoneError
from db.kept import LENT
from db.session import Catalog
from db.sound.features import vectors_token
from recommender import params
from recommender.errors import HomeLockedError, RecommenderError
from recommender.home import Home
from recommender.library.predictions import drop_old_predictions
from recommender.retrieval.index.files import read_sidecar
from recommender.retrieval.index.segment_index import SegmentIndex
from recommender.retrieval.index.store import open_index, published_index
from recommender.service.following import Following
from recommender.service.kept import Keeping, SoundFiles
from recommender.service.shared import Board

LOG = logging.getLogger("deepcuts")

TURNS: Final = params.CORES
"""So many answers that take work are worked on at once; threads that share Python only hinder each other."""
PASSING: Final = (SQLAlchemyError, OSError, SystemError)
"""What may go wrong once and not again; Python 3.11 raises the last where two threads parse at once."""


@dataclass(frozen=True)
class Held:
    """What is in memory: a bundle, the index of its trunk, and the token of the vectors in that; numbered."""

    bundle: Bundle
    index: SegmentIndex
    token: str | None
    number: int = field(default_factory=itertools.count().__next__)


class State:
    """The catalogue and what is held of it, shared by all requests.

    Parameters
    ----------
    home
        Its catalogue is made where there is none yet.
    board
        Shared by the processes of the service; None where this is the only one.
    """

    def __init__(self, home: Home, board: Board | None = None) -> None:
        self.home, self.board = home, board or Board()
        self.catalog: Catalog = home.existing_catalog() if self.board.is_again else home.catalog()
        self.catalog.stay_with_file()
        self._refreshing = threading.Lock()
        self._turns = threading.BoundedSemaphore(max(1, TURNS // self.board.workers))
        self._writers = threading.BoundedSemaphore(max(1, params.WRITERS // self.board.workers))
        self._stop = threading.Event()
        self._watcher = threading.Thread(target=self._watch, name="index", daemon=True)
        self._files = SoundFiles(home.arrays_dir, makes=self.board.owner)
        self._keeping = Keeping()
        follows = home.follows if self.board.owner else None
        self._following = None if follows is None else Following(home, follows)
        self._held = self._load()
        self._seen = self._held.token

    @property
    def held(self) -> Held:
        """The bundle and the index; a request reads this once and keeps to it."""
        return self._held

    @contextmanager
    def session(self) -> Iterator[Session]:
        """Give a session of the catalogue; what it changed is committed at its end."""
        with self.catalog.transaction() as session:
            yield session

    @contextmanager
    def snapshot(self) -> Iterator[Session]:
        """Give a session that sees the catalogue as it is now, for an answer that takes work.

        As many are worked on at once as there are processors, and some more wait less than if all did.
        """
        with self._turns, self.view() as session:
            yield session

    @contextmanager
    def view(self) -> Iterator[Session]:
        """Give a session that sees the catalogue as it is now, for an answer that takes little work."""
        with self.catalog.snapshot() as session:
            self._keeping.give(session, self.catalog.revision.now, self._files)
            yield session

    @contextmanager
    def change(self) -> Iterator[Session]:
        """Give a session in which what was read is still so when what follows from it is written.

        Raises
        ------
        CatalogBusyError
            If too many wait to write already: those who only read must have connections left.
        """
        with self._turn_to_write(), self.catalog.change() as session:
            session.info[LENT] = self._keeping.lend
            yield session

    @contextmanager
    def statement(self) -> Iterator[Session]:
        """Give a session for one statement that goes by what is there as it runs.

        Raises
        ------
        CatalogBusyError
            As of `change`.
        """
        with self._turn_to_write(), self.catalog.statement() as session:
            yield session

    @contextmanager
    def _turn_to_write(self) -> Iterator[None]:
        if not self._writers.acquire(timeout=params.WRITE_WAIT_S):
            raise CatalogBusyError("too many wait to write to the catalogue; try again")
        try:
            yield
        finally:
            self._writers.release()

    def start(self) -> None:
        """Begin to look for newer indexes, if that was not begun."""
        if self._watcher.ident is None:
            self._watcher.start()

    def close(self) -> None:
        """Stop looking, and close the catalogue."""
        self._stop.set()
        if self._watcher.is_alive():
            self._watcher.join(params.LOOK_FOR_INDEX_S)
        self._files.close()
        self.home.close()

    def refresh(self) -> None:
        """Take up a newer bundle or index, where there is one and nobody is writing."""
        with self._refreshing:
            token = self._token()
            self._follow(token)
            held, bundle = self._held, self.home.bundle()
            if bundle.bundle_id == held.bundle.bundle_id and token == held.token:
                return
            sidecar = read_sidecar(self.home.index_dir)
            published = sidecar is not None and (sidecar.trunk_id, sidecar.vectors_token) == (
                bundle.trunk_id,
                token,
            )
            still, self._seen = token == self._seen, token
            if published or (self.board.owner and self._is_to_build(still=still)):
                self._held = self._load()
            elif sidecar is not None and sidecar.trunk_id == bundle.trunk_id:
                self._take_up_larger(bundle, sidecar.tracks)

    def _take_up_larger(self, bundle: Bundle, tracks: int) -> None:
        """Take up an index of more tracks, which an ingest that goes on has published meanwhile."""
        if tracks > len(self._held.index.rows.track_ids):
            found = published_index(self.catalog, self.home.index_dir, bundle.trunk_id)
            if found is not None:
                self._held = Held(bundle, *found)

    def _is_to_build(self, *, still: bool) -> bool:
        """Whether to build the index here; who follows another home gives that one the time for it."""
        return (still or self._following is None) and self._nobody_writes(still=still)

    def _nobody_writes(self, *, still: bool) -> bool:
        """Whether the writer lock is free; in a home that may only be read, whether nothing changes."""
        try:
            with self.home.writer_lock(wait_s=0):
                return True
        except HomeLockedError:
            return False
        except RecommenderError:
            return still

    def _follow_file(self) -> None:
        """Open the catalogue that is in the place of the one that was opened, if it is another.

        Raises
        ------
        CatalogError, RecommenderError
            If there is none, or it cannot be opened yet.
        """
        try:
            self.catalog.check_file()
        except CatalogGoneError:
            if not self.home.catalog_path.exists():
                raise
            self.catalog.leave_file()
            self.catalog = self.home.existing_catalog()
            self.catalog.stay_with_file()
            self._held = self._load()
            self._seen = self._held.token

    def _load(self) -> Held:
        token = self._token()
        self._follow(token)
        bundle = self.home.bundle()
        self._note_bundle(bundle)
        index, _ = open_index(self.catalog, self.home.index_dir, bundle.trunk_id)
        return Held(bundle, index, token)

    def _token(self) -> str | None:
        with self.session() as session:
            return vectors_token(session)

    def _follow(self, token: str | None) -> None:
        """Take over what the home has that this one follows, if there is one and this process sees to it."""
        if self._following is not None:
            self._following.take_over(token)

    def _note_bundle(self, bundle: Bundle) -> None:
        """Tell other homes that the predictions of this bundle are needed, where that may be written.

        Where this home follows another, nobody else drops those that it was the last to need.
        """
        if self.board.owner:
            with suppress(CatalogError):
                is_another = self.home.note_bundle(self.catalog, bundle.bundle_id)
                if is_another and self._following is not None:
                    drop_old_predictions(self.catalog, bundle)

    def _watch(self) -> None:
        said, wait_s = "", 0.0
        while not self._stop.wait(wait_s):
            wait_s = params.LOOK_FOR_INDEX_S
            try:
                self._follow_file()
                self.refresh()
                held = self._held
                self._files.look(self.catalog, held.bundle, held.index, held.token)
                said = ""
            except (CatalogError, ClassifierError, RecommenderError, *PASSING) as error:
                # A server that is away, a bundle that was taken away: what is held goes on answering.
                # Once, not every other second for a night, nor by every process.
                if str(error) != said and self.board.owner:
                    LOG.warning("the catalogue could not be looked at: %s", error)
                said = str(error)
