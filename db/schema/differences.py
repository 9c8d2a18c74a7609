"""The tables that a database has, against those that a catalogue should have."""

from typing import Any

from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from sqlalchemy import Connection

from db.schema.tables import TABLES


def lacking(connection: Connection) -> list[str]:
    """Return what the schema lacks, or has otherwise than it should, one phrase each."""
    return [_in_words(change) for change in _changes(connection) if not _is_more(change)]


def foreign(connection: Connection) -> list[str]:
    """Return what the database holds besides a catalogue's schema, one phrase each."""
    return [_in_words(change) for change in _changes(connection) if _is_more(change)]


def _changes(connection: Connection) -> list[tuple[Any, ...]]:
    """Return what would have to be changed, as Alembic has it, changes of columns one by one."""
    context = MigrationContext.configure(connection, opts={"compare_type": True})
    changes: list[tuple[Any, ...]] = []
    for found in compare_metadata(context, TABLES):
        changes.extend(found if isinstance(found, list) else [found])
    return changes


def _is_more(change: tuple[Any, ...]) -> bool:
    """Whether something is there that need not be: it does no harm, unless rows need a value for it."""
    kind = str(change[0])
    if kind == "remove_column":
        column = change[3]
        return bool(column.nullable or column.server_default is not None)
    return kind.startswith("remove_") and kind not in ("remove_fk", "remove_constraint")


def _in_words(change: tuple[Any, ...]) -> str:
    kind, thing = str(change[0]), change[-1]
    what = kind.removeprefix("add_").removeprefix("remove_").removeprefix("modify_").replace("_", " ")
    if kind.startswith("modify_"):  # (kind, schema, table, column, …)
        return f"{change[2]}.{change[3]} has another {what}"
    named = getattr(thing, "name", None) or "without a name"
    of_table = getattr(getattr(thing, "table", None), "name", None) or (
        change[2] if kind.endswith("_column") else None
    )
    where = f" of {of_table}" if of_table and of_table != named else ""
    verb = "lacks" if kind.startswith("add_") else "has besides"
    return f"it {verb} the {what} {named}{where}"
