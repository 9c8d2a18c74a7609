"""Playlists that keep themselves up to date; songs that were given to who asks for similar ones again"""

import sqlalchemy as sa
from alembic import op

revision = "0012"
down_revision = "0011"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Apply."""
    op.create_table(
        "smart_playlist",
        sa.Column("playlist_id", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("rules", sa.Text(), nullable=False),
        sa.Column("filled_from", sa.String(length=40), nullable=False),
        sa.Column("filled", sa.DateTime(), nullable=True),
        sa.Column("problem", sa.Text(), nullable=False),
        sa.ForeignKeyConstraint(
            ["playlist_id"],
            ["playlist.id"],
            name=op.f("fk_smart_playlist_playlist_id_playlist"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("playlist_id", name=op.f("pk_smart_playlist")),
    )
    op.create_table(
        "similar_given",
        sa.Column("asked", sa.String(length=40), nullable=False),
        sa.Column("given", sa.LargeBinary(), nullable=False),
        sa.Column("at", sa.DateTime(), nullable=False),
        sa.PrimaryKeyConstraint("asked", name=op.f("pk_similar_given")),
    )
    op.create_index(op.f("ix_similar_given_at"), "similar_given", ["at"], unique=False)


def downgrade() -> None:
    """Undo."""
    op.drop_index(op.f("ix_similar_given_at"), table_name="similar_given")
    op.drop_table("similar_given")
    op.drop_table("smart_playlist")
