"""What is known of accounts: their privilege, and where it is known from."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Final

import orjson
import pyarrow as pa

from rarebit.core.fields import CODED, REST
from rarebit.core.names import account_form
from rarebit.maths.hashing import hash_text
from rarebit.query.arrow import to_mask
from rarebit.query.tree import Leaf, Node, Nothing, Terms

PRIVILEGE: Final = "user.privilege"
RANKS: Final = ("admin", "service", "local_admin", "standard")
"""Values of ``user.privilege``, the strongest first."""


def is_looked_up(field: str) -> bool:
    """Whether a field of a query is one of the inventory, and of no event."""
    return field.startswith("asset.") or field == PRIVILEGE


class People:
    """Attributes by account, in its normal form.

    Parameters
    ----------
    accounts : mapping
        Account to attributes: ``privilege``, ``privilege_from``, and what a directory says beside.
    """

    def __init__(self, accounts: Mapping[str, Mapping[str, str]] | None = None) -> None:
        self.accounts = {account_form(name): dict(held) for name, held in (accounts or {}).items()}

    def get(self, account: str) -> dict[str, str]:
        """Attributes of an account; empty if nothing is known of it."""
        return self.accounts.get(account_form(account), {})

    def joined(self, others: Iterable[tuple[str, str, str]]) -> People:
        """With (account, privilege, where from) of others; a stronger privilege stays, whoever knows of it."""
        held = {name: dict(known) for name, known in self.accounts.items()}
        for name, privilege, told in others:
            own = held.setdefault(account_form(name), {})
            if RANKS.index(privilege) < RANKS.index(own.get("privilege", RANKS[-1])) or "privilege" not in own:
                own |= {"privilege": privilege, "privilege_from": told}
        return People(held)

    def resolvers(self, fields: Iterable[str]) -> dict[str, Callable[[Leaf], Node]]:
        """For ``user.privilege``, if a query asks for it: what turns a leaf into accounts."""
        return {name: self._accounts_where for name in fields if name == PRIVILEGE}

    def _accounts_where(self, leaf: Leaf) -> Node:
        names = sorted(self.accounts)
        held = [orjson.dumps({PRIVILEGE: self.accounts[name].get("privilege", "")}).decode() for name in names]
        met = to_mask(leaf, pa.table({REST: pa.array(held, pa.string())})).to_pylist()
        codes = tuple(hash_text(name) for name, fits in zip(names, met, strict=True) if fits)
        return Terms(CODED["user.name"], codes) if codes else Nothing()
