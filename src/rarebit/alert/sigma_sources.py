"""Log sources of Sigma in ECS: which events a rule means, and what its fields are called here."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final, NamedTuple

from rarebit.core.errors import DefinitionError
from rarebit.query.tree import And, Node, Or, Term, Terms, all_of, any_of

FieldMap = Callable[[str, tuple[str, ...]], tuple[str, ...]]
"""For a field of event data and the events ``module:code``, the ECS fields that hold it; none if it is not moved."""


class LogSource(NamedTuple):
    """What a log source means here."""

    condition: Node
    events: tuple[str, ...] = ()
    """``module:code`` of Windows events whose event data is meant; ``module`` for all of a module."""
    windows: bool = True


_CATEGORIES: Final[dict[str, tuple[str, ...]]] = {
    "process_creation": ("sysmon:1", "security:4688"),
    "process_termination": ("sysmon:5",),
    "process_access": ("sysmon:10",),
    "process_tampering": ("sysmon:25",),
    "create_remote_thread": ("sysmon:8",),
    "raw_access_thread": ("sysmon:9",),
    "image_load": ("sysmon:7",),
    "driver_load": ("sysmon:6",),
    "network_connection": ("sysmon:3",),
    "dns_query": ("sysmon:22",),
    "file_event": ("sysmon:11",),
    "file_change": ("sysmon:2",),
    "file_delete": ("sysmon:23", "sysmon:26"),
    "file_executable_detected": ("sysmon:29",),
    "file_block_executable": ("sysmon:27",),
    "create_stream_hash": ("sysmon:15",),
    "registry_event": ("sysmon:12", "sysmon:13", "sysmon:14"),
    "registry_add": ("sysmon:12",),
    "registry_delete": ("sysmon:12",),
    "registry_set": ("sysmon:13",),
    "registry_rename": ("sysmon:14",),
    "pipe_created": ("sysmon:17", "sysmon:18"),
    "wmi_event": ("sysmon:19", "sysmon:20", "sysmon:21"),
    "sysmon_status": ("sysmon:4", "sysmon:16"),
    "sysmon_error": ("sysmon:255",),
    "clipboard_capture": ("sysmon:24",),
    "ps_script": ("powershell:4104",),
    "ps_module": ("powershell:4103",),
    "ps_classic_start": ("powershell:400",),
    "ps_classic_provider_start": ("powershell:600",),
}
_SERVICES: Final[dict[str, tuple[str, tuple[str, ...]]]] = {
    "security": ("security", ("Security",)),
    "system": ("system", ("System",)),
    "application": ("application", ("Application",)),
    "sysmon": ("sysmon", ("Microsoft-Windows-Sysmon/Operational",)),
    "powershell": ("powershell", ("Microsoft-Windows-PowerShell/Operational", "PowerShellCore/Operational")),
    "powershell-classic": ("powershell", ("Windows PowerShell",)),
    "taskscheduler": ("taskscheduler", ("Microsoft-Windows-TaskScheduler/Operational",)),
    "windefend": ("defender", ("Microsoft-Windows-Windows Defender/Operational",)),
    "wmi": ("wmi", ("Microsoft-Windows-WMI-Activity/Operational",)),
    "bits-client": ("bits", ("Microsoft-Windows-Bits-Client/Operational",)),
    "dns-client": ("dnsclient", ("Microsoft-Windows-DNS Client Events/Operational",
                                 "Microsoft-Windows-DNS-Client/Operational")),
    "dns-server": ("windows", ("DNS Server",)),
    "ntlm": ("windows", ("Microsoft-Windows-NTLM/Operational",)),
    "openssh": ("openssh", ("OpenSSH/Operational",)),
    "driver-framework": ("windows", ("Microsoft-Windows-DriverFrameworks-UserMode/Operational",)),
    "firewall-as": ("windows", ("Microsoft-Windows-Windows Firewall With Advanced Security/Firewall",)),
    "applocker": ("windows", ("Microsoft-Windows-AppLocker/EXE and DLL", "Microsoft-Windows-AppLocker/MSI and Script",
                              "Microsoft-Windows-AppLocker/Packaged app-Deployment",
                              "Microsoft-Windows-AppLocker/Packaged app-Execution")),
    "codeintegrity-operational": ("windows", ("Microsoft-Windows-CodeIntegrity/Operational",)),
    "smbclient-security": ("windows", ("Microsoft-Windows-SmbClient/Security",)),
    "ldap": ("windows", ("Microsoft-Windows-LDAP-Client/Debug",)),
    "msexchange-management": ("windows", ("MSExchange Management",)),
    "terminalservices-localsessionmanager": (
        "rdp", ("Microsoft-Windows-TerminalServices-LocalSessionManager/Operational",)),
    "shell-core": ("windows", ("Microsoft-Windows-Shell-Core/Operational",)),
    "security-mitigations": ("windows", ("Microsoft-Windows-Security-Mitigations/Kernel Mode",
                                         "Microsoft-Windows-Security-Mitigations/User Mode")),
    "appxdeployment-server": ("windows", ("Microsoft-Windows-AppXDeploymentServer/Operational",)),
    "capi2": ("windows", ("Microsoft-Windows-CAPI2/Operational",)),
    "certificateservicesclient-lifecycle-system": (
        "windows", ("Microsoft-Windows-CertificateServicesClient-Lifecycle-System/Operational",)),
}  # fmt: skip
_UNIX: Final = {
    "process_creation": ("process", "start"),
    "network_connection": ("network", "start"),
    "file_event": ("file", "creation"),
    "dns_query": ("network", ""),
}


def is_sigma(body: object) -> bool:
    """Whether a definition, already read, looks like a rule of Sigma."""
    return isinstance(body, dict) and ("detection" in body or "correlation" in body)


def log_source(product: str, category: str, service: str) -> LogSource:
    """What a log source of Sigma means here.

    Raises
    ------
    DefinitionError
        If events of it are not read, or cannot be told from others.
    """
    named = "/".join(part for part in (product, category, service) if part)
    refused = DefinitionError(f"log source {named} has no counterpart in ECS here")
    if product == "windows" and category in _CATEGORIES and not service:
        events = _CATEGORIES[category]
        return LogSource(any_of([_event(each) for each in events]), events)
    if product == "windows" and service in _SERVICES and not category:
        module, channels = _SERVICES[service]
        return LogSource(Terms("winlog.channel", channels), (module,))
    if product in ("linux", "macos") and category in _UNIX and not service:
        kind, step = _UNIX[category]
        parts: list[Node] = [Term("host.os.type", product), Term("event.category", kind)]
        return LogSource(all_of(parts + ([Term("event.type", step)] if step else [])), windows=False)
    raise refused


def _event(name: str) -> Node:
    module, _, code = name.partition(":")
    return And((Term("event.module", module), Term("event.code", code)))


_ALWAYS: Final = {
    "EventID": ("event.code",),
    "Provider_Name": ("event.provider",),
    "Channel": ("winlog.channel",),
    "Computer": ("host.name",),
    "ComputerName": ("host.name",),
    "User": ("user.name", "user.domain"),
    "ParentUser": ("winlog.event_data.ParentUser",),
}
_PROCESSES: Final = {
    "Image": ("process.executable",),
    "CommandLine": ("process.command_line",),
    "CurrentDirectory": ("process.working_directory",),
    "ParentImage": ("process.parent.executable",),
    "ParentCommandLine": ("process.parent.command_line",),
    "User": ("user.name",),
    "TargetFilename": ("file.path",),
    "DestinationIp": ("destination.ip",),
    "DestinationPort": ("destination.port",),
    "DestinationHostname": ("destination.domain",),
    "SourceIp": ("source.ip",),
    "SourcePort": ("source.port",),
    "QueryName": ("dns.question.name",),
}
"""Fields of Linux and macOS."""
DIGESTS: Final = {
    "process": {"MD5": "process.hash.md5", "SHA1": "process.hash.sha1", "SHA256": "process.hash.sha256",
                "IMPHASH": "process.pe.imphash"},
    "file": {"MD5": "file.hash.md5", "SHA1": "file.hash.sha1", "SHA256": "file.hash.sha256",
             "IMPHASH": "file.pe.imphash"},
    "dll": {"MD5": "dll.hash.md5", "SHA1": "dll.hash.sha1", "SHA256": "dll.hash.sha256",
            "IMPHASH": "dll.pe.imphash"},
}  # fmt: skip
"""Where the parts of ``Hashes`` lie, by what the event is about and by algorithm."""


def fields_here(name: str, source: LogSource, moved: FieldMap) -> tuple[str, ...]:
    """ECS fields that hold a field of Sigma; a test on it holds if it holds of any."""
    if not source.windows:
        return _PROCESSES.get(name, (name,))
    if name in _ALWAYS:
        return _ALWAYS[name]
    return moved(name, source.events) or (name if "." in name else f"winlog.event_data.{name}",)


def either(nodes: list[Node]) -> Node:
    """At least one; the node itself where there is but one."""
    return nodes[0] if len(nodes) == 1 else Or(tuple(nodes))
