"""Mixes: what of the library sounds alike, named; and where each track lies on the map"""

import sqlalchemy as sa
from alembic import op

revision = "0010"
down_revision = "0009"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Apply."""
    op.create_table(
        "mix",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("kind", sa.String(16), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("trunk_id", sa.String(40), nullable=False),
        sa.Column("centre", sa.LargeBinary(), nullable=False),
        sa.Column("members", sa.LargeBinary(), nullable=False),
        sa.Column("created", sa.DateTime(), nullable=False),
        sa.Column("changed", sa.DateTime(), nullable=False),
        sa.Column("playlist_id", sa.Integer(), nullable=True),
        _key("mix", "playlist_id", "playlist", "SET NULL"),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_mix")),
        sqlite_autoincrement=True,
    )
    op.create_index(op.f("ix_mix_playlist_id"), "mix", ["playlist_id"], unique=False)
    op.create_table(
        "mix_track",
        sa.Column("mix_id", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("position", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("track_id", sa.Integer(), nullable=False),
        _key("mix_track", "mix_id", "mix", "CASCADE"),
        _key("mix_track", "track_id", "track", "CASCADE"),
        sa.PrimaryKeyConstraint("mix_id", "position", name=op.f("pk_mix_track")),
    )
    op.create_index(op.f("ix_mix_track_track_id"), "mix_track", ["track_id"], unique=False)
    op.create_table(
        "map_place",
        sa.Column("track_id", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("content", sa.String(40), nullable=False),
        sa.Column("x", sa.Double(), nullable=False),
        sa.Column("y", sa.Double(), nullable=False),
        _key("map_place", "track_id", "track", "CASCADE"),
        sa.PrimaryKeyConstraint("track_id", name=op.f("pk_map_place")),
    )


def _key(table: str, column: str, referred: str, on_delete: str) -> sa.ForeignKeyConstraint:
    name = op.f(f"fk_{table}_{column}_{referred}")
    return sa.ForeignKeyConstraint([column], [f"{referred}.id"], name=name, ondelete=on_delete)


def downgrade() -> None:
    """Undo."""
    op.drop_table("map_place")
    op.drop_index(op.f("ix_mix_track_track_id"), table_name="mix_track")
    op.drop_table("mix_track")
    op.drop_index(op.f("ix_mix_playlist_id"), table_name="mix")
    op.drop_table("mix")
