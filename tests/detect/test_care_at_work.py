"""What is left out of findings and of learning, for every kind of engine, whatever the cuts and restarts."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from rarebit.core.job import Detector, Job
from rarebit.core.time import DAY_US, HOUR_US
from rarebit.detect.care import HIDDEN, UNLEARNT, Hold
from rarebit.detect.findings import Findings
from rarebit.detect.functions import measuring
from rarebit.detect.plan import JobPlan, plan
from rarebit.detect.stream import JobStream

Ints = NDArray[np.int64]
START = 20_003 * DAY_US
DAYS = 6
HOSTS = 12
LISTED = 7
"""Host on the filter list, or in maintenance."""
BURST_US = START + 5 * DAY_US + 10 * HOUR_US
ODD = 99


def _rows(*, bursting: Sequence[int] = (LISTED, 3), silent: int | None = None) -> tuple[Ints, Ints, dict[str, Ints]]:
    """Steady hosts; on the last day some start many times over what they start else, one of it never seen before."""
    rng = np.random.default_rng(2)
    made = []
    for hour in range(24 * DAYS):
        for host in range(1, HOSTS + 1):
            if host == silent and hour >= 24 * (DAYS - 1):
                continue
            times = START + hour * HOUR_US + np.sort(rng.integers(0, HOUR_US, rng.poisson(15)))
            made += [(int(at), host, int(rng.integers(1, 6))) for at in times]
    for host in bursting:
        made += [(BURST_US + number * 1_000_000, host, ODD) for number in range(200)]
    times, host, value = np.array(sorted(made), np.int64).T
    return times, np.arange(times.size) + 1, {"host.name": host, "process.name": value}


def _plan(function: str, *rules: Mapping[str, Any], holds: tuple[Hold, ...] = ()) -> JobPlan:
    rare = function.endswith("rare")
    split: dict[str, Any] = {"over_field_name" if function == "freq_rare" else "partition_field_name": "host.name"}
    by: dict[str, Any] = {"by_field_name": "process.name"} if rare else {}
    by |= {"field_name": "source.bytes"} if measuring(function) else {}
    detector = Detector(function=function, custom_rules=tuple(map(dict, rules)), **split, **by)
    job = Job(job_id="j", bucket_span="1h", detectors=(detector,), influencers=("host.name",))
    return dataclasses.replace(plan(job), holds=holds)


def _run(
    made: JobPlan, rows: tuple[Ints, Ints, dict[str, Ints]], cuts: Sequence[int] = ()
) -> tuple[Findings, JobStream]:
    """All findings; rule 0's scope is the listed host. With cuts, the state is saved and loaded at each."""
    times, ids, columns = rows
    columns = {**columns, "rule:0.0": (columns["host.name"] == LISTED).astype(np.int64)}
    sizes = np.random.default_rng(4).lognormal(3.0, 0.3, ids.max() + 1)[ids]
    numbers = {"source.bytes": np.where(columns["process.name"] == ODD, 900.0, sizes)} if made.numeric else {}
    stream, found = JobStream(made), []
    for start, end in zip([0, *cuts], [*cuts, times.size], strict=True):
        part = slice(start, end)
        own = {name: column[part] for name, column in columns.items()}
        measured = {name: column[part] for name, column in numbers.items()}
        stream.process(times[part], ids[part], own, measured)
        found.append(stream.take_fresh(0))
        if cuts:
            stream = JobStream(made).load_state(stream.to_state())
    return Findings.join(found, [part.dtype for part in found[0].parts]), stream


def _who(findings: Findings, *, since_us: int = START + 5 * DAY_US, p: float = 1e-3) -> set[int]:
    """Hosts with a clear finding on the last day."""
    name = "entity" if "entity" in (findings.parts[0].dtype.names or ()) else "key"
    clear = (findings.found["time_us"] >= since_us) & (findings.found["p"] < p)
    return set(findings.parts[0][name][clear].tolist())


SCOPE = {"host.name": {"filter_id": "f"}}
FUNCTIONS = ["rare", "high_count", "count", "high_non_zero_count", "high_sum", "max", "metric"]


@pytest.mark.parametrize("function", FUNCTIONS)
def test_a_scope_hides_its_host_and_no_other(function: str) -> None:
    rows = _rows()
    open_to_all, _ = _run(_plan(function), rows)
    assert {LISTED, 3} <= _who(open_to_all)
    hidden, stream = _run(_plan(function, {"scope": SCOPE}), rows)
    assert LISTED not in _who(hidden, since_us=0, p=2.0)
    assert _who(hidden) == _who(open_to_all) - {LISTED}
    ((_, counts),) = stream.health()["left_out"].items()
    assert (counts[HIDDEN] > 0, counts[UNLEARNT]) == (True, 0)
    others = open_to_all.found["id"][~np.isin(open_to_all.found["id"], hidden.found["id"])]
    assert counts[HIDDEN] == others.size, "what is missing is what is counted"


@pytest.mark.parametrize("function", ["rare", "freq_rare", "high_count", "count", "sum", "high_mean"])
def test_what_is_not_learnt_stays_strange(function: str) -> None:
    """The same burst every hour of a day: where it is learnt it becomes the rule, where it is not it stays news."""
    times, _, columns = _rows(bursting=())
    again = np.arange(0, 24, 2) * HOUR_US + START + 4 * DAY_US
    more = (again[:, None] + np.arange(60) * 1_000_000).ravel()
    times, host = np.concatenate([times, more]), np.concatenate([columns["host.name"], np.full(more.size, LISTED)])
    value = np.concatenate([columns["process.name"], np.full(more.size, ODD)])
    order = np.argsort(times, kind="stable")
    rows = (times[order], np.arange(times.size) + 1, {"host.name": host[order], "process.name": value[order]})
    rule = {"scope": SCOPE, "actions": ["skip_model_update"]}
    said = []
    for rules in ((), (rule,)):
        findings, stream = _run(_plan(function, *rules), rows)
        mine = findings.take((findings.found["time_us"] >= START + 4 * DAY_US) & (findings.found["p"] < 0.01))
        part = mine.parts[0]
        of = (part["entity"] == LISTED) & (part["value"] == ODD) if function.endswith("rare") else part["key"] == LISTED
        said.append(mine.found["p"][of])
    learnt, unlearnt = said
    if function == "rare":
        assert (learnt.size, unlearnt.size) == (1, again.size), "news once an hour, not once an event"
    else:
        assert unlearnt.size >= learnt.size
        assert np.median(unlearnt) <= np.median(learnt)
    (counts,) = stream.health()["left_out"].values()
    assert counts[UNLEARNT] > 0


@pytest.mark.parametrize("function", ["high_count", "high_mean"])
def test_conditions_are_of_the_bucket(function: str) -> None:
    rows = _rows()
    at_most = {"conditions": [{"applies_to": "actual", "operator": "lt", "value": 150}]}
    more = {"conditions": [{"applies_to": "diff_from_typical", "operator": "gte", "value": 150}]}
    high = {"conditions": [{"applies_to": "typical", "operator": "gt", "value": 0}, {**at_most["conditions"][0]}]}
    hour = [{"applies_to": "time", "operator": "gte", "value": BURST_US // 1_000_000 - 5}]
    for rule, told in ((at_most, True), (more, False), (high, True), ({"conditions": hour}, False)):
        findings, _ = _run(_plan(function, rule), rows)
        assert ({LISTED, 3} <= _who(findings)) == told, rule
        everything, _ = _run(_plan(function), rows)
        assert len(findings) < len(everything)
    rare, _ = _run(_plan("rare", {"conditions": hour}), rows)
    assert _who(rare) == set()


HOSTS_OF = [None, frozenset({LISTED})]


@pytest.mark.parametrize("hosts", HOSTS_OF, ids=["everybody", "one host"])
@pytest.mark.parametrize("function", FUNCTIONS)
def test_within_an_event_nothing_is_told_and_nothing_learnt(function: str, hosts: frozenset[int] | None) -> None:
    hold = Hold(key=5, start_us=BURST_US + 600_000_000, end_us=BURST_US + 1_200_000_000, hosts=hosts)
    findings, stream = _run(_plan(function, holds=(hold,)), _rows())
    assert _who(findings) & {LISTED, 3} == (set() if hosts is None else {3})
    assert stream.health()["left_out"][5][2] >= 200
    times, ids, columns = _rows()
    inside = (times >= BURST_US) & (times < BURST_US + HOUR_US)
    inside &= np.isin(columns["host.name"], [*hosts]) if hosts else True
    if function in ("rare", "high_non_zero_count", "max", "metric"):
        without, _ = _run(_plan(function), (times[~inside], ids[~inside], {k: v[~inside] for k, v in columns.items()}))
        assert findings.found["id"].tolist() == without.found["id"].tolist(), "as if the events had never been"
        assert findings.found["p"].tolist() == without.found["p"].tolist()


@pytest.mark.parametrize("function", ["low_count", "low_sum"])
def test_a_host_switched_off_in_its_maintenance_is_not_silent(function: str) -> None:
    rows = _rows(bursting=(), silent=LISTED)
    loud, _ = _run(_plan(function), rows)
    assert LISTED in _who(loud)
    day = START + 5 * DAY_US
    holds = (Hold(key=5, start_us=day, end_us=day + DAY_US, hosts=frozenset({LISTED})),)
    quiet, _ = _run(_plan(function, holds=holds), rows)
    assert _who(quiet) == _who(loud) - {LISTED}


def test_an_exclusion_is_judged_and_not_learnt() -> None:
    """The first burst of two is left out of what is learnt: the second is as strange as if it were the first."""
    times, _, columns = _rows(bursting=())
    twice = np.concatenate([BURST_US - DAY_US + np.arange(200) * 1_000_000, BURST_US + np.arange(200) * 1_000_000])
    order = np.argsort(all_times := np.concatenate([times, twice]), kind="stable")
    host = np.concatenate([columns["host.name"], np.full(400, LISTED)])[order]
    value = np.concatenate([columns["process.name"], np.full(400, ODD)])[order]
    rows = (all_times[order], np.arange(all_times.size) + 1, {"host.name": host, "process.name": value})
    holds = (Hold(key=1, start_us=BURST_US - DAY_US, end_us=BURST_US - DAY_US + HOUR_US, skip_result=False),)
    for function in ("rare", "high_count", "high_sum"):
        plain, _ = _run(_plan(function), rows)
        excluded, _ = _run(_plan(function, holds=holds), rows)
        first = excluded.found["time_us"] < BURST_US - DAY_US + HOUR_US
        assert set(plain.found["id"][plain.found["time_us"] < BURST_US - DAY_US + HOUR_US]) == set(
            excluded.found["id"][first]
        ), "what was found in it stays found"
        second = [each.found["p"][each.found["time_us"] >= BURST_US] for each in (plain, excluded)]
        assert min(second[1]) < (min(second[0]) if second[0].size else 1.0)


@pytest.mark.parametrize("function", [*FUNCTIONS, "freq_rare"])
def test_cuts_and_restarts_change_nothing(function: str) -> None:
    rows = _rows()
    rule = {"scope": SCOPE, "actions": ["skip_result", "skip_model_update"]}
    holds = (
        Hold(key=5, start_us=BURST_US - DAY_US, end_us=BURST_US - DAY_US + 3 * HOUR_US, hosts=frozenset({3, 4})),
        Hold(key=6, start_us=BURST_US - 2 * DAY_US, end_us=BURST_US - 2 * DAY_US + HOUR_US, skip_result=False),
    )
    made = _plan(function, rule, holds=holds)
    whole, stream = _run(made, rows)
    cuts = np.random.default_rng(3).integers(rows[0].size, size=9)
    pieces, again = _run(made, rows, sorted(cuts.tolist()))
    assert whole.found.tobytes() == pieces.found.tobytes()
    ours, theirs = stream.to_state(), again.to_state()
    assert [name for name in ours if ours[name].tobytes() != theirs[name].tobytes()] == []


def test_what_was_not_seen_for_the_prune_window_is_forgotten_and_counted() -> None:
    times, ids, columns = _rows(bursting=())
    columns["process.name"][times < START + 2 * DAY_US] += 50
    for function, expected in (("rare", True), ("high_count", False)):
        made = _plan(function)
        job = Job(
            job_id="j", bucket_span="1h", detectors=made.job.detectors, analysis_rest={"model_prune_window": "2d"}
        )
        findings, stream = _run(plan(job), (times, ids, columns))
        assert (stream.health()["pruned"] > 0) == expected
        pieces, again = _run(plan(job), (times, ids, columns), [5000, 9000])
        assert findings.found.tobytes() == pieces.found.tobytes()
        assert again.health()["pruned"] == stream.health()["pruned"]
