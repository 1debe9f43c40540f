"""Alerts of Wazuh and of Suricata in their own JSON, and Suricata's other events as far as they name addresses."""

from __future__ import annotations

from typing import Final

from rarebit.source.address import is_own
from rarebit.source.alert_form import SEVERITY, Json, alert, at, first, objects, prevented, severity_of, texts

_WAZUH_LEVELS: Final = (3, 7, 12, 15)
"""Of Wazuh's levels from 0 to 16 the least that is low, medium, high and critical."""
_SURICATA: Final = {1: "high", 2: "medium", 3: "low", 4: "informational"}


def wazuh(record: Json) -> Json:
    """A line of Wazuh's ``alerts.json``."""
    rule, data = record["rule"], record.get("data")
    windows = at(data, "win.eventdata")
    hashes = _windows_hashes(first(windows, "hashes"))
    fields: Json = {
        "@timestamp": first(record, "timestamp", "@timestamp"),
        "rule.id": first(rule, "id"),
        "rule.name": first(rule, "description"),
        "rule.category": ", ".join(texts(rule.get("groups"))),
        SEVERITY: severity_of(first(rule, "level"), _WAZUH_LEVELS),
        "event.severity": first(rule, "level"),
        "message": first(record, "full_log"),
        "host.name": _wazuh_host(record),
        "host.id": first(record, "agent.id"),
        "host.ip": texts(first(record, "agent.ip")),
        "user.name": first(windows, "user", "targetUserName", "subjectUserName")
        or first(data, "dstuser", "srcuser", "uid"),
        "source.ip": first(data, "srcip", "src_ip") or first(windows, "sourceIp", "ipAddress"),
        "source.port": first(data, "srcport", "src_port"),
        "destination.ip": first(data, "dstip", "dest_ip") or first(windows, "destinationIp"),
        "destination.port": first(data, "dstport", "dest_port"),
        "url.full": first(data, "url"),
        "file.path": first(record, "syscheck.path"),
        "file.hash.sha256": first(record, "syscheck.sha256_after"),
        "process.executable": first(windows, "image", "newProcessName") or first(data, "audit.exe"),
        "process.command_line": first(windows, "commandLine") or first(data, "command"),
        "process.parent.executable": first(windows, "parentImage", "parentProcessName"),
        "process.parent.command_line": first(windows, "parentCommandLine"),
        "process.entity_id": first(windows, "processGuid"),
        **hashes,
    }
    mitre = rule.get("mitre")
    return alert(
        "wazuh", record, fields,
        tactics=texts(at(mitre, "tactic")), techniques=[*texts(at(mitre, "id")), *texts(at(mitre, "technique"))],
    )  # fmt: skip


def _wazuh_host(record: Json) -> object:
    """The agent's host; of what the manager itself collects from others, the host that the line names."""
    name = first(record, "agent.name")
    if first(record, "agent.id") != "000":
        return name
    return first(record, "predecoder.hostname") or name


def _windows_hashes(text: object) -> Json:
    """``SHA256=…,IMPHASH=…`` by field."""
    names = {"md5": "hash.md5", "sha1": "hash.sha1", "sha256": "hash.sha256", "imphash": "pe.imphash"}
    found: Json = {}
    for part in str(text or "").split(","):
        kind, _, value = part.partition("=")
        if value and kind.strip().lower() in names:
            found["process." + names[kind.strip().lower()]] = value.strip().lower()
    return found


def suricata(record: Json) -> Json:
    """A line of Suricata's ``eve.json``."""
    common: Json = {
        "@timestamp": first(record, "timestamp"),
        "source.ip": first(record, "src_ip"),
        "source.port": first(record, "src_port"),
        "destination.ip": first(record, "dest_ip"),
        "destination.port": first(record, "dest_port"),
        "network.transport": _lower(first(record, "proto")),
        "network.protocol": _lower(first(record, "app_proto")),
        "dns.question.name": _asked(record),
        "url.domain": first(record, "http.hostname", "tls.sni"),
        "url.full": first(record, "http.url"),
        "observer.name": first(record, "host"),
    }
    if record["event_type"] != "alert":
        made = {name: value for name, value in common.items() if value is not None}
        made |= {"event.kind": "event", "event.category": "network", "event.module": "suricata", "suricata": record}
        made["event.dataset"] = f"suricata.{record['event_type']}"
        return made
    told = record["alert"]
    meta = told.get("metadata")
    fields = common | {
        "rule.id": first(told, "signature_id"),
        "rule.name": first(told, "signature"),
        "rule.category": first(told, "category"),
        "rule.version": first(told, "rev"),
        SEVERITY: _SURICATA.get(told["severity"]) if type(told.get("severity")) is int else None,
        "event.severity": first(told, "severity"),
        "host.name": _inside(record, str(texts(at(meta, "attack_target")))),
    }
    return alert(
        "suricata", record, fields, tactics=texts(at(meta, "mitre_tactic_id")),
        techniques=texts(at(meta, "mitre_technique_id")), stopped=prevented(first(told, "action")),
    )  # fmt: skip


def _asked(record: Json) -> object:
    found = first(record, "dns.rrname")
    if found is not None:
        return found
    return next((first(query, "rrname") for query in objects(at(record, "dns.query"))), None)


def _inside(record: Json, target: str) -> str | None:
    """Whose alert it is: of the addresses of the site the one that the rule calls a target, else the source's."""
    pair = [str(first(record, name)) for name in ("src_ip", "dest_ip")]
    own = [address for address in pair if is_own(address)]
    if len(own) > 1 and "Server" in target:
        return own[1]
    return own[0] if own else None


def _lower(value: object) -> str | None:
    return value.lower() if type(value) is str else None
