"""Files of a made fleet: what is written is what was made."""

from __future__ import annotations

import gzip
import json
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.csv as pa_csv
import pyarrow.parquet as pq
import pytest
from hypothesis import given
from hypothesis import strategies as st

from rarebit.core.errors import DefinitionError, InputError
from rarebit.core.fields import FIELDS, Kind
from rarebit.core.time import parse_time
from rarebit.simulate.fleet import FleetSettings, simulate, write_fleet
from rarebit.simulate.ndjson import quoted

TINY = FleetSettings(hosts=24, days=2, seed=3, events_per_host_day=60)


def flat(value: dict[str, Any], prefix: str = "") -> dict[str, Any]:
    out: dict[str, Any] = {}
    for key, part in value.items():
        out |= flat(part, f"{prefix}{key}.") if isinstance(part, dict) else {prefix + key: part}
    return out


def as_row(line: dict[str, Any]) -> dict[str, Any]:
    row: dict[str, Any] = {}
    for name, value in flat(line).items():
        kind = FIELDS[name]
        if kind is Kind.SET and isinstance(value, list):
            row[name] = ",".join(value)
        else:
            row[name] = parse_time(value) if kind is Kind.DATE else value
    return row


def made() -> list[dict[str, Any]]:
    table = pa.Table.from_batches(list(simulate(TINY)))
    for name in ("@timestamp", "event.ingested"):
        table = table.set_column(table.schema.get_field_index(name), name, table[name].cast(pa.int64()))
    return [{key: value for key, value in row.items() if value is not None} for row in table.to_pylist()]


def by_id(rows: list[dict[str, Any]]) -> list[dict[str, Any]]:
    return sorted(rows, key=lambda row: (row["event.id"], row["event.ingested"]))


def test_ndjson_parses_back_to_the_events(tmp_path: Path) -> None:
    report = write_fleet(TINY, tmp_path)
    lines = [json.loads(line) for file in report.files for line in Path(file).read_text().splitlines()]
    assert len(lines) == report.events
    assert sum(Path(file).stat().st_size for file in report.files) == report.size
    read, want = by_id([as_row(line) for line in lines]), by_id(made())
    for got, expected in zip(read, want, strict=True):
        assert got == expected
    arrays = {isinstance(line["event"]["category"], list) for line in lines}
    assert arrays == {True, False}


def test_ndjson_lines_stand_in_order_of_arrival_within_minutes(tmp_path: Path) -> None:
    report = write_fleet(TINY, tmp_path)
    stamps = [json.loads(line)["@timestamp"] for line in Path(report.files[0]).read_text().splitlines()]
    assert stamps != sorted(stamps)


def test_parquet_holds_plain_columns_in_time_order(tmp_path: Path) -> None:
    report = write_fleet(TINY, tmp_path, format="parquet")
    table = pa.concat_tables([pq.read_table(file) for file in report.files])
    assert table.equals(pa.Table.from_batches(list(simulate(TINY))))


def test_compressed_ndjson_is_the_same_and_the_same_bytes_again(tmp_path: Path) -> None:
    plain = write_fleet(TINY, tmp_path / "a")
    first = write_fleet(TINY, tmp_path / "b", format="ndjson.gz")
    again = write_fleet(TINY, tmp_path / "c", format="ndjson.gz")
    for one, two, three in zip(plain.files, first.files, again.files, strict=True):
        assert gzip.decompress(Path(two).read_bytes()) == Path(one).read_bytes()
        assert Path(two).read_bytes() == Path(three).read_bytes()


def test_labels_stand_apart_from_events_and_inventory(tmp_path: Path) -> None:
    report = write_fleet(TINY, tmp_path, format="parquet")
    truth = json.loads(Path(report.truth).read_text())
    assert len(truth) == report.intrusions > 0
    assets = pa_csv.read_csv(report.assets)
    assert assets.num_rows == report.hosts == TINY.hosts
    assert {"host", "role", "os", "site", "criticality", "owner"} <= set(assets.schema.names)
    columns = pq.read_schema(report.files[0]).names
    assert not [name for name in (*columns, *assets.schema.names) if "label" in name or "truth" in name]


def test_progress_counts_days(tmp_path: Path) -> None:
    seen: list[tuple[int, int]] = []
    write_fleet(TINY, tmp_path, format="parquet", on_progress=lambda done, of: seen.append((done, of)))
    assert seen == [(1, 2), (2, 2)]


def test_an_unknown_format_is_refused(tmp_path: Path) -> None:
    with pytest.raises(DefinitionError, match="xml"):
        write_fleet(TINY, tmp_path, format="xml")  # type: ignore[arg-type]


def test_a_place_that_cannot_be_written_is_named(tmp_path: Path) -> None:
    (tmp_path / "taken").write_text("")
    with pytest.raises(InputError, match="taken"):
        write_fleet(TINY, tmp_path / "taken")


def test_events_of_another_fleet_are_not_mixed_in(tmp_path: Path) -> None:
    write_fleet(TINY, tmp_path)
    write_fleet(TINY, tmp_path)
    with pytest.raises(InputError, match=r"2026-10-05\.ndjson"):
        write_fleet(TINY, tmp_path, format="parquet")


@given(st.lists(st.text(st.characters(min_codepoint=32, exclude_categories=["Cs"]))))
def test_quoted_text_is_json(words: list[str]) -> None:
    assert [json.loads(text) for text in quoted(pa.array(words, pa.string())).to_pylist()] == words
