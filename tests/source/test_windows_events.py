"""Windows events of every shape land in the same ECS fields."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import orjson
import pytest

from rarebit.source.windows_codes import MEANINGS
from rarebit.source.windows_fields import MOVES
from source.reading import read_bytes

TIME = "2024-05-01T10:00:00.000Z"
SYSMON = "Microsoft-Windows-Sysmon/Operational"
AUDIT = "Microsoft-Windows-Security-Auditing"
HASHES = "SHA1=aa,MD5=dae02f32a21e03ce65412f6e56942daa,SHA256=bb,IMPHASH=f34d5f2d4577ed6d9ceec516c1f5a744"


def winlogbeat7(channel: str, code: int, data: dict[str, Any], **more: Any) -> dict[str, Any]:
    provider = AUDIT if channel == "Security" else channel.removesuffix("/Operational")
    log = {"channel": channel, "event_id": code, "provider_name": provider, "computer_name": "WS01.corp.example"}
    return {"@timestamp": TIME, "host": {"name": "collector"}, "winlog": {**log, "event_data": data}, **more}


def winlogbeat6(channel: str, code: int, data: dict[str, Any]) -> dict[str, Any]:
    provider = AUDIT if channel == "Security" else channel.removesuffix("/Operational")
    header = {"log_name": channel, "event_id": code, "source_name": provider, "computer_name": "WS01.corp.example"}
    return {"@timestamp": TIME, "host": {"name": "collector"}, "event_data": data, **header}


def nxlog(channel: str, code: int, data: dict[str, Any]) -> dict[str, Any]:
    provider = AUDIT if channel == "Security" else channel.removesuffix("/Operational")
    header = {"Channel": channel, "EventID": code, "SourceName": provider, "Hostname": "WS01.corp.example"}
    local = {"EventTime": "2024-05-01 06:00:00", "EventReceivedTime": "2024-05-01 06:00:01", "host": "collector"}
    return {"@timestamp": TIME, **header, **local, **data}


def windows_json(channel: str, code: int, data: dict[str, Any]) -> dict[str, Any]:
    provider = AUDIT if channel == "Security" else channel.removesuffix("/Operational")
    system = {
        "Provider": {"#attributes": {"Name": provider}},
        "EventID": {"#attributes": {"Qualifiers": 0}, "#text": code},
        "Channel": channel,
        "Computer": "WS01.corp.example",
        "TimeCreated": {"#attributes": {"SystemTime": TIME}},
    }
    return {"Event": {"System": system, "EventData": data}}


SHAPES = (winlogbeat7, winlogbeat6, nxlog, windows_json)


def row(folder: Path, record: dict[str, Any]) -> dict[str, Any]:
    table, report = read_bytes(folder, orjson.dumps(record))
    assert not report.skipped
    found: dict[str, Any] = table.to_pylist()[0]
    found["rest"] = orjson.loads(found["rarebit.rest"] or b"{}")
    return found


def holds(found: dict[str, Any], expected: dict[str, Any]) -> None:
    assert {name: found[name] for name in expected} == expected


@pytest.mark.parametrize("shape", SHAPES)
def test_sysmon_process_start(tmp_path: Path, shape: Any) -> None:
    data = {
        "Image": "C:\\Windows\\System32\\cmd.exe",
        "ProcessId": "4321",
        "ProcessGuid": "{747F3D96-792D-5D45-0000-00104F190601}",
        "CommandLine": "cmd /c whoami",
        "CurrentDirectory": "C:\\Users\\ann\\",
        "User": "CORP\\ann",
        "LogonId": "0x3e7",
        "Hashes": HASHES,
        "ParentImage": "C:\\Windows\\explorer.exe",
        "ParentProcessId": "99",
        "ParentCommandLine": "explorer",
        "IntegrityLevel": "Medium",
        "Description": "",
    }
    found = row(tmp_path, shape(SYSMON, 1, data))
    holds(
        found,
        {
            "event.code": "1",
            "event.module": "sysmon",
            "event.category": "process",
            "event.type": "start",
            "event.kind": "event",
            "event.dataset": "windows.sysmon_operational",
            "host.name": "ws01",
            "host.hostname": "ws01.corp.example",
            "host.domain": "corp.example",
            "host.os.type": "windows",
            "user.name": "ann",
            "user.domain": "CORP",
            "process.name": "cmd.exe",
            "process.pid": 4321,
            "process.entity_id": "{747f3d96-792d-5d45-0000-00104f190601}",
            "process.command_line": "cmd /c whoami",
            "process.working_directory": "C:\\Users\\ann\\",
            "process.hash.sha1": "aa",
            "process.hash.md5": "dae02f32a21e03ce65412f6e56942daa",
            "process.hash.sha256": "bb",
            "process.pe.imphash": "f34d5f2d4577ed6d9ceec516c1f5a744",
            "process.parent.name": "explorer.exe",
            "process.parent.pid": 99,
            "process.parent.command_line": "explorer",
            "rarebit.process.working_directory": "c:\\users\\*\\",
        },
    )
    assert found["rest"]["winlog.event_data.IntegrityLevel"] == "Medium"
    assert "winlog.event_data.Image" not in found["rest"]


@pytest.mark.parametrize("shape", SHAPES)
def test_security_process_start_takes_subject_or_target(tmp_path: Path, shape: Any) -> None:
    data = {
        "NewProcessName": "C:\\Windows\\notepad.exe",
        "NewProcessId": "0x1f4",
        "ProcessId": "0x10",
        "ParentProcessName": "C:\\Windows\\explorer.exe",
        "SubjectUserName": "ann",
        "SubjectDomainName": "CORP",
        "SubjectUserSid": "S-1-5-21-7",
        "TargetUserName": "-",
        "TargetDomainName": "-",
        "TargetUserSid": "S-1-0-0",
    }
    expected = {
        "process.pid": 500,
        "process.parent.pid": 16,
        "process.name": "notepad.exe",
        "process.parent.name": "explorer.exe",
        "event.outcome": "success",
        "user.name": "ann",
        "user.domain": "CORP",
        "user.id": "S-1-5-21-7",
    }
    holds(row(tmp_path, shape("Security", 4688, data)), expected)
    other = {**data, "TargetUserName": "bob", "TargetDomainName": "LAB"}
    found = row(tmp_path, shape("Security", 4688, other))
    holds(found, {"user.name": "bob", "user.domain": "LAB", "user.id": None})
    assert found["rest"]["winlog.event_data.SubjectUserName"] == "ann"


@pytest.mark.parametrize(("code", "outcome"), [(4624, "success"), (4625, "failure")])
def test_logons_are_about_the_account_that_logs_on(tmp_path: Path, code: int, outcome: str) -> None:
    data = {
        "SubjectUserName": "WS01$",
        "TargetUserName": "ann@corp.example",
        "TargetUserSid": "S-1-5-21-7",
        "LogonType": 3,
        "IpAddress": "::ffff:10.0.0.9",
        "IpPort": "-",
        "WorkstationName": "WS02",
    }
    found = row(tmp_path, winlogbeat7("Security", code, data))
    expected = {"user.name": "ann", "user.domain": "corp.example", "source.ip": "10.0.0.9", "source.port": None}
    holds(found, {**expected, "source.domain": "WS02", "winlog.logon.type": "3", "event.outcome": outcome})
    holds(found, {"event.category": "authentication", "event.type": "start"})
    assert found["rest"]["winlog.event_data.SubjectUserName"] == "WS01$"


@pytest.mark.parametrize(
    ("given", "address"), [("-", None), ("LOCAL", "127.0.0.1"), ("::1", "::1"), ("10.0.0.1", "10.0.0.1")]
)
def test_addresses(tmp_path: Path, given: str, address: str | None) -> None:
    assert row(tmp_path, winlogbeat7("Security", 4624, {"IpAddress": given}))["source.ip"] == address


def test_accounts_acted_upon_are_targets(tmp_path: Path) -> None:
    data = {"SubjectUserName": "admin", "TargetUserName": "ann", "TargetDomainName": "CORP"}
    found = row(tmp_path, winlogbeat7("Security", 4720, data))
    holds(found, {"user.name": "admin", "user.target.name": "ann", "user.target.domain": "CORP"})
    holds(found, {"event.category": "iam", "event.type": "creation,user"})


def test_what_sysmon_says_of_files_registry_libraries_and_names(tmp_path: Path) -> None:
    holds(
        row(tmp_path, nxlog(SYSMON, 11, {"Image": "C:\\a.exe", "TargetFilename": "C:\\t\\b.txt"})),
        {"file.path": "C:\\t\\b.txt", "file.name": "b.txt", "event.category": "file", "process.name": "a.exe"},
    )
    holds(
        row(tmp_path, nxlog(SYSMON, 13, {"TargetObject": "HKLM\\Run\\x", "Details": "calc.exe"})),
        {"registry.path": "HKLM\\Run\\x", "registry.data.strings": ["calc.exe"]},
    )
    found = row(tmp_path, nxlog(SYSMON, 7, {"ImageLoaded": "C:\\x.dll", "Hashes": HASHES, "Signed": "true"}))
    holds(found, {"dll.path": "C:\\x.dll", "dll.name": "x.dll", "process.hash.md5": None})
    assert found["rest"]["dll.hash.sha256"] == "bb"
    assert found["rest"]["winlog.event_data.Signed"] == "true"
    answers = {"QueryName": "x.example", "QueryResults": "type:  5 y.example;::ffff:1.2.3.4;fe80::1;"}
    holds(
        row(tmp_path, nxlog(SYSMON, 22, answers)),
        {"dns.question.name": "x.example", "dns.resolved_ip": ["1.2.3.4", "fe80::1"], "event.category": "network"},
    )


def test_a_filtered_connection(tmp_path: Path) -> None:
    data = {
        "Application": "\\device\\harddiskvolume2\\windows\\svchost.exe",
        "SourceAddress": "10.0.0.1",
        "SourcePort": "50000",
        "DestAddress": "10.0.0.2",
        "DestPort": "445",
        "Protocol": "6",
        "Direction": "%%14593",
    }
    holds(
        row(tmp_path, winlogbeat6("Security", 5156, data)),
        {
            "process.name": "svchost.exe",
            "rarebit.process.executable": "*:\\windows\\svchost.exe",
            "destination.ip": "10.0.0.2",
            "destination.port": 445,
            "network.transport": "tcp",
            "network.direction": "egress",
        },
    )


def test_given_ecs_fields_stand_and_event_data_stays_beside_them(tmp_path: Path) -> None:
    record = winlogbeat7(
        SYSMON, 1, {"Image": "C:\\b.exe"}, process={"executable": "C:\\a.exe"}, event={"action": "mine"}
    )
    found = row(tmp_path, record)
    holds(found, {"process.executable": "C:\\a.exe", "process.name": "a.exe", "event.action": "mine"})
    assert found["rest"]["winlog.event_data.Image"] == "C:\\b.exe"


def test_well_known_accounts_in_any_language(tmp_path: Path) -> None:
    data = {"SubjectUserName": "SYSTÈME", "SubjectDomainName": "AUTORITE NT", "SubjectUserSid": "S-1-5-18"}
    holds(row(tmp_path, winlogbeat7("Security", 4672, data)), {"user.name": "SYSTEM", "user.domain": "NT AUTHORITY"})


def test_a_sid_gets_the_name_it_has_elsewhere_in_the_file(tmp_path: Path) -> None:
    named = winlogbeat7("Security", 4672, {"SubjectUserName": "ann", "SubjectUserSid": "S-1-5-21-9"})
    bare = winlogbeat7("Security", 4672, {"SubjectUserName": "S-1-5-21-9"})
    table, report = read_bytes(tmp_path, orjson.dumps(named) + b"\n" + orjson.dumps(bare))
    assert table["user.name"].to_pylist() == ["ann", "ann"]
    assert "user.name of 1 rows resolved by SID" in report.notes


def test_the_utc_stamp_wins_unless_it_is_none(tmp_path: Path) -> None:
    record = nxlog(SYSMON, 5, {"UtcTime": "2024-05-01 09:59:59.000"})
    assert row(tmp_path, record)["@timestamp"].isoformat() == "2024-05-01T10:00:00+00:00"
    del record["@timestamp"]
    assert row(tmp_path, record)["@timestamp"].isoformat() == "2024-05-01T09:59:59+00:00"
    del record["UtcTime"]
    assert row(tmp_path, record)["@timestamp"].isoformat() == "2024-05-01T06:00:00+00:00"


@pytest.mark.parametrize(
    ("keywords", "outcome"),
    [(["Audit Failure"], "failure"), ("0x8020000000000000", "success"), (-9218868437227405312, "failure"), ("x", None)],
)
def test_outcome_by_keywords(tmp_path: Path, keywords: Any, outcome: str | None) -> None:
    record = winlogbeat7("Security", 4768, {})
    record["winlog"]["keywords"] = keywords
    assert row(tmp_path, record)["event.outcome"] == outcome


def test_the_tables_are_well_formed() -> None:
    for meaning in MEANINGS.values():
        for words in (meaning.category, meaning.type):
            assert words == ",".join(sorted(words.split(",")))
        assert meaning.outcome in ("", "success", "failure")
    assert len(set(MOVES)) == len(MOVES)


def test_elasticsearch_hits_are_unwrapped(tmp_path: Path) -> None:
    hit = {"_index": "x", "_id": "abc", "_source": {"@timestamp": TIME, "host.name": "h"}}
    holds(row(tmp_path, hit), {"event.id": "abc", "host.name": "h"})


def test_endgame_events(tmp_path: Path) -> None:
    record = {"event_type": "process", "subtype": "create", "timestamp": 133590312000000000, "unique_pid": "1"}
    found = row(tmp_path, {**record, "process_path": "C:\\a.exe", "user_name": "ann", "hostname": "WS9"})
    holds(found, {"event.category": "process", "event.type": "start", "process.name": "a.exe", "host.name": "ws9"})
