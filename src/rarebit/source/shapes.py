"""Shapes of JSON records and what each calls things, led back to the names of Winlogbeat 7 and ECS."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final

from rarebit.source import alert_endpoint, alert_network, zeek

Json = dict[str, Any]

WINLOGBEAT6: Final[dict[str, str]] = {
    "event_id": "winlog.event_id",
    "computer_name": "winlog.computer_name",
    "event_data": "winlog.event_data",
    "user_data": "winlog.user_data",
    "log_name": "winlog.channel",
    "source_name": "winlog.provider_name",
    "provider_guid": "winlog.provider_guid",
    "record_number": "winlog.record_id",
    "user": "winlog.user",
    "task": "winlog.task",
    "opcode": "winlog.opcode",
    "keywords": "winlog.keywords",
    "activity_id": "winlog.activity_id",
    "related_activity_id": "winlog.related_activity_id",
    "process_id": "winlog.process.pid",
    "thread_id": "winlog.process.thread.id",
    "version": "winlog.version",
    "level": "log.level",
    "beat": "agent",
    "host": "observer",
    "type": "agent.type",
}
"""Top-level names of Winlogbeat 5 and 6. Its ``host`` is where the beat ran, often a collector."""

NXLOG: Final[dict[str, str]] = {
    "@timestamp": "@timestamp",
    "EventID": "winlog.event_id",
    "EventId": "winlog.event_id",
    "Hostname": "winlog.computer_name",
    "Computer": "winlog.computer_name",
    "Channel": "winlog.channel",
    "SourceName": "winlog.provider_name",
    "ProviderGuid": "winlog.provider_guid",
    "RecordNumber": "winlog.record_id",
    "AccountName": "winlog.user.name",
    "Domain": "winlog.user.domain",
    "UserID": "winlog.user.identifier",
    "AccountType": "winlog.user.type",
    "ProcessID": "winlog.process.pid",
    "ExecutionProcessID": "winlog.process.pid",
    "ThreadID": "winlog.process.thread.id",
    "Message": "message",
    "Severity": "log.level",
    "SeverityValue": "nxlog.SeverityValue",
    "EventType": "nxlog.EventType",
    "EventTypeOrignal": "winlog.event_data.EventType",
    "EventTime": "nxlog.EventTime",
    "EventReceivedTime": "nxlog.EventReceivedTime",
    "SourceModuleName": "nxlog.SourceModuleName",
    "SourceModuleType": "nxlog.SourceModuleType",
    "Keywords": "winlog.keywords",
    "Task": "winlog.task",
    "Category": "winlog.task_name",
    "Opcode": "winlog.opcode",
    "OpcodeValue": "nxlog.OpcodeValue",
    "Version": "winlog.version",
    "ActivityID": "winlog.activity_id",
    "RelatedActivityID": "winlog.related_activity_id",
    "host": "observer.name",
    "port": "observer.port",
    "type": "nxlog.type",
    "@version": "nxlog.@version",
    "tags": "tags",
}
"""Top-level names of NXLog's im_msvistalog and of plain Sysmon JSON; all others are event data."""

ENDGAME: Final[dict[str, str]] = {
    "timestamp": "@timestamp",
    "hostname": "host.name",
    "process_name": "process.name",
    "process_path": "process.executable",
    "pid": "process.pid",
    "unique_pid": "process.entity_id",
    "command_line": "process.command_line",
    "ppid": "process.parent.pid",
    "unique_ppid": "process.parent.entity_id",
    "parent_process_name": "process.parent.name",
    "parent_process_path": "process.parent.executable",
    "user_name": "user.name",
    "user_domain": "user.domain",
    "md5": "process.hash.md5",
    "sha1": "process.hash.sha1",
    "sha256": "process.hash.sha256",
    "original_file_name": "process.pe.original_file_name",
    "file_path": "file.path",
    "file_name": "file.name",
    "image_path": "dll.path",
    "image_name": "dll.name",
    "registry_path": "registry.path",
    "registry_value": "registry.value",
    "destination_address": "destination.ip",
    "destination_port": "destination.port",
    "source_address": "source.ip",
    "source_port": "source.port",
    "query_name": "dns.question.name",
}
"""Flat names of the Endgame sensor's normalised events."""

_ENDGAME_CATEGORY: Final[dict[str, str]] = {
    "process": "process",
    "network": "network",
    "file": "file",
    "registry": "registry",
    "image_load": "library",
    "dns": "network",
}
_ENDGAME_TYPE: Final[dict[str, str]] = {"create": "start", "terminate": "end"}


def _same(record: Json) -> Json:
    return record


def _winlogbeat6(record: Json) -> Json:
    return {WINLOGBEAT6.get(key, key): value for key, value in record.items()}


def _nxlog(record: Json) -> Json:
    names = NXLOG
    out = {names.get(key) or "winlog.event_data." + key: value for key, value in record.items()}
    if "ExecutionProcessID" in record and "ProcessID" in record:
        out["winlog.process.pid"] = record["ExecutionProcessID"]
        out["winlog.event_data.ProcessID"] = record["ProcessID"]
    if "nxlog.EventTime" not in out and "UtcTime" in record and "Channel" not in record:
        out["winlog.channel"] = "Microsoft-Windows-Sysmon/Operational"
        out["winlog.provider_name"] = "Microsoft-Windows-Sysmon"
    return out


def _endgame(record: Json) -> Json:
    out = {ENDGAME.get(key, key): value for key, value in record.items()}
    category = _ENDGAME_CATEGORY.get(str(record.get("event_type")))
    if category:
        out["event.category"] = category
    kind = _ENDGAME_TYPE.get(str(record.get("subtype")))
    if category == "process" and kind:
        out["event.type"] = kind
    out["event.module"] = "endgame"
    return out


def _elastic_hit(record: Json) -> Json:
    source = record["_source"]
    return reshape({"_id": record["_id"], **source} if "_id" in record else source)


def _is_elastic_alert(record: Json) -> bool:
    """An alert in ECS form whose ATT&CK part is a list of objects, or one with a list inside."""
    event = record.get("event")
    kind = event.get("kind") if type(event) is dict else record.get("event.kind")
    threat = record.get("threat")
    return kind == "alert" and (
        type(threat) is list or (type(threat) is dict and type(threat.get("technique")) is list)
    )


def _is_wazuh_alert(record: Json) -> bool:
    rule = record.get("rule")
    return type(rule) is dict and "level" in rule and type(record.get("manager")) is dict


def _is_suricata(record: Json) -> bool:
    kind = record.get("event_type")
    if type(kind) is not str or "timestamp" not in record or ("src_ip" not in record and "flow_id" not in record):
        return False
    return kind != "alert" or type(record.get("alert")) is dict


def _is_falcon_stream(record: Json) -> bool:
    metadata = record.get("metadata")
    kind = metadata.get("eventType") if type(metadata) is dict else None
    return type(kind) is str and kind.endswith("DetectionSummaryEvent") and type(record.get("event")) is dict


def _is_falcon(record: Json) -> bool:
    return ("composite_id" in record or "detection_id" in record) and (
        type(record.get("device")) is dict or type(record.get("behaviors")) is list or "pattern_id" in record
    )


def _xml_event(record: Json) -> Json:
    event = record["Event"]
    return windows_event(event)


def windows_event(event: Json) -> Json:
    """A Windows event in the JSON form of the ``evtx`` tools, under Winlogbeat 7's names."""
    out: Json = {}
    system = event.get("System")
    if type(system) is dict:
        _system(system, out)
    data = event.get("EventData")
    if type(data) is dict:
        _event_data(data, "winlog.event_data.", out)
    elif data is not None:
        out["winlog.event_data.param"] = data
    user_data = event.get("UserData")
    if type(user_data) is dict:
        for inner in user_data.values():
            if type(inner) is dict:
                _event_data(inner, "winlog.event_data.", out)
    for key, value in event.items():
        if key not in ("System", "EventData", "UserData", "#attributes"):
            out["winlog." + key] = value
    return out


_SYSTEM: Final[dict[str, str]] = {
    "EventID": "winlog.event_id",
    "Computer": "winlog.computer_name",
    "Channel": "winlog.channel",
    "EventRecordID": "winlog.record_id",
    "Version": "winlog.version",
    "Level": "winlog.level",
    "Task": "winlog.task",
    "Opcode": "winlog.opcode",
    "Keywords": "winlog.keywords",
}
_SYSTEM_ATTRIBUTES: Final[dict[tuple[str, str], str]] = {
    ("Provider", "Name"): "winlog.provider_name",
    ("Provider", "Guid"): "winlog.provider_guid",
    ("Provider", "EventSourceName"): "winlog.event_source_name",
    ("TimeCreated", "SystemTime"): "@timestamp",
    ("Execution", "ProcessID"): "winlog.process.pid",
    ("Execution", "ThreadID"): "winlog.process.thread.id",
    ("Security", "UserID"): "winlog.user.identifier",
    ("Correlation", "ActivityID"): "winlog.activity_id",
    ("Correlation", "RelatedActivityID"): "winlog.related_activity_id",
    ("EventID", "Qualifiers"): "winlog.event_id_qualifiers",
}


def _system(system: Json, out: Json) -> None:
    for key, value in system.items():
        if type(value) is dict:
            attributes = value.get("#attributes")
            for name, item in attributes.items() if type(attributes) is dict else ():
                out[_SYSTEM_ATTRIBUTES.get((key, name), f"winlog.{key}.{name}")] = item
            if "#text" in value:
                out[_SYSTEM.get(key, "winlog." + key)] = value["#text"]
        elif value is not None:
            out[_SYSTEM.get(key, "winlog." + key)] = value


def _event_data(data: Json, prefix: str, out: Json) -> None:
    for key, value in data.items():
        if key == "#attributes":
            continue
        item = value
        if type(value) is dict and "#text" in value:
            item = value["#text"]
        if key == "Data" and type(item) is list:
            out.update({f"{prefix}param{number}": text for number, text in enumerate(item, 1)})
        else:
            out[prefix + ("param1" if key == "Data" else key)] = item


SHAPES: Final[tuple[tuple[str, Callable[[Json], bool], Callable[[Json], Json]], ...]] = (
    ("Elasticsearch hits", lambda r: type(r.get("_source")) is dict, _elastic_hit),
    ("Winlogbeat 7 JSON", lambda r: "winlog" in r or "winlog.event_id" in r, _same),
    (
        "Winlogbeat 6 JSON",
        lambda r: "computer_name" in r and "event_id" in r and ("log_name" in r or "source_name" in r),
        _winlogbeat6,
    ),
    ("NXLog JSON", lambda r: "EventID" in r and ("Channel" in r or "SourceName" in r or "Hostname" in r), _nxlog),
    ("Sysmon JSON", lambda r: ("EventId" in r or "EventID" in r) and "UtcTime" in r, _nxlog),
    ("Windows event JSON", lambda r: type(r.get("Event")) is dict and "System" in r["Event"], _xml_event),
    ("Endgame JSON", lambda r: "event_type" in r and ("unique_pid" in r or "serial_event_id" in r), _endgame),
    ("Defender alerts", lambda r: "alertCreationTime" in r and "machineId" in r, alert_endpoint.defender),
    ("Graph security alerts", lambda r: "providerAlertId" in r and "createdDateTime" in r, alert_endpoint.graph),
    ("CrowdStrike event stream", _is_falcon_stream, alert_endpoint.falcon_stream),
    ("CrowdStrike detections", _is_falcon, alert_endpoint.falcon),
    ("SentinelOne threats", lambda r: type(r.get("threatInfo")) is dict, alert_endpoint.sentinel),
    ("Wazuh alerts", _is_wazuh_alert, alert_network.wazuh),
    ("Suricata EVE", _is_suricata, alert_network.suricata),
    ("Zeek JSON", zeek.is_zeek, zeek.zeek),
    ("ECS alerts", _is_elastic_alert, alert_endpoint.elastic),
)
"""Name, test and translation of every shape of record other than ECS; the first that fits is taken."""


SHAPE_KEYS: Final = (
    "_source", "event_id", "EventID", "EventId", "Event", "event_type", "alertCreationTime", "providerAlertId",
    "metadata", "composite_id", "detection_id", "threatInfo", "manager", "threat", "id.orig_h", "id_orig_h",
)  # fmt: skip
"""Top-level names of which every shape that needs translation has at least one; see :data:`SHAPES`."""


def shape_of(record: Json) -> str:
    """Name of the shape of a record."""
    for name, fits, _ in SHAPES:
        if fits(record):
            return name
    return "ECS JSON" if _looks_ecs(record) else "JSON"


def reshape(record: Json) -> Json:
    """The record under ECS and Winlogbeat 7 names."""
    for _, fits, translate in SHAPES:
        if fits(record):
            return translate(record)
    return record


def _looks_ecs(record: Json) -> bool:
    return "@timestamp" in record or "ecs" in record or type(record.get("event")) is dict
