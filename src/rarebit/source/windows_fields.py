"""Where each field of Windows event data goes in ECS, and for which event codes."""

from __future__ import annotations

from typing import Final, NamedTuple


class Move(NamedTuple):
    """One rule: a field of event data, the ECS field it fills, and the events for which it does."""

    source: str
    target: str
    events: tuple[str, ...] = ()
    """``module:code`` or ``module``; none means every Windows event."""
    but: tuple[str, ...] = ()


_S: Final = ("sysmon",)
_LOGONS: Final = ("security:4624", "security:4625", "security:4634", "security:4647")
_KERBEROS: Final = ("security:4768", "security:4769", "security:4770", "security:4771", "security:4776")
_NEW_PROCESS: Final = ("security:4688",)
_FILTERING: Final = tuple(f"security:{code}" for code in range(5150, 5160))
_TARGET_ACTS: Final = (*_LOGONS, *_KERBEROS)
_DLL: Final = ("sysmon:6", "sysmon:7")
_FILES: Final = ("sysmon:15", "sysmon:23", "sysmon:26", "sysmon:29")
_GROUPS: Final = tuple(f"security:{code}" for code in (*range(4727, 4736), 4737, 4754, 4755, 4756, 4757, 4758, 4799))

MOVES: Final[tuple[Move, ...]] = (
    # the process
    Move("NewProcessName", "process.executable", _NEW_PROCESS),
    Move("NewProcessId", "process.pid", _NEW_PROCESS),
    Move("ParentProcessName", "process.parent.executable", _NEW_PROCESS),
    Move("ProcessId", "process.parent.pid", _NEW_PROCESS),
    Move("Image", "process.executable", _S),
    Move("SourceImage", "process.executable", ("sysmon:8", "sysmon:10")),
    Move("SourceProcessId", "process.pid", ("sysmon:8", "sysmon:10")),
    Move("SourceProcessGuid", "process.entity_id", ("sysmon:8",)),
    Move("SourceProcessGUID", "process.entity_id", ("sysmon:10",)),
    Move("ProcessId", "process.pid", but=_NEW_PROCESS),
    Move("ProcessID", "process.pid", _FILTERING),
    Move("Application", "process.executable", _FILTERING),
    Move("ProcessName", "process.executable", but=_NEW_PROCESS),
    Move("CallerProcessName", "process.executable", ("security:4798", "security:4799", "security:4797")),
    Move("CallerProcessId", "process.pid", ("security:4798", "security:4799", "security:4797")),
    Move("ProcessGuid", "process.entity_id", _S),
    Move("CommandLine", "process.command_line", ("sysmon", "security:4688")),
    Move("CurrentDirectory", "process.working_directory", _S),
    Move("OriginalFileName", "process.pe.original_file_name", ("sysmon:1",)),
    Move("ParentImage", "process.parent.executable", _S),
    Move("ParentProcessId", "process.parent.pid", _S),
    Move("ParentProcessGuid", "process.parent.entity_id", _S),
    Move("ParentCommandLine", "process.parent.command_line", _S),
    Move("Hashes", "hashes.process", ("sysmon:1",)),
    Move("Hashes", "hashes.file", _FILES),
    Move("Hashes", "hashes.dll", _DLL),
    # who acts
    Move("User", "user.name", _S, but=("sysmon:8", "sysmon:10")),
    Move("SourceUser", "user.name", ("sysmon:8", "sysmon:10")),
    Move("LogonId", "winlog.logon.id", _S),
    Move("TargetUserName", "user.name", (*_TARGET_ACTS, "security:4688")),
    Move("TargetDomainName", "user.domain", (*_TARGET_ACTS, "security:4688")),
    Move("TargetUserSid", "user.id", (*_TARGET_ACTS, "security:4688")),
    Move("TargetSid", "user.id", ("security:4768", "security:4771")),
    Move("TargetLogonId", "winlog.logon.id", (*_LOGONS, "security:4688")),
    Move("SubjectUserName", "user.name", ("security", "system"), but=_TARGET_ACTS),
    Move("SubjectDomainName", "user.domain", ("security", "system"), but=_TARGET_ACTS),
    Move("SubjectUserSid", "user.id", ("security", "system"), but=_TARGET_ACTS),
    Move("SubjectLogonId", "winlog.logon.id", ("security",), but=_LOGONS),
    Move("AccountName", "user.name", ("security:4778", "security:4779")),
    Move("AccountDomain", "user.domain", ("security:4778", "security:4779")),
    Move("LogonID", "winlog.logon.id", ("security:4778", "security:4779")),
    Move("LogonType", "winlog.logon.type", ("security",)),
    # upon whom
    Move("TargetUserName", "user.target.name", ("security",), but=(*_TARGET_ACTS, *_GROUPS, "security:4688")),
    Move("TargetUserName", "group.name", _GROUPS),
    Move("TargetDomainName", "user.target.domain", ("security",), but=(*_TARGET_ACTS, *_GROUPS, "security:4688")),
    Move("TargetSid", "user.target.id", ("security",), but=(*_TARGET_ACTS, *_GROUPS)),
    # where from, where to
    Move("IpAddress", "source.ip", ("security",)),
    Move("IpPort", "source.port", ("security",)),
    Move("ClientAddress", "source.ip", ("security:4778", "security:4779")),
    Move("ClientName", "source.domain", ("security:4778", "security:4779")),
    Move("WorkstationName", "source.domain", ("security:4624", "security:4625", "security:4648")),
    Move("Workstation", "source.domain", ("security:4776",)),
    Move("TargetServerName", "destination.domain", ("security:4648",)),
    Move("SourceIp", "source.ip", _S),
    Move("SourcePort", "source.port", (*_S, *_FILTERING)),
    Move("SourceHostname", "source.domain", _S),
    Move("DestinationIp", "destination.ip", _S),
    Move("DestinationPort", "destination.port", _S),
    Move("DestinationHostname", "destination.domain", _S),
    Move("Protocol", "network.transport", (*_S, *_FILTERING)),
    Move("SourceAddress", "source.ip", _FILTERING),
    Move("DestAddress", "destination.ip", _FILTERING),
    Move("DestPort", "destination.port", _FILTERING),
    Move("Initiated", "network.direction", ("sysmon:3",)),
    Move("Direction", "network.direction", _FILTERING),
    # what with
    Move("TargetFilename", "file.path", _S),
    Move("RelativeTargetName", "file.path", ("security:5145",)),
    Move("ImageLoaded", "dll.path", _DLL),
    Move("TargetObject", "registry.path", _S),
    Move("ObjectName", "registry.path", ("security:4657",)),
    Move("ObjectValueName", "registry.value", ("security:4657",)),
    Move("Details", "registry.data.strings", ("sysmon:13",)),
    Move("QueryName", "dns.question.name", ("sysmon:22", "dnsclient")),
    Move("QueryResults", "dns.results", ("sysmon:22",)),
    Move("QueryStatus", "dns.status", ("sysmon:22",)),
    Move(
        "ServiceName", "service.name", ("security:4697", "security:4769", "security:4770", "system:7045", "system:7036")
    ),
    Move("param1", "service.name", ("system:7036", "system:7040")),
    Move("ScriptBlockText", "powershell.file.script_block_text", ("powershell",)),
    Move("Path", "file.path", ("powershell:4104",)),
)
"""Earlier rules win; a value that fills nothing stays in the rest as ``winlog.event_data.<name>``."""


def fields_of_event_data(name: str, events: tuple[str, ...]) -> tuple[str, ...]:
    """Where a field of event data goes for any of some events; nowhere if it stays in the rest.

    Parameters
    ----------
    name : str
        Its name in event data: ``Image``.
    events : tuple of str
        ``module:code``, or ``module`` for all events of a module.
    """
    found = (
        next((move.target for move in MOVES if move.source == name and _moves(move, event)), "") for event in events
    )
    return tuple(dict.fromkeys(target for target in found if target))


def _moves(move: Move, event: str) -> bool:
    module = event.partition(":")[0]
    if event in move.but or module in move.but:
        return False
    whole = event == module and any(each.partition(":")[0] == module for each in move.events)
    return not move.events or event in move.events or module in move.events or whole


NOTHING: Final = frozenset({"", "-", "N/A", "n/a", "(null)", "NULL", "S-1-0-0", "NULL SID", "%%1793"})
"""Texts by which Windows says that there is no value."""

SOURCES: Final = tuple(dict.fromkeys(move.source for move in MOVES))
PREFIX: Final = "winlog.event_data."
"""Canonical prefix of event data."""

HEADER: Final = (
    "winlog.event_id",
    "winlog.computer_name",
    "winlog.provider_name",
    "winlog.user.name",
    "winlog.user.domain",
    "winlog.user.identifier",
    "winlog.keywords",
    "nxlog.EventTime",
    "nxlog.EventType",
    PREFIX + "UtcTime",
)
"""Cells of a Windows event that are looked at beside event data."""
