"""Tracks that are a part of a file: from where to where, and by which entry of a cue sheet"""

import sqlalchemy as sa
from alembic import op

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Apply."""
    op.add_column("track", sa.Column("range_start_s", sa.Float(), nullable=True))
    op.add_column("track", sa.Column("range_end_s", sa.Float(), nullable=True))
    op.add_column("track", sa.Column("sheet_hash", sa.String(length=32), nullable=True))


def downgrade() -> None:
    """Undo."""
    for name in ("range_start_s", "range_end_s", "sheet_hash"):
        op.drop_column("track", name)
