"""Catalogues of every age with rows in them, whole or half made, and what must have been kept of them."""

import itertools
import sqlite3
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing, contextmanager
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any, TypeVar

from sqlalchemy import (
    URL,
    Column,
    Connection,
    Engine,
    MetaData,
    create_engine,
    event,
    insert,
    inspect,
    make_url,
    select,
    text,
)
from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.pool import NullPool

from db.errors import CatalogError
from db.models import Setting
from db.schema.upgrade import VERSIONS, alembic_config
from db.session import Catalog, open_catalog, open_server_catalog
from tests.postgres import Server

ROWS = 3
"""In each table of a catalogue that is not empty."""

Rows = dict[str, list[dict[str, str]]]


@dataclass(frozen=True)
class Place:
    """Where a catalogue is.

    Attributes
    ----------
    address
        Path of its file, or the URL of its database.
    """

    address: str

    @property
    def url(self) -> URL:
        """What SQLAlchemy is told."""
        on_server = self.address.startswith("postgresql")
        return make_url(self.address) if on_server else URL.create("sqlite", database=self.address)

    def engine(self) -> Engine:
        """Return an engine that knows nothing of deepcuts; it does not wait for the disk."""
        engine = create_engine(self.url, poolclass=NullPool)
        if engine.dialect.name == "sqlite":
            event.listen(engine, "connect", lambda made, _: made.execute("PRAGMA synchronous = OFF").close())
        return engine

    def open(self) -> Catalog:
        """Open it as deepcuts does."""
        if self.url.drivername == "sqlite":
            return open_catalog(Path(self.address))
        return open_server_catalog(self.address)


class Places:
    """New places on one kind of database.

    Parameters
    ----------
    folder
        For files.
    server
        None for files.
    """

    def __init__(self, folder: Path, server: Server | None) -> None:
        self.folder, self.server = folder, server
        self.name = "SQLite" if server is None else "PostgreSQL"
        self._made = 0

    def new(self) -> Place:
        """Return an empty place of its own."""
        return Place(self.server.new_database()) if self.server is not None else Place(self._file())

    def copy(self, place: Place) -> Place:
        """Return a copy of a catalogue that nobody has open."""
        if self.server is not None:
            return Place(self.server.new_database(f"TEMPLATE {place.url.database}"))
        copied = Place(self._file())
        if Path(place.address).exists():
            _copy_file(Path(place.address), Path(copied.address))
        return copied

    def forget(self, place: Place) -> None:
        """Take a catalogue away."""
        if self.server is not None:
            self.server.execute(f"DROP DATABASE {place.url.database} WITH (FORCE)")
            return
        for file in Path(place.address).parent.iterdir():
            file.unlink()
        Path(place.address).parent.rmdir()

    def _file(self) -> str:
        self._made += 1
        folder = self.folder / f"home{self._made}"
        folder.mkdir(mode=0o700)
        return str(folder / "catalog.sqlite")


def _copy_file(source: Path, target: Path) -> None:
    with closing(sqlite3.connect(source)) as old, closing(sqlite3.connect(target)) as new:
        new.execute("PRAGMA synchronous = OFF")
        old.backup(new)


def revisions() -> list[str]:
    """Return all revisions that a catalogue ever had, the oldest first."""
    from alembic.script import ScriptDirectory

    scripts = ScriptDirectory.from_config(alembic_config())
    return [script.revision for script in reversed(list(scripts.walk_revisions()))]


def make(place: Place, revision: str) -> None:
    """Make a catalogue of a revision, with rows in every table."""
    engine = place.engine()
    with engine.begin() as connection:
        if engine.dialect.name == "sqlite":
            connection.exec_driver_sql("BEGIN IMMEDIATE")
        _upgrade(connection, revision)
        _fill(connection)


def _upgrade(connection: Connection, revision: str) -> None:
    from alembic import command

    config = alembic_config()
    config.attributes["connection"] = connection
    command.upgrade(config, revision)


def _fill(connection: Connection) -> None:
    tables = MetaData()
    tables.reflect(connection)
    for table in tables.sorted_tables:
        if table.name == VERSIONS:
            continue
        counted = table.primary_key.columns.keys() == ["id"]
        for number in range(1, ROWS + 1):
            columns = [column for column in table.columns if not (counted and column.name == "id")]
            connection.execute(insert(table), {c.name: _value(c, number) for c in columns})


def _value(column: Column[Any], number: int) -> Any:
    kind = column.type.python_type
    if column.foreign_keys and kind is int:
        return number
    if column.foreign_keys:
        return _value(next(iter(column.foreign_keys)).column, number)
    if kind is str:
        return f"{column.name} {number} ü"[: getattr(column.type, "length", None) or 100]
    if kind is datetime:
        return datetime(2024, 2, 28, 23, 59, number)
    return {int: number, float: number / 4, bool: bool(number % 2), bytes: bytes([number, 0, 255])}.get(
        kind, {"kept": number}
    )


def rows_of(place: Place) -> Rows:
    """Return all rows of a catalogue, table by table, as text."""
    found: Rows = {}
    with place.engine().connect() as connection:
        for table in _tables(connection).sorted_tables:
            if table.name != VERSIONS:
                rows = connection.execute(select(table).order_by(*table.primary_key.columns)).mappings()
                found[table.name] = [{name: repr(value) for name, value in row.items()} for row in rows]
    return found


def lost(before: Rows, after: Rows) -> str | None:
    """Return what is not as it was, or None; columns, tables and settings may have come."""
    for table, rows in before.items():
        now = [{name: row.get(name) for name in rows[0]} for row in after.get(table, [])] if rows else []
        if table == Setting.__tablename__:
            now = [row for row in now if row in rows]
        if now != rows:
            return f"rows of {table} were lost or changed: {rows} became {now}"
    return None


def schema_of(place: Place) -> dict[str, object]:
    """Return the schema of a catalogue and its revision, as the database has them, in no order of columns."""
    with place.engine().connect() as connection:
        revision = connection.execute(text(f"SELECT version_num FROM {VERSIONS}")).scalars().all()
        return {**_inspected(connection), "revision": revision}


Inspected = TypeVar("Inspected")


def _once_a_schema(inspect_: Callable[[Connection], Inspected]) -> Callable[[Connection], Inspected]:
    """Let what is found out of a file's schema be kept by the text of it, which is all that SQLite has."""
    kept: dict[tuple[object, ...], Inspected] = {}

    def found(connection: Connection) -> Inspected:
        if connection.dialect.name != "sqlite":
            return inspect_(connection)
        words = connection.exec_driver_sql("SELECT type, name, tbl_name, sql FROM sqlite_master")
        schema = tuple(sorted(tuple(map(str, row)) for row in words))
        if schema not in kept:
            kept[schema] = inspect_(connection)
        return kept[schema]

    return found


@_once_a_schema
def _tables(connection: Connection) -> MetaData:
    tables = MetaData()
    tables.reflect(connection)
    return tables


@_once_a_schema
def _inspected(connection: Connection) -> dict[str, object]:
    inspector = inspect(connection)
    return {
        table: (
            sorted(
                (c["name"], str(c["type"]), c["nullable"], str(c["default"]))
                for c in inspector.get_columns(table)
            ),
            inspector.get_pk_constraint(table),
            sorted(map(str, inspector.get_foreign_keys(table))),
            sorted(map(str, inspector.get_unique_constraints(table))),
            sorted(map(str, inspector.get_indexes(table))),
        )
        for table in inspector.get_table_names()
    }


def trouble(place: Place, before: Rows, schema: dict[str, object]) -> str | None:
    """Open a catalogue and return what is wrong with it, or None: it opens, is whole, can be written to."""
    try:
        for _ in range(2):
            opened = place.open()
            with opened.transaction() as session:
                session.merge(Setting(name="campaign", value="written"))
            opened.close()
    except (CatalogError, SQLAlchemyError, sqlite3.Error, OSError) as error:
        return f"it does not open: {error}"
    if schema_of(place) != schema:
        return "its schema is not that of a new one"
    return lost(before, rows_of(place))


AUTOCOMMIT, BEFORE_DML = "each statement by itself", "tables without a transaction"
"""How migrations can run that are in no transaction: every statement is for good at once, or, as Python's
driver for SQLite has it, all up to the first that writes a row."""


class Halves:
    """What a catalogue in a file is after each statement of migrations that run in no transaction.

    Parameters
    ----------
    places
        Where they are made.
    start
        What is brought up to date.
    how
        One of those above.
    """

    def __init__(self, places: Places, start: Place, how: str) -> None:
        self._places, self._start, self._how = places, start, how
        self._wanted: set[int] = set()
        self._made: dict[int, Place] = {}
        self.count = self._run(lambda number, place: None)

    def want(self, number: int) -> None:
        """Note that the one after a statement will be asked for: all that are wanted are made at once."""
        self._wanted.add(number)

    def made(self, number: int) -> Place:
        """Return the one after a statement, counted from 0."""
        if number not in self._made:
            self.want(number)
            self._run(self._copy)
        return self._made[number]

    def every(self) -> Iterator[Place]:
        """Yield all of them."""
        self._wanted |= set(range(self.count))
        return map(self.made, range(self.count))

    def _copy(self, number: int, worked_on: Place) -> None:
        if number in self._wanted and number not in self._made:
            self._made[number] = self._places.copy(worked_on)

    def _run(self, note: Callable[[int, Place], None]) -> int:
        """Run the migrations, let each statement be noted; return how many there were."""
        worked_on = self._places.copy(self._start)
        engine = worked_on.engine()
        if self._how == AUTOCOMMIT:
            engine = engine.execution_options(isolation_level="AUTOCOMMIT")
        numbers = itertools.count()
        with (
            _listening(engine, lambda *_: note(next(numbers), worked_on)),
            engine.connect() as connection,
        ):
            connection.exec_driver_sql("PRAGMA user_version")
            _upgrade(connection, "head")
        self._places.forget(worked_on)
        return next(numbers)


@contextmanager
def _listening(engine: Engine, note: Any) -> Iterator[None]:
    event.listen(engine, "after_cursor_execute", note)
    try:
        yield
    finally:
        event.remove(engine, "after_cursor_execute", note)


def some(attempts: Sequence[Any], count: int | None, seed: int) -> list[Any]:
    """Return as many attempts as are asked for, in their order; all without a count."""
    import random

    if count is None or count >= len(attempts):
        return list(attempts)
    chosen = sorted(random.Random(seed).sample(range(len(attempts)), count))
    return [attempts[number] for number in chosen]
