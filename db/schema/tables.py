"""All tables of a catalogue as it is now; the migrations lead older ones to the same."""

from typing import Final

from sqlalchemy import Column, Connection, MetaData, PrimaryKeyConstraint, String, Table, insert

import db.connections
import db.listening.tables  # noqa: F401 - they belong to the schema, too
from db.models import Base

TABLES: Final[MetaData] = Base.metadata
"""What a catalogue has, without Alembic's own table."""


def make_tables(connection: Connection, versions: str, revision: str) -> None:
    """Make all tables in a database that has none, and write down their revision, without any migration.

    Parameters
    ----------
    versions
        The table in which Alembic looks for the revision.
    revision
        The newest migration: tests hold that it leads to the same tables.
    """
    TABLES.create_all(connection, checkfirst=False)
    column = Column("version_num", String(32), nullable=False)
    table = Table(versions, MetaData(), column, PrimaryKeyConstraint(column, name=f"{versions}_pkc"))
    table.create(connection)
    connection.execute(insert(table).values(version_num=revision))
