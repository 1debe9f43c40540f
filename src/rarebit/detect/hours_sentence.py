"""Why an hour is a record, in one sentence."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final, NamedTuple

from rarebit.core.habits import Rhythm
from rarebit.core.time import iso
from rarebit.detect.count_sentence import who
from rarebit.detect.explain import many_peers, plural

_DAYS: Final = ("Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday")
_DAY_HOURS: Final = 24


class Stretch(NamedTuple):
    """Hours of a day, or of one day of the week, from one to another."""

    hours: tuple[int, ...]
    text: str


def hours_sentence(rhythm: Rhythm, series: Sequence[tuple[str, str]], *, acted: str, time_us: int) -> str:
    """``ann logged on at 03:12 UTC: in 41 days none of its 212 active hours lay between 01:00 and 06:00; …``.

    Parameters
    ----------
    rhythm : Rhythm
        The numbers.
    series : sequence of (field, value)
        What makes the series; empty where there is only one.
    acted : str
        The job's own words for what was done.
    time_us : int
        Time of the first event of the hour.
    """
    stretch = stretch_of(rhythm)
    return f"{who(series)} {acted} {_when(rhythm, time_us)}: {_own(rhythm, stretch)}{_peers(rhythm, stretch)}."


def hours_brief(rhythm: Rhythm) -> str:
    """``at an unusual hour (1 of 212 active hours between 03:00 and 04:00)``."""
    stretch = stretch_of(rhythm)
    return f"at an unusual hour ({_own(rhythm, stretch)})"


def stretch_of(rhythm: Rhythm) -> Stretch:
    """The hours around that in question in which the series never was active; that hour alone, if it was."""
    first = rhythm.hour - rhythm.hour % _DAY_HOURS
    day = rhythm.own[first : first + _DAY_HOURS]
    hour = rhythm.hour - first
    start, length = hour, 1
    if sum(rhythm.own) > 0.0 and day[hour] == 0.0:
        wraps = len(rhythm.own) == _DAY_HOURS
        while length < _DAY_HOURS and (wraps or start > 0) and day[start - 1] == 0.0:
            start, length = (start - 1) % _DAY_HOURS, length + 1
        while (
            length < _DAY_HOURS and (wraps or start + length < _DAY_HOURS) and day[(start + length) % _DAY_HOURS] == 0.0
        ):
            length += 1
    hours = tuple(first + (start + offset) % _DAY_HOURS for offset in range(length))
    clock = f"between {start:02}:00 and {(start + length) % _DAY_HOURS or _DAY_HOURS:02}:00"
    if len(rhythm.own) == _DAY_HOURS:
        return Stretch(hours, clock)
    name = _DAYS[rhythm.hour // _DAY_HOURS]
    return Stretch(hours, f"on a {name}" if length == _DAY_HOURS else f"on a {name} {clock}")


def _when(rhythm: Rhythm, time_us: int) -> str:
    """``at 03:12 UTC (05:12 by the day of its peers)``."""
    named = len(rhythm.own) > _DAY_HOURS
    text = f"at {iso(time_us)[11:16]} UTC"
    if named:
        text += f" on {_DAYS[(rhythm.hour - rhythm.shift) % len(rhythm.own) // _DAY_HOURS]}"
    if not rhythm.shift:
        return text
    day = f"{_DAYS[rhythm.hour // _DAY_HOURS]} " if named else ""
    return f"{text} ({day}{rhythm.hour % _DAY_HOURS:02}:{iso(time_us)[14:16]} by the day of its peers)"


def _own(rhythm: Rhythm, stretch: Stretch) -> str:
    if sum(rhythm.own) <= 0.0:
        return "it was never seen before"
    age = f"in {plural(round(rhythm.days), 'day')}" if rhythm.days >= 1.0 else f"in {rhythm.days * 24.0:.0f} hours"
    part = sum(rhythm.own[hour] for hour in stretch.hours) / sum(rhythm.own)
    if part > 0.0:
        hours = f"its {rhythm.active_hours:,} active hours, recent ones counting more,"
        return f"{age} {_percent(part)} of {hours} lay {stretch.text}"
    if rhythm.active_hours == 1:
        return f"{age} its one active hour did not lie {stretch.text}"
    return f"{age} none of its {rhythm.active_hours:,} active hours lay {stretch.text}"


def _peers(rhythm: Rhythm, stretch: Stretch) -> str:
    if not rhythm.peer_count:
        return ""
    part = _percent(sum(rhythm.peers[hour] for hour in stretch.hours))
    peers = many_peers(rhythm.peer_count, rhythm.peer_group)
    if sum(rhythm.own) <= 0.0:
        return f"; {part} of the active hours of its {peers} lay {stretch.text}"
    return f"; {part} of the active hours of its {peers} did"


def _percent(part: float) -> str:
    """``2 %``, ``0.4 %``, ``under 0.1 %``."""
    if part < 0.001:  # noqa: PLR2004
        return "under 0.1 %"
    return f"{part:.0%}".replace("%", " %") if part >= 0.0995 else f"{part:.1%}".replace("%", " %")  # noqa: PLR2004
