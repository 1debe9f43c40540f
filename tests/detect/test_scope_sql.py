"""Which values a filter list means: whole values by their normal form, ``*`` at an end by the text."""

from __future__ import annotations

from collections.abc import Callable

import duckdb
import pytest

from rarebit.core.care import FilterList
from rarebit.core.job import Detector, Job
from rarebit.detect.rules import rules_of
from rarebit.detect.scopes import scope_sql
from rarebit.maths.hashing import hash_text

VALUES = [
    "setup.exe",
    "SETUP.EXE",
    "odd[1].exe",
    "a*b.exe",
    "aXb.exe",
    "back\\slash?.exe",
    "it's.exe",
    "100%.exe",
    None,
]


def _listed(
    field: str, items: tuple[str, ...], values: list[str | None], *, code: Callable[[str], str]
) -> list[object]:
    detector = Detector(function="rare", by_field_name=field, custom_rules=({"scope": {field: {"filter_id": "f"}}},))
    (rule,) = rules_of(Job(job_id="j", detectors=(detector,)))
    condition = scope_sql(rule, {"f": FilterList(filter_id="f", items=items)})
    with duckdb.connect() as connection:
        connection.execute(f'CREATE TABLE events (number INT, "{field}" VARCHAR, "rarebit.code.{field}" BIGINT)')
        rows = [[number, each, hash_text(code(each)) if each else 0] for number, each in enumerate(values)]
        connection.executemany("INSERT INTO events VALUES (?, ?, ?)", rows)
        found = connection.execute(f'SELECT "{field}" FROM events WHERE {condition} ORDER BY number').fetchall()
    return [row[0] for row in found]


@pytest.mark.parametrize(
    ("items", "found"),
    [
        (("setup.exe",), ["setup.exe", "SETUP.EXE"]),
        (("SET*",), ["setup.exe", "SETUP.EXE"]),
        (("*up.exe",), ["setup.exe", "SETUP.EXE"]),
        (("*[1]*",), ["odd[1].exe"]),
        (("*a*b*",), ["a*b.exe"]),
        (("*\\slash?*",), ["back\\slash?.exe"]),
        (("it's.exe", "*%.exe"), ["it's.exe", "100%.exe"]),
        (("*",), VALUES[:-1]),
        ((), []),
        (("'); DROP TABLE events; --",), []),
    ],
)
def test_items_mean_values(items: tuple[str, ...], found: list[str]) -> None:
    assert _listed("process.name", items, VALUES, code=str.lower) == found


def test_a_host_is_meant_by_any_of_its_names() -> None:
    names: list[str | None] = ["WS01", "ws01.corp.example", "ws010"]
    code = lambda name: name.lower().partition(".")[0]  # noqa: E731
    assert _listed("host.name", ("ws01.other.example",), names, code=code) == ["WS01", "ws01.corp.example"]
