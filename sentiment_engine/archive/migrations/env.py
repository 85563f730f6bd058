"""Alembic runs this file; the connection comes from ``database.py``, never from a configuration file."""

from alembic import context

from sentiment_engine.archive.schema import METADATA

context.configure(
    connection=context.config.attributes["connection"],
    target_metadata=METADATA,
    transactional_ddl=True,  # SQLite's too, since database.py begins transactions itself
)
context.run_migrations()
