"""The index finds what a plain search finds, and nothing else."""

from __future__ import annotations

from ipaddress import ip_address, ip_network

import pyarrow as pa
import pyarrow.compute as pc
from hypothesis import given
from hypothesis import strategies as st

from rarebit.core.indicator import Kind
from rarebit.intel.codes import codes_of_text
from rarebit.intel.index import Index
from rarebit.intel.values import normal

labels = st.sampled_from(["a", "b", "evil", "com", "example"])
names = st.lists(labels, min_size=1, max_size=4).map(".".join)
four = st.integers(0, 2**32 - 1) | st.integers(0xC6336400, 0xC63364FF)
addresses = four.map(lambda n: str(ip_address(n))) | st.integers(0, 2**128 - 1).map(lambda n: str(ip_address(n)))
lengths = st.sampled_from([8, 16, 24, 31, 32])


def table(rows: list[tuple[Kind, str]]) -> pa.Table:
    values = pa.array([value for _, value in rows], pa.string())
    made = pa.table({"kind": pa.array([kind.value for kind, _ in rows], pa.string()), "value": values})
    made = made.append_column("code", pa.array(codes_of_text(values)))
    return made.sort_by([("kind", "ascending"), ("code", "ascending")])


def pairs(found: Index, kind: Kind, values: list[str]) -> set[tuple[str, str]]:
    places, rows = found.find(kind, pa.array(values, pa.string()))
    named = found.table.column("value")
    return {(values[place], named[row].as_py()) for place, row in zip(places.tolist(), rows.tolist(), strict=True)}


@given(st.lists(names, max_size=6), st.lists(names, max_size=8))
def test_names_match_themselves_and_what_lies_below(listed: list[str], seen: list[str]) -> None:
    found = Index(table([(Kind.DOMAIN, name) for name in listed]))
    expected = {(name, above) for name in seen for above in listed if name == above or name.endswith(f".{above}")}
    assert pairs(found, Kind.DOMAIN, seen) == expected


@given(st.lists(st.tuples(addresses, lengths), max_size=6), st.lists(addresses | st.text(max_size=9), max_size=8))
def test_networks_hold_their_addresses(listed: list[tuple[str, int]], seen: list[str]) -> None:
    nets = [str(ip_network(f"{address}/{length}", strict=False)) for address, length in listed]
    found = Index(table([(Kind.CIDR, net) for net in nets]))

    def inside(text: str, net: str) -> bool:
        try:
            return ip_address(text) in ip_network(net)
        except ValueError:
            return False

    assert pairs(found, Kind.CIDR, seen) == {(text, net) for text in seen for net in nets if inside(text, net)}


@given(st.lists(st.tuples(st.sampled_from([Kind.MD5, Kind.IMPHASH]), st.text("ab", max_size=3)), max_size=9))
def test_a_hash_is_looked_for_among_its_kind_only(listed: list[tuple[Kind, str]]) -> None:
    found = Index(table(listed))
    seen = sorted({value for _, value in listed})
    for kind in (Kind.MD5, Kind.IMPHASH, Kind.SHA1):
        assert pairs(found, kind, seen) == {(value, value) for each, value in listed if each is kind}


def test_events_write_one_address_or_name_in_several_ways() -> None:
    texts = pa.array(["2001:DB8:0::1", "::ffff:198.51.100.7", "198.51.100.7", "not:one"])
    assert normal(Kind.IP, texts).to_pylist() == ["2001:db8::1", "198.51.100.7", "198.51.100.7", "not:one"]
    assert normal(Kind.DOMAIN, pa.array(["Evil.Example."])).to_pylist() == ["evil.example"]
    urls = pa.array(["HTTPS://A.example:443/x/", "http://a.example:8080/#f"])
    assert normal(Kind.URL, urls).to_pylist() == ["https://a.example/x", "http://a.example:8080"]
    assert pc.all(pc.is_valid(normal(Kind.IP, texts))).as_py()
