"""Connections to servers and players, their songs, and the playlists that were written to them"""

import sqlalchemy as sa
from alembic import op

revision = "0009"
down_revision = "0008"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Apply."""
    op.create_table(
        "connection",
        sa.Column("name", sa.String(length=64), nullable=False),
        sa.Column("kind", sa.String(length=16), nullable=False),
        sa.Column("url", sa.Text(), nullable=False),
        sa.Column("created", sa.DateTime(), nullable=False),
        sa.Column("synced", sa.DateTime(), nullable=True),
        sa.PrimaryKeyConstraint("name", name=op.f("pk_connection")),
    )
    op.create_table(
        "connection_song",
        sa.Column("connection", sa.String(length=64), nullable=False),
        sa.Column("remote_id", sa.Text(), nullable=False),
        sa.Column("track_id", sa.Integer(), nullable=True),
        sa.Column("described", sa.String(length=32), nullable=False),
        sa.Column("how", sa.String(length=16), nullable=False),
        sa.Column("plays", sa.BigInteger(), nullable=True),
        sa.Column("last_played", sa.DateTime(), nullable=True),
        sa.Column("starred", sa.DateTime(), nullable=True),
        sa.Column("rating", sa.Integer(), nullable=True),
        _of_connection("connection_song"),
        sa.ForeignKeyConstraint(
            ["track_id"], ["track.id"], name=op.f("fk_connection_song_track_id_track"), ondelete="SET NULL"
        ),
        sa.PrimaryKeyConstraint("connection", "remote_id", name=op.f("pk_connection_song")),
    )
    op.create_index(op.f("ix_connection_song_track_id"), "connection_song", ["track_id"], unique=False)
    op.create_table(
        "connection_playlist",
        sa.Column("connection", sa.String(length=64), nullable=False),
        sa.Column("remote_id", sa.Text(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("written", sa.String(length=32), nullable=False),
        sa.Column("changed", sa.DateTime(), nullable=False),
        _of_connection("connection_playlist"),
        sa.PrimaryKeyConstraint("connection", "remote_id", name=op.f("pk_connection_playlist")),
    )


def _of_connection(table: str) -> sa.ForeignKeyConstraint:
    name = op.f(f"fk_{table}_connection_connection")
    return sa.ForeignKeyConstraint(["connection"], ["connection.name"], name=name, ondelete="CASCADE")


def downgrade() -> None:
    """Undo."""
    op.drop_table("connection_playlist")
    op.drop_index(op.f("ix_connection_song_track_id"), table_name="connection_song")
    op.drop_table("connection_song")
    op.drop_table("connection")
