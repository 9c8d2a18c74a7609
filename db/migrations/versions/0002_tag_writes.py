"""What deepcuts writes into the tags of files, and what was there before"""

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Apply."""
    op.create_table(
        "tag_write",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("track_id", sa.Integer(), nullable=False),
        sa.Column("action", sa.String(length=8), nullable=False),
        sa.Column("state", sa.String(length=8), nullable=False),
        sa.Column("begun_at", sa.DateTime(), nullable=False),
        sa.Column("target", sa.LargeBinary(), nullable=False),
        sa.Column("temporary", sa.LargeBinary(), nullable=False),
        sa.Column("before", sa.JSON(), nullable=False),
        sa.Column("after", sa.JSON(), nullable=False),
        sa.ForeignKeyConstraint(
            ["track_id"], ["track.id"], name=op.f("fk_tag_write_track_id_track"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_tag_write")),
    )
    with op.batch_alter_table("tag_write", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_tag_write_track_id"), ["track_id"], unique=False)


def downgrade() -> None:
    """Undo."""
    with op.batch_alter_table("tag_write", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_tag_write_track_id"))

    op.drop_table("tag_write")
