"""Make a catalogue's tables, or bring them up to date: one transaction, one process at a time.

The revision is read within the transaction, so whoever waited for it sees what was done meanwhile. What an
interrupted process of an earlier version left half made, without a transaction, is finished: a migration
passes over what is there already (`db.migrations.completing`).
"""

import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any, Final

from sqlalchemy import Connection, Engine, inspect, text
from sqlalchemy.exc import DBAPIError, OperationalError

from db.backends.server import check_encoding, lock_upgrade
from db.backends.sqlite_file import back_up, unfinished_backups
from db.errors import CatalogError, NoCatalogError

HEAD_REVISION: Final = "0014"
"""The newest migration; a test checks it against the scripts."""

VERSIONS: Final = "alembic_version"
TEMPORARY: Final = "_alembic_tmp_"
"""Alembic makes a table anew under a name that begins so, and renames it at the end."""
FOREIGN: Final = "the database holds tables that are no catalogue's"
COPYING_S: Final = 60.0
"""A copy that another process makes of the catalogue has grown within so many seconds."""


def schema_revision(engine: Engine) -> str | None:
    """Return the catalogue's migration, or None for an empty database, or one that is half made."""
    with engine.connect() as connection:
        return _revision(connection)


def _revision(connection: Connection) -> str | None:
    if not inspect(connection).has_table(VERSIONS):
        return None
    return connection.execute(text(f"SELECT version_num FROM {VERSIONS}")).scalar()


def bring_up_to_date(engine: Engine, *, make: bool) -> None:
    """Bring the schema up to date; Alembic is imported only when there is something to do.

    Parameters
    ----------
    make
        Make the tables where there are none yet.

    Raises
    ------
    CatalogError
        If that cannot be done; nothing is changed then. A `NoCatalogError` if there are no tables and none
        are to be made.
    """
    if _is_up_to_date(schema_revision(engine), make=make):
        return
    with _alone(engine) as connection:
        if not _is_up_to_date(_revision(connection), make=make):
            _make_or_migrate(connection)


def complete(engine: Engine) -> None:
    """Make whatever a schema lacks, although its revision is the newest: rows are kept."""
    with _alone(engine) as connection:
        _back_up(connection)
        if inspect(connection).has_table(VERSIONS):
            connection.execute(text(f"DELETE FROM {VERSIONS}"))
        _migrate(connection)


def _is_up_to_date(revision: str | None, *, make: bool) -> bool:
    if revision is None and not make:
        raise NoCatalogError("the database holds no catalogue yet")
    if revision is not None and revision > HEAD_REVISION:
        raise CatalogError(
            f"the catalogue has schema {revision}, newer than {HEAD_REVISION}: use a newer deepcuts"
        )
    return revision == HEAD_REVISION


def _make_or_migrate(connection: Connection) -> None:
    """Make all tables where there are none, at once; where there are some, run the migrations they lack."""
    if inspect(connection).get_table_names():
        _back_up(connection)
        _migrate(connection)
        return
    from db.schema.tables import make_tables

    make_tables(connection, VERSIONS, HEAD_REVISION)


def _migrate(connection: Connection) -> None:
    """Run the migrations that a catalogue lacks, and make sure that they led where they should."""
    from alembic import command
    from alembic.util import CommandError

    from db.schema.differences import lacking

    _settle_temporary_tables(connection)
    config = alembic_config()
    config.attributes["connection"] = connection
    try:
        command.upgrade(config, "head")
    except CommandError as error:
        raise CatalogError(f"the catalogue cannot be brought up to date: {error}") from error
    except DBAPIError as error:
        if not _does_not_fit(error):
            raise
        said = " ".join(str(error.orig).split("\n", maxsplit=1)[0].split())
        raise CatalogError(f"{FOREIGN} ({said}); it is left as it was") from error
    lacks = lacking(connection)
    if lacks:
        raise CatalogError(f"{FOREIGN} ({lacks[0]}); it is left as it was")


def _does_not_fit(error: DBAPIError) -> bool:
    """Whether a statement speaks of tables or columns that are not there, or are otherwise."""
    state = getattr(error.orig, "sqlstate", None) or ""
    return getattr(error.orig, "sqlite_errorname", "") == "SQLITE_ERROR" or state.startswith("42")


def _settle_temporary_tables(connection: Connection) -> None:
    """Take away what an interrupted rewriting of a table left, or finish it where only there the rows are."""
    tables = inspect(connection).get_table_names()
    for left in (name for name in tables if name.startswith(TEMPORARY)):
        meant = left.removeprefix(TEMPORARY)
        if meant in tables:
            connection.execute(text(f'DROP TABLE "{left}"'))
        else:
            connection.execute(text(f'ALTER TABLE "{left}" RENAME TO "{meant}"'))


def _back_up(connection: Connection) -> None:
    """Copy a catalogue that is a file before it is changed, if there are rows in it."""
    if connection.dialect.name == "sqlite" and _holds_rows(connection):
        back_up(Path(str(connection.engine.url.database)), HEAD_REVISION)


def _holds_rows(connection: Connection) -> bool:
    names = (name for name in inspect(connection).get_table_names() if name != VERSIONS)
    return any(connection.scalar(text(f'SELECT EXISTS (SELECT 1 FROM "{name}")')) for name in names)


@contextmanager
def _alone(engine: Engine) -> Iterator[Connection]:
    """Give a transaction to change the schema in; one process at a time has it, the others wait."""
    if engine.dialect.name != "sqlite":
        # What another process did while this one waited for the lock must be seen.
        with engine.execution_options(isolation_level="READ COMMITTED").begin() as connection:
            check_encoding(connection)
            lock_upgrade(connection)
            yield connection
        return
    with engine.connect() as connection:
        connection.detach()  # it is closed at the end: the pragma must not outlive the transaction
        # A table that is made anew is dropped, which would delete what refers to its rows.
        connection.exec_driver_sql("PRAGMA foreign_keys = OFF")
        _begin(connection)
        yield connection
        connection.commit()


def _begin(connection: Connection) -> None:
    """Begin to write: the driver begins no transaction by itself before a table is made or changed."""
    while True:
        try:
            connection.exec_driver_sql("BEGIN IMMEDIATE")
            return
        except OperationalError as error:
            busy = getattr(error.orig, "sqlite_errorname", "").startswith("SQLITE_BUSY")
            if not busy or not _is_being_copied(Path(str(connection.engine.url.database))):
                raise


def _is_being_copied(path: Path) -> bool:
    """Whether another process is at work on a copy, which takes long for a large catalogue."""
    for part in unfinished_backups(path):
        with suppress(OSError):
            if time.time() - part.stat().st_mtime < COPYING_S:
                return True
    return False


def alembic_config() -> Any:
    """Return Alembic's configuration for the migrations of this package."""
    from alembic.config import Config

    config = Config()
    config.set_main_option("script_location", str(Path(__file__).parents[1] / "migrations"))
    return config
