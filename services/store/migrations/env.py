"""Run by Alembic: migrate over the connection that :mod:`services.store.engine` hands in, within its transaction."""
# Alembic runs this file from its place; imported as a module it would fail.
# ruff: noqa: INP001

from alembic import context

from services.store import schema_audit  # noqa: F401  its table is one of metadata's
from services.store.schema import metadata

context.configure(connection=context.config.attributes["connection"], target_metadata=metadata, render_as_batch=True)
context.run_migrations()
