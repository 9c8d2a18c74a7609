"""Alembic's entry point; run by `db.schema.upgrade` with a connection of its own."""

from alembic import context

from db.migrations import completing  # noqa: F401  its classes carry out the operations from here on
from db.models import Base

connection = context.config.attributes["connection"]
context.configure(connection=connection, target_metadata=Base.metadata, render_as_batch=True)
with context.begin_transaction():
    context.run_migrations()
