"""The database of a home: whether it is whole, has its schema, and rows that belong together."""

import sqlite3
from contextlib import closing
from datetime import datetime
from pathlib import Path

from sqlalchemy import Engine

from db.backends.sqlite_file import backups
from db.errors import CatalogError
from db.schema import examine
from db.schema.upgrade import HEAD_REVISION, bring_up_to_date, complete, schema_revision
from db.session import explained
from recommender.home import Home
from recommender.upkeep.findings import NOTED, WELL, WRONG, Finding, mended

CATALOGUE, SCHEMA, ROWS = "catalogue", "schema", "rows"
MADE_AGAIN = "its indices were made again from its tables"


def look_at_database(home: Home, *, repair: bool) -> list[Finding]:
    """Examine the database itself; what comes after the first that is wrong, and left, is not looked at.

    Raises
    ------
    CatalogError
        If it cannot be reached, or is of a newer version.
    """
    engine, found = home.engine(), list[Finding]()
    try:
        for look in (_whole, _schema, _rows):
            found.append(look(home, engine, repair))
            if found[-1].state == WRONG:
                break
    finally:
        engine.dispose()
    return found


def _whole(home: Home, engine: Engine, repair: bool) -> Finding:
    try:
        with explained(engine):
            said = examine.damage(engine)
            if not said:
                whole = "its file is whole" if _is_file(engine) else "the server answers"
                return Finding(CATALOGUE, WELL, whole)
            of_indices = _is_file(engine) and examine.are_of_indices(said)
            if of_indices and (not repair or examine.make_indices_again(engine)):
                return mended(CATALOGUE, said[0], MADE_AGAIN, repair=repair)
    except CatalogError as error:
        if not _is_no_database(home.catalog_path, engine):
            raise
        said = [str(error)]
    more = f" (and {len(said) - 1} more)" if len(said) > 1 else ""
    return Finding(CATALOGUE, WRONG, f"it is damaged: {said[0]}{more}", _way_back(home, engine))


def _is_file(engine: Engine) -> bool:
    return engine.dialect.name == "sqlite"


def _is_no_database(path: Path, engine: Engine) -> bool:
    """Whether a file is there that SQLite can read, but not as a database."""
    if not _is_file(engine):
        return False
    try:
        with closing(sqlite3.connect(f"{path.absolute().as_uri()}?mode=ro", uri=True)) as connection:
            connection.execute("SELECT count(*) FROM sqlite_master").fetchone()
    except sqlite3.Error as error:
        return error.sqlite_errorname.startswith(("SQLITE_NOTADB", "SQLITE_CORRUPT"))
    return False


def _way_back(home: Home, engine: Engine) -> str:
    if not _is_file(engine):
        return "make them again: REINDEX DATABASE, or restore the server's backup"
    path = home.catalog_path
    sound = [copy for copy in backups(path) if is_sound(copy)]
    if sound:
        return (
            f"nothing was changed; put a copy of yours, or {sound[-1]} of {day_of(sound[-1])}, in its place, "
            "without the files ending in -wal and -shm"
        )
    return (
        f"nothing was changed; put a copy of yours in its place, or save what can be read: sqlite3 {path} "
        ".recover | sqlite3 saved.sqlite"
    )


def is_sound(copy: Path) -> bool:
    """Whether a copy of the catalogue is one, and whole."""
    try:
        with closing(sqlite3.connect(f"{copy.absolute().as_uri()}?mode=ro", uri=True)) as connection:
            return bool(connection.execute("PRAGMA quick_check(1)").fetchone() == ("ok",))
    except sqlite3.Error:
        return False


def day_of(path: Path) -> str:
    """Return the day on which a file was written."""
    return datetime.fromtimestamp(path.stat().st_mtime).date().isoformat()


def _schema(_home: Home, engine: Engine, repair: bool) -> Finding:
    from db.schema.differences import foreign, lacking

    with explained(engine):
        revision = schema_revision(engine)
        if revision != HEAD_REVISION:
            if repair or (revision is not None and revision > HEAD_REVISION):
                bring_up_to_date(engine, make=True)
            older = f"it is of version {revision or 'none'}, half made or older than {HEAD_REVISION}"
            return mended(SCHEMA, older, f"it was brought up to {HEAD_REVISION}", repair=repair)
        with engine.connect() as connection:
            lacks, more = lacking(connection), foreign(connection)
        if lacks:
            try:
                if repair:
                    complete(engine)
            except CatalogError as error:
                return Finding(SCHEMA, WRONG, "; ".join(lacks), f"it cannot be made: {error}")
            return mended(SCHEMA, "; ".join(lacks), "what it lacked was made", repair=repair)
    if more:
        return Finding(SCHEMA, NOTED, f"it is {HEAD_REVISION}; {'; '.join(more)}", "that does no harm")
    return Finding(SCHEMA, WELL, f"it is {HEAD_REVISION}, with all that it should have")


def _rows(_home: Home, engine: Engine, repair: bool) -> Finding:
    with explained(engine), engine.begin() as connection:
        found = examine.orphans(connection)
        if not found:
            return Finding(ROWS, WELL, "all refer to what is there")
        counted = ", ".join(f"{len(rows)} of {table}" for table, rows in sorted(found.items()))
        removed = examine.remove_derived(connection) if repair else 0
        left = examine.orphans(connection)
    orphaned = f"rows refer to what is not there: {counted}"
    if not left or (not repair and set(found) <= set(examine.DERIVED)):
        done = f"{removed} were removed: analyses, which an ingest makes again from the files"
        return mended(ROWS, orphaned, done, repair=repair)
    kept = ", ".join(f"{len(rows)} of {table}" for table, rows in sorted(left.items()))
    return Finding(ROWS, WRONG, orphaned, f"left, for nothing else says what they do: {kept}")
