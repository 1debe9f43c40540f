"""What the tests of the upper rooms share: a small made fleet, a finished run over it, and the command in process."""

from __future__ import annotations

import io
import shutil
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager, redirect_stderr, redirect_stdout
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import orjson
import pytest
from hypothesis import HealthCheck, settings

from rarebit.app.home import Home
from rarebit.app.run import RunOptions, run
from rarebit.core.result import Explanation, Level, Record
from rarebit.core.time import iso, parse_time
from rarebit.simulate.fleet import FleetSettings, write_fleet

settings.register_profile("any machine", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("any machine")  # a busy machine is no fault of the code under test

LEARN_UNTIL = "2026-10-08T00:00:00Z"


@dataclass(frozen=True)
class Outcome:
    """What a command did."""

    code: int
    out: str
    err: str

    @property
    def objects(self) -> list[dict[str, Any]]:
        """Standard output as NDJSON."""
        return [orjson.loads(line) for line in self.out.splitlines()]


class _Stream(io.TextIOWrapper):
    def __init__(self) -> None:
        super().__init__(io.BytesIO(), encoding="utf-8", newline="\n")

    def text(self) -> str:
        self.flush()
        raw = self.buffer
        assert isinstance(raw, io.BytesIO)
        return raw.getvalue().decode()


Rarebit = Callable[..., Outcome]


@pytest.fixture
def rarebit(monkeypatch: pytest.MonkeyPatch) -> Rarebit:
    """Runs the command line in this process: ``rarebit("case", "list", "--home", home)``."""
    from rarebit.cli.main import main

    monkeypatch.setenv("COLUMNS", "100")
    monkeypatch.setenv("TERM", "dumb")
    monkeypatch.delenv("RAREBIT_HOME", raising=False)

    def call(*arguments: object) -> Outcome:
        out, err, code = _Stream(), _Stream(), 0
        with monkeypatch.context() as patch, redirect_stdout(out), redirect_stderr(err):
            patch.setattr(sys, "argv", ["rarebit", *map(str, arguments)])
            try:
                main()
            except SystemExit as stop:
                code = stop.code if isinstance(stop.code, int) else 0 if stop.code is None else 1
        return Outcome(code, out.text(), err.text())

    return call


@pytest.fixture(scope="session")
def fleet(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Forty hosts over eight days with one intrusion: ``events/<day>.ndjson``, ``assets.csv``, ``truth.json``."""
    out = tmp_path_factory.mktemp("fleet")
    settings = FleetSettings(hosts=40, days=8, seed=3, events_per_host_day=60, intrusions=("hands_on_keyboard",))
    write_fleet(settings, out, format="ndjson")
    return out


@pytest.fixture(scope="session")
def open_home() -> Callable[[Path], AbstractContextManager[Home]]:
    """Opens an installation, and closes it at the end."""
    return _opened


@contextmanager
def _opened(path: Path) -> Iterator[Home]:
    home = Home(path)
    try:
        yield home
    finally:
        home.close()


@pytest.fixture(scope="session")
def ran(fleet: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A home after one run over the whole fleet; to be read only."""
    path = tmp_path_factory.mktemp("ran")
    with _opened(path) as home:
        home.import_assets(fleet / "assets.csv")
        run(home, [fleet / "events"], RunOptions(learn_until_us=parse_time(LEARN_UNTIL)))
    return path


@pytest.fixture
def ran_copy(ran: Path, tmp_path: Path) -> Path:
    """A copy of the home after the run; may be changed."""
    return Path(shutil.copytree(ran, tmp_path / "home"))


def _level(**changes: Any) -> Level:
    drawn: dict[str, Any] = {
        "detector_index": 0,
        "entity_field": "host.name",
        "entity": "ws1",
        "value_field": "process.name",
        "value": "odd.exe",
        "level": "new_to_fleet",
        "entity_days": 12.0,
        "entity_observations": 500.0,
        "entity_novel": 2.0,
        "peer_group": "",
        "peers": 30,
        "peers_with_value": 0,
        "fleet": 40,
        "fleet_with_value": 0,
        "rate": 0.001,
        "probability": 0.0005,
    }
    return Level(**drawn | changes)


def _record(number: int, at_us: int, **changes: Any) -> Record:
    value = changes.pop("value", f"odd-{number}.exe")
    expected = changes.pop("expected", 0.5)
    drawn: dict[str, Any] = {
        "id": f"{number:020x}",
        "job_id": "j",
        "detector_index": 0,
        "timestamp": iso(at_us - at_us % 900_000_000),
        "bucket_span": 900,
        "function": "rare",
        "by_field_name": "process.name",
        "by_field_value": value,
        "probability": 0.0005,
        "record_score": 60.0,
        "initial_record_score": 60.0,
        "time": iso(at_us),
        "expected_per_week": expected,
        "initial_expected_per_week": expected,
        "expected_per_week_low": expected / 2,
        "expected_per_week_high": expected * 2,
        "entity_type": "host",
        "entity_id": "ws1",
        "explanation": Explanation(sentence=f"ws1 started {value}.", levels=(_level(value=value),)),
        "event_ids": (f"event-{number}",),
        "event_count": 1,
    }
    return Record(**drawn | changes)


@pytest.fixture(scope="session")
def make_level() -> Callable[..., Level]:
    """Makes a level of novelty; fields are given by name."""
    return _level


@pytest.fixture(scope="session")
def make_record() -> Callable[..., Record]:
    """Makes a record of host ``ws1`` from (number, time in microseconds); id and value follow from the number."""
    return _record


@pytest.fixture(scope="session")
def write_events() -> Callable[[Path, Sequence[dict[str, Any]]], Path]:
    """Writes events as NDJSON."""

    def write(path: Path, events: Sequence[dict[str, Any]]) -> Path:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(b"".join(orjson.dumps(event) + b"\n" for event in events))
        return path

    return write
