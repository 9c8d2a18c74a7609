"""A database examined as it is, whatever its schema: its file, its indices, what refers to nothing."""

from collections import defaultdict
from typing import Final

from sqlalchemy import Connection, Engine, text
from sqlalchemy.exc import DatabaseError

from db.models import Feature, Prediction, Segment

DERIVED: Final = (Feature.__tablename__, Prediction.__tablename__, Segment.__tablename__)
"""Rows that an analysis makes from a file, and makes again: without what they belong to they are nothing.
What a person or a file's tags said is nowhere else, and is left even if it refers to nothing."""

OF_AN_INDEX: Final = (" from index ", " in index ")
"""What SQLite says of an index, which it can make again from its table."""

INVALID_INDICES: Final = """
    SELECT relname FROM pg_index JOIN pg_class ON pg_class.oid = indexrelid
    JOIN pg_namespace ON pg_namespace.oid = relnamespace
    WHERE nspname = current_schema() AND NOT (indisvalid AND indisready) ORDER BY relname
"""


def damage(engine: Engine) -> list[str]:
    """Return what is damaged in a database, a sentence each; a server looks after its files itself.

    Raises
    ------
    DBAPIError
        If it cannot be reached or opened, for another reason than that it is damaged.
    """
    with engine.connect() as connection:
        if engine.dialect.name != "sqlite":
            names = connection.execute(text(INVALID_INDICES)).scalars().all()
            return [f"the index {name} is not valid" for name in names]
        found: list[str] = []
        for pragma in ("quick_check", "integrity_check"):  # the first finds what is bad sooner
            found = found or _said(connection, pragma)
        return found


def _said(connection: Connection, pragma: str) -> list[str]:
    try:
        rows = connection.exec_driver_sql(f"PRAGMA {pragma}").scalars().all()
    except DatabaseError as error:
        if getattr(error.orig, "sqlite_errorname", "").startswith(("SQLITE_CORRUPT", "SQLITE_NOTADB")):
            return [str(error.orig)]
        raise
    return [" ".join(row.split()) for row in rows if row != "ok"]


def are_of_indices(found: list[str]) -> bool:
    """Whether all that is damaged in a file are indices, which are made from the tables."""
    return all(any(words in said for words in OF_AN_INDEX) for said in found)


def make_indices_again(engine: Engine) -> bool:
    """Make the indices of a file again; return whether that was all that it needed."""
    try:
        with engine.connect() as connection:
            connection.exec_driver_sql("REINDEX")
            connection.commit()
    except DatabaseError:
        return False
    return not damage(engine)


def orphans(connection: Connection) -> dict[str, list[int]]:
    """Return the rows that refer to what is not there, by table; a server lets none come to be."""
    found: dict[str, list[int]] = defaultdict(list)
    if connection.dialect.name == "sqlite":
        for table, row, _parent, _key in connection.exec_driver_sql("PRAGMA foreign_key_check"):
            found[table].append(row)
    return {table: sorted(set(rows)) for table, rows in found.items()}


def remove_derived(connection: Connection) -> int:
    """Remove the orphans that can be made again from a file, and what refers to them; return how many."""
    removed = 0
    while derived := {t: rows for t, rows in orphans(connection).items() if t in DERIVED}:
        for table, rows in derived.items():
            for row in rows:
                connection.exec_driver_sql(f'DELETE FROM "{table}" WHERE rowid = ?', (row,))
            removed += len(rows)
    return removed
