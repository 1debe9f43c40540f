"""Events of a made fleet: order, determinism, rates, labels."""

from __future__ import annotations

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pytest

from rarebit.core.errors import DefinitionError
from rarebit.core.fields import FIELDS
from rarebit.core.schema import ARROW
from rarebit.core.time import DAY_US, parse_time
from rarebit.simulate.fleet import Fleet, FleetSettings, simulate
from rarebit.simulate.intrusion import SHAPES

SMALL = FleetSettings(hosts=40, days=6, seed=11, events_per_host_day=200)


def table_of(settings: FleetSettings) -> pa.Table:
    return pa.Table.from_batches(list(simulate(settings)))


@pytest.fixture(scope="module")
def small() -> pa.Table:
    return table_of(SMALL)


@pytest.fixture(scope="module")
def clean() -> pa.Table:
    return table_of(FleetSettings(hosts=40, days=6, seed=11, events_per_host_day=200, intrusions=()))


def times(table: pa.Table) -> np.ndarray[tuple[int], np.dtype[np.int64]]:
    return np.asarray(table["@timestamp"].cast(pa.int64()))


def test_columns_are_those_of_the_event_schema(small: pa.Table) -> None:
    for field in small.schema:
        assert field.type == ARROW[FIELDS[field.name]], field.name
    assert not any(name.startswith("rarebit.") for name in small.schema.names)


def test_events_come_in_time_order_within_the_span(small: pa.Table) -> None:
    ts = times(small)
    start = parse_time(SMALL.start)
    assert (np.diff(ts) >= 0).all()
    assert ts[0] >= start
    assert ts[-1] < start + SMALL.days * DAY_US


@pytest.mark.parametrize("start", ["2026-03-07", "2026-10-24", "2026-10-31"])
def test_order_holds_where_clocks_change(start: str) -> None:
    ts = times(table_of(FleetSettings(hosts=20, days=3, start=start, events_per_host_day=100)))
    assert (np.diff(ts) >= 0).all()
    assert (np.bincount((ts - ts[0]) // (DAY_US // 4)) > 0).all()


def test_the_same_settings_give_the_same_events(small: pa.Table) -> None:
    assert table_of(SMALL).equals(small)
    other = FleetSettings(hosts=40, days=6, seed=12, events_per_host_day=200)
    assert not table_of(other).equals(small)


def test_a_day_does_not_hang_on_the_days_that_follow(clean: pa.Table) -> None:
    short = table_of(FleetSettings(hosts=40, days=2, seed=11, events_per_host_day=200, intrusions=()))
    assert clean.slice(0, short.num_rows).combine_chunks().equals(short.combine_chunks())


def test_labels_name_events_that_exist_and_only_those(small: pa.Table, clean: pa.Table) -> None:
    truth = Fleet(SMALL).truth()
    labelled = {event["id"] for entry in truth for event in entry["events"]}
    intruded, undisturbed = set(small["event.id"].to_pylist()), set(clean["event.id"].to_pylist())
    assert len(labelled) == sum(len(entry["events"]) for entry in truth)
    assert labelled <= intruded
    assert not labelled & undisturbed
    assert undisturbed <= intruded


def test_labels_agree_with_the_events(small: pa.Table) -> None:
    first_at = {event: at for at, event in reversed(list(enumerate(small["event.id"].to_pylist())))}
    hosts, users = small["host.name"], small["user.name"]
    stamps = times(small)
    for entry in Fleet(SMALL).truth():
        for event in entry["events"]:
            at = first_at[event["id"]]
            assert hosts[at].as_py().split(".")[0].lower() == event["host"]
            assert users[at].as_py().split("\\")[-1] == event["user"]
            assert stamps[at] == parse_time(event["time"])
            assert event["host"] in entry["hosts"]
            assert event["technique"] in entry["techniques"]


def test_every_shape_is_told_once_and_late_in_the_span() -> None:
    settings = FleetSettings(hosts=60, days=21, events_per_host_day=50)
    truth = Fleet(settings).truth()
    assert [entry["shape"] for entry in truth] == list(SHAPES)
    start = parse_time(settings.start)
    for entry in truth:
        assert len(entry["events"]) > 5
        assert parse_time(entry["start"]) >= start + (9 if entry["shape"] == "slow_implant" else 13) * DAY_US
        assert entry["start"] < entry["end"]


@pytest.mark.parametrize("seed", range(8))
def test_shapes_can_be_told_in_the_smallest_fleet(seed: int) -> None:
    for days in (1, 4):
        truth = Fleet(FleetSettings(hosts=20, days=days, seed=seed, events_per_host_day=10)).truth()
        assert [len(entry["events"]) > 3 for entry in truth] == [True] * len(SHAPES)


def test_a_clean_fleet_has_no_labels() -> None:
    assert Fleet(FleetSettings(hosts=20, days=1, intrusions=())).truth() == []


@pytest.mark.parametrize("rate", [60.0, 400.0])
def test_the_rate_is_the_one_asked_for(rate: float) -> None:
    fleet = Fleet(FleetSettings(hosts=60, days=7, events_per_host_day=rate, intrusions=()))
    events = sum(window.rows.size for window in fleet.windows())
    assert events / 7 / 60 == pytest.approx(rate, rel=0.12)


def test_shares_of_kinds_are_plausible(clean: pa.Table) -> None:
    counts = {row["values"]: row["counts"] for row in pc.value_counts(clean["event.category"]).to_pylist()}
    share = {kind: count / clean.num_rows for kind, count in counts.items()}
    assert 0.5 < share["process"] < 0.75
    assert 0.05 < share["authentication"] < 0.2
    assert 0.1 < share["network"] < 0.35
    assert 0.01 < share["file"] < 0.1


def test_some_events_are_sent_twice_and_some_come_late(clean: pa.Table) -> None:
    twice = clean.num_rows - len(pc.unique(clean["event.id"]))
    assert 0.0002 < twice / clean.num_rows < 0.003
    delay = np.asarray(clean["event.ingested"].cast(pa.int64())) - times(clean)
    assert (delay > 60_000_000).any()
    assert np.median(delay) < 10_000_000


def test_people_work_by_the_clock_of_their_site() -> None:
    rows = table_of(FleetSettings(hosts=60, days=5, events_per_host_day=300, intrusions=()))
    name = np.array([text.split(".")[0].lower() for text in rows["host.name"].to_pylist()])
    desk = np.array(["-ws-" in text for text in name])
    hour = times(rows) // (DAY_US // 24) % 24
    for site, noon in (("lyo", 10), ("aus", 17), ("pnq", 7)):
        here = hour[desk & np.char.startswith(name, site)]
        near = np.isin(here, [(noon + h) % 24 for h in range(-4, 5)]).mean()
        assert near > 0.6, site


def test_one_in_twenty_reports_through_the_windows_log() -> None:
    fleet = Fleet(FleetSettings(hosts=400, days=1))
    assert sum(host.legacy for host in fleet.hosts) == 20
    assert any(host.migrates_us for host in fleet.hosts if host.legacy)
    rows = table_of(FleetSettings(hosts=200, days=1, events_per_host_day=60))
    log = rows.filter(pc.equal(rows["agent.type"], "winlogbeat"))
    assert log.num_rows > 0
    assert all(
        name == name.upper() and name.endswith(".MERIDIAN.EXAMPLE") for name in log["host.name"].unique().to_pylist()
    )
    assert all("\\" in name for name in log["user.name"].unique().to_pylist())
    assert log["process.hash.sha256"].null_count == log.num_rows
    assert set(log["event.code"].unique().to_pylist()) <= {"4688", "4689", "4624", "4625", "5156", "7045"}


def test_a_host_that_gets_the_sensor_changes_its_name_and_keeps_its_id() -> None:
    settings = FleetSettings(hosts=40, days=22, events_per_host_day=20, intrusions=())
    start = parse_time(settings.start)
    moved = [h for h in Fleet(settings).hosts if start < h.migrates_us < start + 21 * DAY_US and not h.reinstalled_us]
    rows = table_of(settings)
    names = pc.utf8_lower(rows["host.name"])
    for host in moved:
        own = rows.filter(pc.or_(pc.equal(names, host.name), pc.equal(names, host.fqdn)))
        assert len(own["host.name"].unique()) == 2
        assert len(own["host.id"].unique()) == 1
        new = np.asarray(pc.equal(own["agent.type"], "endpoint"))
        assert (new == (times(own) >= host.migrates_us)).all()
    assert moved


@pytest.mark.parametrize(
    ("wrong", "field"),
    [
        ({"hosts": 3}, "hosts"),
        ({"hosts": 10_000_000}, "hosts"),
        ({"days": 0}, "days"),
        ({"seed": -1}, "seed"),
        ({"start": "yesterday-ish"}, "start"),
        ({"events_per_host_day": 0.0}, "events_per_host_day"),
        ({"events_per_host_day": float("nan")}, "events_per_host_day"),
        ({"intrusions": ("heist",)}, "intrusions"),
    ],
)
def test_settings_out_of_range_are_named(wrong: dict[str, object], field: str) -> None:
    with pytest.raises(DefinitionError) as caught:
        Fleet(FleetSettings(**wrong))  # type: ignore[arg-type]
    assert caught.value.where == f"$.{field}"
    assert caught.value.hint
