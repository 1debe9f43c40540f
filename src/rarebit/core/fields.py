"""The fields of an event: Elastic Common Schema names, and how each is kept.

A field not listed here is not lost: it is kept under its dotted name in the JSON column
:data:`REST` and can be queried like any other.
"""

from __future__ import annotations

from enum import StrEnum
from typing import Final


class Kind(StrEnum):
    """How a field is kept and compared."""

    KEYWORD = "keyword"
    """One string, compared exactly, with case."""
    SET = "set"
    """A few words of a fixed vocabulary, sorted and joined by ``,``; a term matches any of them."""
    LIST = "list"
    """Any number of strings; a term matches any of them."""
    IP = "ip"
    """One address as text; compared as text, or by network for ``10.0.0.0/8``."""
    LONG = "long"
    DOUBLE = "double"
    BOOLEAN = "boolean"
    DATE = "date"
    """Microseconds since 1970, UTC."""


TIME: Final = "@timestamp"
DAY: Final = "day"
"""The partition of the lake: the UTC date of ``@timestamp`` as ``YYYY-MM-DD``."""
ID: Final = "event.id"
"""The id given by the sensor, or 32 hex digits of a hash of the content."""
ID_CODE: Final = "rarebit.code.event.id"
REST: Final = "rarebit.rest"
"""All fields without a column: one flat JSON object of dotted names."""
SOURCE: Final = "rarebit.source"
"""The file or stream the event came from."""

_K, _S, _L = Kind.KEYWORD, Kind.SET, Kind.LIST

FIELDS: Final[dict[str, Kind]] = {
    TIME: Kind.DATE,
    ID: _K,
    "event.code": _K,
    "event.kind": _K,
    "event.category": _S,
    "event.type": _S,
    "event.action": _K,
    "event.outcome": _K,
    "event.module": _K,
    "event.dataset": _K,
    "event.provider": _K,
    "event.created": Kind.DATE,
    "event.ingested": Kind.DATE,
    "event.severity": Kind.LONG,
    "agent.type": _K,
    "agent.id": _K,
    "host.name": _K,
    "host.hostname": _K,
    "host.domain": _K,
    "host.id": _K,
    "host.ip": _L,
    "host.os.type": _K,
    "host.os.family": _K,
    "host.os.name": _K,
    "user.name": _K,
    "user.domain": _K,
    "user.id": _K,
    "user.email": _K,
    "user.target.name": _K,
    "user.target.domain": _K,
    "user.target.id": _K,
    "process.name": _K,
    "process.executable": _K,
    "process.pid": Kind.LONG,
    "process.entity_id": _K,
    "process.command_line": _K,
    "process.args": _L,
    "process.working_directory": _K,
    "process.hash.md5": _K,
    "process.hash.sha1": _K,
    "process.hash.sha256": _K,
    "process.pe.imphash": _K,
    "process.pe.original_file_name": _K,
    "process.code_signature.subject_name": _K,
    "process.code_signature.exists": Kind.BOOLEAN,
    "process.code_signature.trusted": Kind.BOOLEAN,
    "process.code_signature.status": _K,
    "process.parent.name": _K,
    "process.parent.executable": _K,
    "process.parent.pid": Kind.LONG,
    "process.parent.entity_id": _K,
    "process.parent.command_line": _K,
    "source.ip": Kind.IP,
    "source.port": Kind.LONG,
    "source.domain": _K,
    "source.bytes": Kind.LONG,
    "destination.ip": Kind.IP,
    "destination.port": Kind.LONG,
    "destination.domain": _K,
    "destination.bytes": Kind.LONG,
    "network.transport": _K,
    "network.protocol": _K,
    "network.direction": _K,
    "file.path": _K,
    "file.name": _K,
    "file.hash.sha256": _K,
    "dll.path": _K,
    "dll.name": _K,
    "registry.path": _K,
    "registry.value": _K,
    "registry.data.strings": _L,
    "dns.question.name": _K,
    "dns.question.type": _K,
    "dns.resolved_ip": _L,
    "url.full": _K,
    "url.domain": _K,
    "service.name": _K,
    "powershell.file.script_block_text": _K,
    "winlog.channel": _K,
    "winlog.record_id": Kind.LONG,
    "winlog.logon.type": _K,
    "winlog.logon.id": _K,
    "message": _K,
    "tags": _L,
}
"""Every field with a column of its own, in the order of the lake."""

NORMAL: Final[dict[str, str]] = {
    "process.name": "rarebit.process.name",
    "process.executable": "rarebit.process.executable",
    "process.parent.name": "rarebit.process.parent.name",
    "process.working_directory": "rarebit.process.working_directory",
}
"""Fields with a normalised twin: lower case, user and version and GUID tokens masked."""

CODED: Final[dict[str, str]] = {
    "host.name": "rarebit.code.host.name",
    "user.name": "rarebit.code.user.name",
    "process.name": "rarebit.code.process.name",
    "process.parent.name": "rarebit.code.process.parent.name",
}
"""Hot entity fields and their code column: a stable 64-bit hash of the normalised value, 0 where absent."""
