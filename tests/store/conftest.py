"""A store in a file, and makers of results for it."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from rarebit.core.result import Alert, Case, CaseEntity, Explanation, Record
from rarebit.store import Store

MakeRecord = Callable[..., Record]


@pytest.fixture
def url(tmp_path: Path) -> str:
    """Where the store of a test is."""
    return f"sqlite:///{tmp_path}/home/state.db"


@pytest.fixture
def store(url: str) -> Iterator[Store]:
    """An empty store."""
    with Store.open(url) as opened:
        yield opened


def _record(number: int, *, score: float = 10.0, job_id: str = "job", time: str = "2026-11-20T08:00:00Z") -> Record:
    return Record(
        id=f"{number:012d}",
        job_id=job_id,
        detector_index=0,
        timestamp="2026-11-20T08:00:00Z",
        bucket_span=900,
        function="rare",
        probability=0.01,
        record_score=score,
        initial_record_score=score,
        time=time,
        expected_per_week=1 / (1 + score),
        initial_expected_per_week=1 / (1 + score),
        entity_type="host",
        entity_id=f"WS{number % 3}",
        explanation=Explanation(sentence="rare", levels=()),
        event_ids=("a", "b"),
        event_count=2,
    )


@pytest.fixture(scope="session")
def make_record() -> MakeRecord:
    """Makes records by number."""
    return _record


@pytest.fixture(scope="session")
def make_alert() -> Callable[..., Alert]:
    """Makes alerts by number."""

    def make(number: int, *, score: float = 60.0) -> Alert:
        return Alert(
            id=f"alert-{number:06d}",
            rule_id="rule",
            record_id=f"{number:012d}",
            timestamp="2026-11-20T08:00:00Z",
            score=score,
            expected_per_week=0.5,
            entity_type="host",
            entity_id=f"WS{number % 3}",
            sentence="odd",
        )

    return make


@pytest.fixture(scope="session")
def make_case() -> Callable[..., Case]:
    """Makes cases by number and rank."""

    def make(number: int, *, rank: int = 1, state: str = "open", verdict: str | None = None) -> Case:
        return Case(
            id=f"case-{number:06d}",
            rank=rank,
            score=50.0,
            expected_per_week=1.0,
            state=state,
            entity=CaseEntity(type="host", id=f"WS{number}", name=f"ws{number}"),
            opened_at="2026-11-20T08:00:00Z",
            updated_at="2026-11-20T09:00:00Z",
            verdict=verdict,
            context={"role": "dc"},
        )

    return make
