"""Why a rhythm is a record, in one sentence."""

from __future__ import annotations

from rarebit.core.beacon import Beacon
from rarebit.detect.count_sentence import who
from rarebit.detect.explain import noun, peers_named, plural

_HOUR = 3600.0


def beacon_sentence(beacon: Beacon) -> str:
    """``upd.exe on ws-17 contacted 203.0.113.7 every 61 s ± 4 s for 9 h: 512 check-ins where …``."""
    whom = who([(beacon.entity_field, beacon.entity)])
    whom = f"{beacon.program} on {whom}" if beacon.program else whom
    parts = [f"{whom} contacted {beacon.destination} {rhythm_words(beacon)}: {_checkins(beacon)}"]
    if beacon.size is not None and beacon.size_spread is not None and beacon.size > 0.0:
        parts.append(f"half of them sent {beacon.size:,.0f} ± {beacon.size_spread:,.0f} bytes")
    parts += [_prevalence(beacon), _age(beacon)]
    are = "is" if beacon.as_regular == 1 else "are"
    among = f"of {beacon.regular:,} at least half as regular {beacon.regular_rare:,} to as rare and "
    among += f"{beacon.regular_new:,} to as new a destination"
    together = f"{beacon.as_odd:,} {'is' if beacon.as_odd == 1 else 'are'} as odd in all"
    parts.append(f"of {beacon.others:,} rhythms here {beacon.as_regular:,} {are} as regular, {among}; {together}")
    return "; ".join(parts) + "."


def rhythm_words(beacon: Beacon) -> str:
    """``every 61 s ± 4 s for 9 h``."""
    times = "" if beacon.pattern == 1 else f"in a pattern of {beacon.pattern} "
    return f"{times}every {seconds(beacon.period)} ± {seconds(beacon.spread)} for {hours(beacon.hours)}"


def seconds(value: float) -> str:
    """Seconds, minutes or hours, whichever reads well: ``61 s``, ``45 min``, ``3.2 h``."""
    if value < 300.0:  # noqa: PLR2004
        return f"{value:.0f} s"
    return f"{value / 60.0:.0f} min" if value < 2.0 * _HOUR else f"{value / _HOUR:.1f} h"


def hours(value: float) -> str:
    """``40 min``, ``9 h``, ``3.5 days``."""
    if value < 1.0:
        return f"{value * 60.0:.0f} min"
    return f"{value:.0f} h" if value < 48.0 else f"{value / 24.0:.1f} days"  # noqa: PLR2004


def beacon_brief(beacon: Beacon) -> str:
    """``contacts 203.0.113.7 every 61 s ± 4 s for 9 h``."""
    return f"contacts {beacon.destination} {rhythm_words(beacon)}"


def _checkins(beacon: Beacon) -> str:
    bursts = f" (contacts within {seconds(beacon.merged)} are one)" if beacon.merged else ""
    return f"{beacon.checkins:,} check-ins{bursts} where a strict clock gives {beacon.expected:,}"


def _prevalence(beacon: Beacon) -> str:
    kind = noun(beacon.entity_field)
    others = beacon.hosts - 1
    if others:
        fleet = f"{others:,} of {plural(beacon.fleet - 1, f'other {kind}')} {'does' if others == 1 else 'do'} so too"
    else:
        fleet = f"none of {plural(beacon.fleet - 1, f'other {kind}')} does"
    if not beacon.peer_group or not others:
        return fleet
    return f"{fleet}, {beacon.peers_with:,} of {beacon.peers:,} {peers_named(beacon.peer_group)} among them"


def _age(beacon: Beacon) -> str:
    return f"nobody had contacted it until {hours(beacon.known_days * 24.0)} before"
