"""A layer says what could fire today."""

from __future__ import annotations

from rarebit.output.navigator import Covered, layer


def _covered(name: str, *, runs: bool = True, missing: tuple[str, ...] = ()) -> Covered:
    return Covered(id=name, kind="job", tactics=(), techniques=("T1059", "T1078"), runs=runs, missing=missing)


def test_a_technique_fires_if_anything_does() -> None:
    made = layer([_covered("a", missing=("x.y",)), _covered("b"), _covered("c", runs=False)], name="n")
    assert [each["techniqueID"] for each in made["techniques"]] == ["T1059", "T1078"]
    assert {each["score"] for each in made["techniques"]} == {2}
    assert made["techniques"][0]["comment"] == "b; a (no event has x.y); c (does not run)"


def test_blind_and_off_are_covered_and_no_more() -> None:
    made = layer([_covered("a", missing=("x.y",)), _covered("c", runs=False)], name="n")
    assert {each["score"] for each in made["techniques"]} == {1}
    assert made["versions"] == {"navigator": "5.1.0", "layer": "4.5"}
