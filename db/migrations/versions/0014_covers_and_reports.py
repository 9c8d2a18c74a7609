"""Which picture a track's file holds; what players report of the songs that they play"""

import sqlalchemy as sa
from alembic import op

revision = "0014"
down_revision = "0013"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Apply."""
    op.add_column("track", sa.Column("picture_hash", sa.String(length=32), nullable=True))
    op.add_column("now_playing", sa.Column("state", sa.String(length=8), nullable=True))
    op.add_column("now_playing", sa.Column("position_ms", sa.BigInteger(), nullable=True))
    op.add_column("now_playing", sa.Column("rate", sa.Double(), nullable=True))
    op.add_column("now_playing", sa.Column("reported", sa.DateTime(), nullable=True))
    op.add_column("now_playing", sa.Column("heard_ms", sa.BigInteger(), nullable=True))


def downgrade() -> None:
    """Undo."""
    for name in ("heard_ms", "reported", "rate", "position_ms", "state"):
        op.drop_column("now_playing", name)
    op.drop_column("track", "picture_hash")
