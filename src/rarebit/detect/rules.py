"""Custom rules of detectors: for which values, under which conditions, results or learning are left out."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from rarebit.core.errors import DefinitionError
from rarebit.core.job import Detector, Job, Json
from rarebit.detect.functions import BEACONS, HOURS, PLACES, RARE
from rarebit.maths.hashing import hash_text

SKIP_RESULT: Final = "skip_result"
SKIP_LEARNING: Final = "skip_model_update"
ACTIONS: Final = (SKIP_RESULT, SKIP_LEARNING)
TIME_OF_BUCKET: Final = "time"
APPLIES_TO: Final = ("actual", "typical", "diff_from_typical", TIME_OF_BUCKET)
OPERATORS: Final = {"gt": np.greater, "gte": np.greater_equal, "lt": np.less, "lte": np.less_equal}
WITHOUT_VALUE: Final = frozenset({*RARE, *HOURS, *PLACES, *BEACONS, "metric"})
"""Functions whose findings have no one actual and typical value."""
MOST_RULES: Final = 62
"""Of one detector: a row's rules are the bits of one number."""

Floats = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Condition:
    """One comparison of a finding's number; those of a rule hold together."""

    applies_to: str
    operator: str
    value: float

    def holds(self, actual: Floats, typical: Floats, bucket_us: Floats) -> NDArray[np.bool_]:
        """Whether it holds for each (bool[n]); ``time`` is the start of the bucket in seconds since 1970."""
        number = {
            "actual": actual,
            "typical": typical,
            "diff_from_typical": np.abs(actual - typical),
            TIME_OF_BUCKET: bucket_us / 1e6,
        }[self.applies_to]
        held: NDArray[np.bool_] = OPERATORS[self.operator](number, self.value)
        return held


@dataclass(frozen=True, slots=True)
class Scope:
    """Values of one field, by a filter list."""

    field: str
    filter_id: str
    include: bool


@dataclass(frozen=True, slots=True)
class Rule:
    """One custom rule of a detector."""

    detector_index: int
    number: int
    """Its place among the detector's rules."""
    skip_result: bool
    skip_learning: bool
    scopes: tuple[Scope, ...]
    conditions: tuple[Condition, ...]

    @property
    def key(self) -> int:
        """Stable code of all it says; counts are kept under it."""
        return hash_text(repr(self))

    @property
    def flag(self) -> str:
        """Name of the column that says which rows are in its scope."""
        return f"rule:{self.detector_index}.{self.number}"

    @property
    def place(self) -> str:
        """Where it stands in the job, for people."""
        return f"detectors[{self.detector_index}].custom_rules[{self.number}]"


def rules_of(job: Job) -> list[Rule]:
    """The custom rules of a job's detectors.

    Raises
    ------
    DefinitionError
        If one is not as Elastic writes them; the place is named.
    """
    return [
        rule_of(body, index, number, detector)
        for index, detector in enumerate(job.detectors)
        for number, body in enumerate(detector.custom_rules)
    ]


def unmeasured(rule: Rule, function: str) -> bool:
    """Whether a rule asks for an actual or typical value of a function that has none; it is then not applied."""
    asked = any(condition.applies_to != TIME_OF_BUCKET for condition in rule.conditions)
    return asked and function in WITHOUT_VALUE


def filters_of(job: Job) -> frozenset[str]:
    """Ids of the filter lists that a job's rules refer to."""
    return frozenset(scope.filter_id for rule in rules_of(job) for scope in rule.scopes)


def rule_of(body: Json, index: int, number: int, detector: Detector) -> Rule:
    """One rule of a detector; see :func:`rules_of`."""
    where = f"analysis_config.detectors[{index}].custom_rules[{number}]"
    if number >= MOST_RULES:
        raise DefinitionError(f"more than {MOST_RULES} rules", where=where)
    for key in body.keys() - {"actions", "scope", "conditions"}:
        raise DefinitionError(f"a rule has no {key!r}", where=where)
    actions = _list(body.get("actions", [SKIP_RESULT]), f"{where}.actions")
    for action in actions:
        if action not in ACTIONS:
            raise DefinitionError(f"{action!r} is no action; one of {', '.join(ACTIONS)}", where=f"{where}.actions")
    scope = body.get("scope") or {}
    if not isinstance(scope, Mapping):
        raise DefinitionError("expected an object", where=f"{where}.scope")
    rule = Rule(
        detector_index=index,
        number=number,
        skip_result=SKIP_RESULT in actions,
        skip_learning=SKIP_LEARNING in actions,
        scopes=tuple(_scope(name, entry, detector, f"{where}.scope") for name, entry in sorted(scope.items())),
        conditions=tuple(
            _condition(entry, f"{where}.conditions[{at}]")
            for at, entry in enumerate(_list(body.get("conditions") or [], f"{where}.conditions"))
        ),
    )
    if not actions or not (rule.scopes or rule.conditions):
        raise DefinitionError("a rule needs an action, and a scope or a condition", where=where)
    return rule


def _list(value: Any, where: str) -> list[Any]:  # noqa: ANN401
    if not isinstance(value, list):
        raise DefinitionError("expected a list", where=where)
    return value


def _scope(name: str, entry: Any, detector: Detector, where: str) -> Scope:  # noqa: ANN401
    allowed = [detector.by_field_name, detector.over_field_name, detector.partition_field_name]
    if name not in allowed:
        named = ", ".join(field for field in allowed if field) or "none here"
        raise DefinitionError(f"{name!r} is not a by, over or partition field ({named})", where=where)
    if not isinstance(entry, Mapping) or not isinstance(entry.get("filter_id"), str):
        raise DefinitionError("a field's scope needs a filter_id", where=f"{where}.{name}")
    kind = entry.get("filter_type", "include")
    if kind not in ("include", "exclude"):
        raise DefinitionError(f"{kind!r} is not include or exclude", where=f"{where}.{name}.filter_type")
    return Scope(name, entry["filter_id"], kind == "include")


def _condition(entry: Any, where: str) -> Condition:  # noqa: ANN401
    if not isinstance(entry, Mapping):
        raise DefinitionError("expected an object", where=where)
    applies, operator, value = (entry.get(name) for name in ("applies_to", "operator", "value"))
    if applies not in APPLIES_TO:
        raise DefinitionError(f"{applies!r} is not one of {', '.join(APPLIES_TO)}", where=f"{where}.applies_to")
    if operator not in OPERATORS:
        raise DefinitionError(f"{operator!r} is not one of {', '.join(OPERATORS)}", where=f"{where}.operator")
    if isinstance(value, bool) or not isinstance(value, int | float) or not np.isfinite(value):
        raise DefinitionError(f"{value!r} is not a number", where=f"{where}.value")
    return Condition(str(applies), str(operator), float(value))
