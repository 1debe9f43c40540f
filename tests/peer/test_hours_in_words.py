"""Hours of a group in words."""

from __future__ import annotations

import numpy as np

from rarebit.peer.hours import hours_in_words


def test_members_all_over_the_world_keep_mixed_hours() -> None:
    hours = np.zeros((20, 168))
    for at in range(20):
        for day in range(5):
            hours[at, [day * 24 + (8 + at + hour) % 24 for hour in range(8)]] = 10
    assert hours_in_words(hours, [at - 11 for at in range(20)]) == "mixed hours"
    assert hours_in_words(hours[:1], [0]) == "08-15 UTC"  # four fifths of the activity
