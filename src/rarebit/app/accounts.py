"""Who may log in and do what: accounts with passwords, sessions, one-time links, lockout. Every change is audited."""

from __future__ import annotations

import hashlib
import re
import secrets
import time
from threading import BoundedSemaphore
from typing import Final

import msgspec

from rarebit.app.home import Home
from rarebit.core.errors import AccessError, InputError
from rarebit.core.people import ROLES, Account, Link, Session
from rarebit.core.time import DAY_US, HOUR_US, MINUTE_US

SHORTEST_PASSWORD: Final = 12
LONGEST_PASSWORD: Final = 1024
SESSION_US: Final = 7 * DAY_US
IDLE_US: Final = 12 * HOUR_US
LINK_US: Final = DAY_US
FAILURES: Final = 5
"""Wrong passwords in a row before an account is locked: for a minute, then twice as long with every further one."""
LONGEST_LOCK_US: Final = 15 * MINUTE_US
_TOUCH_US: Final = MINUTE_US
_NAME = re.compile(r"[\w.@-]{1,64}")
_WRONG = "name or password is wrong, or the account is locked for a while"
_hashing = BoundedSemaphore(2)
"""A hash takes 64 MB on purpose; more than two at once would let strangers take all memory."""
_nobody: list[str] = []
"""A hash of no password, against which names that do not exist are checked, so that they take as long."""


def now_us() -> int:
    """Microseconds since 1970."""
    return time.time_ns() // 1000


def first_link(home: Home) -> str | None:
    """Token of the link that makes the first account; None where there is an account."""
    if home.store.accounts.count():
        return None
    return _link(home, "first", "")


def login_link(home: Home, name: str, role: str) -> str:
    """Token of a link that logs somebody in once; the account is made if missing, without a password."""
    if home.store.accounts.find(name) is None:
        _make(home, name, role, actor="local")
    return _link(home, "login", name)


def invite(home: Home, name: str, role: str, *, actor: str) -> str:
    """Make an account; token of the link by which its owner sets a password.

    Raises
    ------
    InputError
        If the name is taken or no name, or the role does not exist.
    """
    if home.store.accounts.find(name) is not None:
        raise InputError(f"there is an account {name!r} already")
    _make(home, name, role, actor=actor)
    return _link(home, "password", name)


def renew(home: Home, name: str, *, actor: str) -> str:
    """Token of a link to set a new password; the old one works until then.

    Raises
    ------
    NotFoundError
        If there is no such account.
    """
    account = home.store.accounts.get(name)
    home.store.add_audit(actor, "password link", f"account {account.name}", "", "")
    return _link(home, "password", account.name)


def peek(home: Home, token: str) -> Link:
    """What a link is for, without using it.

    Raises
    ------
    AccessError
        If it does not exist, was used, or is too old.
    """
    found = home.store.accounts.find_link(_hashed(token))
    if found is None or found.expires_us < now_us() or (found.kind == "first" and home.store.accounts.count()):
        raise AccessError("this link was used, has run out, or never was", hint="Ask for another.")
    return found


def use_link(home: Home, token: str, *, name: str = "", password: str = "") -> str:
    """Use a link up: set the password it is for, make the first account, or just log in. Gives a session's token.

    Raises
    ------
    AccessError
        If the link does not work, or the account is disabled.
    InputError
        If the name or the password will not do.
    """
    link = peek(home, token)
    name = name if link.kind == "first" else link.account
    hashed = "" if link.kind == "login" else _password(password)
    _check_name(name)
    with home.store.transaction():
        if not home.store.accounts.take_link(link.token_hash):
            raise AccessError("this link was used", hint="Ask for another.")
        if link.kind == "first":
            if home.store.accounts.count():
                raise AccessError("there is an account already", hint="Log in.")
            _make(home, name, "admin", actor=name)
        if hashed:
            account = home.store.accounts.get(name)
            home.store.accounts.end_sessions(name)
            home.store.accounts.put(
                msgspec.structs.replace(account, password_hash=hashed, failures=0, locked_until_us=0)
            )
            home.store.add_audit(name, "password set", f"account {name}", "", "")
    return _session(home, home.store.accounts.get(name))


def login(home: Home, name: str, password: str) -> str:
    """Token of a new session.

    Raises
    ------
    AccessError
        If name or password is wrong, or the account is locked or disabled; which of these is not told.
    """
    account = home.store.accounts.find(name)
    locked = account is not None and account.locked_until_us > now_us()
    right = _verified(account.password_hash if account and not locked else "", password)
    if account is None or locked:
        raise AccessError(_WRONG)
    if not right:
        _failed(home, name)
        raise AccessError(_WRONG)
    if account.failures:
        account = msgspec.structs.replace(account, failures=0, locked_until_us=0)
        home.store.accounts.put(account)
    return _session(home, account)


def _failed(home: Home, name: str) -> None:
    with home.store.transaction():
        account = home.store.accounts.get(name)
        failures, until = account.failures + 1, account.locked_until_us
        if failures >= FAILURES:
            until = now_us() + min(MINUTE_US << min(failures - FAILURES, 10), LONGEST_LOCK_US)
            home.store.add_audit("unknown", "locked", f"account {name}", "", f"{failures} wrong passwords in a row")
        home.store.accounts.put(msgspec.structs.replace(account, failures=failures, locked_until_us=until))


def who(home: Home, token: str) -> Account | None:
    """The account of a session; None if the session has ended or the account is disabled."""
    session = home.store.accounts.find_session(_hashed(token)) if token else None
    now = now_us()
    if session is None or session.created_us + SESSION_US < now or session.seen_us + IDLE_US < now:
        return None
    account = home.store.accounts.find(session.account)
    if account is None or account.disabled:
        return None
    if session.seen_us + _TOUCH_US < now:
        home.store.accounts.touch_session(session.token_hash, now)
    return account


def logout(home: Home, token: str) -> None:
    """End a session."""
    home.store.accounts.end_session(_hashed(token))


def change_account(home: Home, name: str, *, role: str, disabled: bool, actor: str) -> Account:
    """Give an account another role, or take away or give back its right to log in.

    Raises
    ------
    NotFoundError, InputError
        If there is no such account or role, or it is the last admin that could log in.
    """
    _check_role(role)
    with home.store.transaction():
        before = home.store.accounts.get(name)
        after = msgspec.structs.replace(before, role=role, disabled=disabled)
        others = [a for a in home.store.accounts.list() if a.name != name and a.role == "admin" and not a.disabled]
        if before.role == "admin" and (role != "admin" or disabled) and not others:
            raise InputError(f"{name} is the last admin", hint="Make another one first.")
        home.store.accounts.put(after)
        if disabled:
            home.store.accounts.end_sessions(name)
        home.store.add_audit(actor, "account change", f"account {name}", _standing(before), _standing(after))
    return after


def _make(home: Home, name: str, role: str, *, actor: str) -> None:
    _check_name(name)
    _check_role(role)
    account = Account(name=name, role=role, created_us=now_us())
    with home.store.transaction():
        home.store.accounts.put(account)
        home.store.add_audit(actor, "account new", f"account {name}", "", _standing(account))


def _standing(account: Account) -> str:
    return f"{account.role}{', disabled' if account.disabled else ''}"


def _check_name(name: str) -> None:
    if not _NAME.fullmatch(name):
        raise InputError("that is no name for an account", hint="1 to 64 letters, digits, and . _ @ -")


def _check_role(role: str) -> None:
    if role not in ROLES:
        raise InputError(f"{role!r} is no role", hint=f"One of {', '.join(ROLES)}")


def _session(home: Home, account: Account) -> str:
    if account.disabled:
        raise AccessError(_WRONG)
    token, now = secrets.token_urlsafe(32), now_us()
    session = Session(token_hash=_hashed(token), account=account.name, created_us=now, seen_us=now)
    with home.store.transaction():
        home.store.accounts.put_session(session, oldest_us=now - SESSION_US)
        home.store.add_audit(account.name, "login", f"account {account.name}", "", "")
    return token


def _link(home: Home, kind: str, account: str) -> str:
    token = secrets.token_urlsafe(24)
    home.store.accounts.put_link(
        Link(token_hash=_hashed(token), kind=kind, account=account, expires_us=now_us() + LINK_US)
    )
    return token


def _hashed(token: str) -> str:
    return hashlib.sha256(token.encode("utf-8", "replace")).hexdigest()


def _password(password: str) -> str:
    from argon2 import PasswordHasher

    if not SHORTEST_PASSWORD <= len(password) <= LONGEST_PASSWORD:
        raise InputError(
            f"a password has {SHORTEST_PASSWORD} to {LONGEST_PASSWORD} characters", hint="A few random words will do."
        )
    with _hashing:
        return PasswordHasher().hash(password.encode("utf-8", "replace"))


def _verified(password_hash: str, password: str) -> bool:
    """Whether the password is right; a hash that is not there takes as long and is never right."""
    from argon2 import PasswordHasher
    from argon2.exceptions import Argon2Error, InvalidHashError

    if not _nobody:
        _nobody.append(_password(secrets.token_urlsafe(32)))
    with _hashing:
        try:
            PasswordHasher().verify(
                password_hash or _nobody[0], password[: LONGEST_PASSWORD + 1].encode("utf-8", "replace")
            )
        except (Argon2Error, InvalidHashError):
            return False
    return bool(password_hash)
