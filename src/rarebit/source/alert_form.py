"""The one form of an alert of an EDR or IDS: ECS names, whatever its product calls things.

Alerts are few beside events, so they are read record by record.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from typing import Any, Final

Json = dict[str, Any]

ALERT_ID: Final = "rarebit.alert.id"
"""The product's id of an alert; ``event.id`` is that of one state of it, so that none is lost."""
ALERT_STATE: Final = "rarebit.alert.state"
ALERT_CHANGED: Final = "rarebit.alert.changed"
"""When the product last changed it."""
SEVERITY: Final = "rule.severity"

SEVERITIES: Final[tuple[str, ...]] = ("informational", "low", "medium", "high", "critical")
_SPELLINGS: Final[dict[str, str]] = {"info": "informational", "unknown": "", "unspecified": "", "moderate": "medium"}
_TECHNIQUE: Final = re.compile(r"T[0-9]{4}(?:\.[0-9]{3})?")
TACTICS: Final[dict[str, str]] = {
    "TA0043": "Reconnaissance",
    "TA0042": "Resource Development",
    "TA0001": "Initial Access",
    "TA0002": "Execution",
    "TA0003": "Persistence",
    "TA0004": "Privilege Escalation",
    "TA0005": "Defense Evasion",
    "TA0006": "Credential Access",
    "TA0007": "Discovery",
    "TA0008": "Lateral Movement",
    "TA0009": "Collection",
    "TA0010": "Exfiltration",
    "TA0011": "Command and Control",
    "TA0040": "Impact",
}
_TACTIC_WORDS: Final = {name.lower().replace(" ", ""): name for name in TACTICS.values()}
_PREVENTED: Final = re.compile(
    r"block|prevent|kill|quarantin|denied|deny|drop|reject|mitigated|remediat", re.IGNORECASE
)
_NOT: Final = re.compile(r"\bnot?[ _]|\bun|fail|partial", re.IGNORECASE)


def at(record: object, path: str) -> Any:  # noqa: ANN401 - any JSON
    """What lies under a dotted path of objects; None where there is nothing."""
    for key in path.split("."):
        if type(record) is not dict:
            return None
        record = record.get(key)
    return record


def first(record: object, *paths: str) -> Any:  # noqa: ANN401 - any JSON
    """The first of several paths under which there is a scalar that says something."""
    for path in paths:
        value = at(record, path)
        if value is not None and value != "" and type(value) not in (dict, list):
            return value
    return None


def objects(value: object) -> list[Json]:
    """The objects of a list, or of one object."""
    items = value if type(value) is list else [value]
    return [item for item in items if type(item) is dict]


def texts(value: object) -> list[str]:
    """The texts of a list, or of one text; anything else is passed over."""
    items = value if type(value) is list else [value]
    return [item for item in items if type(item) is str and item]


def severity_of(value: object, bounds: Sequence[int] = ()) -> str | None:
    """The severity as a word of :data:`SEVERITIES`.

    Parameters
    ----------
    value : object
        A word of the product, or a number.
    bounds : sequence of int
        Of a number: the least that is low, medium, high and critical.
    """
    if type(value) is str and not value.strip().isdigit():
        word = value.strip().lower()
        word = _SPELLINGS.get(word, word)
        return word if word in SEVERITIES else None
    if type(value) not in (int, float, str) or not bounds:
        return None
    return SEVERITIES[sum(float(value) >= bound for bound in bounds)]  # type: ignore[arg-type]


def tactics_of(values: Iterable[object]) -> list[str]:
    """Names of tactics as ATT&CK writes them, from ids and from names in any spelling; others are left out."""
    found: dict[str, None] = {}
    for value in values:
        if type(value) is str:
            word = value.lower().replace(" ", "").replace("_", "").replace("-", "")
            name = TACTICS.get(value.strip().upper()) or _TACTIC_WORDS.get(word)
            if name:
                found[name] = None
    return list(found)


def techniques_of(values: Iterable[object]) -> list[str]:
    """Ids of techniques found in texts, each once."""
    return list(dict.fromkeys(name for value in values if type(value) is str for name in _TECHNIQUE.findall(value)))


def prevented(*words: object) -> bool | None:
    """Whether the product stopped it, by the words it says so in; None where it says nothing."""
    told = [word for word in words if type(word) is str and word]
    if not told:
        return None
    return any(_PREVENTED.search(word) and not _NOT.search(word) for word in told)


def alert(
    product: str,
    original: Json,
    fields: Json,
    *,
    tactics: Iterable[object] = (),
    techniques: Iterable[object] = (),
    stopped: bool | None = None,
) -> Json:
    """An alert in the one form.

    Parameters
    ----------
    product : str
        Name kept in ``event.module``; the record as it came is kept under it.
    fields : dict
        ECS name to value; those without a value are left out.
    tactics, techniques : iterable
        Names or ids.
    stopped : bool, optional
        Whether the product prevented what it tells of.
    """
    made = {name: value for name, value in fields.items() if value is not None and value not in ("", [])}
    made["event.kind"] = "alert"
    made["event.module"] = product
    made["event.category"] = "intrusion_detection"
    made["event.type"] = ["info"] if stopped is None else ["info", "denied" if stopped else "allowed"]
    for name, values in (("tactic.name", tactics_of(tactics)), ("technique.id", techniques_of(techniques))):
        if values:
            made["threat." + name] = values
    made[product] = original
    return made
