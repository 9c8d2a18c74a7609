"""A catalogue on a PostgreSQL server: its address, what can go wrong with it, and one writer at a time."""

import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, Final

from sqlalchemy import URL, Connection, Engine, create_engine, make_url, text
from sqlalchemy.exc import ArgumentError, DBAPIError, InterfaceError, OperationalError
from sqlalchemy.pool import NullPool

from db.errors import CatalogBusyError, CatalogError, LockLostError

DRIVER: Final = "postgresql+psycopg"
EXAMPLE: Final = f"{DRIVER}://user@host/name"

LONGEST_PATH: Final = 2600
"""Bytes: what an index of PostgreSQL holds is less than a third of its page of 8 KiB."""

CONNECT_TIMEOUT_S: Final = 10
KEEPALIVE_IDLE_S: Final = 60
LOCK_WAIT_S: Final = 1.0
"""A command waits so long for whoever else writes to the catalogue."""
LOOK_AGAIN_S: Final = 0.05

WRITER_KEY: Final = int.from_bytes(b"deepcuts", "big")
"""The advisory lock of whoever writes to the catalogue."""
UPGRADE_KEY: Final = WRITER_KEY + 1
"""The advisory lock of whoever brings the schema up to date."""
WRITE_KEY: Final = WRITER_KEY + 2
"""The advisory lock that transactions of the writer share; the next writer waits for them."""

HOLDS_LOCK: Final = """
    SELECT EXISTS (
        SELECT FROM pg_locks JOIN pg_database ON pg_database.oid = pg_locks.database
        WHERE datname = current_database() AND locktype = 'advisory' AND granted AND pid = :backend
        AND classid::bigint << 32 | objid::bigint = :key AND objsubid = 1
    )
"""

OF_SERVER: Final = ("42501", "25006", "25P", "42P01", "53", "55P03", "57", "58", "XX")
"""What PostgreSQL's codes begin with for what is no fault of ours: a missing right, a server that can only
be read, tables that were taken away, whatever its disk, its memory or its keepers do."""

KEPT: Final = "what was stored is kept"
ADVICE: Final = {
    "53100": f"free some space on the server's disk and do the same again: {KEPT}",
    "53200": f"give the server more memory, or do the same again when it has less to do: {KEPT}",
    "53300": f"do the same again when others have left, or raise its max_connections: {KEPT}",
    "55P03": f"do the same again when the other program is done: {KEPT}",
    "57014": f"do the same again, or raise its statement_timeout: {KEPT}",
    "57P": f"do the same again when the server is back: {KEPT}",
    "58": f"see to the server's disk, and to its log: {KEPT}",
    "42P01": "the database is not as deepcuts left it; see: deepcuts check",
    "XX": "the server's database is damaged; see to its log, and to its last backup",
}
"""What to do, by what PostgreSQL's codes begin with."""


def server_url(text: str) -> URL:
    """Read the address of a catalogue on a server.

    Parameters
    ----------
    text
        SQLAlchemy's form, `EXAMPLE`; ``postgresql://`` and ``postgres://`` mean the same driver.

    Raises
    ------
    CatalogError
        If it is no such address. The message never repeats it: it may hold a password.
    """
    try:
        url = make_url(text)
    except (ArgumentError, ValueError):
        url = None
    if url is None or url.drivername not in (DRIVER, "postgresql", "postgres"):
        raise CatalogError(f"the database is not the address of a PostgreSQL server, such as {EXAMPLE}")
    return url.set(drivername=DRIVER)


def server_name(url: URL) -> str:
    """Return an address that can be shown: no password, and no options, which may hold one too."""
    shown = URL.create(url.drivername, url.username, host=url.host, port=url.port, database=url.database)
    return shown.render_as_string()


def server_engine(url: URL, **settings: Any) -> Engine:
    """Return an engine for a server; nothing is connected yet.

    A transaction sees the catalogue as it was at its first query, as SQLite's readers do.

    Raises
    ------
    CatalogError
        If the driver is not installed.
    """
    arguments = {
        "connect_timeout": CONNECT_TIMEOUT_S,
        "keepalives_idle": KEEPALIVE_IDLE_S,
        "application_name": "deepcuts",
        "client_encoding": "utf8",
    }
    given = {name: value for name, value in arguments.items() if name not in url.query}
    try:
        return create_engine(
            url, connect_args=given, isolation_level="REPEATABLE READ", hide_parameters=True, **settings
        )
    except ImportError as error:
        raise CatalogError(
            f"the catalogue at {server_name(url)} needs a driver: pip install 'deepcuts[postgres]'"
        ) from error


def of_server(error: DBAPIError) -> bool:
    """Whether an error is the server's, its connection's or its rights', and not a fault of ours."""
    lost = isinstance(error, (OperationalError, InterfaceError))
    return lost or (getattr(error.orig, "sqlstate", None) or "").startswith(OF_SERVER)


def explained(error: DBAPIError, url: URL) -> CatalogError:
    """Return what a server's error means to a user: one line with no password and no row's values in it."""
    state = getattr(error.orig, "sqlstate", None) or ""
    primary = getattr(getattr(error.orig, "diag", None), "message_primary", None)
    said = " ".join((primary if state and primary else str(error.orig)).split())
    for secret in (url.password, url.query.get("password")):
        if isinstance(secret, str) and secret:
            said = said.replace(secret, "***")
    advice = next((f"; {what}" for codes, what in ADVICE.items() if state.startswith(codes)), "")
    return CatalogError(f"the catalogue at {server_name(url)} cannot be used: {said}{advice}")


@dataclass(frozen=True)
class WriterLock:
    """A server's one writer lock, while it is held.

    Attributes
    ----------
    name
        Of the catalogue, as it can be shown.
    backend
        The process of the server whose connection holds the lock.
    """

    name: str
    backend: int

    def check(self, connection: Connection) -> None:
        """Refuse a transaction at its beginning unless the lock is still held; then it is until its end.

        The transaction takes part in a second lock, which the next writer waits for: should this one's
        lock be lost after the check, the next begins when the transaction is over.

        Raises
        ------
        LockLostError
            If the lock's connection is gone, whatever ended it.
        """
        connection.execute(text("SELECT pg_advisory_xact_lock_shared(:key)"), {"key": WRITE_KEY})
        if not connection.scalar(text(HOLDS_LOCK), {"backend": self.backend, "key": WRITER_KEY}):
            raise LockLostError(
                f"the connection that kept other writers away from {self.name} was lost; what was stored "
                "is kept, so do the same again to go on"
            )


@contextmanager
def server_writer_lock(url: URL, wait_s: float = 0.0) -> Iterator[WriterLock]:
    """Hold a server's one writer lock; the server releases it when the connection ends, however it ends.

    Parameters
    ----------
    wait_s
        How long to wait for another to release it.

    Raises
    ------
    CatalogBusyError
        If another process holds it, on whatever machine.
    CatalogError
        If the server cannot be reached.
    """
    engine = server_engine(url, poolclass=NullPool).execution_options(isolation_level="AUTOCOMMIT")
    try:
        connection = engine.connect()
        taken = _taken(connection, wait_s)
        if taken:
            backend = _after_others(connection)
    except DBAPIError as error:
        raise explained(error, url) from error
    try:
        if not taken:
            raise CatalogBusyError(
                f"another deepcuts is writing to {server_name(url)}; wait until it is done, or stop it"
            )
        yield WriterLock(server_name(url), backend)
    finally:
        connection.close()


def _taken(connection: Connection, wait_s: float) -> bool:
    """Take the writer lock; return whether it could be had."""
    give_up_s = time.monotonic() + wait_s
    while not connection.scalar(text("SELECT pg_try_advisory_lock(:key)"), {"key": WRITER_KEY}):
        if time.monotonic() >= give_up_s:
            return False
        time.sleep(LOOK_AGAIN_S)
    return True


def _after_others(connection: Connection) -> int:
    """Wait until a writer that lost its lock has ended its transaction; return the connection's process."""
    connection.execute(text("SELECT pg_advisory_lock(:key)"), {"key": WRITE_KEY})
    connection.execute(text("SELECT pg_advisory_unlock(:key)"), {"key": WRITE_KEY})
    return int(connection.scalar(text("SELECT pg_backend_pid()")) or 0)


def lock_upgrade(connection: Connection) -> None:
    """Wait until no other process changes the schema; the lock ends with the transaction."""
    connection.execute(text("SELECT pg_advisory_xact_lock(:key)"), {"key": UPGRADE_KEY})


def check_encoding(connection: Connection) -> None:
    """Refuse a database that cannot hold every song's name."""
    encoding = connection.scalar(text("SHOW server_encoding"))
    if encoding != "UTF8":
        raise CatalogError(f"the database has the encoding {encoding}; make one with ENCODING 'UTF8'")
