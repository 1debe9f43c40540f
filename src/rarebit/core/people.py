"""People and programs that work with an installation: roles, accounts, sessions, links, looks, keys."""

from __future__ import annotations

from typing import Final

import msgspec

ROLES: Final = ("viewer", "analyst", "engineer", "admin")
"""From least to most; each may do what those before it may."""


SCOPES: Final = {"intake": "", "read": "viewer", "judge": "analyst", "manage": "engineer"}
"""What a key may be good for, and the role whose rights it gives; ``intake`` sends events and sees nothing."""
INTAKE: Final = "intake"
"""What a route needs that takes events in: a key of that scope, or an engineer."""


def may(role: str, needed: str) -> bool:
    """Whether a role is at least the one needed; a role that does not exist may nothing."""
    least = "engineer" if needed == INTAKE else needed
    return role in ROLES and ROLES.index(role) >= ROLES.index(least)


def key_may(scopes: tuple[str, ...], needed: str) -> bool:
    """Whether one of a key's scopes gives the right that is needed."""
    return (needed == INTAKE and INTAKE in scopes) or any(may(SCOPES.get(scope, ""), needed) for scope in scopes)


class Account(msgspec.Struct, frozen=True, kw_only=True):
    """Somebody who may log in."""

    name: str
    role: str
    password_hash: str = ""
    """Argon2id in its usual form; empty while there is no password."""
    disabled: bool = False
    failures: int = 0
    """Wrong passwords since the last right one."""
    locked_until_us: int = 0
    created_us: int = 0


class Session(msgspec.Struct, frozen=True, kw_only=True):
    """A browser that has logged in; only a hash of its token is kept."""

    token_hash: str
    account: str
    created_us: int
    seen_us: int


class Link(msgspec.Struct, frozen=True, kw_only=True):
    """A link that works once."""

    token_hash: str
    kind: str
    """``first`` makes the first account, ``password`` sets one, ``login`` logs in."""
    account: str
    expires_us: int


class Seen(msgspec.Struct, frozen=True, kw_only=True):
    """How a case stood when somebody looked."""

    state: str
    score: float
    events: int


class Look(msgspec.Struct, frozen=True, kw_only=True):
    """What somebody had in front of them: the open cases as they stood."""

    at_us: int
    cases: dict[str, Seen]


class ApiKey(msgspec.Struct, frozen=True, kw_only=True):
    """A key of a program; only a hash of its secret is kept."""

    id: str
    name: str
    secret_hash: str
    scopes: tuple[str, ...]
    created_us: int
    created_by: str
    expires_us: int = 0
    """0 for never."""
    revoked_us: int = 0
    """0 while it works."""
