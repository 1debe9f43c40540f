"""Every route, and the least role that may use it. A route that is not here does not exist."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Final, NamedTuple

from fastapi import Response

from rarebit.core.people import INTAKE
from rarebit.web import cases, entities, hunt, intake, keys, look, metrics, people, suppressions, tuning
from rarebit.web.api.document import openapi
from rarebit.web.api.operations import OPERATIONS
from rarebit.web.elastic.routes import ELASTIC


class Route(NamedTuple):
    """One line of the table."""

    method: str
    path: str
    needs: str | None
    """Least role; None is anybody; ``intake`` a key of that scope, or an engineer."""
    handler: Callable[..., Response | Awaitable[Response]]
    kind: str = "page"
    """How it is guarded and how errors look: a ``page`` with its JSON twin, our ``api`` (``api_json`` with a body of
    JSON), or ``elastic``."""


ROUTES: Final = (
    Route("GET", "/", None, cases.start_page),
    Route("HEAD", "/", None, cases.start_page),
    Route("GET", "/queue", "viewer", cases.queue_page),
    Route("POST", "/queue/look", "viewer", cases.look),
    Route("GET", "/cases/{case_id}", "viewer", cases.case_page),
    Route("POST", "/cases/{case_id}/verdict", "analyst", cases.give_verdict),
    Route("GET", "/records", "viewer", look.records_page),
    Route("GET", "/records/{record_id}", "viewer", look.record_page),
    Route("GET", "/entity/{kind}", "viewer", entities.entity_page),
    Route("GET", "/hunt", "viewer", hunt.hunt_page),
    Route("GET", "/events", "viewer", look.events_page),
    Route("GET", "/jobs", "viewer", look.jobs_page),
    Route("GET", "/jobs/{job_id}", "viewer", look.job_page),
    Route("GET", "/health", "viewer", look.health_page),
    Route("GET", "/suppress", "analyst", suppressions.suppress_page),
    Route("POST", "/suppress", "analyst", suppressions.suppress),
    Route("GET", "/suppressions", "viewer", suppressions.suppressions_page),
    Route("POST", "/suppressions/{suppression_id}/remove", "analyst", suppressions.remove_suppression),
    Route("GET", "/tuning", "viewer", tuning.tuning_page),
    Route("POST", "/tuning", "analyst", tuning.look_for_proposals),
    Route("GET", "/audit", "engineer", people.audit_page),
    Route("GET", "/users", "admin", people.users_page),
    Route("POST", "/users", "admin", people.make_user),
    Route("POST", "/users/{name}", "admin", people.change_user),
    Route("POST", "/users/{name}/link", "admin", people.renew_user),
    Route("GET", "/login", None, people.login_page),
    Route("POST", "/login", None, people.login),
    Route("POST", "/logout", "viewer", people.logout),
    Route("GET", "/link/{token}", None, people.link_page),
    Route("POST", "/link/{token}", None, people.use_link),
    Route("GET", "/keys", "admin", keys.keys_page),
    Route("POST", "/keys", "admin", keys.make_key),
    Route("POST", "/keys/{key_id}/revoke", "admin", keys.revoke_key),
    Route("GET", "/healthz", None, metrics.alive, "api"),
    Route("GET", "/readyz", None, metrics.ready, "api"),
    Route("GET", "/metrics", "viewer", metrics.metrics, "api"),
    Route("POST", "/api/events", INTAKE, intake.events, "api"),
    Route("GET", "/api/openapi.json", "viewer", openapi, "api_json"),
    *(Route(each.method, each.path, each.needs, each.handler, "api_json") for each in OPERATIONS),
    Route("POST", "/_bulk", INTAKE, intake.bulk, "elastic_intake"),
    Route("PUT", "/_bulk", INTAKE, intake.bulk, "elastic_intake"),
    Route("POST", "/{index}/_bulk", INTAKE, intake.bulk, "elastic_intake"),
    Route("PUT", "/{index}/_bulk", INTAKE, intake.bulk, "elastic_intake"),
    *(
        Route(method, line.path, line.needs, line.handler, "elastic")
        for line in ELASTIC
        for method in line.methods.split()
    ),
)
