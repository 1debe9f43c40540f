"""Keys of programs: made with scopes, shown once, kept as a hash, revoked. Every change is audited."""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
import re
import secrets
from collections.abc import Sequence
from typing import Final

import msgspec

from rarebit.app.accounts import now_us
from rarebit.app.home import Home
from rarebit.core.errors import InputError, NotFoundError
from rarebit.core.people import SCOPES, ApiKey
from rarebit.core.time import DAY_US, iso

_NAME = re.compile(r"[\w.@ -]{1,64}")
_LONGEST: Final = 512


def make_key(
    home: Home, name: str, scopes: Sequence[str], *, days: int | None = None, actor: str
) -> tuple[ApiKey, str]:
    """Make a key.

    Returns
    -------
    ApiKey
        What is kept of it.
    str
        The key itself, for ``Authorization: ApiKey …`` or ``Bearer …``: it cannot be shown again.

    Raises
    ------
    InputError
        If the name will not do, or a scope does not exist.
    """
    if not _NAME.fullmatch(name):
        raise InputError("that is no name for a key", hint="1 to 64 letters, digits, spaces, and . _ @ -")
    unknown = [scope for scope in scopes if scope not in SCOPES]
    if unknown or not scopes:
        raise InputError(
            f"{unknown[0]!r} is no scope" if unknown else "a key needs a scope", hint=f"One of {', '.join(SCOPES)}"
        )
    if days is not None and not 1 <= days <= 3650:  # noqa: PLR2004
        raise InputError(f"{days} days is no life for a key", hint="1 to 3650 days")
    secret, now = secrets.token_urlsafe(32), now_us()
    key = ApiKey(
        id=secrets.token_hex(8),
        name=name,
        secret_hash=_hashed(secret),
        scopes=tuple(dict.fromkeys(scopes)),
        created_us=now,
        created_by=actor,
        expires_us=now + days * DAY_US if days else 0,
    )
    with home.store.transaction():
        home.store.keys.put([key])
        home.store.add_audit(actor, "key new", f"key {key.id}", "", _standing(key))
    return key, base64.b64encode(f"{key.id}:{secret}".encode()).decode()


def find_key(home: Home, shown: str) -> ApiKey | None:
    """The key of what a program sent; None if there is none, or it has run out or was revoked."""
    try:
        key_id, colon, secret = base64.b64decode(shown[:_LONGEST], validate=True).decode().partition(":")
    except (binascii.Error, ValueError):
        return None
    held = home.store.keys.find(key_id) if colon else None
    if held is None or not hmac.compare_digest(held.secret_hash, _hashed(secret)):
        return None
    return held if works(held, now_us()) else None


def works(key: ApiKey, now: int) -> bool:
    """Whether a key works at a moment, microseconds since 1970."""
    return not key.revoked_us and (not key.expires_us or now < key.expires_us)


def revoke_key(home: Home, key_id: str, *, actor: str) -> ApiKey:
    """Let a key work no more; doing so again changes nothing.

    Raises
    ------
    NotFoundError
        If there is no such key.
    """
    with home.store.transaction():
        held = home.store.keys.find(key_id)
        if held is None:
            raise NotFoundError(f"there is no key {key_id!r}", hint="See rarebit key list")
        if held.revoked_us:
            return held
        gone = msgspec.structs.replace(held, revoked_us=now_us())
        home.store.keys.put([gone])
        home.store.add_audit(actor, "key revoke", f"key {key_id}", _standing(held), "revoked")
    return gone


def key_line(key: ApiKey) -> dict[str, object]:
    """A key as a listing shows it: all but its hash."""
    state = "revoked" if key.revoked_us else "works" if works(key, now_us()) else "has run out"
    return {
        "id": key.id,
        "name": key.name,
        "scopes": list(key.scopes),
        "state": state,
        "created": iso(key.created_us),
        "created_by": key.created_by,
        "expires": iso(key.expires_us) if key.expires_us else None,
    }


def _standing(key: ApiKey) -> str:
    until = f", until {iso(key.expires_us)}" if key.expires_us else ""
    return f"{key.name}: {', '.join(key.scopes)}{until}"


def _hashed(secret: str) -> str:
    return hashlib.sha256(secret.encode("utf-8", "replace")).hexdigest()
