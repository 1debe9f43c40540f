"""The fleet behind the events: roles, people, software, clocks."""

from __future__ import annotations

from collections import Counter
from datetime import datetime
from zoneinfo import ZoneInfo

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from rarebit.core.time import DAY_US, HOUR_US, parse_time, to_us
from rarebit.simulate.activity import Kind
from rarebit.simulate.catalogue import programs
from rarebit.simulate.clock import PROFILES, SITES, Site, local_time, patch_days, site_levels, utc_of_local
from rarebit.simulate.columns import hex_strings
from rarebit.simulate.fleet import Fleet, FleetSettings
from rarebit.simulate.machines import NOVELTY_RANGE, count_roles
from rarebit.simulate.mixture import lookup
from rarebit.simulate.people import Who
from rarebit.simulate.pool import USER, Pool
from rarebit.simulate.rows import mix
from rarebit.simulate.stream import outages
from rarebit.simulate.tables import rows_of

SUNDAY = to_us(datetime(2026, 10, 4, tzinfo=ZoneInfo("UTC")))


@pytest.fixture(scope="module")
def large() -> Fleet:
    return Fleet(FleetSettings(hosts=1500, days=3, events_per_host_day=40))


@given(st.integers(20, 20_000))
def test_roles_add_up(hosts: int) -> None:
    counts = count_roles(hosts)
    assert sum(counts.values()) == hosts
    assert min(counts.values()) >= 1
    assert counts["domain_controller"] >= 2


def test_roles_have_their_shares(large: Fleet) -> None:
    share = {role: count / 1500 for role, count in Counter(host.role for host in large.hosts).items()}
    assert share["workstation"] == pytest.approx(0.7, abs=0.06)
    assert share["server"] == pytest.approx(0.14, abs=0.01)
    assert any(host.linux for host in large.hosts)
    assert len({host.name for host in large.hosts}) == len({host.ip for host in large.hosts}) == 1500


def test_names_of_accounts_are_unique(large: Fleet) -> None:
    names = [account.name for account in large.users]
    assert len(names) == len(set(names))


def test_novelty_spans_five_decades(large: Fleet) -> None:
    rates = np.array([host.novelty for host in large.hosts])
    assert rates.min() >= NOVELTY_RANGE[0]
    assert rates.max() == NOVELTY_RANGE[1]
    assert rates.min() < 3e-6
    by_role = {role: np.median([h.novelty for h in large.hosts if h.role == role]) for role in ("developer", "kiosk")}
    assert by_role["developer"] > 1000 * by_role["kiosk"]


def test_new_programs_come_at_the_rate_of_the_host() -> None:
    fleet = Fleet(FleetSettings(hosts=80, days=7, intrusions=()))
    novelty = fleet._streams[1]
    rows = [novelty.of_day(fleet._everyday, day) for day in range(7)]
    host = np.concatenate([part.host for part in rows])
    mark = np.concatenate([part.key & 0xFFFFFF for part in rows])
    distinct = len(set(zip(host.tolist(), mark.tolist(), strict=True)))
    world = fleet._world
    expected = float((world.novelty * world.hourly.sum(axis=1) * 24 * 7)[[not h.linux for h in fleet.hosts]].sum())
    assert distinct == pytest.approx(expected, rel=0.2)


def test_texts_that_name_a_user_belong_to_accounts_with_a_profile(large: Fleet) -> None:
    profile = {Who.PERSON, Who.VISITOR, Who.SERVICE, Who.DAEMON, Who.ROOT}
    table, columns = large._world.table, large._columns
    for row in range(len(table)):
        if any(personal[row] for personal in columns.personal.values()):
            assert table[row].who in profile, table[row]


def test_every_program_has_a_parent_of_the_catalogue() -> None:
    names = {program.name for program in programs()} | {"System"}
    assert {program.parent for program in programs()} <= names
    assert len(names) > 300


def test_peers_and_written_files_belong_to_known_programs() -> None:
    names = {program.name for program in programs()} | {"System"}
    assert {row[0] for name in ("network.psv", "files.psv") for row in rows_of(name)} <= names


def test_starts_carry_path_hash_and_parent(large: Fleet) -> None:
    table = large._world.table
    starts = [table[row] for row in range(len(table)) if table[row].kind is Kind.START]
    assert all(act.name and act.exe.endswith(act.name) and act.sha and act.parent for act in starts)


def test_outages_spare_hosts_while_something_is_planted(large: Fleet) -> None:
    planted = large._planted
    silent = outages(large._world, planted)
    assert silent
    for outage in silent:
        on_host = planted.ts[planted.host == outage.host]
        assert not ((on_host >= outage.start_us) & (on_host < outage.end_us)).any()


@given(st.integers(0, 400), st.floats(0.01, 23.5), st.sampled_from(SITES))
def test_local_hours_come_back(day: int, hour: float, site: Site) -> None:
    when = local_time(site, utc_of_local(site, SUNDAY + day * DAY_US, hour))
    assert abs(when.hour + when.minute / 60 + when.second / 3600 - hour) < 1.001


def test_levels_follow_local_time_weekends_and_holidays() -> None:
    start = parse_time("2026-10-05")
    lyon, austin = 0, 1
    assert site_levels(start, start + 8 * HOUR_US)[lyon, 0] > 5 * site_levels(start, start + 8 * HOUR_US)[austin, 0]
    saturday = start + 5 * DAY_US + 8 * HOUR_US
    assert site_levels(start, saturday)[lyon, 0] < 0.2
    holiday = start + SITES[austin].holiday * DAY_US + 16 * HOUR_US
    assert site_levels(start, holiday)[austin, 0] < 0.2
    assert site_levels(start, holiday + DAY_US)[austin, 0] > 2
    assert PROFILES.mean(axis=(1, 2)) == pytest.approx(1.0)


def test_patches_come_on_second_tuesdays() -> None:
    days = patch_days(parse_time("2026-10-01"), 62)
    assert days == [parse_time("2026-10-13"), parse_time("2026-11-10")]


@given(
    st.lists(st.lists(st.tuples(st.integers(0, 1000), st.floats(0.01, 100)), min_size=1), min_size=1), st.integers(0, 9)
)
def test_draws_are_choices_of_their_row(choices: list[list[tuple[int, float]]], seed: int) -> None:
    table = lookup(choices)
    row = np.repeat(np.arange(len(choices), dtype=np.int32), 20)
    drawn = table.draw(np.random.default_rng(seed), row)
    for at, choice in zip(row.tolist(), drawn.tolist(), strict=True):
        assert choice in {option for option, _ in choices[at]}


@given(st.lists(st.integers(-(2**63), 2**63 - 1)))
def test_hex_is_what_python_prints(values: list[int]) -> None:
    numbers = np.array(values, np.int64)
    assert hex_strings(numbers, 16).to_pylist() == [f"{value % 2**64:016x}" for value in values]
    keep = numbers % 2 == 0
    want = [f"{value % 2**32:08x}" if even else "" for value, even in zip(values, keep, strict=True)]
    assert hex_strings(numbers, 8, keep).to_pylist() == want


def test_mixing_is_one_to_one() -> None:
    values = np.arange(100_000, dtype=np.int64)
    assert np.unique(mix(values)).size == values.size


def test_a_pool_gives_each_user_a_text() -> None:
    pool = Pool(["ann", "bob"])
    code = pool.add(f"C:\\Users\\{USER}\\a.exe")
    assert [pool.text(code), pool.text(code + 1)] == ["C:\\Users\\ann\\a.exe", "C:\\Users\\bob\\a.exe"]
    assert pool.add(f"C:\\Users\\{USER}\\a.exe") == code
    assert pool.add("") == pool.add(None) == 0
    assert pool.array()[0].as_py() is None
