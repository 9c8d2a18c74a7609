"""Open the catalogue: engine, pragmas, schema version, transactions."""

import logging
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final

from sqlalchemy import URL, Connection, Engine, create_engine, event, inspect, text
from sqlalchemy.exc import DatabaseError, DBAPIError
from sqlalchemy.orm import Session

from db.errors import CatalogError, NoCatalogError
from db.server import (
    LONGEST_PATH,
    WriterLock,
    check_encoding,
    explained,
    lock_upgrade,
    of_server,
    server_engine,
    server_url,
)

HEAD_REVISION: Final = "0003"
"""The newest migration; a test checks it against the scripts."""

BUSY_TIMEOUT_MS: Final = 30_000

# Ctrl-C while a connection is being reset is raised as well: nothing is to be printed beside it.
logging.getLogger("sqlalchemy.pool").addHandler(logging.NullHandler())


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
        try:
            _upgrade(engine, make=make)
        except DatabaseError as error:
            engine.dispose()
            raise self._unusable(error) from error
        except CatalogError:
            engine.dispose()
            raise

    @contextmanager
    def transaction(self) -> Iterator[Session]:
        """Give a session whose changes are all committed, or none of them.

        Raises
        ------
        CatalogError
            If the server, where there is one, cannot be reached any more, or does not allow it; a
            `LockLostError` if it lets others write although the writer lock should keep them away.
        """
        try:
            with Session(self.engine, expire_on_commit=False) as session, session.begin():
                if self.writer_lock is not None:
                    self.writer_lock.check(session.connection())
                yield session
        except DBAPIError as error:
            if not self.on_server or not of_server(error):
                raise
            raise self._unusable(error) from error

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
        self.engine.dispose()

    def _unusable(self, error: DBAPIError) -> CatalogError:
        if self.on_server:
            return explained(error, self.engine.url)
        name = self.engine.url.database
        if getattr(error.orig, "sqlite_errorname", "").startswith("SQLITE_READONLY"):
            return CatalogError(
                f"{name} may only be read; SQLite needs to write into it, and into its folder"
            )
        return CatalogError(f"{name} is not a catalogue that can be read: {error.orig}")


def open_catalog(path: Path) -> Catalog:
    """Open the SQLite catalogue at a path, making it if absent."""
    path.parent.mkdir(parents=True, exist_ok=True)
    engine = create_engine(URL.create("sqlite", database=str(path)))
    event.listen(engine, "connect", _set_pragmas)
    return Catalog(engine)


def open_server_catalog(url: str | URL, *, make: bool = True) -> Catalog:
    """Open the catalogue on a PostgreSQL server, making it if absent.

    Parameters
    ----------
    url
        See `db.server.server_url`.
    make
        Without it, a database that holds no catalogue is left as it is, and refused.

    Raises
    ------
    CatalogError
        If the address cannot be used; a `NoCatalogError` if there is none and none is to be made.
    """
    return Catalog(server_engine(server_url(url) if isinstance(url, str) else url), make=make)


def _set_pragmas(connection: Any, _record: object) -> None:
    cursor = connection.cursor()
    for pragma in (
        f"busy_timeout = {BUSY_TIMEOUT_MS}",
        "journal_mode = WAL",
        "synchronous = NORMAL",
        "foreign_keys = ON",
    ):
        cursor.execute(f"PRAGMA {pragma}")
    cursor.close()


def schema_revision(engine: Engine) -> str | None:
    """Return the catalogue's migration, or None for an empty database."""
    with engine.connect() as connection:
        return _revision(connection)


def _revision(connection: Connection) -> str | None:
    if not inspect(connection).has_table("alembic_version"):
        return None
    return connection.execute(text("SELECT version_num FROM alembic_version")).scalar()


def _upgrade(engine: Engine, *, make: bool) -> None:
    """Bring the schema up to date; Alembic is imported only when there is something to do."""
    revision = schema_revision(engine)
    if revision == HEAD_REVISION:
        return
    if revision is None and not make:
        raise NoCatalogError("the database holds no catalogue yet")
    if revision is not None and revision > HEAD_REVISION:
        raise CatalogError(
            f"the catalogue has schema {revision}, newer than {HEAD_REVISION}: use a newer deepcuts"
        )
    from alembic import command

    config = alembic_config()
    with _upgrading(engine) as connection:
        if _revision(connection) != HEAD_REVISION:
            config.attributes["connection"] = connection
            command.upgrade(config, "head")


@contextmanager
def _upgrading(engine: Engine) -> Iterator[Connection]:
    """Give a transaction to change the schema in; on a server one process at a time has it."""
    if engine.dialect.name == "sqlite":
        with engine.begin() as connection:
            yield connection
        return
    # What another process did while this one waited for the lock must be seen.
    with engine.execution_options(isolation_level="READ COMMITTED").begin() as connection:
        check_encoding(connection)
        lock_upgrade(connection)
        yield connection


def alembic_config() -> Any:
    """Return Alembic's configuration for the migrations of this package."""
    from alembic.config import Config

    config = Config()
    config.set_main_option("script_location", str(Path(__file__).parent / "migrations"))
    return config
