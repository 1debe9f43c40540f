"""Definitions of rules: what makes an alert of events, or of a job's records."""

from __future__ import annotations

from typing import Any, Literal

import msgspec

from rarebit.core.indicator import Kind as IndicatorKind
from rarebit.core.job import Guide

Json = dict[str, Any]
Kind = Literal["anomaly", "query", "threshold", "new_terms", "indicator"]
State = Literal["off", "shadow", "on"]
Severity = Literal["informational", "low", "medium", "high", "critical"]
RISK: dict[str, float] = {"informational": 5.0, "low": 21.0, "medium": 47.0, "high": 73.0, "critical": 99.0}
"""Score of the alerts of a rule that names none, by its severity; the steps are those that Elastic's rules use."""


class Threshold(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, omit_defaults=True):
    """So many events of one group within one window."""

    value: int
    fields: tuple[str, ...] = ()
    """What makes a group; without any, all events are one."""
    cardinality_field: str = ""
    cardinality: int = 0
    """At least so many different values of ``cardinality_field``, too."""


class NewTerms(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, omit_defaults=True):
    """A combination of values seen for the first time."""

    fields: tuple[str, ...]
    history: str = ""
    """New is also what was not seen for so long; empty: what was never seen, as far as the memory of a year goes."""
    learn: str = "7d"
    """At the beginning everything is new: nothing is told before the lake holds so much."""


class Indicators(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, omit_defaults=True):
    """Which matches with indicators are told of."""

    sources: tuple[str, ...] = ()
    """Names of lists; any where there is none."""
    kinds: tuple[IndicatorKind, ...] = ()
    outcomes: tuple[Literal["hit", "inbound", "attempt"], ...] = ("hit",)
    confidence: float = 25.0
    """At least, from 0 to 100."""
    alone: bool = False
    """Also without a record of the same entity beside it; matches of lists that are to alert need none."""
    near: str = "1d"
    """Beside is up to so long before the first event and after the last."""


class Suppress(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, omit_defaults=True):
    """Which events are one alert: those with the same values of the fields, in the same window."""

    fields: tuple[str, ...] = ("host.name",)
    window: str = "1d"
    """Windows follow each other from 1970 on, so which events share one depends on nothing else."""


class Rule(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, omit_defaults=True):
    """What makes an alert."""

    id: str
    name: str
    kind: Kind
    state: State = "on"
    """``shadow`` rules are run and counted; their alerts are not kept."""
    description: str = ""
    language: Literal["kuery", "lucene", "dsl"] = "kuery"
    query: str | Json = ""
    """Empty: every event."""
    job: str = ""
    """Anomaly rules: the job whose records alert,"""
    score: float = 25.0
    """from this score on. Indicator rules: the least score of a record that counts as behaviour."""
    threshold: Threshold | None = None
    new_terms: NewTerms | None = None
    indicator: Indicators | None = None
    suppress: Suppress = Suppress()
    """For thresholds, only the window is used: the groups are theirs."""
    severity: Severity = "medium"
    risk: float | None = None
    """Score of its alerts, 0 to 100; by its severity if not given."""
    guide: Guide = Guide()
    origin: str = "local"
    """``shipped``, or the file it was imported from."""
    not_honoured: tuple[str, ...] = ()
    """Parts of the imported definition that are not acted on."""

    @property
    def alert_score(self) -> float:
        """Score of its alerts."""
        return RISK[self.severity] if self.risk is None else self.risk

    @property
    def group_fields(self) -> tuple[str, ...]:
        """Fields whose values tell its alerts from each other."""
        if self.threshold is not None:
            return self.threshold.fields
        if self.new_terms is not None:
            return self.new_terms.fields
        if self.indicator is not None:
            return ()
        return self.suppress.fields
