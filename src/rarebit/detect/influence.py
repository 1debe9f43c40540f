"""How much of a record each of its influencers explains: its share of the record's events beyond what is usual."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Final

import msgspec

from rarebit.core.influencer import Explained, Influencer
from rarebit.core.names import normal_form
from rarebit.core.result import Record
from rarebit.core.time import DAY_US, parse_time
from rarebit.detect.usual import DaySample
from rarebit.maths.hashing import hash_text

BASELINE_DAYS: Final = 7
"""Whole days (UTC) before a record's own."""


def explained(influencer: Influencer, usual: Mapping[str, int], of: int) -> Influencer:
    """The influencer with its values ranked, the one that explains most first.

    A value that ``share`` of a record's events carry, and ``usual`` of the job's events in the week before, explains
    ``share - usual`` of it, at least 0: what everything carries explains nothing, whatever it stands beside. What is
    usual is told by a sample of the events of each day (:class:`rarebit.detect.usual.DaySample`).

    Parameters
    ----------
    influencer : Influencer
        With the events that carry each value.
    usual : mapping
        Sampled events of the week before that carry each value.
    of : int
        Sampled events of the week before.
    """
    found = [
        msgspec.structs.replace(
            each,
            usual_events=usual.get(each.value, 0),
            usual_of=of,
            influencer_score=influence(each.events, each.of, usual.get(each.value, 0), of),
        )
        for each in influencer.explains
    ]
    ranked = tuple(sorted(found, key=lambda each: (-each.influencer_score, each.usual_events, each.value)))
    return msgspec.structs.replace(
        influencer, explains=ranked, influencer_field_values=tuple(each.value for each in ranked)
    )


def influence(events: int, of: int, usual_events: int, usual_of: int) -> float:
    """Share of the events less the usual share (0 to 1); without a baseline nothing is usual."""
    share = events / of if of else 0.0
    usual = usual_events / usual_of if usual_of else 0.0
    return round(max(0.0, share - usual), 4)


def ranked(sample: DaySample, records: Sequence[Record]) -> list[Record]:
    """Records of a job with their influencers ranked, the fields and in each the values, by a sample of its events."""
    weeks = {day: sample.usual(range(day - BASELINE_DAYS, day)) for day in {_day(record) for record in records}}
    return [_ranked(record, *weeks[_day(record)]) for record in records]


def _ranked(record: Record, of: int, counts: Mapping[tuple[str, int], int]) -> Record:
    made = []
    for influencer in record.influencers:
        name = influencer.influencer_field_name
        form = normal_form(name)
        values = [each.value for each in influencer.explains]
        usual = {value: counts.get((name, hash_text(form(value))), 0) for value in values}
        made.append(explained(influencer, usual, of))
    order = sorted(made, key=lambda each: -max((v.influencer_score for v in each.explains), default=0.0))
    return msgspec.structs.replace(record, influencers=tuple(order))


def _day(record: Record) -> int:
    return parse_time(record.time) // DAY_US


def carried(name: str, texts: Sequence[object]) -> Influencer | None:
    """Values of a field among events (None where absent), with how many carry each; None without any."""
    found: dict[str, int] = {}
    for text in texts:
        if text:
            found[str(text)] = found.get(str(text), 0) + 1
    if not found:
        return None
    explains = tuple(Explained(value=value, events=count, of=len(texts)) for value, count in found.items())
    return Influencer(influencer_field_name=name, influencer_field_values=tuple(found), explains=explains)
