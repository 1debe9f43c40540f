"""The database connection: settings of SQLite, transactions, migrations at opening."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from threading import local
from typing import Any, Final

from sqlalchemy import Connection, Engine, create_engine, event, inspect, text
from sqlalchemy.engine import URL, make_url
from sqlalchemy.exc import ArgumentError, NoSuchModuleError, SQLAlchemyError
from sqlalchemy.pool import ConnectionPoolEntry

from rarebit.core.errors import MissingExtraError, StateError

HEAD: Final = "0009"
"""Newest revision of the tables; the same as the last one under ``migrations/versions``."""
_BUSY_MS: Final = 30_000


class Database:
    """Connections to one database.

    Parameters
    ----------
    url : str
        Any SQLAlchemy URL, such as ``sqlite:////srv/rarebit/state.db``.

    Raises
    ------
    StateError
        If the database cannot be opened, or was made by a newer release.
    """

    def __init__(self, url: str) -> None:
        self._url, self.engine = _engine(url)
        self._open = local()
        with self.failing(), self.engine.connect().execution_options(writes=True) as connection, connection.begin():
            _migrate(connection, self.where)

    @property
    def where(self) -> str:
        """The database as shown in messages, without a password."""
        return self._url.render_as_string(hide_password=True)

    def close(self) -> None:
        """Close all connections."""
        self.engine.dispose()

    @contextmanager
    def writing(self) -> Iterator[Connection]:
        """The connection of the open transaction of this thread, or of a new one that ends with the block.

        The outermost block commits; any error rolls back all of it.
        """
        held: Connection | None = getattr(self._open, "connection", None)
        if held is not None:
            yield held
            return
        with self.failing(), self.engine.connect().execution_options(writes=True) as connection, connection.begin():
            self._open.connection = connection
            try:
                yield connection
            finally:
                self._open.connection = None

    @contextmanager
    def trying(self) -> Iterator[None]:
        """As an outermost :meth:`writing`, but all of it is rolled back at the end."""
        with self.failing(), self.engine.connect().execution_options(writes=True) as connection:
            transaction = connection.begin()
            self._open.connection = connection
            try:
                yield
            finally:
                self._open.connection = None
                transaction.rollback()

    @contextmanager
    def reading(self) -> Iterator[Connection]:
        """A connection to read by: that of the open transaction, if there is one."""
        held: Connection | None = getattr(self._open, "connection", None)
        if held is not None:
            yield held
            return
        with self.failing(), self.engine.connect() as connection:
            yield connection

    @contextmanager
    def failing(self) -> Iterator[None]:
        """Errors of the database as StateError."""
        try:
            yield
        except SQLAlchemyError as error:
            reason = str(getattr(error, "orig", None) or error).strip().splitlines()[0]
            raise StateError(
                f"the database cannot be used: {reason}",
                where=self.where,
                hint="Check that it can be reached and written, that the disk is not full, and that no other "
                "program holds it.",
            ) from error


def _engine(url: str) -> tuple[URL, Engine]:
    try:
        parsed = make_url(url)
        sqlite = parsed.get_backend_name() == "sqlite"
        if sqlite and parsed.database not in (None, "", ":memory:"):
            Path(str(parsed.database)).parent.mkdir(parents=True, exist_ok=True)
        engine = create_engine(parsed)
    except ModuleNotFoundError as error:
        raise MissingExtraError(error.name or url, "server") from error
    except (ArgumentError, NoSuchModuleError, OSError) as error:
        raise StateError(
            f"the database cannot be opened: {error}", hint="Write a URL such as sqlite:////srv/rarebit/state.db."
        ) from error
    if sqlite:
        event.listen(engine, "connect", _sqlite_settings)
        event.listen(engine, "begin", _sqlite_begin)
    return parsed, engine


def _sqlite_settings(connection: Any, _entry: ConnectionPoolEntry) -> None:  # noqa: ANN401 - the driver's own
    connection.isolation_level = None  # the driver's implicit BEGIN would come too late; see _sqlite_begin
    for setting in (f"busy_timeout = {_BUSY_MS}", "journal_mode = WAL", "synchronous = FULL", "foreign_keys = ON"):
        connection.execute(f"PRAGMA {setting}").close()


def _sqlite_begin(connection: Connection) -> None:
    # A transaction that will write takes the lock at once: one begun by reading could not wait for it later.
    writes = connection.get_execution_options().get("writes", False)
    connection.exec_driver_sql("BEGIN IMMEDIATE" if writes else "BEGIN")


def _migrate(connection: Connection, where: str) -> None:
    """Bring the tables to :data:`HEAD`."""
    if inspect(connection).has_table("alembic_version"):
        found = connection.execute(text("SELECT version_num FROM alembic_version")).scalar()
        if found == HEAD:
            return
        if found is not None and found > HEAD:
            raise StateError(
                f"the database was made by a newer release (revision {found}; this one knows up to {HEAD})",
                where=where,
                hint="Install the release that made it, or open another database.",
            )
    from alembic import command
    from alembic.config import Config

    config = Config()
    config.set_main_option("script_location", str(Path(__file__).parent / "migrations").replace("%", "%%"))
    config.set_main_option("path_separator", "os")
    config.attributes["connection"] = connection
    command.upgrade(config, "head")
