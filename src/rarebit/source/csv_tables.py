"""CSV tables known by their header, and the ECS fields their columns fill."""

from __future__ import annotations

from typing import Final, NamedTuple

from rarebit.core.fields import FIELDS

TIMES: Final = "@timestamp"


class Table(NamedTuple):
    """One known table: its name, the columns that tell it, and where its columns go."""

    name: str
    needs: frozenset[str]
    times: tuple[str, ...]
    """Columns that may hold the time; the first that parses, row by row, is taken."""
    columns: dict[str, str]
    other: str
    """Prefix of every other column."""
    constants: dict[str, str]


_INITIATOR: Final = {
    "InitiatingProcessFileName": "process.parent.name",
    "InitiatingProcessFolderPath": "process.parent.executable",
    "InitiatingProcessId": "process.parent.pid",
    "InitiatingProcessCommandLine": "process.parent.command_line",
}
_DEVICE: Final = {
    "DeviceName": "host.name",
    "DeviceId": "host.id",
    "ActionType": "event.action",
    "AccountName": "user.name",
    "AccountDomain": "user.domain",
    "AccountSid": "user.id",
    "AccountUpn": "user.email",
}

TABLES: Final[tuple[Table, ...]] = (
    Table(
        "Defender DeviceProcessEvents",
        frozenset({"DeviceName", "FileName", "ProcessCommandLine", "InitiatingProcessFileName"}),
        ("Timestamp", "TimeGenerated"),
        {
            **_DEVICE,
            **_INITIATOR,
            "FileName": "process.name",
            "FolderPath": "process.executable",
            "ProcessId": "process.pid",
            "ProcessCommandLine": "process.command_line",
            "MD5": "process.hash.md5",
            "SHA1": "process.hash.sha1",
            "SHA256": "process.hash.sha256",
            "ProcessVersionInfoOriginalFileName": "process.pe.original_file_name",
            "LogonId": "winlog.logon.id",
        },
        "m365_defender.event.",
        {"event.category": "process", "event.type": "start", "event.kind": "event", "event.module": "m365_defender"},
    ),
    Table(
        "Defender DeviceLogonEvents",
        frozenset({"DeviceName", "LogonType", "ActionType", "AccountName"}),
        ("Timestamp", "TimeGenerated"),
        {
            **_DEVICE,
            "InitiatingProcessFileName": "process.name",
            "InitiatingProcessFolderPath": "process.executable",
            "InitiatingProcessId": "process.pid",
            "InitiatingProcessCommandLine": "process.command_line",
            "LogonType": "winlog.logon.type",
            "LogonId": "winlog.logon.id",
            "RemoteIP": "source.ip",
            "RemotePort": "source.port",
            "RemoteDeviceName": "source.domain",
        },
        "m365_defender.event.",
        {
            "event.category": "authentication",
            "event.type": "start",
            "event.kind": "event",
            "event.module": "m365_defender",
        },
    ),
    Table(
        "Sentinel SecurityEvent",
        frozenset({"EventID", "Computer", "TimeGenerated"}),
        ("TimeGenerated", "TimeCreatedUtc"),
        {
            "EventID": "winlog.event_id",
            "Computer": "winlog.computer_name",
            "Channel": "winlog.channel",
            "EventSourceName": "winlog.provider_name",
            "EventRecordId": "winlog.record_id",
            "SourceComputerId": "sentinel.SourceComputerId",
            "TenantId": "sentinel.TenantId",
            "Account": "sentinel.Account",
            "TimeCreatedUtc": "sentinel.TimeCreatedUtc",
            "Activity": "message",
        },
        "winlog.event_data.",
        {"winlog.channel": "Security", "winlog.provider_name": "Microsoft-Windows-Security-Auditing"},
    ),
    Table(
        "Sentinel Syslog",
        frozenset({"SyslogMessage", "ProcessName", "Computer"}),
        ("EventTime [UTC]", "EventTime", "TimeGenerated"),
        {
            "Computer": "host.name",
            "HostIP": "host.ip",
            "ProcessName": "process.name",
            "ProcessID": "process.pid",
            "SyslogMessage": "message",
            "AccountName": "user.name",
            "Facility": "log.syslog.facility.name",
            "SeverityLevel": "log.syslog.severity.name",
            "HostName": "host.hostname",
            "TenantId": "sentinel.TenantId",
        },
        "sentinel.",
        {"event.kind": "event", "event.module": "syslog", "host.os.type": "linux"},
    ),
)
"""The first whose columns are all there is taken."""


def table_for(header: list[str], mapping: dict[str, str]) -> Table | None:
    """Layout of a CSV file: by the given mapping, else a known table, else ECS names in the header."""
    names = set(header)
    if mapping and names & set(mapping):
        times = tuple(column for column in header if mapping.get(column) == TIMES)
        columns = {column: field for column, field in mapping.items() if field != TIMES}
        return Table("CSV by mapping", frozenset(), times, columns, "", {})
    for table in TABLES:
        if table.needs <= names:
            return table
    if TIMES in names and len(names & set(FIELDS)) > 1:
        return Table("ECS CSV", frozenset(), (TIMES,), {}, "", {})
    return None
