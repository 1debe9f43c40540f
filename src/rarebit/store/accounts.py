"""Accounts, their sessions and their one-time links. Tokens are never kept, only their hashes."""

from __future__ import annotations

import msgspec
from sqlalchemy import delete, func, insert, select, update

from rarebit.core.errors import NotFoundError
from rarebit.core.people import Account, Link, Session
from rarebit.store.database import Database
from rarebit.store.tables import accounts, links, sessions


class Accounts:
    """Who may log in, and from where they have.

    Parameters
    ----------
    database : Database
        Shared with the store.
    """

    def __init__(self, database: Database) -> None:
        self._database = database

    def count(self) -> int:
        """Number of accounts."""
        with self._database.reading() as connection:
            return connection.execute(select(func.count()).select_from(accounts)).scalar_one()

    def put(self, account: Account) -> None:
        """Keep an account, in place of one of the same name."""
        with self._database.writing() as connection:
            connection.execute(delete(accounts).where(accounts.c.name == account.name))
            connection.execute(insert(accounts), msgspec.to_builtins(account))

    def find(self, name: str) -> Account | None:
        """The account of exactly this name."""
        with self._database.reading() as connection:
            row = connection.execute(select(accounts).where(accounts.c.name == name)).one_or_none()
        return None if row is None else Account(**row._asdict())

    def get(self, name: str) -> Account:
        """The account of exactly this name.

        Raises
        ------
        NotFoundError
            If there is none.
        """
        found = self.find(name)
        if found is None:
            raise NotFoundError(f"there is no account {name!r}")
        return found

    def list(self) -> list[Account]:
        """All accounts by name."""
        with self._database.reading() as connection:
            return [Account(**row._asdict()) for row in connection.execute(select(accounts).order_by(accounts.c.name))]

    # Sessions

    def put_session(self, session: Session, *, oldest_us: int) -> None:
        """Keep a session; those made before ``oldest_us`` are forgotten."""
        with self._database.writing() as connection:
            connection.execute(delete(sessions).where(sessions.c.created_us < oldest_us))
            connection.execute(insert(sessions), msgspec.to_builtins(session))

    def find_session(self, token_hash: str) -> Session | None:
        """The session of a token."""
        with self._database.reading() as connection:
            row = connection.execute(select(sessions).where(sessions.c.token_hash == token_hash)).one_or_none()
        return None if row is None else Session(**row._asdict())

    def touch_session(self, token_hash: str, seen_us: int) -> None:
        """Note that a session is in use."""
        with self._database.writing() as connection:
            connection.execute(update(sessions).where(sessions.c.token_hash == token_hash).values(seen_us=seen_us))

    def end_session(self, token_hash: str) -> None:
        """Forget one session."""
        with self._database.writing() as connection:
            connection.execute(delete(sessions).where(sessions.c.token_hash == token_hash))

    def end_sessions(self, account: str) -> None:
        """Forget all sessions of an account, and the links made for it."""
        with self._database.writing() as connection:
            connection.execute(delete(sessions).where(sessions.c.account == account))
            connection.execute(delete(links).where(links.c.account == account))

    # Links

    def put_link(self, link: Link) -> None:
        """Keep a link; earlier ones of the same kind and account no longer work."""
        same = (links.c.kind == link.kind) & (links.c.account == link.account)
        with self._database.writing() as connection:
            connection.execute(delete(links).where(same))
            connection.execute(insert(links), msgspec.to_builtins(link))

    def find_link(self, token_hash: str) -> Link | None:
        """The link of a token."""
        with self._database.reading() as connection:
            row = connection.execute(select(links).where(links.c.token_hash == token_hash)).one_or_none()
        return None if row is None else Link(**row._asdict())

    def take_link(self, token_hash: str) -> bool:
        """Use a link up; False if somebody else has."""
        with self._database.writing() as connection:
            return connection.execute(delete(links).where(links.c.token_hash == token_hash)).rowcount > 0
