"""Run by Alembic: upgrades the store over the connection it is given, all or nothing."""

from alembic import context

from watcher.store.tables import metadata

connection = context.config.attributes["connection"]
context.configure(connection=connection, target_metadata=metadata, transactional_ddl=True)
with context.begin_transaction():
    context.run_migrations()
