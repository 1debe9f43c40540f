"""Rules of Sigma as query rules: they mean the same, or are refused by name."""

from __future__ import annotations

from typing import Any

import pyarrow as pa
import pytest

from rarebit.alert.condition import condition
from rarebit.alert.sigma import parse_sigma
from rarebit.core.errors import DefinitionError
from rarebit.query.arrow import to_mask
from rarebit.query.tree import Node
from rarebit.source.windows_fields import fields_of_event_data

SIGMA: dict[str, Any] = {
    "title": "T", "id": "7f3a1c52-58b1-4d0e-9a3f-0d6a3c1b2e44", "level": "high",
    "tags": ["attack.defense-evasion", "attack.t1059.001"],
    "logsource": {"product": "windows", "category": "process_creation"},
    "detection": {"a": {"Image|endswith": "\\cmd.exe", "CommandLine|contains|all": ["Whoami", "-x?"]},
                  "b": {"ParentImage": None}, "condition": "a and not b"},
}  # fmt: skip
EVENT: dict[str, Any] = {
    "event.module": "sysmon", "event.code": "1", "process.executable": "C:\\Windows\\CMD.EXE",
    "process.command_line": "cmd /c whoami -xy", "process.parent.executable": "C:\\a.exe",
}  # fmt: skip


def _node(**change: Any) -> Node:
    return condition(parse_sigma(SIGMA | change, where="s.yml", moved=fields_of_event_data))


def _meets(node: Node, **change: Any) -> bool:
    row = {name: value for name, value in (EVENT | change).items() if value is not None}
    return bool(to_mask(node, pa.table({name: [value] for name, value in row.items()})).to_pylist()[0])


@pytest.mark.parametrize(
    ("change", "met"),
    [
        ({}, True),
        ({"event.module": "security", "event.code": "4688"}, True),
        ({"event.code": "3"}, False),
        ({"process.executable": "C:\\xcmd.exe.bak"}, False),
        ({"process.command_line": "cmd whoami -x"}, False),
        ({"process.parent.executable": None}, False),
    ],
)
def test_a_rule_means_what_it_says(change: dict[str, Any], met: bool) -> None:
    assert _meets(_node(), **change) is met


def test_hashes_are_matched_by_algorithm_never_by_length() -> None:
    node = _node(detection={"a": {"Hashes|contains": "IMPHASH=ABCD"}, "condition": "a"})
    assert _meets(node, **{"process.pe.imphash": "abcd"})
    assert not _meets(node, **{"process.hash.md5": "abcd"})


@pytest.mark.parametrize(
    ("test", "said"),
    [
        ({"Image|re": "a.*b"}, "regular expression"),
        ({"Image|fieldref": "ParentImage"}, "two fields"),
        (["loose words"], "keywords"),
        ({"Image|nonsense": "x"}, "Sigma"),
    ],
)
def test_what_cannot_be_said_is_refused_by_name(test: Any, said: str) -> None:
    with pytest.raises(DefinitionError, match=said):
        _node(detection={"a": test, "condition": "a"})


@pytest.mark.parametrize("change", [{"logsource": {"product": "aws", "service": "cloudtrail"}}, {"correlation": {}}])
def test_sources_and_kinds_that_are_not_run_are_refused(change: dict[str, Any]) -> None:
    with pytest.raises(DefinitionError, match=r"cloudtrail|correlation"):
        _node(**change)


def test_it_carries_its_severity_and_techniques_and_begins_in_the_shadow() -> None:
    rule = parse_sigma(SIGMA, where="s.yml", moved=fields_of_event_data)
    assert (rule.state, rule.severity, rule.origin) == ("shadow", "high", "s.yml")
    assert (rule.guide.tactics, rule.guide.techniques) == (("Defense Evasion",), ("T1059.001",))
