"""Linux auth.log and other syslog text: host, program and message; for sshd and sudo also who and whence."""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any, Final

import pyarrow as pa

from rarebit.core.time import iso, to_us
from rarebit.source.intake import Intake
from rarebit.source.stream import ByteStream, line_blocks

HEADER: Final = re.compile(
    r"^(?:<\d{1,3}>)?(?:1 )?"
    r"(?P<time>[A-Z][a-z]{2} [ \d]\d \d\d:\d\d:\d\d|\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\S*) "
    r"(?P<host>\S+) (?P<program>[^\s:\[]+)(?:\[(?P<pid>\d+)\])?: ?(?P<message>.*)$"
)
"""One line of BSD syslog, or of rsyslog's ISO form."""

_MONTHS: Final = {
    m: n for n, m in enumerate(("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"), 1)
}
_SSHD: Final = (
    (
        re.compile(r"^Accepted (?P<method>\S+) for (?P<user>\S+) from (?P<ip>\S+) port (?P<port>\d+)"),
        "ssh_login",
        "success",
    ),
    (
        re.compile(r"^Failed (?P<method>\S+) for (?:invalid user )?(?P<user>.*?) from (?P<ip>\S+) port (?P<port>\d+)"),
        "ssh_login",
        "failure",
    ),
    (re.compile(r"^Invalid user (?P<user>.*?) from (?P<ip>[^\s]+)(?: port (?P<port>\d+))?$"), "ssh_login", "failure"),
    (
        re.compile(
            r"^(?:Received disconnect|Connection closed|Disconnected) (?:from|by)"
            r"(?: .*user (?P<user>\S+))? ?(?P<ip>[0-9a-f.:]+)"
        ),
        "ssh_disconnect",
        "",
    ),
)
_SESSION: Final = re.compile(r"session (?P<what>opened|closed) for user (?P<user>[^\s(]+)")
_SUDO: Final = re.compile(r"^\s*(?P<user>\S+) : .*USER=(?P<target>\S+) ; COMMAND=(?P<command>.*)$")


def read_syslog(stream: ByteStream, intake: Intake) -> Iterator[pa.RecordBatch]:
    """Events of a syslog file. Lines without a year get the one that fits the file's modification time."""
    years = _Years(datetime.fromtimestamp(stream.path.stat().st_mtime, UTC))
    settings = intake.settings
    for block in line_blocks(stream, block_bytes=settings.block_bytes, max_line_bytes=settings.max_line_bytes):
        if block.too_long:
            intake.too_long(block)
            continue
        for number, line in enumerate(block.lines(), block.number):
            if line.strip():
                _add_line(line.rstrip(b"\r"), f"line {number}", years, intake)
            if intake.full():
                yield from intake.flush()
    if years.used:
        intake.tally.note(f"lines give no year: {years.span()} taken, from the file's modification time", 1)
    yield from intake.flush()


class _Years:
    """Years of time stamps that lack one, read in order: a step back by half a year is a new year."""

    def __init__(self, modified: datetime) -> None:
        self._last = modified + timedelta(days=1)
        self.used: set[int] = set()

    def place(self, text: str) -> str | None:
        """ISO form of ``Mar 27 13:06:56``: the latest year that does not pass the modification time."""
        month = _MONTHS.get(text[:3])
        if month is None:
            return None
        for year in range(self._last.year, self._last.year - 8, -1):
            try:
                hour, minute, second = (int(part) for part in text[7:].split(":"))
                value = datetime(year, month, int(text[4:6]), hour, minute, second, tzinfo=UTC)
            except ValueError:
                continue
            if value <= self._last:
                self.used.add(year)
                return iso(to_us(value))
        return None

    def span(self) -> str:
        first, last = min(self.used), max(self.used)
        return str(first) if first == last else f"{first} to {last}"


def _add_line(line: bytes, where: str, years: _Years, intake: Intake) -> None:
    text = line.decode(errors="replace")
    match = HEADER.match(text)
    if match is None:
        intake.tally.read += 1
        intake.tally.skip("not a syslog line", where, line)
        return
    time = match["time"]
    record: dict[str, Any] = {
        "@timestamp": time if time[0].isdigit() else years.place(time),
        "host.name": match["host"],
        "host.os.type": "linux",
        "process.name": match["program"].rpartition("/")[2] or match["program"],
        "process.pid": match["pid"],
        "message": match["message"],
        "event.kind": "event",
        "event.module": "system",
        "event.dataset": "system.auth",
    }
    record.update(_details(record["process.name"], match["message"]))
    intake.add(record, line, where)


def _details(program: str, message: str) -> dict[str, Any]:
    """What sshd, sudo and PAM say, in ECS."""
    if program == "sshd":
        for pattern, action, outcome in _SSHD:
            if match := pattern.match(message):
                return _ssh(match, action, outcome)
    if program == "sudo" and (match := _SUDO.match(message)):
        return {
            "event.category": "process",
            "event.type": "start",
            "event.action": "sudo",
            "user.name": match["user"],
            "user.target.name": match["target"],
            "process.command_line": match["command"],
        }
    if match := _SESSION.search(message):
        return {
            "event.category": "session",
            "event.type": "start" if match["what"] == "opened" else "end",
            "event.action": f"session_{match['what']}",
            "event.outcome": "success",
            "user.name": match["user"],
        }
    return {}


def _ssh(match: re.Match[str], action: str, outcome: str) -> dict[str, Any]:
    parts = match.groupdict()
    return {
        "event.category": "authentication" if outcome else "session",
        "event.type": "start" if outcome else "end",
        "event.action": action,
        "event.outcome": outcome or None,
        "user.name": parts.get("user"),
        "source.ip": parts["ip"],
        "source.port": parts.get("port"),
        "system.auth.ssh.method": parts.get("method"),
    }
