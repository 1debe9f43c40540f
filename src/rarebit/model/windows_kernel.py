"""Compiled loops over findings in order of entity and time: their history, the windows they end, their stretches."""

from __future__ import annotations

from typing import Any, Final

from rarebit.model.tables import compiled

TACTICS: Final = 16
"""Room for the tactics of the kill chain, and one more for findings of none."""
SECOND: Final = 0.5
"""Weight of a second finding of a tactic, if it is of another family."""
PAIR: Final = 0.5
"""Points for each pair of tactics in the order of the kill chain; as many are taken for one against it."""


@compiled
def count_history(time_us: Any, key: Any, bins: Any, lag: int, span: int, held: Any, out: Any) -> None:
    """For each row, those of its key within the history whose bin is its own or beyond; rows by key, then time."""
    enter = leave = 0
    for row in range(time_us.size):
        if row == 0 or key[row] != key[row - 1]:
            held[:] = 0
            enter = leave = row
        edge = time_us[row] - lag
        while time_us[enter] <= edge:
            held[bins[enter]] += 1
            enter += 1
        while time_us[leave] <= edge - span:
            held[bins[leave]] -= 1
            leave += 1
        total = 0
        for level in range(bins[row], held.size):
            total += held[level]
        out[row] = total


@compiled
def sum_windows(
    time_us: Any,
    entity: Any,
    tactic: Any,
    family: Any,
    points: Any,
    span_us: int,
    held: Any,
    about: Any,
    evidence: Any,
    order: Any,
) -> None:
    """Evidence and order of the window each row ends; see :func:`rarebit.model.windows.window_sums`."""
    start = 0
    for end in range(time_us.size):
        while entity[start] != entity[end] or time_us[start] <= time_us[end] - span_us:
            start += 1
        held[:, :] = 0.0
        for row in range(start, end + 1):
            at, worth = tactic[row], points[row]
            if worth > held[0, at]:
                if family[row] != about[1, at]:
                    held[1, at] = held[0, at]
                held[0, at] = worth
                about[0, at], about[1, at] = time_us[row], family[row]
            elif family[row] != about[1, at] and worth > held[1, at]:
                held[1, at] = worth
        total = 0.0
        for at in range(TACTICS):
            total += held[0, at] + SECOND * held[1, at]
        evidence[end] = total
        pairs = 0
        for later in range(1, TACTICS - 1):
            if held[0, later] > 0.0:
                for earlier in range(later):
                    if held[0, earlier] > 0.0:
                        pairs += (about[0, later] > about[0, earlier]) - (about[0, later] < about[0, earlier])
        order[end] = PAIR * pairs


@compiled
def cut(time_us: Any, entity: Any, told: Any, gap_us: int, longest_us: int, out: Any) -> None:
    """Number of each row's stretch; see :func:`rarebit.model.windows.stretches`."""
    number, begin, name = 0, 0, 0
    for row in range(time_us.size):
        if row == 0:
            begin = time_us[0]
        else:
            ends = time_us[row] - time_us[row - 1] > gap_us or time_us[row] - begin > longest_us
            if told[row] != 0 and name != 0:
                ends = told[row] != name
            if ends or entity[row] != entity[row - 1]:
                number += 1
                begin, name = time_us[row], 0
        if name == 0:
            name = told[row]
        out[row] = number
