"""Why a count is a record, in one sentence."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from rarebit.core.result import Tally
from rarebit.core.time import DAY_US, HOUR_US, MINUTE_US
from rarebit.detect.explain import many_peers, noun, plural

_CLEAR: Final = 1.2
"""Factor from which on the pace of the whole fleet is worth a word."""
_UNITS: Final = ((DAY_US, "day"), (HOUR_US, "hour"), (MINUTE_US, "minute"), (1_000_000, "second"))


def count_sentence(tally: Tally, series: Sequence[tuple[str, str]], span_us: int, last: str) -> str:
    """``ws-17 had 412 failed logons in 15 minutes where 3 are usual at this hour (at most 9 in 99 of 100); …``.

    Parameters
    ----------
    tally : Tally
        The numbers.
    series : sequence of (field, value)
        What makes the series; empty where there is only one.
    span_us : int
        Microseconds of a bucket.
    last : str
        Time of the series' last event, for one that fell silent.
    """
    if tally.drift:
        return f"{who(series)} had {_drift(tally)}; {_what(tally, span_us)}. Told once, until it is over."
    parts = [f"{who(series)} had {_what(tally, span_us)}"]
    if tally.actual == 0:
        parts.append(f"its last was at {last}")
    if tally.fleet > _CLEAR or tally.fleet * _CLEAR < 1.0:
        parts.append(f"that is at {tally.fleet:.1f} times the usual, as the fleet as a whole was")
    if tally.peers:
        parts.append(f"{_peers(tally)} had {amount(tally.peers_mean * tally.unit)} on average")
    return "; ".join(parts) + "."


def who(series: Sequence[tuple[str, str]]) -> str:
    """The series in words: ``ws-17 with user ann``."""
    if not series:
        return "the whole fleet"
    (first, value), *others = series
    named = value if first in ("host.name", "user.name", "source.ip") else f"{noun(first)} {value}"
    return named + "".join(f" with {noun(name)} {other}" for name, other in others)


def _what(tally: Tally, span_us: int) -> str:
    number = f"{tally.actual * tally.unit:,}" if tally.actual else "no"
    high = tally.side == "high"
    bound = f"at most {tally.upper * tally.unit:,}" if high else f"at least {tally.lower * tally.unit:,}"
    when = _for_whom(tally) if tally.population else "at this hour"
    usual = f"{amount(tally.typical * tally.unit)} are usual {when} ({bound} in 99 of 100)"
    return f"{number} {tally.counted} in {span_words(span_us)} where {usual}"


def _drift(tally: Tally) -> str:
    """What the telling window holds: sums in which recent buckets count more."""
    window = min(tally.windows, key=lambda each: each.probability)
    length = "day" if window.hours == 24.0 else "week"  # noqa: PLR2004
    way = "more" if window.actual > window.typical else "less"
    return (
        f"{abs(window.actual / window.typical - 1.0):.0%} {way} {tally.counted} than usual over about a {length}: "
        f"{amount(window.actual)} where {amount(window.typical)} were expected, bucket by bucket"
    )


def _for_whom(tally: Tally) -> str:
    if tally.buckets_seen == 0:
        return f"for a {noun(tally.entity_field)} not met before"
    return f"for it by {plural(tally.buckets_seen, 'bucket')} of its own"


def _peers(tally: Tally) -> str:
    if tally.population:
        return f"{plural(tally.peers, 'other')} with any"
    peers = f"its {many_peers(tally.peers, tally.peer_group)}"
    return peers if tally.empty else f"{peers} with any"


def amount(number: float) -> str:
    """A mean number of events, as exact as it is useful."""
    if number >= 10.0:  # noqa: PLR2004
        return f"{number:,.0f}"
    return f"{number:.1f}" if number >= 0.1 else f"{number:.2g}"  # noqa: PLR2004


def span_words(span_us: int) -> str:
    """``15 minutes``, ``an hour``."""
    for size, word in _UNITS:
        if span_us % size == 0:
            count = span_us // size
            return plural(count, word) if count > 1 else ("an hour" if word == "hour" else f"a {word}")
    return f"{span_us / 1_000_000:g} seconds"
