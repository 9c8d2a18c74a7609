"""Tempo, key, loudness and energy of tracks and segments, each with its confidence"""

from collections.abc import Iterator
from typing import Any

import sqlalchemy as sa
from alembic import op

revision = "0007"
down_revision = "0006"
branch_labels = None
depends_on = None

TABLES = ("track", "segment")


def _columns() -> Iterator[sa.Column[Any]]:
    """Yield the columns of a table; one belongs to no other."""
    for name in ("tempo_bpm", "key", "loudness_lufs", "energy"):
        kind = sa.String(length=16) if name == "key" else sa.Double()
        yield sa.Column(name, kind, nullable=True)
        yield sa.Column(f"{name.split('_', maxsplit=1)[0]}_confidence", sa.Double(), nullable=True)


def upgrade() -> None:
    """Apply."""
    for table in TABLES:
        for column in _columns():
            op.add_column(table, column)
    version = sa.Column("measures_version", sa.Integer(), nullable=False, server_default="0")
    op.add_column("track", version)


def downgrade() -> None:
    """Undo."""
    op.drop_column("track", "measures_version")
    for table in TABLES:
        for column in _columns():
            op.drop_column(table, column.name)
