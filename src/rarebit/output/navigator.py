"""What is covered, and what could fire today, as a layer of the ATT&CK Navigator (format 4.5)."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, Final

import msgspec

_FIRES, _BLIND = 2, 1
_COLOURS: Final = ("#f4c7a5", "#3b8f6b")


class Covered(msgspec.Struct, frozen=True, kw_only=True):
    """A job or rule, and whether it could fire."""

    id: str
    kind: str
    """``job`` or ``rule``."""
    tactics: tuple[str, ...]
    techniques: tuple[str, ...]
    runs: bool
    """Whether it runs here: in the default set or local, and not off."""
    missing: tuple[str, ...]
    """Fields it needs that no event has."""

    @property
    def fires(self) -> bool:
        """Whether it could fire today."""
        return self.runs and not self.missing


def layer(covered: Iterable[Covered], *, name: str) -> dict[str, Any]:
    """A layer in which a technique scores 2 if something could fire for it today, 1 if all of it is off or blind."""
    by_technique: dict[str, list[Covered]] = {}
    for each in covered:
        for technique in each.techniques:
            by_technique.setdefault(technique, []).append(each)
    techniques = [
        {
            "techniqueID": technique,
            "score": _FIRES if any(each.fires for each in found) else _BLIND,
            "comment": "; ".join(_told(each) for each in sorted(found, key=lambda each: (not each.fires, each.id))),
            "showSubtechniques": False,
        }
        for technique, found in sorted(by_technique.items())
    ]
    return {
        "name": name, "versions": {"navigator": "5.1.0", "layer": "4.5"}, "domain": "enterprise-attack",
        "description": "Techniques that jobs and rules look for: 2 can fire on the events there are, 1 cannot today.",
        "techniques": techniques, "gradient": {"colors": list(_COLOURS), "minValue": _BLIND, "maxValue": _FIRES},
        "legendItems": [{"label": label, "color": colour}
                        for label, colour in zip(("off or blind today", "can fire today"), _COLOURS, strict=True)],
        "layout": {"layout": "side", "showName": True, "showID": True},
    }  # fmt: skip


def _told(each: Covered) -> str:
    if each.fires:
        return each.id
    return f"{each.id} ({'no event has ' + ', '.join(each.missing) if each.missing else 'does not run'})"
