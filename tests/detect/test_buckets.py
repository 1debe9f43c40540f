"""Whole buckets: made of records alone, never less for a smaller p, in the unit of records."""

from __future__ import annotations

from collections.abc import Callable

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from rarebit.core.influencer import Explained, Influencer
from rarebit.core.result import Record
from rarebit.core.time import HOUR_US, WEEK_US
from rarebit.detect.buckets import bucket_results, overall_buckets, together

MakeRecord = Callable[..., Record]
SPAN = HOUR_US
rates = st.floats(1e-6, 300.0)


def carrying(record: Record, **shares: float) -> Record:
    """The record with users that explain so much of it."""
    explains = tuple(Explained(value=name, influencer_score=share, events=1, of=1) for name, share in shares.items())
    made = Influencer(influencer_field_name="user.name", influencer_field_values=tuple(shares), explains=explains)
    return msgspec.structs.replace(record, influencers=(made,))


@given(st.lists(rates, min_size=1, max_size=30), st.data())
def test_a_smaller_number_never_gives_a_lower_score(expected: list[float], data: st.DataObject) -> None:
    at = data.draw(st.integers(0, len(expected) - 1))
    smaller = [*expected]
    smaller[at] *= data.draw(st.floats(0.0001, 1.0))
    before = together(expected, streams=2, span_us=SPAN)
    after = together(smaller, streams=2, span_us=SPAN)
    more = together([*expected, 1.0], streams=2, span_us=SPAN)
    assert after.score >= before.score
    assert more.score >= before.score
    assert 0.0 < after.probability <= before.probability <= 1.0


@given(st.permutations(range(8)), st.integers(0, 8))
def test_buckets_depend_on_the_records_alone(make_record: MakeRecord, order: list[int], cut: int) -> None:
    records = [make_record(n, n % 3 * HOUR_US, expected=0.1 * (n + 1)) for n in range(8)]
    whole = bucket_results(records, streams=1, span_us=SPAN, counts={})
    shuffled = [records[n] for n in (*order[cut:], *order[:cut])]
    assert bucket_results(shuffled, streams=1, span_us=SPAN, counts={}) == whole


def test_a_bucket_says_how_many_like_it_come_a_week(make_record: MakeRecord) -> None:
    record = make_record(1, 0, expected=0.5)
    ((bucket,), _) = bucket_results([record], streams=1, span_us=SPAN, counts={record.timestamp: 44})
    assert bucket.expected_per_week == pytest.approx(0.5 * 1.86, rel=1e-3)
    assert bucket.probability == pytest.approx(bucket.expected_per_week * SPAN / WEEK_US)
    assert (bucket.event_count, bucket.record_count, bucket.timestamp) == (44, 1, record.timestamp)
    assert bucket.anomaly_score == bucket.initial_anomaly_score


def test_what_was_first_given_stays_when_a_rollout_takes_a_record_in(make_record: MakeRecord) -> None:
    record = make_record(1, 0, expected=0.5)
    taken = msgspec.structs.replace(record, rollout="lead", expected_per_week=1000.0, record_score=0.0)
    ((before,), _) = bucket_results([record], streams=1, span_us=SPAN, counts={})
    ((after,), _) = bucket_results([taken], streams=1, span_us=SPAN, counts={})
    assert after.initial_anomaly_score == before.initial_anomaly_score > 0
    assert after.anomaly_score == 0.0


def test_learning_gives_no_score(make_record: MakeRecord) -> None:
    ((bucket,), _) = bucket_results([make_record(1, 0, learning=True)], streams=1, span_us=SPAN, counts={})
    assert (bucket.anomaly_score, bucket.initial_anomaly_score, bucket.learning) == (0.0, 0.0, True)


def test_influencers_count_in_the_part_that_they_explain(make_record: MakeRecord) -> None:
    records = [
        carrying(make_record(1, 0, expected=0.1), mara=1.0, system=0.4, nobody=0.01),
        carrying(make_record(2, 0, expected=0.3), mara=0.9),
    ]
    ((bucket,), found) = bucket_results(records, streams=1, span_us=SPAN, counts={})
    scores = {each.influencer_field_value: each.influencer_score for each in found}
    assert set(scores) == {"mara", "system"}
    assert bucket.anomaly_score == scores["mara"] > scores["system"]
    (led,) = bucket.bucket_influencers
    assert (led.influencer_field_name, led.anomaly_score) == ("user.name", scores["mara"])


def test_all_jobs_together_pay_for_their_number(make_record: MakeRecord) -> None:
    records = [make_record(1, 0, expected=0.01), make_record(2, 26 * HOUR_US, expected=0.02)]
    found, _ = bucket_results(records, streams=1, span_us=SPAN, counts={})
    first, second = overall_buckets(found, span_us=24 * HOUR_US, jobs=3)
    assert first.overall_score > second.overall_score > 0
    assert first.expected_per_week == pytest.approx(3 * 1.86 * found[0].expected_per_week, rel=1e-3)
    assert [(part.job_id, part.max_anomaly_score) for part in first.jobs] == [("j", found[0].anomaly_score)]
