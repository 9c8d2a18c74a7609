"""Radios, what they played and what became of it; songs that less is wanted like"""

import sqlalchemy as sa
from alembic import op

revision = "0011"
down_revision = "0010"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Apply."""
    op.create_table(
        "less_like",
        sa.Column("track_id", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("since", sa.DateTime(), nullable=False),
        _of_track("less_like"),
        sa.PrimaryKeyConstraint("track_id", name=op.f("pk_less_like")),
    )
    op.create_table(
        "radio",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("owner", sa.Text(), nullable=False),
        sa.Column("kind", sa.String(length=16), nullable=False),
        sa.Column("seed", sa.Text(), nullable=False),
        sa.Column("far", sa.Double(), nullable=False),
        sa.Column("discover", sa.Double(), nullable=False),
        sa.Column("created", sa.DateTime(), nullable=False),
        sa.Column("changed", sa.DateTime(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_radio")),
        sqlite_autoincrement=True,
    )
    op.create_table(
        "radio_song",
        sa.Column("radio_id", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("position", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("track_id", sa.Integer(), nullable=False),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("outcome", sa.String(length=16), nullable=False),
        sa.Column("given", sa.DateTime(), nullable=False),
        sa.ForeignKeyConstraint(
            ["radio_id"], ["radio.id"], name=op.f("fk_radio_song_radio_id_radio"), ondelete="CASCADE"
        ),
        _of_track("radio_song"),
        sa.PrimaryKeyConstraint("radio_id", "position", name=op.f("pk_radio_song")),
    )
    op.create_index(op.f("ix_radio_song_track_id"), "radio_song", ["track_id"], unique=False)


def _of_track(table: str) -> sa.ForeignKeyConstraint:
    name = op.f(f"fk_{table}_track_id_track")
    return sa.ForeignKeyConstraint(["track_id"], ["track.id"], name=name, ondelete="CASCADE")


def downgrade() -> None:
    """Undo."""
    op.drop_index(op.f("ix_radio_song_track_id"), table_name="radio_song")
    op.drop_table("radio_song")
    op.drop_table("radio")
    op.drop_table("less_like")
