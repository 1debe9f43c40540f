"""Alerts of endpoint products in their own JSON: Defender, CrowdStrike, SentinelOne; and ECS ones of Elastic's.

Field names are those of the products' public documents: Defender for Endpoint alerts and Graph security alerts (v2),
Falcon's event stream, its detections and alerts interfaces, SentinelOne's threats.
"""

from __future__ import annotations

from typing import Any, Final

from rarebit.source.alert_form import (
    ALERT_CHANGED,
    ALERT_STATE,
    SEVERITY,
    Json,
    alert,
    at,
    first,
    objects,
    prevented,
    severity_of,
    tactics_of,
    techniques_of,
    texts,
)

_PERCENT: Final = (1, 40, 60, 80)
"""Falcon's severities from 1 to 100: the least that is low, medium, high and critical."""
_ONE_TO_FIVE: Final = (2, 3, 4, 5)
"""Those of its event stream: 1 informational to 5 critical."""


def defender(record: Json) -> Json:
    """An alert of Defender for Endpoint's own interface."""
    evidence = objects(record.get("evidence"))
    process = _kind(evidence, "Process")
    file, user = _kind(evidence, "File"), _kind(evidence, "User")
    lead = process or file
    fields: Json = {
        "@timestamp": first(record, "firstEventTime", "alertCreationTime"),
        "event.id": first(record, "id", "alertId"),
        "event.created": first(record, "alertCreationTime"),
        ALERT_CHANGED: first(record, "lastUpdateTime"),
        ALERT_STATE: _state(first(record, "status"), first(record, "classification")),
        "rule.id": first(record, "detectorId"),
        "rule.name": first(record, "title", "threatName"),
        "rule.category": first(record, "category"),
        SEVERITY: severity_of(first(record, "severity")),
        "message": first(record, "description"),
        "host.name": first(record, "computerDnsName"),
        "host.id": first(record, "machineId"),
        "user.name": first(record, "relatedUser.userName") or first(user or process, "accountName"),
        "user.domain": first(record, "relatedUser.domainName") or first(user or process, "domainName"),
        "user.id": first(user or process, "userSid"),
        "file.path": _path(first(file, "filePath"), first(file, "fileName")),
        "file.name": first(file, "fileName"),
        "file.hash.sha256": first(file, "sha256"),
        "destination.ip": first(_kind(evidence, "Ip"), "ipAddress"),
        "url.full": first(_kind(evidence, "Url"), "url"),
    }
    fields |= {
        "process.name": first(lead, "fileName") if process else None,
        "process.executable": _path(first(process, "filePath"), first(process, "fileName")),
        "process.pid": first(process, "processId"),
        "process.command_line": first(process, "processCommandLine"),
        "process.hash.sha256": first(process, "sha256"),
        "process.hash.sha1": first(process, "sha1"),
        "process.parent.pid": first(process, "parentProcessId"),
        "process.parent.name": first(process, "parentProcessFileName"),
        "process.parent.executable": _path(
            first(process, "parentProcessFilePath"), first(process, "parentProcessFileName")
        ),
    }
    stopped = prevented(*(first(item, "detectionStatus") for item in evidence))
    return alert(
        "m365_defender", record, fields, tactics=[record.get("category")],
        techniques=texts(record.get("mitreTechniques")), stopped=stopped,
    )  # fmt: skip


def _kind(evidence: list[Json], kind: str) -> Json | None:
    return next((item for item in evidence if str(item.get("entityType")).lower() == kind.lower()), None)


def graph(record: Json) -> Json:
    """An alert of the Graph security interface, second generation."""
    evidence = objects(record.get("evidence"))
    device, process = _typed(evidence, "deviceEvidence"), _typed(evidence, "processEvidence")
    file, user = _typed(evidence, "fileEvidence"), _typed(evidence, "userEvidence")
    account = at(user, "userAccount") or at(process, "userAccount")
    image, parent = at(process, "imageFile"), at(process, "parentProcessImageFile")
    fields: Json = {
        "@timestamp": first(record, "firstActivityDateTime", "createdDateTime"),
        "event.id": first(record, "id", "providerAlertId"),
        "event.created": first(record, "createdDateTime"),
        ALERT_CHANGED: first(record, "lastUpdateDateTime"),
        ALERT_STATE: _state(first(record, "status"), first(record, "classification")),
        "event.provider": first(record, "serviceSource", "productName"),
        "rule.id": first(record, "detectorId"),
        "rule.name": first(record, "title"),
        "rule.category": first(record, "category"),
        SEVERITY: severity_of(first(record, "severity")),
        "message": first(record, "description"),
        "host.name": first(device, "deviceDnsName", "hostName"),
        "host.id": first(device, "mdeDeviceId"),
        "user.name": first(account, "accountName"),
        "user.domain": first(account, "domainName"),
        "user.id": first(account, "userSid"),
        "user.email": first(account, "userPrincipalName"),
        "file.path": _path(first(file, "fileDetails.filePath"), first(file, "fileDetails.fileName")),
        "file.name": first(file, "fileDetails.fileName"),
        "file.hash.sha256": first(file, "fileDetails.sha256"),
        "destination.ip": first(_typed(evidence, "ipEvidence"), "ipAddress"),
        "url.full": first(_typed(evidence, "urlEvidence"), "url"),
        "process.name": first(image, "fileName"),
        "process.executable": _path(first(image, "filePath"), first(image, "fileName")),
        "process.pid": first(process, "processId"),
        "process.command_line": first(process, "processCommandLine"),
        "process.hash.sha256": first(image, "sha256"),
        "process.hash.sha1": first(image, "sha1"),
        "process.parent.pid": first(process, "parentProcessId"),
        "process.parent.name": first(parent, "fileName"),
        "process.parent.executable": _path(first(parent, "filePath"), first(parent, "fileName")),
    }
    stopped = prevented(*(first(item, "detectionStatus") for item in evidence))
    return alert(
        "m365_defender", record, fields, tactics=[record.get("category")],
        techniques=texts(record.get("mitreTechniques")), stopped=stopped,
    )  # fmt: skip


def _typed(evidence: list[Json], kind: str) -> Json | None:
    return next((item for item in evidence if str(item.get("@odata.type")).endswith(kind)), None)


def falcon_stream(record: Json) -> Json:
    """A detection of Falcon's event stream."""
    event = record["event"]
    fields: Json = {
        "@timestamp": first(record, "metadata.eventCreationTime") or first(event, "ProcessStartTime"),
        "event.id": first(event, "CompositeId", "DetectId"),
        "rule.id": first(event, "PatternId"),
        "rule.name": first(event, "DetectName", "Name"),
        "rule.category": first(event, "Objective"),
        SEVERITY: severity_of(first(event, "SeverityName")) or severity_of(first(event, "Severity"), _ONE_TO_FIVE),
        "message": first(event, "DetectDescription", "Description"),
        "host.name": first(event, "ComputerName", "Hostname"),
        "host.id": first(event, "SensorId", "AgentId", "AgentIdString"),
        "host.ip": texts(first(event, "LocalIP", "LocalIPv4")),
        "user.name": first(event, "UserName"),
        "user.domain": first(event, "MachineDomain", "LogonDomain"),
        "process.name": first(event, "FileName"),
        "process.executable": _path(first(event, "FilePath"), first(event, "FileName")),
        "process.pid": first(event, "LocalProcessId"),
        "process.entity_id": first(event, "ProcessId"),
        "process.command_line": first(event, "CommandLine"),
        "process.hash.sha256": first(event, "SHA256String"),
        "process.hash.sha1": _hash(first(event, "SHA1String")),
        "process.hash.md5": first(event, "MD5String"),
        "process.parent.entity_id": first(event, "ParentProcessId"),
        "process.parent.executable": first(event, "ParentImageFilePath"),
        "process.parent.name": first(event, "ParentImageFileName"),
        "process.parent.command_line": first(event, "ParentCommandLine"),
    }
    parts = objects(event.get("MitreAttack"))
    return alert(
        "crowdstrike", record, fields,
        tactics=[event.get("Tactic"), *(part.get("Tactic") for part in parts)],
        techniques=[event.get("Technique"), *(part.get("TechniqueID") for part in parts)],
        stopped=prevented(first(event, "PatternDispositionDescription")),
    )  # fmt: skip


def falcon(record: Json) -> Json:
    """A detection or alert of Falcon's interfaces."""
    behaviours = objects(record.get("behaviors"))
    lead = behaviours[0] if behaviours else record
    named = ("display_name", "name", "scenario") if behaviours else ("display_name", "name", "type")
    fields: Json = {
        "@timestamp": first(lead, "timestamp") or first(record, "first_behavior", "created_timestamp"),
        "event.id": first(record, "composite_id", "detection_id", "id"),
        "event.created": first(record, "created_timestamp"),
        ALERT_CHANGED: first(record, "updated_timestamp", "date_updated", "last_behavior"),
        ALERT_STATE: _state(first(record, "status"), first(record, "resolution")),
        "rule.id": first(lead, "pattern_id", "behavior_id"),
        "rule.name": first(lead, *named),
        "rule.category": first(lead, "scenario", "objective"),
        SEVERITY: severity_of(first(record, "severity_name", "max_severity_displayname"))
        or severity_of(first(record, "severity", "max_severity") or first(lead, "severity"), _PERCENT),
        "message": first(lead, "description"),
        "host.name": first(record, "device.hostname", "hostname"),
        "host.id": first(record, "device.device_id", "agent_id"),
        "host.ip": texts(first(record, "device.local_ip")),
        "user.name": first(lead, "user_name"),
        "user.id": first(lead, "user_id"),
        "process.name": first(lead, "filename"),
        "process.executable": first(lead, "filepath"),
        "process.entity_id": first(lead, "triggering_process_graph_id", "process_id"),
        "process.command_line": first(lead, "cmdline"),
        "process.hash.sha256": first(lead, "sha256"),
        "process.hash.md5": first(lead, "md5"),
        "process.parent.name": first(lead, "parent_details.filename"),
        "process.parent.executable": first(lead, "parent_details.filepath"),
        "process.parent.command_line": first(lead, "parent_details.parent_cmdline", "parent_details.cmdline"),
    }
    parts = [*(behaviours or [record]), *objects(record.get("mitre_attack"))]
    stopped = _disposition(lead)
    return alert(
        "crowdstrike", record, fields,
        tactics=[part.get(name) for part in parts for name in ("tactic_id", "tactic")],
        techniques=[part.get(name) for part in parts for name in ("technique_id", "technique")],
        stopped=stopped,
    )  # fmt: skip


def _disposition(part: Json) -> bool | None:
    """Whether Falcon did something about it, of the flags that say what it did."""
    flags = at(part, "pattern_disposition_details")
    if type(flags) is not dict:
        return prevented(first(part, "pattern_disposition_description"))
    done = ("kill_process", "kill_subprocess", "kill_parent", "process_blocked", "operation_blocked",
            "quarantine_file", "quarantine_machine", "registry_operation_blocked", "fs_operation_blocked")  # fmt: skip
    return any(flags.get(name) is True for name in done)


def sentinel(record: Json) -> Json:
    """A threat of SentinelOne."""
    info = record["threatInfo"]
    indicators = objects(record.get("indicators"))
    tactics = [part for indicator in indicators for part in objects(indicator.get("tactics"))]
    techniques = [part for tactic in tactics for part in objects(tactic.get("techniques"))]
    user = first(info, "processUser")
    fields: Json = {
        "@timestamp": first(info, "identifiedAt", "createdAt"),
        "event.id": first(info, "threatId") or first(record, "id"),
        "event.created": first(info, "createdAt"),
        ALERT_CHANGED: first(info, "updatedAt"),
        ALERT_STATE: _state(first(info, "incidentStatus"), first(info, "analystVerdict")),
        # A threat is named after its file, so that each would be a rule of its own; what found it is the rule.
        "rule.name": _sentinel_rule(info),
        "rule.category": first(info, "classification"),
        SEVERITY: {"malicious": "high", "suspicious": "medium"}.get(str(first(info, "confidenceLevel")).lower()),
        "message": first(info, "threatName"),
        "host.name": first(record, "agentRealtimeInfo.agentComputerName", "agentDetectionInfo.agentComputerName"),
        "host.id": first(record, "agentDetectionInfo.agentUuid", "agentRealtimeInfo.agentUuid"),
        "host.ip": texts(first(record, "agentDetectionInfo.agentIpV4")),
        "host.domain": first(record, "agentDetectionInfo.agentDomain", "agentRealtimeInfo.agentDomain"),
        "user.name": user or first(record, "agentDetectionInfo.agentLastLoggedInUserName"),
        "process.name": first(info, "originatorProcess"),
        "process.command_line": first(info, "maliciousProcessArguments"),
        "file.path": first(info, "filePath"),
        "file.hash.sha256": first(info, "sha256"),
        "file.hash.sha1": first(info, "sha1"),
        "file.hash.md5": first(info, "md5"),
    }
    return alert(
        "sentinel_one", record, fields,
        tactics=[part.get("name") for part in tactics],
        techniques=[part.get(name) for part in techniques for name in ("name", "link")],
        stopped=prevented(first(info, "mitigationStatus")),
    )  # fmt: skip


def _sentinel_rule(info: Json) -> str | None:
    engines = texts(info.get("detectionEngines")) or [
        title for engine in objects(info.get("detectionEngines")) for title in texts(engine.get("title"))
    ]
    named = [first(info, "classification"), *(engines or texts(info.get("engines")))]
    return ", ".join(str(part) for part in named if part) or first(info, "threatName")


def elastic(record: Json) -> Json:
    """An alert in ECS form that tells ATT&CK as a list of objects, as Elastic Defend does."""
    parts = objects(record["threat"])
    tactics = [item for part in parts for item in objects(part.get("tactic"))]
    techniques = [item for part in parts for item in objects(part.get("technique"))]
    below = [item for technique in techniques for item in objects(technique.get("subtechnique"))]
    made = {name: value for name, value in record.items() if name != "threat"}
    names = tactics_of(first(item, "name", "id") for item in tactics)
    ids = techniques_of(_all_ids([*techniques, *below]))
    if names:
        made["threat.tactic.name"] = names
    if ids:
        made["threat.technique.id"] = ids
    made["rarebit.alert.threat"] = parts
    return made


def _all_ids(parts: list[Json]) -> list[Any]:
    return [value for part in parts for value in texts(part.get("id"))]


def _state(*words: object) -> str | None:
    """State of an alert in the product's words: ``Resolved, FalsePositive``."""
    told = [str(word) for word in words if type(word) is str and word and word.lower() not in ("unknown", "undefined")]
    return ", ".join(told) or None


def _path(folder: object, name: object) -> str | None:
    """Path of a file of which some products give the folder and some the whole."""
    if type(folder) is not str:
        return None
    if type(name) is not str or not name or folder.lower().endswith(name.lower()):
        return folder
    mark = "/" if "/" in folder else "\\"
    return folder.rstrip(mark) + mark + name


def _hash(text: object) -> object:
    """A hash, unless it is all zeros: that stands for none."""
    return None if type(text) is str and not text.strip("0") else text
