"""Where the catalogues of test homes are: SQLite in the home, or a PostgreSQL database for each home.

Tests open, read and copy catalogues through here, and name the one of a command by DEEPCUTS_DATABASE.
"""

import json
import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path
from typing import Any
from uuid import uuid4

from sqlalchemy import create_engine, insert, make_url, select, text
from sqlalchemy.exc import ProgrammingError
from sqlalchemy.pool import NullPool

from db import session
from db.models import Base
from db.session import Catalog, open_server_catalog
from recommender.home import Home
from tests.postgres import Server

SQLITE, POSTGRESQL = KINDS = ("sqlite", "postgresql")
FILE = "catalog.sqlite"

_server: Server | None = None
_addresses: dict[Path, str] = {}
"""Of each catalogue on the server, by the path that its file would have."""


class Row(tuple[Any, ...]):
    """A row of a server as `sqlite3.Row` is one: by number, or by name, and with SQLite's values."""

    names: list[str]

    def __getitem__(self, key: Any) -> Any:
        return super().__getitem__(self.names.index(key) if isinstance(key, str) else key)

    def keys(self) -> list[str]:
        return self.names


@contextmanager
def on(server: Server | None) -> Iterator[None]:
    """Let homes have their catalogues on a server; without one, in themselves."""
    global _server  # noqa: PLW0603
    before, _server = _server, server
    yield
    _server = before


def kind() -> str:
    """Return the kind of database that homes have now."""
    return SQLITE if _server is None else POSTGRESQL


def address(home: Path, *, tables: bool = False) -> str | None:
    """Return the address of a home's catalogue, None where it is a file; a new one is empty.

    Parameters
    ----------
    tables
        Give a new one its tables; that is quicker than to let `open_server_catalog` make them.
    """
    return _address(home / FILE, tables=tables)


def _address(path: Path, *, tables: bool) -> str | None:
    if _server is None:
        return None
    if path not in _addresses:
        _addresses[path] = _server.new_catalog_database() if tables else _server.new_database()
    return _addresses[path]


def home_at(path: Path) -> Home:
    """Return a home with its catalogue."""
    return Home(path, address(path))


def place(home: Path) -> str:
    """Return how a message says where a home's catalogue is."""
    return f"in {home}" if _server is None else f"at {home_at(home).catalog_name}"


def variables(home: Path | None) -> dict[str, str]:
    """Return what tells a command where a home's catalogue is."""
    url = None if home is None else address(home)
    return {} if url is None else {"DEEPCUTS_DATABASE": url}


def open_catalog(path: Path) -> Catalog:
    """Open the catalogue at a path, or the one on the server that stands for it."""
    url = _address(path, tables=True)
    return session.open_catalog(path) if url is None else open_server_catalog(url)


def copy_catalog(source: Path, target: Path) -> None:
    """Give a copied home a copy of the other's catalogue; a file has been copied with the home."""
    if _server is None:
        return
    here, there = address(source), address(target, tables=True)
    assert here is not None and there is not None
    rows = {}
    with create_engine(here, poolclass=NullPool).connect() as connection:
        for table in Base.metadata.sorted_tables:
            rows[table] = [dict(row) for row in connection.execute(select(table)).mappings()]
    with create_engine(there, poolclass=NullPool).begin() as connection:
        for table, found in rows.items():
            if found:
                connection.execute(insert(table), found)
            if "id" in table.columns:
                counter = f"pg_get_serial_sequence('{table.name}', 'id')"
                largest = f"SELECT setval({counter}, max(id)) FROM {table.name}"
                connection.execute(text(largest))


def query(home: Path, sql: str, *values: object) -> list[Any]:
    """Run SQL on a home's catalogue, whatever wrote it; ``?`` stands for a value."""
    url = address(home)
    found = _ask_file(home / FILE, sql, values) if url is None else _ask_server(url, sql, values)
    if sql.startswith("UPDATE track "):  # as whatever writes through a session does
        query(home, "UPDATE setting SET value = ? WHERE name = 'tracks_token'", uuid4().hex)
    return found


def no_table_yet() -> tuple[type[Exception], ...]:
    """Return what `query` raises on a catalogue that has no tables yet."""
    return (sqlite3.OperationalError, ProgrammingError)


def _ask_file(path: Path, sql: str, values: tuple[object, ...]) -> list[sqlite3.Row]:
    connection = sqlite3.connect(path, timeout=30)
    try:
        connection.row_factory = sqlite3.Row
        with connection:
            return connection.execute(sql, values).fetchall()
    finally:
        connection.close()


def _ask_server(url: str, sql: str, values: tuple[object, ...]) -> list[Row]:
    words = sql.replace("%", "%%").replace("?", "%s")
    with create_engine(url, poolclass=NullPool).begin() as connection:
        result = connection.exec_driver_sql(words, values)
        if not result.returns_rows:
            return []
        names, rows = list(result.keys()), []
        for values_of_row in result:
            row = Row(_as_sqlite_keeps(value) for value in values_of_row)
            row.names = names
            rows.append(row)
        return rows


def _as_sqlite_keeps(value: Any) -> Any:
    if isinstance(value, datetime):
        return value.isoformat(" ", "microseconds")
    if isinstance(value, bool):
        return int(value)
    return json.dumps(value) if isinstance(value, list | dict) else value


def drop_below(folder: Path) -> None:
    """Take away the databases of the homes below a folder."""
    for path in [path for path in _addresses if path.is_relative_to(folder)]:
        name = make_url(_addresses.pop(path)).database
        if _server is not None:
            _server.execute(f"DROP DATABASE IF EXISTS {name} WITH (FORCE)")
