"""Pages of people: logging in and out, first set-up, links, accounts, the audit."""

from __future__ import annotations

from fastapi import Request, Response
from fastapi.responses import RedirectResponse

from rarebit.app import accounts
from rarebit.core.errors import AccessError, InputError
from rarebit.core.people import ROLES, Account
from rarebit.web.access import actor_of, form_of, home_of, local_path, person_of, set_cookie, token_of
from rarebit.web.answer import answer, plain

_AUDIT = 200


def login_page(request: Request, back: str = "/queue") -> Response:
    """Ask for name and password; or say how to begin where there is no account."""
    if person_of(request) is not None:
        return RedirectResponse(local_path(back), 303)
    empty = home_of(request).store.accounts.count() == 0
    return answer(request, "login.html", {"back": local_path(back), "error": "", "empty": empty})


def login(request: Request) -> Response:
    """Begin a session."""
    form = form_of(request)
    back = local_path(form.get("back", ""))
    try:
        token = accounts.login(home_of(request), form.get("name", ""), form.get("password", ""))
    except AccessError as error:
        return answer(request, "login.html", {"back": back, "error": str(error), "empty": False}, status=403)
    return set_cookie(request, RedirectResponse(back, 303), token)


def logout(request: Request) -> Response:
    """End the session."""
    accounts.logout(home_of(request), token_of(request))
    return set_cookie(request, RedirectResponse("/login", 303), "")


def link_page(request: Request, token: str) -> Response:
    """What a one-time link is for; opening it does not use it, so that a preview cannot."""
    link = accounts.peek(home_of(request), token)
    return answer(request, "link.html", {"kind": link.kind, "account": link.account, "error": "", "name": ""})


def use_link(request: Request, token: str) -> Response:
    """Use a one-time link up."""
    form = form_of(request)
    link = accounts.peek(home_of(request), token)
    name = form.get("name", "")
    try:
        _same(form.get("password"), form.get("again"))
        session = accounts.use_link(home_of(request), token, name=name, password=form.get("password", ""))
    except InputError as error:
        told = {"kind": link.kind, "account": link.account, "error": str(error), "name": name}
        return answer(request, "link.html", told, status=400)
    return set_cookie(request, RedirectResponse("/queue", 303), session)


def _same(password: str | None, again: str | None) -> None:
    if password != again:
        raise InputError("the two passwords differ")


def users_page(request: Request) -> Response:
    """All accounts."""
    return _users(request)


def _users(request: Request, *, link: str = "", link_for: str = "") -> Response:
    now = accounts.now_us()
    lines = [_line(account, now) for account in home_of(request).store.accounts.list()]
    data = {"users": lines, "roles": list(ROLES), "link": link, "link_for": link_for}
    return answer(request, "users.html", data)


def _line(account: Account, now: int) -> dict[str, object]:
    return {
        "name": account.name,
        "role": account.role,
        "disabled": account.disabled,
        "locked": account.locked_until_us > now,
        "has_password": bool(account.password_hash),
    }


def make_user(request: Request) -> Response:
    """Make an account, and show the link for its owner once."""
    form = form_of(request)
    name = form.get("name", "")
    token = accounts.invite(home_of(request), name, form.get("role", ""), actor=actor_of(request))
    return _users(request, link=_url(request, token), link_for=name)


def renew_user(request: Request, name: str) -> Response:
    """Show a link to set a new password."""
    token = accounts.renew(home_of(request), name, actor=actor_of(request))
    return _users(request, link=_url(request, token), link_for=name)


def change_user(request: Request, name: str) -> Response:
    """Change role, or disable or enable."""
    form = form_of(request)
    accounts.change_account(
        home_of(request), name, role=form.get("role", ""), disabled="disabled" in form, actor=actor_of(request)
    )
    return RedirectResponse("/users", 303)


def _url(request: Request, token: str) -> str:
    return str(request.url_for("link_page", token=token))


def audit_page(request: Request, target: str = "", limit: int = _AUDIT) -> Response:
    """Who changed what, newest first."""
    limit = max(1, min(limit, 10_000))
    found = home_of(request).store.list_audit(target or None, limit)
    return answer(request, "audit.html", {"entries": plain(found), "target": target, "limit": limit})
