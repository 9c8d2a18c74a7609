"""Shortlists: songs chosen for a purpose, with the passages that matched and a note"""

import sqlalchemy as sa
from alembic import op

revision = "0008"
down_revision = "0007"
branch_labels = None
depends_on = None

INDICES = (
    ("ix_shortlist_entry_shortlist_id_position", ["shortlist_id", "position"]),
    ("ix_shortlist_entry_track_id", ["track_id"]),
    ("ix_shortlist_entry_query_track_id", ["query_track_id"]),
)


def upgrade() -> None:
    """Apply."""
    op.create_table(
        "shortlist",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("owner", sa.Text(), nullable=False),
        sa.Column("created", sa.DateTime(), nullable=False),
        sa.Column("changed", sa.DateTime(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_shortlist")),
        sqlite_autoincrement=True,
    )
    op.create_table(
        "shortlist_entry",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("shortlist_id", sa.Integer(), nullable=False),
        sa.Column("position", sa.Integer(), nullable=False),
        sa.Column("track_id", sa.Integer(), nullable=False),
        sa.Column("query_track_id", sa.Integer(), nullable=True),
        sa.Column("query_name", sa.Text(), nullable=False),
        sa.Column("query_start_s", sa.Double(), nullable=True),
        sa.Column("query_end_s", sa.Double(), nullable=True),
        sa.Column("match_start_s", sa.Double(), nullable=True),
        sa.Column("match_end_s", sa.Double(), nullable=True),
        sa.Column("similarity", sa.Double(), nullable=True),
        sa.Column("note", sa.Text(), nullable=False),
        sa.Column("added", sa.DateTime(), nullable=False),
        _key("shortlist_id", "shortlist", "CASCADE"),
        _key("track_id", "track", "CASCADE"),
        _key("query_track_id", "track", "SET NULL"),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_shortlist_entry")),
        sqlite_autoincrement=True,
    )
    for name, columns in INDICES:
        op.create_index(op.f(name), "shortlist_entry", columns, unique=False)


def _key(column: str, table: str, on_delete: str) -> sa.ForeignKeyConstraint:
    name = op.f(f"fk_shortlist_entry_{column}_{table}")
    return sa.ForeignKeyConstraint([column], [f"{table}.id"], name=name, ondelete=on_delete)


def downgrade() -> None:
    """Undo."""
    for name, _ in INDICES:
        op.drop_index(op.f(name), table_name="shortlist_entry")
    op.drop_table("shortlist_entry")
    op.drop_table("shortlist")
