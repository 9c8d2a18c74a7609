"""What players leave: queues, bookmarks, what is being played; when a track came; playlist ids used once"""

import sqlalchemy as sa
from alembic import op

revision = "0006"
down_revision = "0005"
branch_labels = None
depends_on = None

OF_TRACKS = ("play_queue_track", "bookmark", "now_playing")


def upgrade() -> None:
    """Apply."""
    op.add_column("track", sa.Column("added", sa.DateTime(), nullable=True))
    op.create_table(
        "play_queue",
        sa.Column("owner", sa.Text(), nullable=False),
        sa.Column("current", sa.Integer(), nullable=True),
        sa.Column("position_ms", sa.BigInteger(), nullable=False),
        sa.Column("changed", sa.DateTime(), nullable=False),
        sa.Column("changed_by", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("owner", name=op.f("pk_play_queue")),
    )
    op.create_table(
        "play_queue_track",
        sa.Column("owner", sa.Text(), nullable=False),
        sa.Column("place", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("track_id", sa.Integer(), nullable=False),
        sa.ForeignKeyConstraint(
            ["owner"],
            ["play_queue.owner"],
            name=op.f("fk_play_queue_track_owner_play_queue"),
            ondelete="CASCADE",
        ),
        _of_track("play_queue_track"),
        sa.PrimaryKeyConstraint("owner", "place", name=op.f("pk_play_queue_track")),
    )
    op.create_table(
        "bookmark",
        sa.Column("owner", sa.Text(), nullable=False),
        sa.Column("track_id", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("position_ms", sa.BigInteger(), nullable=False),
        sa.Column("comment", sa.Text(), nullable=False),
        sa.Column("created", sa.DateTime(), nullable=False),
        sa.Column("changed", sa.DateTime(), nullable=False),
        _of_track("bookmark"),
        sa.PrimaryKeyConstraint("owner", "track_id", name=op.f("pk_bookmark")),
    )
    op.create_table(
        "now_playing",
        sa.Column("owner", sa.Text(), nullable=False),
        sa.Column("player", sa.Text(), nullable=False),
        sa.Column("track_id", sa.Integer(), nullable=False),
        sa.Column("began", sa.DateTime(), nullable=False),
        _of_track("now_playing"),
        sa.PrimaryKeyConstraint("owner", "player", name=op.f("pk_now_playing")),
    )
    for table in OF_TRACKS:
        op.create_index(op.f(f"ix_{table}_track_id"), table, ["track_id"], unique=False)
    _use_ids_once()


def _of_track(table: str) -> sa.ForeignKeyConstraint:
    name = op.f(f"fk_{table}_track_id_track")
    return sa.ForeignKeyConstraint(["track_id"], ["track.id"], name=name, ondelete="CASCADE")


def _use_ids_once() -> None:
    """Let SQLite give no id of a deleted playlist again; a server never does."""
    connection = op.get_bind()
    if connection.dialect.name != "sqlite":
        return
    made = connection.scalar(sa.text("SELECT sql FROM sqlite_master WHERE name = 'playlist'"))
    if "AUTOINCREMENT" not in (made or ""):
        once = {"sqlite_autoincrement": True}
        with op.batch_alter_table("playlist", recreate="always", table_kwargs=once):
            pass


def downgrade() -> None:
    """Undo; ids of playlists go on being used once."""
    for table in OF_TRACKS:
        op.drop_index(op.f(f"ix_{table}_track_id"), table_name=table)
        op.drop_table(table)
    op.drop_table("play_queue")
    op.drop_column("track", "added")
