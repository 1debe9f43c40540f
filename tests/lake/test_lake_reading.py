"""What is asked of the lake: summaries, conditions, ids, joins, SQL."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest

from rarebit.core.errors import QueryError, StateError
from rarebit.core.fields import ID, TIME
from rarebit.core.schema import EVENT_SCHEMA
from rarebit.core.time import DAY_US, HOUR_US, parse_time
from rarebit.lake import Lake

MakeEvents = Callable[..., pa.Table]
START = parse_time("2026-11-20")
NUMBERS = {"at": f'epoch_us("{TIME}")', "number": '"winlog.record_id"'}


@pytest.fixture
def filled(lake: Lake, make_events: MakeEvents) -> Lake:
    """Events 0..71, one an hour over three days, from the newest to the oldest, in two commits."""
    table = make_events([(START + n * HOUR_US, n) for n in reversed(range(72))])
    with lake.writer() as writer:
        writer.append(table.slice(0, 40))
        writer.commit()
        writer.append(table.slice(40))
    return lake


def _numbers(table: pa.Table) -> list[int]:
    return [int(n) for n in table.column("winlog.record_id").to_pylist()]


def test_an_empty_lake_answers_everything_with_nothing(lake: Lake) -> None:
    wanted = pa.table({"row": pa.array([0]), "start_us": pa.array([0]), "end_us": pa.array([START])})
    assert lake.version() == -1
    assert (lake.summary().events, lake.summary().first_us, lake.summary().days) == (0, None, {})
    assert list(lake.scan(columns=NUMBERS)) == []
    assert lake.events(where="TRUE").schema == EVENT_SCHEMA
    assert lake.events(where="TRUE", limit=5).num_rows == 0
    assert lake.by_id(["x"]).schema == EVENT_SCHEMA
    assert lake.join(wanted, on={}, columns=NUMBERS, per_row_limit=1).num_rows == 0
    assert lake.sql("SELECT count(*) AS n FROM events WHERE \"host.name\" = 'x'").to_pylist() == [{"n": 0}]
    assert lake.compact().days == 0
    assert lake.retain(days=1, now_us=START) == []
    assert not lake.path.exists()


def test_the_summary_counts_from_the_log_alone(filled: Lake) -> None:
    summary = filled.summary()
    assert (summary.events, summary.first_us, summary.last_us) == (72, START, START + 71 * HOUR_US)
    assert summary.days == {"2026-11-20": 24, "2026-11-21": 24, "2026-11-22": 24}
    assert summary.files == 4
    assert summary.bytes == sum(path.stat().st_size for path in filled.path.rglob("*.parquet"))


def test_rows_come_back_as_they_were_given(lake: Lake, make_events: MakeEvents) -> None:
    odd = ["", "a'b", 'quote"', "new\nline", "nul\x00", "日本 😀", None]
    table = make_events(
        [(START + n, n) for n in range(len(odd))],
        **{
            "process.command_line": odd,
            "host.ip": [["10.0.0.1", None], [], None, ["::1"], [""], ["a"], ["b"]],
            "process.code_signature.trusted": [True, False, None, True, None, None, False],
            "event.created": [START, None, 0, -1, None, 1, 2],
            "rarebit.rest": [None, "{}", '{"a":1}', None, "", "x", "y"],
        },
    )
    with lake.writer() as writer:
        writer.append(table)
    assert lake.events(where="TRUE").equals(table)


def test_events_by_condition_time_and_limit(filled: Lake) -> None:
    found = filled.events(where="\"host.name\" = 'WS0'", start_us=START + HOUR_US, end_us=START + 10 * HOUR_US)
    assert _numbers(found) == [3, 6, 9]
    assert found.schema == EVENT_SCHEMA
    assert _numbers(filled.events(where="TRUE", limit=2, newest_first=True)) == [71, 70]
    assert _numbers(filled.events(where="TRUE", limit=2, columns=["winlog.record_id"])) == [0, 1]
    assert _numbers(filled.events(where="TRUE", newest_first=True))[:2] == [71, 70]


def test_by_id_finds_each_once_and_leaves_the_unknown_out(filled: Lake) -> None:
    assert _numbers(filled.by_id(["id-70", "id-3", "id-3", "nobody", ""])) == [3, 70]
    assert _numbers(filled.by_id(["id-70", "id-3"], days=["2026-11-20", "1999-01-01"])) == [3]
    assert filled.by_id([]).schema == EVENT_SCHEMA


def test_join_gives_the_earliest_of_each_row_and_the_total(filled: Lake) -> None:
    wanted = pa.table(
        {
            "row": pa.array([7, 8, 9, 10]),
            "start_us": pa.array([START, START + DAY_US, START, START]),
            "end_us": pa.array([START + DAY_US, START + DAY_US + 1, START + 72 * HOUR_US, START]),
            "host": ["WS1", "WS0", "nobody", "WS0"],
        }
    )
    found = filled.join(wanted, on={"host": '"host.name"'}, columns=NUMBERS, per_row_limit=2)
    assert found.select(["row", "number", "total"]).to_pylist() == [
        {"row": 7, "number": 1, "total": 8},
        {"row": 7, "number": 4, "total": 8},
        {"row": 8, "number": 24, "total": 1},
    ]
    narrowed = filled.join(
        wanted, on={"host": '"host.name"'}, columns=NUMBERS, where='"winlog.record_id" > 4', per_row_limit=1
    )
    assert narrowed.column("number").to_pylist() == [7, 24]


def test_join_takes_an_absent_key_for_equal_to_an_absent_value(lake: Lake, make_events: MakeEvents) -> None:
    with lake.writer() as writer:
        writer.append(make_events([(START, 1), (START, 2)], **{"user.name": ["ann", None]}))
    wanted = pa.table({"row": [0], "start_us": [START], "end_us": [START + 1], "user": pa.array([None], pa.string())})
    found = lake.join(wanted, on={"user": '"user.name"'}, columns=NUMBERS, per_row_limit=9)
    assert found.column("number").to_pylist() == [2]


def test_join_names_a_missing_column(filled: Lake) -> None:
    with pytest.raises(QueryError, match="no column 'start_us'"):
        filled.join(pa.table({"row": [1]}), on={}, columns=NUMBERS, per_row_limit=1)


def test_sql_reads_the_events(filled: Lake) -> None:
    found = filled.sql("FROM events SELECT day, count(*) AS n GROUP BY ALL ORDER BY day;")
    assert found.to_pylist()[0] == {"day": "2026-11-20", "n": 24}
    assert "rarebit.lake.version" not in filled.sql("SELECT * FROM events LIMIT 1").column_names


@pytest.mark.parametrize(
    "query",
    [
        "",
        "SELECT 1; SELECT 2",
        "DROP VIEW events",
        "COPY (SELECT 1) TO 'out.csv'",
        "SET enable_external_access = true",
        "ATTACH 'other.db'",
        "INSTALL httpfs",
        "SELECT no_such_column FROM events",
        "SELEC",
        "SELECT * FROM read_text('/etc/hostname')",
        "SELECT * FROM '/etc/hostname'",
        "SELECT * FROM glob('/etc/*')",
        "SELECT * FROM filled",
        "SELECT * FROM read_parquet('/tmp/other.parquet')",
        "SELECT * FROM read_csv('http://127.0.0.1:9/x')",
    ],
)
def test_sql_does_nothing_but_read_the_lake(filled: Lake, query: str, monkeypatch: Any, tmp_path: Path) -> None:
    monkeypatch.chdir(tmp_path)
    with pytest.raises(QueryError):
        filled.sql(query)
    assert not (tmp_path / "out.csv").exists()


def test_a_wrong_expression_is_a_query_error_in_every_method(filled: Lake) -> None:
    with pytest.raises(QueryError):
        list(filled.scan(columns={"x": "no_such_function(1)"}))
    with pytest.raises(QueryError):
        filled.events(where="nonsense(")
    with pytest.raises(QueryError):
        filled.events(where="TRUE", columns=["nobody"])


@pytest.mark.parametrize("name", ["plain", "it's", "a [b] *?", "sp ace", "日本", "100%", "day=2020-01-01"])
def test_any_directory_name_will_do(tmp_path: Path, make_events: MakeEvents, name: str) -> None:
    with Lake(tmp_path / name) as lake:
        with lake.writer() as writer:
            writer.append(make_events([(START, 1)]))
        assert lake.events(where="TRUE", columns=[ID, "day"]).to_pylist() == [{ID: "id-1", "day": "2026-11-20"}]
        with lake.writer() as writer:
            assert writer.append(make_events([(START, 1)])).duplicate == 1


def test_a_path_like_an_escaped_url_is_refused(tmp_path: Path) -> None:
    with pytest.raises(StateError, match="another directory"):
        Lake(tmp_path / "per%20cent")


def test_a_lost_file_is_a_state_error(filled: Lake) -> None:
    next(filled.path.rglob("*.parquet")).unlink()
    with pytest.raises(StateError, match="lake cannot be read"):
        filled.events(where="TRUE")


def test_a_damaged_file_is_a_state_error(filled: Lake, make_events: MakeEvents) -> None:
    for path in filled.path.rglob("*.parquet"):
        path.write_bytes(b"PAR1 nonsense")
    with pytest.raises(StateError):
        filled.events(where="TRUE")
    with pytest.raises(StateError), filled.writer() as writer:
        writer.append(make_events([(START, 1)]))


def test_a_damaged_log_is_a_state_error(filled: Lake) -> None:
    for path in (filled.path / "_delta_log").glob("*.json"):
        path.write_text("nonsense")
    with pytest.raises(StateError, match="lake cannot be used"):
        filled.version()
