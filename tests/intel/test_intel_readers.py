"""Lists of every form: what is taken, and what is refused for which reason."""

from __future__ import annotations

import json
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rarebit.core.errors import InputError
from rarebit.core.indicator import Kind, Worth
from rarebit.intel.draft import EVER, Draft
from rarebit.intel.pattern import values_of
from rarebit.intel.read import read_files
from rarebit.intel.tables import mapping_of
from rarebit.intel.values import BadValueError, clean

MD5, SHA256 = "0123456789abcdef" * 2, "0123456789abcdef" * 4


def read(tmp_path: Path, name: str, content: object, **settings: Any) -> Draft:
    path = tmp_path / name
    path.write_text(content if isinstance(content, str) else json.dumps(content), "utf-8")
    draft = Draft()
    read_files([path], draft, **settings)
    return draft


def taken(draft: Draft) -> set[tuple[str, str]]:
    return {(row["kind"], row["value"]) for row in draft.table().to_pylist()}


def reasons(draft: Draft) -> dict[str, int]:
    return {part.reason: part.count for part in draft.skipped}


def test_a_list_tells_by_form_all_but_hashes(tmp_path: Path) -> None:
    text = "# a comment\n198.51.100.7\n203.0.113.0/24 ; a network\nevil[.]example\nhxxp://evil.example:80/a#b\n"
    draft = read(tmp_path, "l.txt", text + f"{MD5}\n10.0.0.1\n0.0.0.0/0\nco.uk\nworse\n")
    assert taken(draft) == {
        ("ip", "198.51.100.7"), ("cidr", "203.0.113.0/24"), ("domain", "evil.example"), ("url", "http://evil.example/a"),
    }  # fmt: skip
    assert sum(reasons(draft).values()) == 5 == draft.read - len(draft)
    assert any("nothing says whether it is md5" in reason for reason in reasons(draft))
    assert "line 6" in next(part.where for part in draft.skipped if "md5" in part.reason)


def test_a_mapping_says_what_a_list_holds(tmp_path: Path) -> None:
    draft = read(tmp_path, "l.txt", f"{MD5}\n{SHA256}\n", mapping=mapping_of({"type": "imphash"}, "m"))
    assert taken(draft) == {("imphash", MD5)}
    assert reasons(draft) == {"not of the form of imphash": 1}
    with pytest.raises(InputError, match="no kind"):
        read(tmp_path, "l.txt", MD5, mapping=mapping_of({"type": "sha3"}, "m"))
    with pytest.raises(InputError, match="not a mapping"):
        mapping_of({"vale": "x"}, "m")


def test_columns_of_a_table_are_found_by_name_and_by_kind(tmp_path: Path) -> None:
    text = (
        "ioc,ioc_type,confidence,valid_until,comment\n"
        f"198.51.100.7:443,ip:port,75,2026-01-02T00:00:00Z,c2\n{MD5},md5,,,\n{MD5},,,,\nx,yara,,,\n"
    )
    draft = read(tmp_path, "t.csv", text)
    assert taken(draft) == {("ip", "198.51.100.7"), ("md5", MD5)}
    first, second = draft.table().to_pylist()
    assert (first["confidence"], first["label"]) == (75.0, "c2")
    assert (second["confidence"], second["valid_until_us"]) == (50.0, EVER)
    assert len(reasons(draft)) == 2
    hashes = read(tmp_path, "h.csv", f"sha256,imphash\n{SHA256},{MD5}\n")
    assert taken(hashes) == {("sha256", SHA256), ("imphash", MD5)}
    commented = read(tmp_path, "c.csv", f'# "first_seen","md5"\n"2026-01-01","{MD5}"\n')
    assert taken(commented) == {("md5", MD5)}
    with pytest.raises(InputError, match="no column"):
        read(tmp_path, "t.csv", "a,b\n1,2\n")


def test_a_bundle_gives_the_values_of_its_indicators(tmp_path: Path) -> None:
    def indicator(pattern: str, **more: object) -> dict[str, object]:
        return {"type": "indicator", "id": "indicator--1", "pattern": pattern, "pattern_type": "stix", **more}

    bundle = {
        "type": "bundle",
        "id": "bundle--1",
        "objects": [
            indicator(
                "[ipv4-addr:value = '198.51.100.7' OR domain-name:value IN ('a.example', 'b.example')]",
                confidence=90,
                valid_until="2026-01-01T00:00:00Z",
                name="Some family",
                object_marking_refs=["marking-definition--f88d31f6-486f-44da-b317-01333bde0b82"],
            ),
            indicator(f"[file:hashes.MD5 = '{MD5}'] OR [file:hashes.'SHA-256' = '{SHA256}']"),
            indicator("[ipv4-addr:value ISSUBSET '203.0.113.0/24']"),
            indicator("[file:name = 'x.exe' AND file:size > 3]"),
            indicator("[file:name LIKE 'x%']"),
            indicator("[domain-name:value = 'gone.example']", revoked=True),
            indicator("rule x { }", pattern_type="yara"),
            {"type": "malware", "id": "malware--1"},
            "nonsense",
        ],
    }
    draft = read(tmp_path, "b.json", bundle)
    assert taken(draft) == {
        ("ip", "198.51.100.7"), ("domain", "a.example"), ("domain", "b.example"), ("md5", MD5), ("sha256", SHA256),
        ("cidr", "203.0.113.0/24"),
    }  # fmt: skip
    assert sum(reasons(draft).values()) == 4
    row = draft.table().to_pylist()[0]
    assert (row["confidence"], row["tlp"], row["label"]) == (90.0, "amber", "Some family")
    assert 0 < row["valid_until_us"] < EVER


@given(st.text(max_size=80))
def test_any_text_is_a_pattern_or_refused(text: str) -> None:
    for pattern in (text, f"[file:name = '{text}']", f"[{text}"):
        with suppress(BadValueError):
            assert all(isinstance(kind, Kind) for kind, _ in values_of(pattern))


@given(st.sampled_from(Kind), st.text(max_size=60))
def test_a_normal_form_is_its_own(kind: Kind, text: str) -> None:
    try:
        found = clean(kind, text)
    except BadValueError:
        return
    assert clean(*found) == found


def attribute(kind: str, value: str, **more: object) -> dict[str, object]:
    return {"type": kind, "value": value, "to_ids": True, **more}


def test_a_feed_gives_the_attributes_for_detection_of_the_events_its_manifest_names(tmp_path: Path) -> None:
    event = {
        "info": "A campaign",
        "threat_level_id": "1",
        "Tag": [{"name": "tlp:green"}],
        "Attribute": [
            attribute("ip-dst|port", "198.51.100.7|443"),
            attribute("filename|md5", f"a.exe|{MD5}"),
            attribute("domain", "evil.example", to_ids=False),
            attribute("yara", "rule"),
        ],
        "Object": [{"Attribute": [attribute("imphash", MD5), attribute("sha1", "x")]}],
    }
    (tmp_path / "one.json").write_text(json.dumps({"Event": event}))
    manifest = {name: {"info": "A campaign", "timestamp": "1"} for name in ("one", "two", "../three")}
    (tmp_path / "manifest.json").write_text(json.dumps(manifest))
    draft = Draft()
    read_files([tmp_path], draft)
    assert taken(draft) == {("ip", "198.51.100.7"), ("md5", MD5), ("imphash", MD5)}
    assert reasons(draft)["named by the manifest, and not there"] == 2
    assert sum(reasons(draft).values()) == 5
    assert {(row["confidence"], row["tlp"], row["label"]) for row in draft.table().to_pylist()} == {
        (80.0, "green", "A campaign")
    }


@pytest.mark.parametrize(("category", "worth"), [("False positive", Worth.BENIGN), ("Known identifier", Worth.KNOWN)])
def test_a_warninglist_is_no_list_of_indicators(tmp_path: Path, category: str, worth: Worth) -> None:
    body = {"name": "Resolvers", "type": "cidr", "category": category, "list": ["8.8.8.8/32", "10.0.0.0/8", "x"]}
    draft = read(tmp_path, "w.json", body)
    assert {(row["kind"], row["value"], row["worth"]) for row in draft.table().to_pylist()} == {
        ("ip", "8.8.8.8", worth), ("cidr", "10.0.0.0/8", worth),
    }  # fmt: skip
    pattern = read(tmp_path, "r.json", {**body, "type": "regex"})
    assert len(pattern) == 0
    assert sum(reasons(pattern).values()) == 3


@pytest.mark.parametrize(
    "content", ["{", "[" * 100_000, '{"a": 1}', "[1, 2]", '{"type": "bundle", "objects": 7}', '{"Event": []}', "\x00"]
)
def test_hostile_files_end_in_an_error_or_a_count(tmp_path: Path, content: str) -> None:
    with suppress(InputError):
        assert len(read(tmp_path, "h.json", content)) == 0
