"""Migrations that pass over what is there already, so that one which was cut off can be run again.

The catalogue's migrations run in a transaction (`db.schema.upgrade`). Those of earlier versions did not on
SQLite, and a process that was killed meanwhile left some tables, columns or indices made and the revision as
it was.
"""

from typing import Any

from alembic.ddl.impl import DefaultImpl
from alembic.ddl.postgresql import PostgresqlImpl
from alembic.ddl.sqlite import SQLiteImpl
from sqlalchemy import Column, Index, Inspector, Table, inspect


class _Completing(DefaultImpl):
    """What Alembic carries the operations of a migration out with."""

    __dialect__ = "completing"

    def create_table(self, table: Table, **kw: Any) -> None:
        """Make a table, or what indices it lacks."""
        if not self._database().has_table(table.name):
            super().create_table(table, **kw)
            return
        for index in table.indexes:
            self.create_index(index)

    def drop_table(self, table: Table, **kw: Any) -> None:
        """Drop a table that is there."""
        if self._database().has_table(table.name):
            super().drop_table(table, **kw)

    def create_index(self, index: Index, **kw: Any) -> None:
        """Make an index that is not there."""
        if not self._has_index(index):
            super().create_index(index, **kw)

    def drop_index(self, index: Index, **kw: Any) -> None:
        """Drop an index that is there."""
        if self._has_index(index):
            super().drop_index(index, **kw)

    def add_column(self, table_name: str, column: Column[Any], **kw: Any) -> None:
        """Add a column that is not there."""
        if column.name not in self._columns(table_name):
            super().add_column(table_name, column, **kw)

    def drop_column(self, table_name: str, column: Column[Any], **kw: Any) -> None:
        """Drop a column that is there."""
        if column.name in self._columns(table_name):
            super().drop_column(table_name, column, **kw)

    def rename_table(self, old_table_name: str, new_table_name: Any, schema: Any = None) -> None:
        """Rename a table that still has its old name."""
        if self._database().has_table(old_table_name):
            super().rename_table(old_table_name, new_table_name, schema=schema)

    def _database(self) -> Inspector:
        if self.connection is None:
            raise ValueError("migrations need a database")
        return inspect(self.connection)

    def _columns(self, table_name: str) -> set[str]:
        return {column["name"] for column in self._database().get_columns(table_name)}

    def _has_index(self, index: Index) -> bool:
        database, table = self._database(), index.table.name if index.table is not None else ""
        return bool(table) and any(found["name"] == index.name for found in database.get_indexes(table))


class CompletingSQLite(_Completing, SQLiteImpl):
    """For catalogues in a file."""

    __dialect__ = "sqlite"


class CompletingPostgresql(_Completing, PostgresqlImpl):
    """For catalogues on a server."""

    __dialect__ = "postgresql"
