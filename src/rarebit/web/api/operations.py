"""Every operation of our API: method, path, right, handler, what goes in and what comes out."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final, NamedTuple

import msgspec
from fastapi import Request, Response

from rarebit.app import intel, jobs, suppress
from rarebit.app.verdicts import Given
from rarebit.core.indicator import Match
from rarebit.core.result import Alert, Case, Record
from rarebit.core.rule import Rule
from rarebit.core.suppression import Suppression
from rarebit.web.api import findings, kept
from rarebit.web.api.forms import (
    Asset,
    EventList,
    JobShown,
    KeyLine,
    KeyMade,
    NewKey,
    NewPattern,
    NewState,
    NewSuppression,
    NewVerdict,
)

LIMIT: Final = ("limit",)


class Operation(NamedTuple):
    """One line of the table."""

    method: str
    path: str
    needs: str
    """Least role."""
    handler: Callable[[Request], Response]
    answer: type[Any]
    """Of a listing, its items."""
    pages: bool = False
    sight: bool = False
    """Whether a page says how well the installation sees."""
    params: tuple[str, ...] = ()
    """Parameters beside those of pages."""
    body: type[msgspec.Struct] | None = None
    status: int = 200


OPERATIONS: Final = (
    Operation("GET", "/api/cases", "viewer", findings.cases, Case, pages=True, sight=True),
    Operation("GET", "/api/cases/{case_id}", "viewer", findings.case, Case),
    Operation("POST", "/api/cases/{case_id}/verdict", "analyst", findings.judge, Given, body=NewVerdict),
    Operation("GET", "/api/cases/{case_id}/events", "viewer", findings.case_events, EventList, params=LIMIT),
    Operation("GET", "/api/alerts", "viewer", findings.alerts, Alert, pages=True, sight=True, params=findings.SOURCE),
    Operation("GET", "/api/alerts/{alert_id}", "viewer", findings.alert, Alert),
    Operation("GET", "/api/alerts/{alert_id}/events", "viewer", findings.alert_events, EventList, params=LIMIT),
    Operation("GET", "/api/records", "viewer", findings.records, Record, pages=True, sight=True),
    Operation("GET", "/api/records/{record_id}", "viewer", findings.record, Record),
    Operation("GET", "/api/records/{record_id}/events", "viewer", findings.record_events, EventList, params=LIMIT),
    Operation("GET", "/api/rules", "viewer", kept.list_rules, Rule, pages=True),
    Operation("GET", "/api/rules/{rule_id}", "viewer", kept.get_rule, Rule),
    Operation("POST", "/api/rules/{rule_id}/state", "engineer", kept.switch_rule, Rule, body=NewState),
    Operation("GET", "/api/suppressions", "viewer", kept.list_suppressions, suppress.Listed, pages=True),
    Operation(
        "POST", "/api/suppressions", "analyst", kept.add_suppression, Suppression, body=NewSuppression, status=201
    ),
    Operation(
        "POST", "/api/suppressions/preview", "analyst", kept.preview_suppression, suppress.Effect, body=NewPattern
    ),
    Operation("GET", "/api/suppressions/{suppression_id}", "viewer", kept.get_suppression, suppress.Listed),
    Operation("DELETE", "/api/suppressions/{suppression_id}", "analyst", kept.remove_suppression, Suppression),
    Operation("GET", "/api/intel", "viewer", kept.list_intel, intel.Source, pages=True),
    Operation("GET", "/api/intel/matches", "viewer", kept.list_matches, Match, pages=True),
    Operation("GET", "/api/assets", "viewer", kept.list_assets, Asset, pages=True),
    Operation("GET", "/api/assets/{host}", "viewer", kept.get_asset, Asset),
    Operation("GET", "/api/jobs", "viewer", kept.list_jobs, jobs.JobLine, pages=True),
    Operation("GET", "/api/jobs/{job_id}", "viewer", kept.get_job, JobShown),
    Operation("GET", "/api/keys", "admin", kept.list_keys, KeyLine, pages=True),
    Operation("POST", "/api/keys", "admin", kept.make_key, KeyMade, body=NewKey, status=201),
    Operation("DELETE", "/api/keys/{key_id}", "admin", kept.revoke_key, KeyLine),
)
