"""Whether a catalogue is as it was: told by the database itself, whoever has written to it."""

import itertools
import sqlite3
import threading
from collections.abc import Hashable
from contextlib import suppress
from pathlib import Path
from typing import Any

from sqlalchemy import Connection, Engine, text
from sqlalchemy.exc import SQLAlchemyError

SNAPSHOT = text("SELECT CAST(pg_current_snapshot() AS text)")
"""Equal ones see the same transactions."""
NUMBERS = itertools.count()


class Revision:
    """Tells the present state of a catalogue from those before, over a connection of its own.

    Parameters
    ----------
    engine
        Of its database.
    """

    def __init__(self, engine: Engine) -> None:
        self._engine, self._lock = engine, threading.Lock()
        self._file: sqlite3.Connection | None = None
        self._server: Connection | None = None
        self._number, self._opened = next(NUMBERS), 0

    def now(self) -> Hashable | None:
        """Return what is equal only while nobody has written; None where that cannot be told."""
        with self._lock:
            try:
                return self._of_file() if self._engine.dialect.name == "sqlite" else self._of_server()
            except (sqlite3.Error, SQLAlchemyError, OSError):
                self._close()
                return None

    def _of_file(self) -> Hashable:
        if self._file is None:  # whoever opens it anew counts from the beginning
            place = f"{Path(str(self._engine.url.database)).absolute().as_uri()}?mode=rw"
            self._file = sqlite3.connect(place, uri=True, timeout=0, check_same_thread=False)
            self._opened += 1
        version: Any = self._file.execute("PRAGMA data_version").fetchone()[0]
        return self._number, self._opened, version

    def _of_server(self) -> Hashable:
        if self._server is None:
            self._server = self._engine.connect().execution_options(isolation_level="AUTOCOMMIT")
        return self._number, str(self._server.scalar(SNAPSHOT))

    def _close(self) -> None:
        with suppress(sqlite3.Error, SQLAlchemyError):
            if self._file is not None:
                self._file.close()
            if self._server is not None:
                self._server.close()
        self._file = self._server = None

    def close(self) -> None:
        """Close the connection."""
        with self._lock:
            self._close()
