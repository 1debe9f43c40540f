"""What clients ask of the server itself: its name, the defaults and memory of its jobs; what it does not do."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

from fastapi import Request, Response

import rarebit
from rarebit.core.errors import DefinitionError, NotFoundError
from rarebit.web.access import live_of
from rarebit.web.elastic.parts import reply
from rarebit.web.sight import status_of

VERSION: Final = "9.0.0"
"""Of the API whose forms are followed."""
_NODE: Final = "rarebit"


def info(_request: Request) -> Response:
    """What this is, in the form clients look for."""
    return reply(
        {
            "name": _NODE,
            "cluster_name": _NODE,
            "cluster_uuid": _NODE,
            "version": {"number": VERSION, "build_flavor": "default", "rarebit": rarebit.__version__},
            "tagline": "Not Elasticsearch: Rarebit, which answers a part of its API",
        }
    )


def license_(request: Request) -> Response:
    """What some shippers ask before they send; answered only where the server is told to pass for Elasticsearch.

    Raises
    ------
    NotFoundError
        Where it is not.
    """
    if not request.app.state.product:
        raise NotFoundError("Rarebit has no licence to show", hint="See --elastic-product in docs/elastic-api.md.")
    return reply({"license": {"status": "active", "uid": _NODE, "type": "basic", "issuer": _NODE}})


def health(request: Request) -> Response:
    """Whether events can be taken: green, or yellow while the lake is behind or a run fails."""
    standing = live_of(request).standing()
    status = "yellow" if standing.trouble or standing.spool_bytes >= standing.spool_bound else "green"
    return reply({"cluster_name": _NODE, "status": status, "timed_out": False, "number_of_nodes": 1})


def ml_info(_request: Request) -> Response:
    """Defaults and limits."""
    detectors = {
        "model_memory_limit": "1gb",
        "model_snapshot_retention_days": 10,
        "daily_model_snapshot_retention_after_days": 1,
    }
    defaults = {"anomaly_detectors": detectors, "datafeeds": {"scroll_size": 1000}}
    return reply({"defaults": defaults, "limits": {}, "upgrade_mode": False, "native_code": {"version": VERSION}})


def memory(request: Request) -> Response:
    """Bytes that the models of jobs held at the last run."""
    held = sum(job.memory.get("memory_bytes", 0) for job in status_of(request).jobs)
    node = {"name": _NODE, "roles": ["ml"], "mem": {"ml": {"anomaly_detectors_in_bytes": held}}}
    nodes = {"total": 1, "successful": 1, "failed": 0}
    return reply({"_nodes": nodes, "cluster_name": _NODE, "nodes": {_NODE: node}})


def refused(why: str) -> Callable[[Request], Response]:
    """A handler that says why something is not done here."""

    def refuse(_request: Request) -> Response:
        raise DefinitionError(f"not supported here: {why}", hint="See docs/elastic-api.md.")

    refuse.__doc__ = f"Refuse: {why}."
    return refuse
