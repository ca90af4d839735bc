"""How alembic runs the revisions: on the connection, and in the transaction, that `migrate.py` hands over."""

from alembic import context

from dean_airflow.store.models import Base

context.configure(
    connection=context.config.attributes["connection"],
    version_table=context.config.attributes["version_table"],
    target_metadata=Base.metadata,
    render_as_batch=True,  # SQLite alters a table by copying it
)
with context.begin_transaction():
    context.run_migrations()
