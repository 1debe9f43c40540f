"""What Alembic runs: the migrations, over the connection it is given."""

from __future__ import annotations

from alembic import context
from sqlalchemy import Connection

from rarebit.store.tables import metadata


def _run(connection: Connection) -> None:
    context.configure(connection=connection, target_metadata=metadata, render_as_batch=True)
    with context.begin_transaction():
        context.run_migrations()


_run(context.config.attributes["connection"])
