"""An installation with cases, people of every role, and clients that are logged in."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from fastapi.testclient import TestClient

from rarebit.app import accounts
from rarebit.app.home import Home
from rarebit.core.people import ROLES
from rarebit.core.result import Case, CaseEntity, Reason, Record, TimelineEntry
from rarebit.web.server import make_app

Client = TestClient
PASSWORD = "a long enough password"


@pytest.fixture
def home(tmp_path: Path) -> Iterator[Home]:
    """An installation that has read nothing."""
    made = Home(tmp_path / "home")
    yield made
    made.close()


@pytest.fixture
def client_of() -> Callable[..., TestClient]:
    """A client of an installation: nobody's, or of somebody with the role given."""

    def make(home: Home, role: str | None = None) -> TestClient:
        client = TestClient(make_app(home), base_url="http://pages.test", follow_redirects=False)
        if role is not None:
            assert role in ROLES
            token = accounts.login_link(home, f"some-{role}", role)
            assert client.post(f"/link/{token}").status_code == 303
        return client

    return make


@pytest.fixture
def csrf() -> Callable[[TestClient], str]:
    """The secret of this session's forms, as its pages carry it."""

    def read(client: TestClient) -> str:
        found = re.search(r'name="csrf" value="([0-9a-f]+)"', client.get("/events").text)
        assert found
        return found[1]

    return read


@pytest.fixture
def make_case() -> Callable[..., Case]:
    """Makes an open case of ``ws1`` from records."""

    def make(records: list[Record], **changes: object) -> Case:
        drawn: dict[str, object] = {
            "id": f"{len(records):020x}",
            "rank": 1,
            "score": 60.0,
            "expected_per_week": 0.4,
            "state": "open",
            "entity": CaseEntity(type="host", id="ws1", name="ws1"),
            "opened_at": records[0].time,
            "updated_at": records[-1].time,
            "sentence": "ws1 did odd things",
            "reasons": tuple(
                Reason(
                    sentence=record.explanation.sentence,
                    id=record.id,
                    kind="record",
                    score=record.record_score,
                    expected_per_week=record.expected_per_week,
                    event_ids=record.event_ids,
                )
                for record in records
            ),
            "timeline": tuple(
                TimelineEntry(time=record.time, text=record.explanation.sentence, record_id=record.id)
                for record in records
            ),
            "queries": {"kql": 'host.name: "ws1"'},
            "record_ids": tuple(record.id for record in records),
            "event_count": len(records),
        }
        return Case(**drawn | changes)  # type: ignore[arg-type]

    return make
