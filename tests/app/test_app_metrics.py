"""Metric jobs from events to cases through the command: what is told, and that its numbers give the probability."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Any

import msgspec
import numpy as np
import orjson
import pytest
from scipy.stats import t

from rarebit.app.home import Home
from rarebit.app.run import RunOptions, run
from rarebit.core.result import Gauge, Record
from rarebit.core.time import DAY_US, HOUR_US, iso, parse_time
from rarebit.detect.elastic import parse_jobs

START = parse_time("2026-10-05")
DAYS = 6
LEAK = START + 5 * DAY_US + 10 * HOUR_US
SHIPPED = "ded_high_sent_bytes_destination_ip"
JOB: dict[str, Any] = {
    "job_id": "bytes",
    "analysis_config": {
        "bucket_span": "1h",
        "detectors": [
            {"function": "high_sum", "field_name": "source.bytes", "partition_field_name": "host.name"},
            {"function": "metric", "field_name": "event.duration", "partition_field_name": "host.name"},
        ],
        "influencers": ["host.name", "destination.ip"],
    },
    "data_description": {"time_field": "@timestamp"},
    "datafeed_config": {"query": {"term": {"event.category": "network"}}},
}
Rarebit = Callable[..., Any]
Write = Callable[[Path, Sequence[dict[str, Any]]], Path]
OpenHome = Callable[[Path], AbstractContextManager[Home]]


def _events() -> list[dict[str, Any]]:
    """Twelve hosts with connections of log-normal size; one sends a few gigabytes to a new address in an hour."""
    rng = np.random.default_rng(4)
    made = []
    for hour in range(24 * DAYS):
        for host in range(12):
            for at in np.sort(rng.integers(0, HOUR_US // 1000, 5)):
                sent = int(rng.lognormal(9.0 + host / 4.0, 1.0))
                made.append((START + hour * HOUR_US + int(at) * 1000, host, f"192.0.2.{rng.integers(9)}", sent))
    made += [(LEAK + 7_000_000 * (number + 1), 3, "198.51.100.77", 400_000_000 + number) for number in range(10)]
    return [
        {
            "@timestamp": iso(at), "event.category": ["network"], "event.type": ["connection"], "source.bytes": sent,
            "event.duration": str(sent * 1000), "host.name": f"host-{host:02}", "destination.ip": to,
            "destination.port": 443,
        }
        for at, host, to, sent in sorted(made)
    ]  # fmt: skip


@pytest.fixture(scope="module")
def events(tmp_path_factory: pytest.TempPathFactory, write_events: Write) -> Path:
    return write_events(tmp_path_factory.mktemp("metrics") / "all.ndjson", _events())


@pytest.fixture(scope="module")
def ended(events: Path, open_home: OpenHome) -> Path:
    """A home in which the job ran over all events."""
    with open_home(events.parent / "home") as home:
        _run(home, [events])
    return events.parent / "home"


def _run(home: Home, files: Sequence[Path]) -> None:
    (job,) = parse_jobs(JOB)
    home.store.put_job(job, origin="test")
    for file in files:
        run(home, [file], RunOptions(jobs=(job.job_id,), learn_until_us=START + 3 * DAY_US))


def _records(home: Path, open_home: OpenHome) -> list[Record]:
    with open_home(home) as place:
        return sorted(place.store.list_records(), key=lambda record: (-record.record_score, record.id))


def test_a_leak_is_told_in_words_a_person_reads(
    events: Path, tmp_path: Path, rarebit: Rarebit, open_home: OpenHome
) -> None:
    ended, file = tmp_path / "home", tmp_path / "job.json"
    file.write_bytes(orjson.dumps(JOB))
    assert rarebit("job", "import", file, "--home", ended).code == 0
    jobs = ("--job", "bytes", "--job", SHIPPED)
    done = rarebit("run", events, *jobs, "--learn-until", iso(START + 3 * DAY_US), "--home", ended)
    assert done.code == 0, done.err
    found = {(record.job_id, record.function): record for record in reversed(_records(ended, open_home))}
    own, shipped = found["bytes", "high_sum"], found[SHIPPED, "high_sum"]
    assert (own.entity_type, own.entity_id, own.timestamp) == ("host", "host-03", iso(LEAK))
    assert own.explanation.sentence.startswith("host-03 had a sum of source.bytes of 4 GB in the hour from 10:00 UTC; ")
    assert "0 of its 11 peers had more" in own.explanation.sentence
    assert shipped.explanation.sentence.startswith("destination 198.51.100.77 was sent 4 GB in the 3 hours from 09:00")
    assert own.record_score > 75
    shown = rarebit("record", "show", own.id, "--home", ended)
    assert "4 GB" in shown.out
    assert "prior_variance" in shown.out
    cases = rarebit("case", "list", "--json", "--home", ended).objects
    assert cases[0]["entity"]["id"] == "host-03"
    assert any("sum of source.bytes 4 GB" in entry["text"] for entry in cases[0]["timeline"])


def test_the_events_of_a_record_are_those_that_were_summed(ended: Path, open_home: OpenHome) -> None:
    records = [record for record in _records(ended, open_home) if record.function == "high_sum"][:25]
    with open_home(ended) as home:
        for record in records:
            gauge = record.explanation.gauge
            assert gauge is not None
            assert record.event_count == gauge.events
            if record.event_count <= 20:
                held = home.lake.by_id(record.event_ids).column("source.bytes").to_pylist()
                assert sum(held) == record.actual[0]


def _law(gauge: Gauge) -> tuple[float, float]:
    worth = gauge.prior_worth + gauge.weight
    own = (gauge.prior_worth * gauge.prior_mean + gauge.weight * gauge.mean) / worth
    apart = gauge.prior_worth * gauge.weight * (gauge.mean - gauge.prior_mean) ** 2 / (2.0 * worth)
    rate = gauge.prior_shape * gauge.prior_variance + gauge.squares / 2.0 + apart
    spread = max(rate / (gauge.prior_shape + gauge.seen / 2.0), (own / 1000.0) ** 2)
    return own + gauge.season + gauge.offset + gauge.fleet, float(np.sqrt(spread * (gauge.noise + 1.0 / worth)))


def test_every_number_shown_gives_the_next(ended: Path, open_home: OpenHome) -> None:
    records = _records(ended, open_home)
    assert len(records) > 10
    for record in records:
        gauge = record.explanation.gauge
        assert gauge is not None
        location, scale = _law(gauge)
        assert [location, scale] == [pytest.approx(gauge.location), pytest.approx(gauge.scale)]
        side = 1.0 if gauge.side == "high" else -1.0
        law_p = t.sf(side * (np.log1p(gauge.actual) - location) / scale, gauge.freedom)
        assert law_p == pytest.approx(gauge.law_probability)
        depth, tail = np.sqrt(-2.0 * np.log(law_p)), gauge.tail_probability
        if gauge.rank_of == 0.0:
            assert tail == pytest.approx(law_p)
        elif depth > gauge.rank_start:
            ratio = gauge.rank_shape * (depth - gauge.rank_start) / gauge.rank_scale
            assert tail == pytest.approx(gauge.rank_share * (1.0 + ratio) ** (-1.0 / gauge.rank_shape))
        p = (1.0 - gauge.absence) * tail + (gauge.absence if gauge.side == "low" and gauge.zero else 0.0)
        assert record.probability == pytest.approx(min(p * (2.0 if gauge.both else 1.0), 1.0) * gauge.tests)
        assert (record.actual, record.typical) == ((gauge.actual,), (gauge.typical,))
        assert gauge.lower <= gauge.typical <= gauge.upper


def test_several_runs_tell_what_one_tells(
    ended: Path, events: Path, tmp_path: Path, write_events: Write, open_home: OpenHome
) -> None:
    whole = [orjson.loads(line) for line in events.read_bytes().splitlines()]
    edges = itertools.pairwise([0, 777, 5000, len(whole)])
    with open_home(tmp_path / "home") as home:
        _run(home, [write_events(tmp_path / f"{a}.ndjson", whole[a:b]) for a, b in edges])
    later = ("expected_per_week", "expected_per_week_low", "expected_per_week_high", "record_score")
    one, several = (
        {
            record.id: {name: v for name, v in msgspec.to_builtins(record).items() if name not in later}
            for record in _records(path, open_home)
        }
        for path in (ended, tmp_path / "home")
    )
    assert one == several
