"""Rows of logs of Zeek under ECS names: who spoke to whom, how long, under which names.

Zeek knows hosts by address. The host of an event is the address inside of the site, of two the one that began.
"""

from __future__ import annotations

from typing import Any, Final

from rarebit.core.time import iso
from rarebit.source.address import is_own

Json = dict[str, Any]

UNSET: Final = frozenset({"", "-", "(empty)"})
"""What stands in a table where there is nothing."""
_NAMES: Final[dict[str, str]] = {
    "id.orig_h": "source.ip",
    "id.orig_p": "source.port",
    "id.resp_h": "destination.ip",
    "id.resp_p": "destination.port",
    "proto": "network.transport",
    "service": "network.protocol",
}
_NAMES_OF: Final[dict[str, dict[str, str]]] = {
    "conn": {
        "orig_ip_bytes": "source.bytes",
        "resp_ip_bytes": "destination.bytes",
        "orig_pkts": "source.packets",
        "resp_pkts": "destination.packets",
        "conn_state": "zeek.connection.state",
    },
    "dns": {
        "query": "dns.question.name",
        "qtype_name": "dns.question.type",
        "rcode_name": "dns.response_code",
        "answers": "dns.resolved_ip",
    },
    "http": {
        "method": "http.request.method",
        "host": "destination.domain",
        "user_agent": "user_agent.original",
        "status_code": "http.response.status_code",
        "request_body_len": "source.bytes",
        "response_body_len": "destination.bytes",
    },
    "ssl": {
        "server_name": "destination.domain",
        "ja3": "tls.client.ja3",
        "version": "tls.version",
        "subject": "tls.server.subject",
        "issuer": "tls.server.issuer",
    },
}
_TELLING: Final = (
    ("conn_state", "conn"), ("qtype_name", "dns"), ("qclass", "dns"), ("trans_depth", "http"), ("server_name", "ssl"),
    ("cipher", "ssl"),
)  # fmt: skip
"""Columns by which a log is known that does not name itself."""
_FAILED: Final = frozenset({"S0", "REJ", "RSTOS0", "RSTRH", "SH", "SHR"})
_TYPES: Final = {"dns": "protocol", "http": "protocol,access", "ssl": "protocol"}


def is_zeek(record: Json) -> bool:
    """Whether a JSON record is a line of a log of Zeek's that tells of two addresses."""
    return "ts" in record and ("id.orig_h" in record or "id_orig_h" in record)


def zeek(record: Json) -> Json:
    """A JSON record of a log of Zeek's under ECS names."""
    if "id_orig_h" in record:
        record = {name.replace("id_", "id.", 1) if name[:3] == "id_" else name: of for name, of in record.items()}
    path = record.get("_path") or record.get("@stream")
    if type(path) is not str:
        path = next((log for column, log in _TELLING if column in record), "log")
    return event_of(path, {name: of for name, of in record.items() if name not in ("_path", "@stream", "_write_ts")})


def event_of(path: str, row: Json) -> Json:
    """An event of one row of a log; what has no ECS name stays under ``zeek.LOG``."""
    names = _NAMES | _NAMES_OF.get(path, {})
    made: Json = {names.get(name) or f"zeek.{path}.{name}": of for name, of in row.items() if name != "ts"}
    made["@timestamp"] = _time(row.get("ts"))
    made |= {"event.kind": "event", "event.category": "network", "event.module": "zeek"}
    made |= {"event.dataset": f"zeek.{path}", "event.type": _TYPES.get(path, "connection")}
    duration = _number(row.get("duration"))
    if duration is not None:
        made["event.duration"] = round(duration * 1e9)
    if path == "conn":
        made["event.outcome"] = "failure" if row.get("conn_state") in _FAILED else "success"
        if made.get("source.bytes") is None:
            made["source.bytes"] = row.get("orig_bytes")
    domain = made.get("destination.domain")
    if type(domain) is str:
        made["destination.domain"] = domain.rpartition(":")[0] if domain.count(":") == 1 else domain
        if path == "http" and type(row.get("uri")) is str:
            made["url.full"] = row["uri"] if "://" in row["uri"] else f"http://{domain}{row['uri']}"
    return made | _sides(row)


def _sides(row: Json) -> Json:
    """Whose event it is, and which way it went."""
    begins, answers = (str(row.get(name) or "") for name in ("id.orig_h", "id.resp_h"))
    inside = [
        _true(row.get(said)) or is_own(address) for said, address in (("local_orig", begins), ("local_resp", answers))
    ]
    if not any(inside):
        return {"network.direction": "external"}
    way = {(True, True): "internal", (True, False): "egress", (False, True): "ingress"}[inside[0], inside[1]]
    return {"host.name": begins if inside[0] else answers, "network.direction": way}


def _true(value: object) -> bool:
    return value is True or value == "T"


def _number(value: object) -> float | None:
    try:
        return float(value) if isinstance(value, int | float | str) and value not in UNSET else None
    except ValueError:
        return None


def _time(value: object) -> object:
    """Seconds since 1970 as ISO; anything else as it is."""
    seconds = _number(value)
    return value if seconds is None or not 0.0 <= seconds < 1e11 else iso(round(seconds * 1e6))  # noqa: PLR2004
