"""The inventory of hosts: read from CSV and YAML, asked by queries, and proof against bad lists."""

from __future__ import annotations

import re
from contextlib import suppress
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rarebit.asset.inventory import Inventory
from rarebit.core.errors import InputError
from rarebit.core.names import host_key
from rarebit.query.kql import parse_kql
from rarebit.query.tree import Nothing, Terms, fields_of, rewrite

HOSTS = {
    "DC01.corp.example": {"role": "domain_controller", "site": "Lyon"},
    "ws-17": {"role": "workstation", "site": "Lyon", "criticality": "2"},
    "ws-18": {"role": "workstation", "site": "Austin"},
    "bare": {},
}


def _write(path: Path, text: str | bytes) -> Path:
    path.write_bytes(text.encode() if isinstance(text, str) else text)
    return path


@pytest.mark.parametrize("column", ["host", "host.name", "hostname", "name"])
def test_csv(tmp_path: Path, column: str) -> None:
    text = f" {column} ,role,site\nDC01.corp.example, domain_controller ,Lyon\nws-17,,Austin\n"
    found = Inventory.read(_write(tmp_path / "a.csv", text))
    assert found.hosts == {"dc01": {"role": "domain_controller", "site": "Lyon"}, "ws-17": {"site": "Austin"}}
    assert found.attributes() == ["role", "site"]


def test_csv_with_byte_order_mark_quotes_and_windows_line_ends(tmp_path: Path) -> None:
    text = '\ufeffhost,owner\r\nws1,"Ann, ""A.""\r\nand Ben"\r\n'
    assert Inventory.read(_write(tmp_path / "a.csv", text)).get("WS1") == {"owner": 'Ann, "A."\nand Ben'}


@pytest.mark.parametrize(
    "text",
    [
        "- {host: DC01, role: domain_controller}\n- {host.name: ws-17, role: workstation, criticality: 2, owner: }\n",
        "DC01: {role: domain_controller}\nws-17: {role: workstation, criticality: 2}\n",
    ],
)
@pytest.mark.parametrize("suffix", ["yaml", "YML"])
def test_yaml(tmp_path: Path, text: str, suffix: str) -> None:
    found = Inventory.read(_write(tmp_path / f"a.{suffix}", text))
    assert found.hosts == {
        "dc01": {"role": "domain_controller"},
        "ws-17": {"role": "workstation", "criticality": "2"},
    }


def test_an_empty_yaml_is_an_empty_inventory(tmp_path: Path) -> None:
    assert len(Inventory.read(_write(tmp_path / "a.yaml", ""))) == 0


@pytest.mark.parametrize(
    ("name", "text", "said"),
    [
        ("a.csv", "computer,role\nws1,x\n", "line 1: no column names the host"),
        ("a.csv", "", "line 1: no column names the host"),
        ("a.csv", "host,role\nws1,x\n,y\n", "line 3: a row without a host"),
        ("a.csv", b"host\n\xff\xfe\n", "cannot read"),
        ("a.csv", "host,role\nws1," + "x" * 200_000 + "\n", "not CSV"),
        ("a.yaml", "- {host: [", "not YAML"),
        ("a.yaml", "- {host: ws1, since: 2026-13-45}", "not YAML"),
        ("a.yaml", "[" * 3000, "not YAML"),
        ("a.yaml", "just words", "expected a list of hosts"),
        ("a.yaml", "5", "expected a list of hosts"),
        ("a.yaml", "- ws1\n", "entry 1: expected the attributes"),
        ("a.yaml", "- {host: ws1}\n- {role: x}\n", "entry 2: an entry without a host"),
        ("a.yaml", "- {host: ws1, role: [a, b]}\n", "entry 1: role of ws1 has several values"),
        ("a.yaml", "- !!python/object/apply:os.getcwd []\n", "not YAML"),
        ("missing.csv", None, "cannot read"),
    ],
)
def test_a_bad_list_is_refused_by_place(tmp_path: Path, name: str, text: str | bytes | None, said: str) -> None:
    path = tmp_path / name
    if text is not None:
        _write(path, text)
    with pytest.raises(InputError, match=re.escape(said)) as caught:
        Inventory.read(path)

    assert name in str(caught.value)


@given(st.binary(max_size=300) | st.text(max_size=300).map(str.encode), st.sampled_from(["a.csv", "a.yaml"]))
def test_any_bytes_are_a_list_or_an_error(content: bytes, name: str) -> None:
    with TemporaryDirectory() as folder, suppress(InputError):
        Inventory.read(_write(Path(folder) / name, content))


@given(st.dictionaries(st.text(max_size=12), st.dictionaries(st.text(max_size=5), st.text(max_size=5)), max_size=6))
def test_hosts_are_found_by_any_spelling(hosts: dict[str, dict[str, str]]) -> None:
    found = Inventory(hosts)
    assert all(host_key(name) in found.hosts for name in hosts)
    assert all(found.get(name.upper()) == found.get(name) for name in hosts if name.upper().lower() == name.lower())


def _hosts_of(query: str) -> set[str] | None:
    node = parse_kql(query)
    inventory = Inventory(HOSTS)
    made = rewrite(node, inventory.resolvers(fields_of(node)))  # type: ignore[arg-type]
    if isinstance(made, Nothing):
        return set()
    return {str(value) for value in made.values} if isinstance(made, Terms) else None


@pytest.mark.parametrize(
    ("query", "hosts"),
    [
        ("asset.role: domain_controller", {"dc01"}),
        ("asset.role: work*", {"ws-17", "ws-18"}),
        ("asset.role: *", {"dc01", "ws-17", "ws-18"}),
        ("asset.site: Lyon", {"dc01", "ws-17"}),
        ("asset.role: mainframe", set()),
        ("asset.unknown: x", set()),
    ],
)
def test_a_condition_on_an_attribute_becomes_hosts(query: str, hosts: set[str]) -> None:
    assert _hosts_of(query) == hosts


def test_fields_of_events_are_left_alone() -> None:
    assert Inventory(HOSTS).resolvers(["process.name"]) == {}


def test_peer_groups_leave_out_hosts_without_the_attribute() -> None:
    assert Inventory(HOSTS).peer_of() == {"dc01": "domain_controller", "ws-17": "workstation", "ws-18": "workstation"}
    assert Inventory(HOSTS).peer_of("criticality") == {"ws-17": "2"}
