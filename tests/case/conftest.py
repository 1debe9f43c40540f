"""Findings as fusion reads them, and the cases of a list of records."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import msgspec
import pytest

from rarebit.case.describe import Standing, case_of, record_ids_of
from rarebit.case.evidence import Signal, evidence_of
from rarebit.case.fuse import Fused, fuse
from rarebit.case.group import Drafts, drafts_of
from rarebit.core.result import Case, Record

GUIDES = {"j": (("Execution",), ("T1204",)), "user": (("Lateral Movement",), ("T1021",))}


def _signals(records: Sequence[Record]) -> list[Signal]:
    return msgspec.convert(msgspec.to_builtins(records), list[Signal])


def _drafts(records: Sequence[Record], told: Mapping[str, str] | None = None) -> Drafts:
    return drafts_of(evidence_of(_signals(records), tactics=GUIDES, members={"host": 100}), told)


def _fused(records: Sequence[Record], **known: Any) -> list[Fused]:
    told, context = known.pop("told", None), known.pop("context", {})
    return fuse(_drafts(records, told), watched={"host": 100}, addresses=known.pop("addresses", {}), context=context)


def _cases(records: Sequence[Record], context: Mapping[str, str] | None = None, **known: Any) -> list[Case]:
    held = {record.id: record for record in records}
    made = []
    for rank, item in enumerate(_fused(records, **known), start=1):
        assert set(record_ids_of(item)) <= set(held)
        made.append(case_of(item, held, Standing(rank=rank, state="open"), guides=GUIDES, context=context or {}))
    return made


@pytest.fixture(scope="session")
def grouped() -> Callable[..., Drafts]:
    """Drafts of records: ``grouped(records, told)``."""
    return _drafts


@pytest.fixture(scope="session")
def fused() -> Callable[..., list[Fused]]:
    """Records fused: ``fused(records, told=…, context=…, addresses=…)``."""
    return _fused


@pytest.fixture(scope="session")
def make_signal(make_record: Callable[..., Record]) -> Callable[..., Signal]:
    """Makes one finding as fusion reads it; fields are given by name."""
    return lambda **changes: _signals([make_record(1, 0, **changes)])[0]


@pytest.fixture(scope="session")
def cases_from() -> Callable[..., list[Case]]:
    """Cases of records, ranked."""
    return _cases
