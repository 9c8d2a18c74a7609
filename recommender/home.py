"""The home directory: catalogue, index, bundles, cache, and one writer at a time."""

import os
import uuid
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Final

from sqlalchemy import Engine

from classifier.errors import BundleError, in_words
from classifier.files import FILE, make_folder, replace_file
from classifier.model import bundle
from classifier.model.bundle import Bundle
from db.backends import server
from db.backends.sqlite_file import file_engine
from db.errors import CatalogBusyError, NoCatalogError
from db.session import Catalog, open_catalog, open_server_catalog
from db.sound.predictions import bundles_of, set_bundles_of
from recommender import params
from recommender.bundles import SHIPPED_NAME, BundleStore, copied, sweep_leftovers
from recommender.errors import HomeLockedError, RecommenderError

LOCK: Final = "writer.lock"
GO_BACK: Final = "choose another, or the one that comes with deepcuts: deepcuts train --use shipped"


class Home:
    """Where a user's catalogue lives.

    Parameters
    ----------
    path
        The directory; made when something is first written.
    database
        Address of the PostgreSQL server that the catalogue is on (`db.backends.server.server_url`); None
        for an SQLite file in the directory. All else is in the directory in either case.
    follows
        Another home on the same server, whose bundle and index a service of this one takes over.

    Raises
    ------
    CatalogError
        If the address is none.
    """

    def __init__(self, path: Path, database: str | None = None, follows: Path | None = None) -> None:
        self.path, self.follows = path, follows
        self._server = server.server_url(database) if database else None
        self._opened: list[Catalog] = []
        self._lock: server.WriterLock | None = None
        self.catalog_path = path / "catalog.sqlite"
        self.index_dir = path / "index"
        self.bundles_dir = path / "bundles"
        self.cache_dir = path / "cache"
        self.arrays_dir = self.cache_dir / "arrays"
        self._bundles = BundleStore(self.bundles_dir, self.cache_dir / "checked-bundles")
        self._id_path = path / "id"

    @property
    def catalog_name(self) -> str:
        """Where the catalogue is, as it can be shown."""
        return str(self.catalog_path) if self._server is None else server.server_name(self._server)

    @property
    def on_server(self) -> bool:
        """Whether the catalogue is on a server."""
        return self._server is not None

    def catalog(self) -> Catalog:
        """Open the catalogue, making it if absent."""
        try:
            opened = (
                open_catalog(self.catalog_path) if self._server is None else open_server_catalog(self._server)
            )
        except OSError as error:
            raise RecommenderError(
                f"the home directory {self.path} cannot be used: {in_words(error)}"
            ) from error
        return self._with_lock(opened)

    def engine(self) -> Engine:
        """Return what reaches the catalogue's database as it is; nothing is made, and nothing changed."""
        return (
            file_engine(self.catalog_path, make=False)
            if self._server is None
            else server.server_engine(self._server)
        )

    def catalog_if_any(self) -> Catalog | None:
        """Open the catalogue, or return None where nothing has been ingested yet."""
        if self._server is None:
            return self.catalog() if self.catalog_path.exists() else None
        try:
            return self._with_lock(open_server_catalog(self._server, make=False))
        except NoCatalogError:
            return None

    def _with_lock(self, opened: Catalog) -> Catalog:
        """Let a catalogue's transactions see that the writer lock, where it is held, still is."""
        self._opened.append(opened)
        opened.writer_lock = self._lock
        return opened

    def _hold(self, lock: server.WriterLock | None) -> None:
        self._lock = lock
        for opened in self._opened:
            opened.writer_lock = lock

    def close(self) -> None:
        """Close the connections of every catalogue that was opened here."""
        for catalog in self._opened:
            catalog.close()

    def existing_catalog(self) -> Catalog:
        """Open the catalogue, or say that nothing has been ingested yet."""
        catalog = self.catalog_if_any()
        if catalog is None:
            where = f"in {self.path}" if self._server is None else f"at {self.catalog_name}"
            raise RecommenderError(f"the catalogue {where} is empty; fill it with: deepcuts ingest FOLDER")
        return catalog

    @contextmanager
    def writer_lock(self, wait_s: float = server.LOCK_WAIT_S) -> Iterator[None]:
        """Hold the one writer lock of the home, and of the server that the catalogue is on.

        The system, and the server, release them however the process ends.

        Parameters
        ----------
        wait_s
            How long to wait for another: a service holds them for a moment to see that nobody writes.

        Raises
        ------
        HomeLockedError
            If another process holds one of them.
        """
        with ExitStack() as held:
            held.enter_context(self.folder_lock(wait_s))
            if self._server is not None:
                try:
                    self._hold(held.enter_context(server.server_writer_lock(self._server, wait_s)))
                except CatalogBusyError as error:
                    raise HomeLockedError(str(error)) from error
                held.callback(self._hold, None)
            yield

    @contextmanager
    def folder_lock(self, wait_s: float = 0.0) -> Iterator[None]:
        """Hold the lock of the home's files alone, as who changes nothing in the catalogue does.

        Raises
        ------
        HomeLockedError
            As of `writer_lock`.
        """
        from filelock import FileLock, Timeout

        try:
            for folder in (self.index_dir, self.bundles_dir, self.cache_dir):
                make_folder(folder)
            # Ours from the start: a mode that is asked of FileLock is set, which some file systems refuse.
            os.close(os.open(self.path / LOCK, os.O_WRONLY | os.O_CREAT, FILE))
            lock = FileLock(self.path / LOCK, timeout=wait_s)
            lock.acquire()
        except Timeout as error:
            raise HomeLockedError(
                f"another deepcuts is writing to {self.path}; wait until it is done, or stop it"
            ) from error
        except OSError as error:
            raise RecommenderError(
                f"the home directory {self.path} cannot be written: {in_words(error)}"
            ) from error
        try:
            sweep_leftovers(self.bundles_dir)
            yield
        finally:
            lock.release()

    def bundle(self) -> Bundle:
        """Load the active bundle: the one last activated here, else the shipped one.

        Raises
        ------
        BundleError
            If it cannot be used, or none is named; the text says how to choose another.
        """
        if not os.path.lexists(self._bundles.active_path):
            return bundle.load(bundle.SHIPPED)
        try:
            return self.find_bundle(self.active_name())
        except BundleError as error:
            raise BundleError(f"{error}; {GO_BACK}") from error

    def active_name(self) -> str:
        """Return the id of the active bundle, or ``shipped``; as of `BundleStore.active_name`."""
        return self._bundles.active_name()

    def note_bundle(self, catalog: Catalog, bundle_id: str, *, replaces: bool = True) -> bool:
        """Tell homes on the server whose predictions this one needs; return whether others' no more.

        Parameters
        ----------
        replaces
            Whether those of the bundle before it are not needed any more.
        """
        if not catalog.on_server:
            return False
        with catalog.transaction() as session:
            noted = bundles_of(session, self._id())
            wanted = [bundle_id] if replaces else list(dict.fromkeys([*noted, bundle_id]))
            if noted != wanted:
                set_bundles_of(session, self._id(), wanted)
        return bool(set(noted) - set(wanted))

    def _id(self) -> str:
        """Return the name by which a server knows this home, giving it one if it has none."""
        try:
            return self._id_path.read_text(encoding="utf-8").strip()
        except FileNotFoundError:
            make_folder(self.path)
            replace_file(self._id_path, uuid.uuid4().hex.encode(), private=True)
            return self._id()

    def find_bundle(self, name: str) -> Bundle:
        """Load a bundle of this home by its id, or the one that comes with the package as ``shipped``.

        Raises
        ------
        BundleError
            If there is none of this name, or it cannot be used.
        """
        shipped = bundle.load(bundle.SHIPPED)
        if name in (SHIPPED_NAME, shipped.bundle_id):
            return shipped
        return self._bundles.find(name)

    def take_bundle(self, name: str) -> Bundle:
        """Load a bundle by its id, by ``shipped``, or by the path of a directory, whose copy then is here.

        Whoever calls holds the writer lock.

        Raises
        ------
        BundleError, RecommenderError
            As of `find_bundle`, or if it cannot be copied.
        """
        if self._is_elsewhere(name):
            return self._bundles.take_in(Path(name))
        return self.find_bundle(name)

    @contextmanager
    def lent_bundle(self, name: str) -> Iterator[Bundle]:
        """Load a bundle as `take_bundle` does, but leave nothing of it here."""
        if not self._is_elsewhere(name):
            yield self.find_bundle(name)
            return
        with copied(Path(name)) as lent:
            yield lent

    def _is_elsewhere(self, name: str) -> bool:
        return name != SHIPPED_NAME and not self._bundles.has(name) and os.path.lexists(name)

    def activate(self, chosen: Bundle) -> None:
        """Make a bundle the active one: the shipped one, one of this home, or a copy of one from elsewhere.

        One that lies in this home is taken to be tried: it was trained, taken in or found here.

        Raises
        ------
        RecommenderError
            If the home cannot be written.
        """
        if chosen.path not in (bundle.SHIPPED, self.bundles_dir / chosen.bundle_id):
            chosen = self._bundles.take_in(chosen.path)
        try:
            make_folder(self.bundles_dir)
            if chosen.path != bundle.SHIPPED:
                self._bundles.note_checked(chosen.path)
            if self._bundles.active_path.is_dir():
                self._bundles.active_path.rmdir()
            name = SHIPPED_NAME if chosen.path == bundle.SHIPPED else chosen.bundle_id
            replace_file(self._bundles.active_path, name.encode(), private=True)
        except OSError as error:
            raise RecommenderError(
                f"{self._bundles.active_path} cannot be written: {in_words(error)}"
            ) from error


def default_home() -> Path:
    """Return the home directory that applies where none is named."""
    named = os.environ.get(params.HOME_VARIABLE)
    if named:
        return Path(named)
    import platformdirs

    return Path(platformdirs.user_data_dir(params.APP_NAME))
