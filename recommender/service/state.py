"""What the service serves: the catalogue, the active bundle, and the index as it was last published.

An ingest changes the catalogue track by track and publishes the index at its end. The service answers from
the index that it holds until a newer one is published, and builds one itself where nobody else is writing.
"""

import logging
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Final

from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.orm import Session

from classifier.errors import ClassifierError
from classifier.model.bundle import Bundle
from db.errors import CatalogBusyError, CatalogError
from db.features import vectors_token
from db.session import Catalog
from recommender import params
from recommender.errors import HomeLockedError, RecommenderError
from recommender.home import Home
from recommender.retrieval.index.files import read_sidecar
from recommender.retrieval.index.segment_index import SegmentIndex
from recommender.retrieval.index.store import open_index

LOG = logging.getLogger("deepcuts")

PASSING: Final = (SQLAlchemyError, OSError, SystemError)
"""What may go wrong once and not again; Python 3.11 raises the last where two threads parse at once."""


@dataclass(frozen=True)
class Held:
    """What is in memory: a bundle, the index of its trunk, and the token of the vectors in that."""

    bundle: Bundle
    index: SegmentIndex
    token: str | None


class State:
    """The catalogue and what is held of it, shared by all requests.

    Parameters
    ----------
    home
        Its catalogue is made where there is none yet.
    """

    def __init__(self, home: Home) -> None:
        self.home = home
        self.catalog: Catalog = home.catalog()
        self.started_s = time.time()
        self._refreshing = threading.Lock()
        self._turns = threading.BoundedSemaphore(params.TURNS)
        self._writers = threading.BoundedSemaphore(params.WRITERS)
        self._stop = threading.Event()
        self._watcher = threading.Thread(target=self._watch, name="index", daemon=True)
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
        with self._turns, self.catalog.snapshot() as session:
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
        self.home.close()

    def refresh(self) -> None:
        """Take up a newer bundle or index, where there is one and nobody is writing."""
        with self._refreshing:
            held, bundle = self._held, self.home.bundle()
            with self.session() as session:
                token = vectors_token(session)
            if bundle.bundle_id == held.bundle.bundle_id and token == held.token:
                return
            sidecar = read_sidecar(self.home.index_dir)
            published = sidecar is not None and (sidecar.trunk_id, sidecar.vectors_token) == (
                bundle.trunk_id,
                token,
            )
            still, self._seen = token == self._seen, token
            if published or self._nobody_writes(still=still):
                self._held = self._load()

    def _nobody_writes(self, *, still: bool) -> bool:
        """Whether the writer lock is free; in a home that may only be read, whether nothing changes."""
        try:
            with self.home.writer_lock():
                return True
        except HomeLockedError:
            return False
        except RecommenderError:
            return still

    def _load(self) -> Held:
        bundle = self.home.bundle()
        with self.session() as session:
            token = vectors_token(session)
        index, _ = open_index(self.catalog, self.home.index_dir, bundle.trunk_id)
        return Held(bundle, index, token)

    def _watch(self) -> None:
        said = ""
        while not self._stop.wait(params.LOOK_FOR_INDEX_S):
            try:
                self.refresh()
                said = ""
            except (CatalogError, ClassifierError, RecommenderError, *PASSING) as error:
                # A server that is away, a bundle that was taken away: what is held goes on answering.
                if str(error) != said:  # once, not every other second for a night
                    LOG.warning("the catalogue could not be looked at: %s", error)
                said = str(error)
