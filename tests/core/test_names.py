from __future__ import annotations

import doctest

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rarebit.core import names

PARTS = st.sampled_from(
    (
        "C:",
        "c:\\",
        "\\",
        "/",
        "Users",
        "home",
        "Ann",
        "Temp",
        "tmp",
        "setup-7.1.3.exe",
        "é",
        "\\??\\",
        '"',
        " ",
        "*",
        "{0E1B5A24-91C7-4B6A-8C52-6C9E4A0D7F11}",
        "12345",
        "deadbeef12",
        "_v12",
        "3.11",
        "tmp3f2a.tmp",
        "is-",
        "ns",
        "a1",
        "\\Device\\HarddiskVolume2",
        "S-1-5-21-1-2",
        "DOM\\u",
        "@x.y",
        "x64__8wekyb3d8bbwe",
        ".",
        "ws01.corp",
    )
)
TEXTS = st.one_of(
    st.text(max_size=30), st.lists(PARTS, max_size=7).map("".join), st.lists(PARTS, max_size=7).map("\\".join)
)


def test_the_examples_in_the_module_hold() -> None:
    assert doctest.testmod(names).failed == 0


@pytest.mark.parametrize("field", sorted(names.NORMAL_FORM))
def test_normal_forms_are_idempotent(field: str) -> None:
    form = names.normal_form(field)

    @given(TEXTS)
    def check(text: str) -> None:
        once = form(text)
        assert form(once) == once

    check()


@given(TEXTS)
def test_a_host_key_is_short_lower_case_and_stable(text: str) -> None:
    short, full, domain = names.split_host(text)
    assert short == short.lower()
    assert names.host_key(text) == short
    if full is not None:
        assert full == f"{short}.{domain}"


@pytest.mark.parametrize(
    ("text", "masked"),
    [
        ("svchost.exe", "svchost.exe"),
        ("7z.exe", "7z.exe"),
        ("wmiprvse.exe", "wmiprvse.exe"),
        ("regsvr32.exe", "regsvr32.exe"),
        ("rundll32", "rundll32"),
        ("cmd64", "cmd64"),
        ("x86_64-linux", "x86_64-linux"),
        ("python3.11", "python*"),
        ("setup-7.1.3.exe", "setup-*.exe"),
        ("tool_v12.exe", "tool_*.exe"),
        ("chrome_installer_119.0.6045.exe", "chrome_installer_*.exe"),
        ("kb4012212.exe", "kb*.exe"),
        ("tmp3f2a.tmp", "tmp*.tmp"),
        ("is-8jk2d.tmp", "is-*.tmp"),
        ("d41d8cd98f00b204.exe", "*.exe"),
        ("GuestAgent_2.7.41491.901_2019-01-14_202614", "guestagent_*"),
    ],
)
def test_process_names(text: str, masked: str) -> None:
    assert names.normal_name(text) == masked


@pytest.mark.parametrize(
    ("text", "masked"),
    [
        ("C:\\Windows\\System32\\svchost.exe", "c:\\windows\\system32\\svchost.exe"),
        ("\\??\\C:\\Windows\\x.exe", "c:\\windows\\x.exe"),
        ("\\\\?\\C:\\Windows\\x.exe", "c:\\windows\\x.exe"),
        ("C:\\Users\\Public\\x.exe", "c:\\users\\public\\x.exe"),
        ("C:\\Users\\ann.b\\Desktop\\x.exe", "c:\\users\\*\\desktop\\x.exe"),
        ("\\device\\harddiskvolume12\\users\\ann\\x.exe", "*:\\users\\*\\x.exe"),
        ("/home/ann/.local/bin/x", "/home/*/.local/bin/x"),
        ("/usr/bin/ssh", "/usr/bin/ssh"),
        ("/tmp/abc/run.sh", "/tmp/*/run.sh"),  # noqa: S108 - text, no file
        ("/tmp/run.sh", "/tmp/run.sh"),  # noqa: S108 - text, no file
    ],
)
def test_paths(text: str, masked: str) -> None:
    assert names.normal_path(text) == masked


@pytest.mark.parametrize(
    ("text", "parts"),
    [
        ("ws01", ("ws01", None, None)),
        ("WS01.Corp.Example", ("ws01", "ws01.corp.example", "corp.example")),
        ("10.1.2.3", ("10.1.2.3", None, None)),
        ("fe80::1", ("fe80::1", None, None)),
    ],
)
def test_hosts(text: str, parts: tuple[str, str | None, str | None]) -> None:
    assert names.split_host(text) == parts


def test_an_unlisted_field_keeps_its_value() -> None:
    assert names.normal_form("message")("As It Is") == "As It Is"
