"""Why a value is a record, in one sentence, in units a person reads."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import Final

from rarebit.core.result import Gauge
from rarebit.core.time import DAY_US, iso
from rarebit.detect.count_sentence import span_words, who
from rarebit.detect.explain import many_peers

_CLEAR: Final = 1.2
"""Factor from which on what the whole fleet shares is worth a word."""
_WORDS: Final = {
    "sum": "sum of {}",
    "mean": "mean {}",
    "median": "median {}",
    "min": "least {}",
    "max": "greatest {}",
    "varp": "variance of {}",
}
_BYTES: Final = (("TB", 1e12), ("GB", 1e9), ("MB", 1e6), ("kB", 1e3), ("bytes", 1.0))
_TIMES: Final = (
    ("days", 86_400e9),
    ("hours", 3_600e9),
    ("minutes", 60e9),
    ("s", 1e9),
    ("ms", 1e6),
    ("µs", 1e3),
    ("ns", 1.0),
)
_PLAIN: Final = (("", 1.0),)
Scale = tuple[tuple[str, float], ...]


def measured_words(statistic: str, field: str) -> str:
    """``sum of source.bytes``."""
    return _WORDS[statistic].format(field)


def metric_sentence(
    gauge: Gauge, series: Sequence[tuple[str, str]], *, field: str, told: str, bucket: tuple[int, int], last: str
) -> str:
    """``ws-17 sent 4.1 GB to other hosts in the hour from 14:00 UTC; 12-80 MB is usual at this hour; …``.

    Parameters
    ----------
    gauge : Gauge
        The numbers.
    series : sequence of (field, value)
        What makes the series; empty where there is only one.
    field : str
        What is measured; by its name the unit is known.
    told : str
        The job's own words, with ``{}`` for the amount; may be empty.
    bucket : (int, int)
        Start and length in microseconds.
    last : str
        Time of the series' last event, for one that fell silent.
    """
    units, shown = _shown(gauge, field)
    empty = gauge.events == 0.0
    actual = "nothing" if empty and told else amount(shown(gauge.actual), units)
    measured = gauge.measured.replace("variance", "standard deviation")
    what = told.format(actual) if told else f"had a {measured} of {actual}"
    parts = [f"{who(series)} {what} {_when(*bucket)}", _usual(shown(gauge.lower), shown(gauge.upper), units)]
    if empty:
        parts.append(f"its last was at {last}")
    pace = math.exp(gauge.fleet) if not gauge.signed else 1.0
    if pace > _CLEAR or pace * _CLEAR < 1.0:
        parts.append(f"that is at {pace:.1f} times the usual, as the fleet as a whole was")
    if gauge.peers:
        peers = many_peers(gauge.peers, gauge.peer_group) + ("" if gauge.zero else " with any")
        parts.append(f"{gauge.peers_beyond:,} of its {peers} had {'more' if gauge.side == 'high' else 'less'}")
    return "; ".join(parts) + "."


def gauge_brief(gauge: Gauge, field: str) -> str:
    """``sum of source.bytes 4.1 GB (34 MB usual)``."""
    units, shown = _shown(gauge, field)
    measured = gauge.measured.replace("variance", "standard deviation")
    return f"{measured} {amount(shown(gauge.actual), units)} ({amount(shown(gauge.typical), units)} usual)"


def _shown(gauge: Gauge, field: str) -> tuple[Scale, Callable[[float], float]]:
    """Units of a statistic, and what to show of its value: of a variance its root, which has the field's unit."""
    if gauge.measured.startswith("variance"):
        return _units(field), lambda value: math.sqrt(max(value, 0.0))
    return _units(field), float


def _when(start_us: int, span_us: int) -> str:
    """``in the hour from 14:00 UTC``."""
    words = span_words(span_us)
    words = f"the {words.partition(' ')[2]}" if words.startswith(("a ", "an ")) else f"the {words}"
    day, _, clock = iso(start_us).partition("T")
    if span_us < DAY_US:
        seconds = "" if start_us % 60_000_000 == 0 else clock[5:8]
        return f"in {words} from {clock[:5]}{seconds} UTC"
    return f"in {words} from {day}" + ("" if start_us % DAY_US == 0 else f" {clock[:5]} UTC")


def _usual(lower: float, upper: float, units: Scale) -> str:
    low, high = amount(lower, units), amount(upper, units)
    number, _, unit = low.partition(" ")
    if low == high:
        return f"{high} is usual at this hour"
    if lower == 0.0:
        return f"up to {high} is usual at this hour (in 99 of 100)"
    if unit == high.partition(" ")[2]:
        low = number
    return f"{low} to {high} is usual at this hour (in 98 of 100)"


def _units(field: str) -> Scale:
    """How values of a field are read: as bytes, as a time in nanoseconds, or as they are."""
    if field.endswith("bytes") or field == "file.size":
        return _BYTES
    return _TIMES if field.endswith("duration") else _PLAIN


def amount(value: float, units: Scale) -> str:
    """A value in the largest unit of which there is one: ``4.1 GB``."""
    unit, size = next(((unit, size) for unit, size in units if abs(value) >= size), units[-1])
    number = value / size
    if abs(number) >= 100.0 or (number.is_integer() and abs(number) >= 1.0):  # noqa: PLR2004 - three figures
        text = f"{number:,.0f}"
    else:
        text = f"{number:.2g}" if abs(number) < 10.0 else f"{number:.0f}"  # noqa: PLR2004
    return f"{text} {unit}".strip()
