"""A batch gives every job the rows and columns it asks for, and makes each ready once."""

from __future__ import annotations

from typing import Any

import numpy as np
import pyarrow as pa
import pytest

from rarebit.core.names import NORMAL_FORM
from rarebit.detect.batch import FIELD, NUMBER, TEXT, Batch
from rarebit.detect.engine import INFORMATION
from rarebit.detect.text_codes import codes_of, information_of

COMMANDS = ["ping 10.0.0.7", None, "PING 10.0.0.8", "whoami", "ping 10.0.0.9", "net use"]
MET = [[True] * 6, [False, True, True, False, False, False], [False] * 6]
"""Which rows meet each condition."""


@pytest.fixture
def normalised(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The texts that were brought to normal form."""
    seen, own = [], NORMAL_FORM["process.command_line"]

    def counted(text: str) -> str:
        seen.append(text)
        return own(text)

    monkeypatch.setitem(NORMAL_FORM, "process.command_line", counted)
    return seen


def _table(**more: Any) -> pa.Table:
    columns: dict[str, Any] = {f"{FIELD}process.command_line": COMMANDS, f"{TEXT}process.command_line": COMMANDS}
    columns |= {f"job:{number}": met for number, met in enumerate(MET)}
    return pa.table(columns | {"time": [1, 2, 3, 4, 5, 6], f"{NUMBER}size": [1.0, None, np.inf, 4.0, 5.0, 6.0]} | more)


def test_texts_are_made_ready_once_and_only_for_rows_of_jobs_that_ask(normalised: list[str]) -> None:
    code, tells = f"{FIELD}process.command_line", f"{INFORMATION}process.command_line"
    batch = Batch(_table(), {code: [1, 2], tells: [1]})
    assert batch.take(code, 1).tolist() == codes_of("process.command_line", pa.array(COMMANDS)).tolist()[1:3]
    normalised.clear()
    told = batch.take(tells, 1)
    assert normalised == []  # they were made with the codes
    assert np.isnan(told).tolist() == [True, False]
    assert told[1] == information_of("process.command_line", pa.array(COMMANDS))[2]


def test_only_the_texts_of_those_rows_are_looked_at(normalised: list[str]) -> None:
    code = f"{FIELD}process.command_line"
    Batch(_table(), {code: [1, 2]}).take(code, 1)
    assert normalised == ["PING 10.0.0.8"]
    normalised.clear()
    assert Batch(_table(), {code: [0, 1]}).take(code, 1).size == 2
    assert len(normalised) == 5


def test_jobs_of_one_condition_share_their_rows_and_one_without_rows_is_known() -> None:
    batch = Batch(_table(), {})
    assert batch.take("time", 1) is batch.take("time", 1)
    assert batch.take("time", 1).tolist() == [2, 3]
    assert batch.rows(0) is None
    assert [batch.is_empty(condition) for condition in (0, 1, 2)] == [False, False, True]
    np.testing.assert_array_equal(batch.take(f"{NUMBER}size", 0), [1.0, np.nan, np.nan, 4.0, 5.0, 6.0])
    assert batch.last_us == 6
