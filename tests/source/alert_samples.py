"""One made-up alert of each product, in the form its public documents describe."""

from __future__ import annotations

from typing import Any, Final

SHA256: Final = "ab" * 32

DEFENDER: Final[dict[str, Any]] = {
    "id": "da1_2", "incidentId": 7, "severity": "Low", "status": "New", "classification": "Unknown",
    "detectionSource": "WindowsDefenderAtp", "detectorId": "det-1", "category": "LateralMovement",
    "title": "Remote service made by an unusual program", "description": "…",
    "alertCreationTime": "2026-03-02T10:05:00Z", "firstEventTime": "2026-03-02T10:00:00.1234567Z",
    "lastUpdateTime": "2026-03-02T10:05:01Z", "machineId": "m1", "computerDnsName": "ws07.corp.example",
    "relatedUser": {"userName": "ann", "domainName": "CORP"}, "mitreTechniques": ["T1021.002", "T1569"],
    "evidence": [
        {"entityType": "User", "accountName": "ann", "domainName": "CORP", "userSid": "S-1-5-21-1"},
        {"entityType": "Process", "fileName": "psexesvc.exe", "filePath": "C:\\Windows", "processId": 412,
         "processCommandLine": "psexesvc.exe -s", "sha256": SHA256, "parentProcessFileName": "services.exe",
         "parentProcessId": 4, "detectionStatus": "Detected"},
    ],
}  # fmt: skip
GRAPH: Final[dict[str, Any]] = {
    "@odata.type": "#microsoft.graph.security.alert", "id": "g1", "providerAlertId": "g1", "status": "resolved",
    "severity": "high", "classification": "falsePositive", "serviceSource": "microsoftDefenderForEndpoint",
    "detectorId": "d9", "title": "Credential dump", "category": "CredentialAccess",
    "createdDateTime": "2026-03-02T10:05:00Z", "lastUpdateDateTime": "2026-03-02T12:00:00Z",
    "firstActivityDateTime": "2026-03-02T10:00:00Z", "mitreTechniques": ["T1003.001"],
    "evidence": [
        {"@odata.type": "#microsoft.graph.security.deviceEvidence", "deviceDnsName": "ws07.corp.example",
         "mdeDeviceId": "m1"},
        {"@odata.type": "#microsoft.graph.security.processEvidence", "processId": 99, "detectionStatus": "prevented",
         "processCommandLine": "procdump -ma lsass",
         "imageFile": {"fileName": "procdump.exe", "filePath": "C:\\tools", "sha256": SHA256},
         "parentProcessImageFile": {"fileName": "cmd.exe", "filePath": "C:\\Windows\\System32"},
         "userAccount": {"accountName": "ann", "domainName": "CORP"}},
    ],
}  # fmt: skip
FALCON_STREAM: Final[dict[str, Any]] = {
    "metadata": {"eventType": "DetectionSummaryEvent", "eventCreationTime": 1772445600000, "offset": 5},
    "event": {
        "ComputerName": "WS07", "UserName": "ann", "DetectName": "Suspicious Activity", "DetectId": "ldt:1:2",
        "Severity": 4, "SeverityName": "High", "FileName": "rundll32.exe",
        "FilePath": "\\Device\\HarddiskVolume2\\Windows\\System32", "CommandLine": "rundll32.exe x,y",
        "SHA256String": SHA256, "SHA1String": "0" * 40, "Tactic": "Defense Evasion",
        "Technique": "System Binary Proxy Execution", "SensorId": "s1", "LocalIP": "10.0.0.7",
        "MitreAttack": [{"Tactic": "Defense Evasion", "TechniqueID": "T1218.011"}],
        "PatternDispositionDescription": "Prevention, process was blocked from execution.",
    },
}  # fmt: skip
FALCON_ALERT: Final[dict[str, Any]] = {
    "composite_id": "c:ind:1", "created_timestamp": "2026-03-02T10:00:30Z", "timestamp": "2026-03-02T10:00:00Z",
    "updated_timestamp": "2026-03-02T11:00:00Z", "status": "in_progress", "severity": 50, "severity_name": "Medium",
    "display_name": "LsassHandle", "name": "LsassHandle", "pattern_id": 10197, "filename": "x.exe",
    "filepath": "C:\\tmp\\x.exe", "cmdline": "x.exe", "sha256": SHA256, "user_name": "ann", "tactic_id": "TA0006",
    "tactic": "Credential Access", "technique_id": "T1003", "technique": "OS Credential Dumping",
    "device": {"hostname": "WS07", "device_id": "dev1", "local_ip": "10.0.0.7"},
    "pattern_disposition_details": {"detect": True, "kill_process": False},
    "parent_details": {"filename": "cmd.exe", "filepath": "C:\\Windows\\System32\\cmd.exe", "cmdline": "cmd"},
}  # fmt: skip
FALCON_DETECT: Final[dict[str, Any]] = {
    "detection_id": "ldt:9:9", "created_timestamp": "2026-03-02T10:00:30Z", "status": "new",
    "max_severity": 70, "max_severity_displayname": "High", "first_behavior": "2026-03-02T10:00:00Z",
    "device": {"hostname": "WS07", "device_id": "dev1"},
    "behaviors": [{"behavior_id": "41", "timestamp": "2026-03-02T10:00:00Z", "filename": "x.exe", "cmdline": "x.exe",
                   "sha256": SHA256, "user_name": "ann", "tactic": "Execution", "technique_id": "T1059",
                   "display_name": "ScriptRun", "severity": 70}],
}  # fmt: skip
SENTINEL: Final[dict[str, Any]] = {
    "id": "77", "threatInfo": {
        "threatId": "77", "threatName": "evil.exe", "classification": "Malware", "confidenceLevel": "suspicious",
        "analystVerdict": "undefined", "incidentStatus": "unresolved", "mitigationStatus": "not_mitigated",
        "sha256": SHA256, "filePath": "\\Device\\HarddiskVolume3\\Users\\ann\\evil.exe",
        "originatorProcess": "explorer.exe", "processUser": "CORP\\ann", "identifiedAt": "2026-03-02T10:00:00Z",
        "createdAt": "2026-03-02T10:00:01Z", "updatedAt": "2026-03-02T10:30:00Z",
        "detectionEngines": [{"key": "pre_execution", "title": "On-Write Static AI"}],
    },
    "agentRealtimeInfo": {"agentComputerName": "WS07"},
    "agentDetectionInfo": {"agentUuid": "u1", "agentIpV4": "10.0.0.7", "agentDomain": "CORP"},
    "indicators": [{"category": "Evasion", "tactics": [
        {"name": "Defense Evasion", "source": "MITRE", "techniques": [{"name": "T1027"}]}]}],
}  # fmt: skip
WAZUH: Final[dict[str, Any]] = {
    "timestamp": "2026-03-02T10:00:00.123+0000", "id": "1772445600.1",
    "rule": {"level": 12, "description": "Process injected", "id": "92910", "firedtimes": 1, "groups": ["sysmon"],
             "mitre": {"id": ["T1055"], "tactic": ["Defense Evasion"], "technique": ["Process Injection"]}},
    "agent": {"id": "004", "name": "WS07", "ip": "10.0.0.7"}, "manager": {"name": "siem"},
    "data": {"win": {"eventdata": {"image": "C:\\tmp\\x.exe", "commandLine": "x.exe", "user": "CORP\\ann",
                                    "hashes": f"SHA256={SHA256.upper()},IMPHASH=00"}}},
    "location": "EventChannel",
}  # fmt: skip
SURICATA: Final[dict[str, Any]] = {
    "timestamp": "2026-03-02T10:00:00.000000+0000", "flow_id": 1, "event_type": "alert", "src_ip": "203.0.113.9",
    "src_port": 443, "dest_ip": "10.0.0.7", "dest_port": 50000, "proto": "TCP", "app_proto": "tls",
    "alert": {"action": "allowed", "gid": 1, "signature_id": 2027865, "rev": 4, "signature": "EX Odd certificate",
              "category": "Misc", "severity": 2, "metadata": {"mitre_tactic_id": ["TA0011"],
                                                                "mitre_technique_id": ["T1071"]}},
}  # fmt: skip
DEFEND: Final[dict[str, Any]] = {
    "@timestamp": "2026-03-02T10:00:00Z", "ecs": {"version": "8.10.0"}, "message": "Malicious Behavior Detection Alert",
    "event": {"id": "E+1", "kind": "alert", "module": "endpoint", "code": "behavior", "severity": 47,
              "category": ["intrusion_detection"], "type": ["info", "allowed"], "action": "rule_detection"},
    "rule": {"id": "r-1", "name": "Odd child of a browser"}, "host": {"name": "ws07"}, "user": {"name": "ann"},
    "process": {"name": "cmd.exe", "executable": "C:\\Windows\\System32\\cmd.exe", "hash": {"sha256": SHA256}},
    "threat": [{"framework": "MITRE ATT&CK", "tactic": {"id": "TA0002", "name": "Execution"},
                "technique": [{"id": "T1059", "name": "…", "subtechnique": [{"id": "T1059.003", "name": "…"}]}]}],
}  # fmt: skip
ENDGAME: Final[dict[str, Any]] = {
    "@timestamp": "2026-03-02T10:00:00Z", "event.id": "eg1", "event.kind": "alert", "event.module": "endgame",
    "endgame.metadata.type": "detection", "endgame.event_subtype_full": "cred_theft_event", "host.name": "ws07",
    "user.name": "ann", "process.name": "x.exe", "process.hash.sha256": SHA256,
}  # fmt: skip

SAMPLES: Final[dict[str, dict[str, Any]]] = {
    "Defender alerts": DEFENDER, "Graph security alerts": GRAPH, "CrowdStrike event stream": FALCON_STREAM,
    "CrowdStrike detections": FALCON_ALERT, "SentinelOne threats": SENTINEL, "Wazuh alerts": WAZUH,
    "Suricata EVE": SURICATA, "ECS alerts": DEFEND,
}  # fmt: skip
"""By the name that the report of a file gives them."""
