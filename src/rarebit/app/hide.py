"""Which findings are hidden: suppressions put to work on what was found, and what takes one back by itself."""

from __future__ import annotations

import math
import time
from typing import Final

import msgspec

from rarebit.app.clock import fleet_clock
from rarebit.app.findings import complete, findings
from rarebit.app.home import Home
from rarebit.core.suppression import Hidden, Suppression
from rarebit.core.time import DAY_US, WEEK_US
from rarebit.tune.attributes import may_meet, meets

WINDOW_US: Final = 36 * DAY_US
"""Findings older than this, before the fleet's clock, belong to no case that is made anew."""
FEWEST: Final = 5
"""Fewer findings never take a suppression back."""
SIGMAS: Final = 3.0


def sweep(home: Home) -> frozenset[str]:
    """Ids of all hidden findings; new ones that meet a suppression are noted, and one met far too often ends."""
    standing = [each for each in home.store.suppressions.list() if each.stands]
    clock = fleet_clock(home)
    if not standing or clock is None:
        return frozenset()
    with home.store.transaction():
        _note(home, standing, clock - WINDOW_US)
        stands = _still(home, standing, clock)
        return frozenset(each.finding_id for each in home.store.suppressions.hidden() if each.suppression_id in stands)


def hidden_by(home: Home) -> dict[str, Suppression]:
    """Finding id to the suppression that hides it."""
    standing = {each.id: each for each in home.store.suppressions.list() if each.stands}
    if not standing:
        return {}
    hidden = home.store.suppressions.hidden()
    return {each.finding_id: standing[each.suppression_id] for each in hidden if each.suppression_id in standing}


def _note(home: Home, standing: list[Suppression], start_us: int) -> None:
    known = {(each.suppression_id, each.finding_id) for each in home.store.suppressions.hidden()}
    found = findings(home, start_us)
    maybe = [
        (each, suppression)
        for suppression in standing
        for each in found
        if each.time_us < suppression.expires_us
        and (suppression.id, each.id) not in known
        and may_meet(each.attributes, suppression.where)
    ]
    complete(home, [each for each, suppression in maybe if not meets(each.attributes, suppression.where)])
    home.store.suppressions.hide(
        [
            Hidden(suppression_id=suppression.id, finding_id=each.id, time_us=each.time_us)
            for each, suppression in maybe
            if meets(each.attributes, suppression.where)
        ]
    )


def _still(home: Home, standing: list[Suppression], clock: int) -> set[str]:
    """Ids of those that stand after what was found since; one that ends is dated, audited and says why."""
    hidden = home.store.suppressions.hidden()
    stands = set()
    for each in standing:
        times = [one.time_us for one in hidden if one.suppression_id == each.id and one.time_us >= each.from_us]
        why = burst(each, [at for at in times if at > clock - WEEK_US], clock)
        if not why:
            stands.add(each.id)
            continue
        ended = msgspec.structs.replace(each, removed_us=time.time_ns() // 1000, removed_by="rarebit", ended=why)
        home.store.suppressions.put(ended)
        home.store.add_audit("rarebit", "suppress end", f"suppression {each.id}", "stands", why)
    return stands


def burst(suppression: Suppression, times: list[int], clock: int) -> str:
    """Why a suppression ends by itself: far more findings in the last week than there were; empty if it does not.

    So many of a week, or of the time since it was made, are expected as the rate before gives; their variance is
    Poisson's, of now and of the rate. More than three standard deviations beyond is another behaviour.
    """
    weeks = min(max(clock - suppression.from_us, 0), WEEK_US) / WEEK_US
    mean = suppression.weekly * weeks
    variance = mean + (mean * weeks / suppression.weeks if suppression.weeks else 0.0)
    if len(times) < FEWEST or len(times) <= mean + SIGMAS * math.sqrt(variance):
        return ""
    return f"{len(times)} findings in {7 * weeks:.1f} days, where {mean:.1f} were usual"
