"""By which id the artist of a connection's song is known there"""

import sqlalchemy as sa
from alembic import op

revision = "0013"
down_revision = "0012"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Apply."""
    op.add_column("connection_song", sa.Column("artist_id", sa.Text(), nullable=True))


def downgrade() -> None:
    """Undo."""
    op.drop_column("connection_song", "artist_id")
