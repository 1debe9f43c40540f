"""CSV: every row parses back, and no cell is a formula."""

from __future__ import annotations

import csv
import io

import msgspec
from hypothesis import given
from hypothesis import strategies as st

from rarebit.core.result import Alert
from rarebit.output.flat import ALERTS, csv_lines

ALERT = Alert(
    id="a1", rule_id="r", record_id="", timestamp="2026-10-05T10:00:00Z", score=80.0, expected_per_week=None,
    entity_type="host", entity_id="ws1", sentence="", event_ids=("e1", "e2"),
)  # fmt: skip


@given(st.lists(st.text(), min_size=1, max_size=5))
def test_cells_come_back_and_are_no_formulas(texts: list[str]) -> None:
    alerts = [msgspec.structs.replace(ALERT, sentence=text) for text in texts]
    made = "".join(csv_lines(alerts, ALERTS))
    rows = list(csv.reader(io.StringIO(made, newline="")))
    assert rows[0] == list(ALERTS)
    assert len(rows) == 1 + len(texts)
    for text, row in zip(texts, rows[1:], strict=True):
        cell = row[rows[0].index("sentence")]
        assert cell in (text, f"'{text}")
        assert not cell.startswith(("=", "+", "-", "@", "\t", "\r"))
        assert row[rows[0].index("event_ids")] == "e1; e2"
