"""What players need: playlists, favourites, and where a track stands on its album"""

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None

TRACK_COLUMNS = ("album_artist", "track_number", "disc_number", "tags_version")


def upgrade() -> None:
    """Apply."""
    op.add_column("track", sa.Column("album_artist", sa.Text(), nullable=False, server_default=""))
    op.add_column("track", sa.Column("track_number", sa.Integer(), nullable=True))
    op.add_column("track", sa.Column("disc_number", sa.Integer(), nullable=True))
    op.add_column("track", sa.Column("tags_version", sa.Integer(), nullable=False, server_default="0"))
    op.create_table(
        "playlist",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("comment", sa.Text(), nullable=False),
        sa.Column("owner", sa.Text(), nullable=False),
        sa.Column("public", sa.Boolean(), nullable=False),
        sa.Column("created", sa.DateTime(), nullable=False),
        sa.Column("changed", sa.DateTime(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_playlist")),
    )
    op.create_table(
        "playlist_track",
        sa.Column("playlist_id", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("position", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("track_id", sa.Integer(), nullable=False),
        sa.ForeignKeyConstraint(
            ["playlist_id"],
            ["playlist.id"],
            name=op.f("fk_playlist_track_playlist_id_playlist"),
            ondelete="CASCADE",
        ),
        sa.ForeignKeyConstraint(
            ["track_id"], ["track.id"], name=op.f("fk_playlist_track_track_id_track"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("playlist_id", "position", name=op.f("pk_playlist_track")),
    )
    op.create_index(op.f("ix_playlist_track_track_id"), "playlist_track", ["track_id"], unique=False)
    op.create_table(
        "favourite",
        sa.Column("item", sa.String(length=64), nullable=False),
        sa.Column("starred", sa.DateTime(), nullable=True),
        sa.Column("rating", sa.Integer(), nullable=True),
        sa.PrimaryKeyConstraint("item", name=op.f("pk_favourite")),
    )


def downgrade() -> None:
    """Undo."""
    op.drop_table("favourite")
    op.drop_index(op.f("ix_playlist_track_track_id"), table_name="playlist_track")
    op.drop_table("playlist_track")
    op.drop_table("playlist")
    for name in TRACK_COLUMNS:
        op.drop_column("track", name)
