"""Open the catalogue: in a file or on a server, its schema up to date, and its transactions."""

import logging
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from sqlalchemy import URL, Engine
from sqlalchemy.exc import DBAPIError, InvalidRequestError
from sqlalchemy.orm import Session

from db.backends import server, sqlite_errors
from db.backends.revision import Revision
from db.backends.server import LONGEST_PATH, WriterLock, server_engine, server_url
from db.backends.sqlite_file import KeptFile, file_engine
from db.errors import CatalogError, CatalogGoneError
from db.schema.upgrade import bring_up_to_date
from db.tracks_token import CatalogSession

# Ctrl-C while a connection is being reset is raised as well: nothing is to be printed beside it.
logging.getLogger("sqlalchemy.pool").addHandler(logging.NullHandler())


@contextmanager
def explained(engine: Engine) -> Iterator[None]:
    """Turn what a database, its disk or its server says into a `CatalogError` of one plain line.

    Faults of ours, and rows that the tables refuse (`sqlalchemy.exc.IntegrityError`), are left as they are.
    """
    try:
        yield
    except DBAPIError as error:
        if engine.dialect.name == "sqlite":
            found = sqlite_errors.explained(error, str(engine.url.database))
        else:
            found = server.explained(error, engine.url) if server.of_server(error) else None
        if found is None:
            raise
        raise found from error
    except (AssertionError, InvalidRequestError) as error:
        if isinstance(
            error.__context__, KeyboardInterrupt
        ):  # in the middle of what SQLAlchemy does at the end
            raise KeyboardInterrupt from error
        raise
    except MemoryError as error:  # SQLite's driver says so, too
        raise CatalogError(sqlite_errors.OUT_OF_MEMORY) from error


class Catalog:
    """A catalogue whose schema is up to date.

    Parameters
    ----------
    engine
        Of its database.
    make
        Makes the tables where there are none yet.

    Attributes
    ----------
    on_server
        Whether the database is on a server.
    longest_path
        Bytes of the longest path that it can hold; None where the file system's limit is the only one.
    writer_lock
        The server's writer lock while it is held: no transaction is begun once it is lost.
    revision
        Tells whether anybody has written.

    Raises
    ------
    CatalogError
        If it is not a catalogue, or was written by a newer version.
    NoCatalogError
        If there are no tables and none are to be made.
    """

    def __init__(self, engine: Engine, *, make: bool = True) -> None:
        self.engine = engine
        self.on_server = engine.dialect.name != "sqlite"
        self.longest_path = LONGEST_PATH if self.on_server else None
        self.writer_lock: WriterLock | None = None
        self.revision = Revision(engine)
        self._file: KeptFile | None = None
        try:
            with explained(engine):
                bring_up_to_date(engine, make=make)
        except BaseException:
            engine.dispose()
            raise

    def stay_with_file(self) -> None:
        """Have nothing to do from now on with another file in the place of this one.

        Whoever holds a catalogue open for long would otherwise write into a file that nobody reads any more.
        """
        if not self.on_server:
            self.revision.now()  # whose connection stays open
            self._file = KeptFile(Path(str(self.engine.url.database)))

    def check_file(self) -> None:
        """Look whether the file is the one that was opened.

        Raises
        ------
        CatalogGoneError
            If it is not, where `stay_with_file` was called.
        """
        if self._file is not None and not self._file.is_there():
            raise CatalogGoneError(f"{self.engine.url.database} was moved, replaced or deleted")

    def leave_file(self) -> None:
        """Close all connections to a file that another is in the place of.

        Raises
        ------
        CatalogError
            If somebody still reads or writes it.
        """
        self.revision.close()
        if self._file is not None:
            with explained(self.engine):
                self._file.leave(self.engine)

    @contextmanager
    def transaction(self) -> Iterator[Session]:
        """Give a session whose changes are all committed, or none of them.

        Raises
        ------
        CatalogError
            If the disk or the server does not do it, at the end too: nothing is changed then. A
            `LockLostError` if the server lets others write although the writer lock should keep them away,
            a `CatalogGoneError` as of `check_file`.
        """
        self.check_file()
        with self._transaction() as session:
            yield session
            self.check_file()  # before it is committed: what is told to have failed is not done …
        self.check_file()  # … but for what happens in this moment

    @contextmanager
    def _transaction(self) -> Iterator[Session]:
        with (
            explained(self.engine),
            CatalogSession(self.engine, expire_on_commit=False) as session,
            session.begin(),
        ):
            if self.writer_lock is not None:
                self.writer_lock.check(session.connection())
            yield session

    @contextmanager
    def snapshot(self) -> Iterator[Session]:
        """Give a session that sees the catalogue as it is at its first query, whoever writes meanwhile."""
        with self.transaction() as session:
            if not self.on_server:  # a server's transactions do so by themselves
                session.connection().exec_driver_sql("BEGIN")
            yield session

    @contextmanager
    def change(self) -> Iterator[Session]:
        """Give a session in which what was read is still so when what follows from it is written.

        In a file nobody else writes meanwhile; a server ends the later of two such changes with an error.
        """
        with self.transaction() as session:
            if not self.on_server:
                session.connection().exec_driver_sql("BEGIN IMMEDIATE")
            yield session

    @contextmanager
    def statement(self) -> Iterator[Session]:
        """Give a session for one statement that goes by what is there as it runs.

        Those that come at once wait for each other, on a server too, and none of them fails.
        """
        with self.transaction() as session:
            if self.on_server and self.writer_lock is None:
                session.connection(execution_options={"isolation_level": "READ COMMITTED"})
            yield session

    def close(self) -> None:
        """Close all connections."""
        self.revision.close()
        self.engine.dispose()


def open_catalog(path: Path) -> Catalog:
    """Open the SQLite catalogue at a path, making it if absent."""
    return Catalog(file_engine(path))


def open_server_catalog(url: str | URL, *, make: bool = True) -> Catalog:
    """Open the catalogue on a PostgreSQL server, making it if absent.

    Parameters
    ----------
    url
        See `db.backends.server.server_url`.
    make
        Without it, a database that holds no catalogue is left as it is, and refused.

    Raises
    ------
    CatalogError
        If the address cannot be used; a `NoCatalogError` if there is none and none is to be made.
    """
    return Catalog(server_engine(server_url(url) if isinstance(url, str) else url), make=make)
