"""Rarity of sensors' alerts: right where the law is known, judged before learnt, and recomputable."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from rarebit.alert.edr_rank import HISTORY_HOURS, WEEK_HOURS, Floats, Ranked, rank

Row = tuple[int, int, int, int]
ROWS = st.lists(
    st.tuples(st.integers(0, 1500), st.integers(0, 3), st.integers(0, 3), st.integers(1, 40)), min_size=1, max_size=40
)


def ranked(rows: list[Row]) -> Ranked:
    columns = np.array(rows, np.int64).reshape(-1, 4).T
    return rank(*(np.ascontiguousarray(column) for column in columns))


def slow(rows: list[Row], at: int, probability: Floats) -> list[int]:
    """The counts of one alert, from their definition."""
    hour, rule, host, events = rows[at]
    before = [n for n, row in enumerate(rows) if hour - HISTORY_HOURS <= row[0] < hour]
    own = [rows[n] for n in before if rows[n][1] == rule]
    bits = events.bit_length()
    steps = [min(int(-np.log(probability[n]) * 10), 511) for n in (at, *before)]
    return [
        max(min(hour - min(row[0] for row in rows), HISTORY_HOURS), 1),
        sum(row[2] == host for row in own),
        len(own),
        len({row[2] for row in own}),
        len({rows[n][2] for n in before}),
        sum(row[3].bit_length() >= bits for row in own),
        sum(step >= steps[0] for step in steps[1:]),
    ]


@given(ROWS)
def test_counts_are_what_they_are_called(rows: list[Row]) -> None:
    found = ranked(rows)
    for at in range(len(rows)):
        assert found.counts[at].tolist() == slow(rows, at, found.probability)
        told = found.rarity(at)
        usual = (told.on_fleet + 0.5) / (max(told.hosts, 1) * told.hours + 1)
        rate = min((told.on_host + 24 * usual) / (told.hours + 24), 1.0)
        assert told.probability == pytest.approx(rate * (told.as_many + 1) / (told.on_fleet + 1))
        assert found.expected[at] == pytest.approx((told.as_rare + 1) / (told.hours / WEEK_HOURS))


@given(ROWS, st.data())
def test_the_order_in_which_alerts_come_does_not_matter(rows: list[Row], data: st.DataObject) -> None:
    shuffled = data.draw(st.permutations(range(len(rows))))
    first, second = ranked(rows), ranked([rows[at] for at in shuffled])
    assert np.array_equal(first.probability[shuffled], second.probability)
    assert np.array_equal(first.counts[shuffled], second.counts)


@given(ROWS)
def test_later_alerts_change_nothing_of_earlier_ones(rows: list[Row]) -> None:
    rows = sorted(rows)
    hour = rows[len(rows) // 2][0]
    early = [row for row in rows if row[0] <= hour]
    whole, part = ranked(rows), ranked(early)
    assert np.array_equal(whole.counts[: len(early)], part.counts)


def test_a_new_rule_stands_out_among_talkative_ones_and_little_else_does() -> None:
    """Noise by a Poisson law on 30 hosts for six weeks; ten rules come that no host has shown.

    In the last two weeks what is expected once a week or less comes about so often: some two alerts of the noise.
    """
    rng = np.random.default_rng(7)
    rates = rng.gamma(0.5, 0.1, (30, 12))
    hits = rng.poisson(rates[:, :, None], (30, 12, 6 * 7 * 24))
    host, rule, hour = np.nonzero(hits)
    noise = [(int(h), int(r), int(w), 1) for w, r, h in zip(host, rule, hour, strict=True)]
    planted = [(700 + 30 * n, 100 + n, n, 1) for n in range(10)]
    found = ranked([*noise, *planted])
    assert found.expected[len(noise) :].max() <= 3.0
    late = np.array([row[0] >= 4 * 7 * 24 for row in noise])
    false = int(np.count_nonzero(found.expected[: len(noise)][late] <= 1.0))
    assert false <= 8
    clean = ranked(noise)
    assert int(np.count_nonzero(clean.expected[late] <= 1.0)) <= 8


def test_a_burst_of_a_usual_rule_is_rarer_than_its_usual_number() -> None:
    rows = [(hour, 0, hour % 5, 3) for hour in range(600)] + [(601, 0, 1, 5000), (601, 0, 2, 3)]
    found = ranked(rows)
    assert found.probability[-2] < found.probability[-1] / 100


def test_nothing_gives_nothing() -> None:
    assert ranked([]).expected.size == 0
