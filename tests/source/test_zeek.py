"""Logs of Zeek, as tables and as JSON: the same events, whoever began, whatever is missing."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

import pytest

from rarebit.source.read import FileRead, ReadSettings, find_files
from source.reading import read_bytes, reasons

DATA = Path(os.environ.get("RAREBIT_DATA", Path(__file__).parents[3] / "shared" / "data"))
HEAD = """#separator \\x09
#set_separator\t,
#empty_field\t(empty)
#unset_field\t-
#path\t{path}
#open\t2026-10-05-00-00-07
#fields\t{fields}
#types\t{types}
"""
CONN = (
    "ts time, uid string, id.orig_h addr, id.orig_p port, id.resp_h addr, id.resp_p port, proto enum, service string, "
    "duration interval, orig_bytes count, resp_bytes count, conn_state string, local_orig bool, local_resp bool, "
    "orig_ip_bytes count, tunnel_parents set[string]"
)


def _table(path: str, columns: str, *rows: str) -> bytes:
    names, types = zip(*(column.split() for column in columns.split(", ")), strict=True)
    head = HEAD.format(path=path, fields="\t".join(names), types="\t".join(types))
    return (head + "".join(row.replace(" ", "\t") + "\n" for row in rows) + "#close\t2026-10-05-01-00-00\n").encode()


def _rest(table: Any, row: int = 0) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(table["rarebit.rest"][row].as_py())
    return found


def test_a_table_of_connections(tmp_path: Path) -> None:
    table, report = read_bytes(
        tmp_path,
        _table(
            "conn",
            CONN,
            "1759622400.250000 C1 10.0.0.7 50000 203.0.113.7 443 tcp ssl 1.5 312 1000 SF - - 512 (empty)",
            "1759622401.000000 C2 198.51.100.9 50000 147.32.81.167 22 tcp - - - - S0 F T - (empty)",
            "1759622402.000000 C3 10.0.0.7 50000",
        ),
    )
    assert (report.format, table.num_rows) == ("Zeek conn", 2)
    assert reasons(report) == {"4 columns where the header has 16": 1}
    first, second = table.slice(0, 1).to_pylist()[0], table.slice(1, 1).to_pylist()[0]
    assert first["@timestamp"].isoformat() == "2025-10-05T00:00:00.250000+00:00"
    assert (first["host.name"], first["network.direction"], first["event.outcome"]) == ("10.0.0.7", "egress", "success")
    assert (first["destination.ip"], first["destination.port"], first["source.bytes"]) == ("203.0.113.7", 443, 512)
    assert (first["network.protocol"], first["event.dataset"], first["event.category"]) == (
        "ssl",
        "zeek.conn",
        "network",
    )
    assert _rest(table)["event.duration"] in (1_500_000_000, "1500000000")
    assert (second["host.name"], second["network.direction"]) == ("147.32.81.167", "ingress")
    assert (second["event.outcome"], second["source.bytes"], second["network.protocol"]) == ("failure", None, None)


@pytest.mark.parametrize("dots", ["id.", "id_"])
def test_json_says_the_same(tmp_path: Path, dots: str) -> None:
    record = {
        "ts": 1759622400.25, "uid": "C1", f"{dots}orig_h": "10.0.0.7", f"{dots}orig_p": 50000,
        f"{dots}resp_h": "203.0.113.7", f"{dots}resp_p": 443, "proto": "tcp", "conn_state": "SF", "orig_bytes": 312,
        "orig_ip_bytes": 512,
    }  # fmt: skip
    table, report = read_bytes(tmp_path, json.dumps(record).encode() + b"\n")
    assert (report.format, table.num_rows) == ("Zeek JSON", 1)
    (row,) = table.to_pylist()
    assert row["@timestamp"].isoformat() == "2025-10-05T00:00:00.250000+00:00"
    assert (row["host.name"], row["destination.ip"], row["source.bytes"]) == ("10.0.0.7", "203.0.113.7", 512)
    assert row["event.dataset"] == "zeek.conn"
    assert _rest(table)["zeek.conn.uid"] == "C1"


def test_names_of_http_tls_and_dns(tmp_path: Path) -> None:
    four = "id.orig_h addr, id.orig_p port, id.resp_h addr, id.resp_p port"
    http = _table(
        "http", f"ts time, uid string, {four}, trans_depth count, method string, host string, uri string",
        "1759622400.0 C1 10.0.0.7 50000 10.0.0.1 8080 1 GET www.example.com:80 /a",
    )  # fmt: skip
    (row,) = (read_bytes(tmp_path, http)[0]).to_pylist()
    assert (row["destination.domain"], row["url.full"]) == ("www.example.com", "http://www.example.com:80/a")
    assert row["network.direction"] == "internal"
    tls = _table(
        "ssl", f"ts time, uid string, {four}, server_name string", "1.5e9 C 10.0.0.7 5 203.0.113.7 443 example.org"
    )
    assert read_bytes(tmp_path, tls)[0]["destination.domain"].to_pylist() == ["example.org"]
    dns = _table(
        "dns",
        f"ts time, uid string, {four}, query string, qtype_name string, rcode_name string, answers vector[string]",
        "1.5e9 C 10.0.0.7 5 10.0.0.2 53 a.b.example.org A NOERROR cdn.example.net,192.0.2.1",
    )  # fmt: skip
    table = read_bytes(tmp_path, dns)[0]
    (row,) = table.to_pylist()
    assert (row["dns.question.name"], row["dns.question.type"]) == ("a.b.example.org", "A")
    assert row["dns.resolved_ip"] == ["cdn.example.net", "192.0.2.1"]
    assert _rest(table)["dns.question.registered_domain"] == "example.org"


def test_damaged_heads_and_times_end_in_the_report(tmp_path: Path) -> None:
    table, report = read_bytes(tmp_path, b"#separator \\x09\n#path\tconn\nno\tfields\n")
    assert (table.num_rows, reasons(report)) == (0, {"2 columns where the header has 0": 1})
    table, report = read_bytes(
        tmp_path, _table("conn", "ts time, id.orig_h addr, id.resp_h addr", "never 10.0.0.1 8.8.8.8")
    )
    assert (table.num_rows, reasons(report)) == (0, {"@timestamp is not a time": 1})


@pytest.mark.skipif(not DATA.is_dir(), reason=f"no real telemetry at {DATA}; set RAREBIT_DATA")
def test_every_log_of_the_captures_is_read() -> None:
    rows = 0
    for folder in ("rita-zeek", "ctu-zeek"):
        for path in find_files([DATA / folder]):
            if not path.name.endswith(".gz"):
                continue
            file = FileRead(path, ReadSettings(threads=1))
            rows += sum(batch.num_rows for batch in file.batches())
            report = file.report()
            assert report.format.startswith(("Zeek", "JSON")), (path, report.format)
            if report.format.startswith("Zeek"):
                assert not report.error, (path, report.error)
    assert rows > 60_000
