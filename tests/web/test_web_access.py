"""Every route and every role; sessions, links, lockout, forms of other sites."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path

import pytest
from fastapi.testclient import TestClient

from rarebit.app import accounts, keys
from rarebit.app.home import Home
from rarebit.core.errors import AccessError, InputError
from rarebit.core.people import ROLES, SCOPES, key_may, may
from rarebit.web.access import CSRF_HEADER
from rarebit.web.gate import HEADERS, LONGEST_BODY
from rarebit.web.routes import ROUTES
from rarebit.web.server import make_app

DOCUMENTS = Path(__file__).parents[2] / "docs"
PASSWORD = "a long enough password"
Clients = Callable[..., TestClient]
Csrf = Callable[[TestClient], str]


def _address(path: str) -> str:
    return re.sub(r"\{\w+\}", "nobody-knows-this", path)


def test_the_table_of_routes_is_what_the_document_says() -> None:
    text = "".join((DOCUMENTS / name).read_text("utf-8") for name in ("roles.md", "elastic-api.md"))
    rows = re.findall(r"^\| `([A-Z, ]+) (/[^`]*)` \| (\w+) \|", text, re.MULTILINE)
    lines = [(method, path, needs) for methods, path, needs in rows for method in methods.split(", ")]
    assert lines == [(route.method, route.path, route.needs or "anybody") for route in ROUTES]


def test_there_is_no_route_beside_the_table(home: Home) -> None:
    made = {getattr(route, "path", "") for route in make_app(home).routes}
    assert made - {route.path for route in ROUTES} <= {"/static", ""}


@pytest.mark.parametrize("role", [None, *ROLES])
def test_a_role_may_what_the_table_says(role: str | None, home: Home, client_of: Clients, csrf: Csrf) -> None:
    client = client_of(home, role)
    secret = csrf(client) if role else ""
    accounts.login_link(home, "other-admin", "admin")
    for route in sorted(ROUTES, key=lambda route: route.path == "/logout"):
        found = client.request(
            route.method,
            _address(route.path) + "?format=json",
            data={"csrf": secret} if route.method == "POST" else None,
            headers={CSRF_HEADER: secret},
        )
        allowed = route.needs is None or (role is not None and may(role, route.needs))
        if route.needs is None:
            assert found.status_code in (200, 303, 307, 403), route
        elif role is None:
            assert found.status_code == 401, route
        elif allowed:
            assert found.status_code not in (401, 403, 500), (route, found.text)
        else:
            assert (found.status_code, "needs the role" in found.text) == (403, True), route


@pytest.mark.parametrize("scope", SCOPES)
def test_a_key_may_what_the_table_says(scope: str, home: Home, client_of: Clients) -> None:
    _, shown = keys.make_key(home, "program", [scope], actor="test")
    client = client_of(home)
    client.headers["authorization"] = f"ApiKey {shown}"
    for route in ROUTES:
        if route.needs is not None:
            found = client.request(route.method, _address(route.path) + "?format=json")
            refused = not key_may((scope,), route.needs)
            assert (found.status_code == 403) == refused, (route, found.text)
            assert found.status_code not in (401, 500), (route, found.text)


def test_no_answer_leaves_without_its_headers(home: Home, client_of: Clients) -> None:
    client = client_of(home)
    for path in ("/login", "/nowhere", "/queue", "/static/rarebit.js", "/link/x"):
        headers = client.get(path).headers
        assert {name: headers.get(name) for name in HEADERS} == HEADERS
    assert "unsafe" not in HEADERS["content-security-policy"]
    assert client.get("/login").headers["cache-control"] == "no-store"


def test_the_first_account_is_made_by_a_link_that_works_once(home: Home, client_of: Clients) -> None:
    client = client_of(home)
    assert "no account yet" in client.get("/login").text
    token = accounts.first_link(home)
    assert token is not None
    assert client.get(f"/link/{token}").status_code == 200
    wrong = {"name": "ann", "password": PASSWORD, "again": PASSWORD + "x"}
    assert client.post(f"/link/{token}", data=wrong).status_code == 400
    short = {"name": "ann", "password": "short", "again": "short"}
    assert client.post(f"/link/{token}", data=short).status_code == 400
    right = {"name": "ann", "password": PASSWORD, "again": PASSWORD}
    answered = client.post(f"/link/{token}", data=right)
    assert (answered.status_code, answered.headers["location"]) == (303, "/queue")
    assert client.get("/queue").status_code == 200
    assert client_of(home).post(f"/link/{token}", data=right).status_code == 403
    assert accounts.first_link(home) is None
    account = home.store.accounts.get("ann")
    assert account.role == "admin"
    assert account.password_hash.startswith("$argon2id$")


def test_an_invited_person_sets_a_password_and_logs_in(home: Home, client_of: Clients, csrf: Csrf) -> None:
    admin = client_of(home, "admin")
    made = admin.post("/users.json", data={"csrf": csrf(admin), "name": "bob", "role": "analyst"}).json()
    token = made["link"].rsplit("/", 1)[1]
    guest = client_of(home)
    assert guest.post("/login", data={"name": "bob", "password": ""}).status_code == 403
    assert guest.post(f"/link/{token}", data={"password": PASSWORD, "again": PASSWORD}).status_code == 303
    fresh = client_of(home)
    answered = fresh.post("/login", data={"name": "bob", "password": PASSWORD, "back": "/records?host=x"})
    assert answered.headers["location"] == "/records?host=x"
    cookie = answered.headers["set-cookie"]
    assert "HttpOnly" in cookie
    assert "samesite=lax" in cookie.lower()
    assert fresh.get("/records.json").status_code == 503  # nothing was read, which is not the same as nothing found
    fresh.post("/logout", data={"csrf": csrf(fresh)})
    assert fresh.get("/queue").headers["location"] == "/login?back=%2Fqueue"


def test_cookies_are_sent_by_tls_only_where_there_is_tls(home: Home) -> None:
    token = accounts.login_link(home, "ann", "viewer")
    client = TestClient(make_app(home, secure=True), base_url="https://pages.test", follow_redirects=False)
    cookie = client.post(f"/link/{token}").headers["set-cookie"]
    assert cookie.startswith("__Host-rarebit=")
    assert "Secure" in cookie
    assert client.get("/queue").status_code == 200


@pytest.mark.parametrize("back", ["https://evil.example/", "//evil.example", "/\\evil.example", "evil", "/a\r\nb: c"])
def test_a_login_leads_nowhere_else(back: str, home: Home, client_of: Clients) -> None:
    accounts.use_link(home, accounts.first_link(home) or "", name="ann", password=PASSWORD)
    answered = client_of(home).post("/login", data={"name": "ann", "password": PASSWORD, "back": back})
    assert answered.headers["location"] == "/queue"


def test_wrong_passwords_lock_an_account_for_a_while(home: Home, monkeypatch: pytest.MonkeyPatch) -> None:
    accounts.use_link(home, accounts.first_link(home) or "", name="ann", password=PASSWORD)
    now = accounts.now_us()
    monkeypatch.setattr(accounts, "now_us", lambda: now)
    for _ in range(accounts.FAILURES):
        with pytest.raises(AccessError, match="wrong"):
            accounts.login(home, "ann", "guess")
    with pytest.raises(AccessError, match="wrong"):
        accounts.login(home, "ann", PASSWORD)
    assert home.store.list_audit("account ann")[0].action == "locked"
    now += 61 * 1_000_000
    assert accounts.who(home, accounts.login(home, "ann", PASSWORD)) is not None
    assert home.store.accounts.get("ann").failures == 0


def test_sessions_end(home: Home, monkeypatch: pytest.MonkeyPatch) -> None:
    session = accounts.use_link(home, accounts.login_link(home, "ann", "viewer"))
    start = accounts.now_us()
    assert accounts.who(home, session) is not None
    assert accounts.who(home, session + "x") is None
    monkeypatch.setattr(accounts, "now_us", lambda: start + accounts.IDLE_US + 1_000_000)
    assert accounts.who(home, session) is None


def test_a_disabled_account_is_out_at_once(home: Home, client_of: Clients) -> None:
    client = client_of(home, "analyst")
    client_of(home, "admin")
    accounts.change_account(home, "some-analyst", role="analyst", disabled=True, actor="some-admin")
    assert client.get("/queue.json").status_code == 401
    with pytest.raises(AccessError):
        accounts.use_link(home, accounts.login_link(home, "some-analyst", "analyst"))


def test_the_last_admin_stays(home: Home, client_of: Clients) -> None:
    client_of(home, "admin")
    for change in ({"role": "viewer", "disabled": False}, {"role": "admin", "disabled": True}):
        with pytest.raises(InputError, match="last admin"):
            accounts.change_account(home, "some-admin", actor="some-admin", **change)  # type: ignore[arg-type]


def test_old_links_do_not_work(home: Home, client_of: Clients, monkeypatch: pytest.MonkeyPatch) -> None:
    token = accounts.login_link(home, "ann", "viewer")
    later = accounts.now_us() + accounts.LINK_US + 1
    monkeypatch.setattr(accounts, "now_us", lambda: later)
    assert client_of(home).get(f"/link/{token}").status_code == 403


def test_forms_of_other_sites_and_sessions_change_nothing(home: Home, client_of: Clients, csrf: Csrf) -> None:
    client, other = client_of(home, "analyst"), client_of(home, "admin")
    for data, headers in (
        ({}, {}),
        ({"csrf": "0" * 64}, {}),
        ({"csrf": csrf(other)}, {}),
        ({"csrf": csrf(client)}, {"origin": "https://evil.example"}),
        ({"csrf": csrf(client)}, {"sec-fetch-site": "cross-site"}),
    ):
        assert client.post("/queue/look", data=data, headers=headers).status_code == 403
    assert home.store.looks.get("some-analyst") is None
    assert client.post("/queue/look", data={"csrf": csrf(client)}).status_code == 303
    assert home.store.looks.get("some-analyst") is not None


def test_no_request_is_longer_than_a_form(home: Home, client_of: Clients) -> None:
    client = client_of(home)
    assert client.post("/login", content=b"name=" + b"a" * LONGEST_BODY).status_code == 413
    assert client.post("/login", content=b"\xff\xfe").status_code == 400
    assert client.post("/login", content=b"&".join([b"a=1"] * 100)).status_code == 400


def test_every_change_is_in_the_audit(home: Home, client_of: Clients, csrf: Csrf) -> None:
    admin = client_of(home, "admin")
    secret = csrf(admin)
    admin.post("/users", data={"csrf": secret, "name": "bob", "role": "viewer"})
    admin.post("/users/bob", data={"csrf": secret, "role": "engineer"})
    entries = admin.get("/audit.json?target=account bob").json()["entries"]
    assert [(entry["actor"], entry["action"], entry["before"], entry["after"]) for entry in entries] == [
        ("some-admin", "account change", "viewer", "engineer"),
        ("some-admin", "account new", "", "viewer"),
    ]
