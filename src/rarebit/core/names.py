"""Normal forms of the names of hosts, users, processes and paths: pure functions of text.

Every function is idempotent, so that a value normalised twice, or by two rooms, has one code.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from functools import lru_cache
from ipaddress import ip_address
from typing import Final

_GUID: Final = r"[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}"
_TOKENS: Final = re.compile(
    "|".join(  # noqa: FLY002 - one alternative a line, each with its reason
        (
            _GUID,
            r"(?<![0-9a-z])s-1-[0-9]+(?:-[0-9]+)+",  # a security identifier
            r"(?<![0-9a-z])v?[0-9]+(?:[._-][0-9]+)+(?![0-9a-z])",  # 7.1.3, v1.2, 2019-01-14_202614
            r"[0-9]+(?:\.[0-9]+)+",  # python3.11
            r"(?<![0-9a-z])v[0-9]+(?![0-9a-z])",  # v12
            r"(?<![0-9a-z])(?=[a-f]*[0-9])[0-9a-f]{8,}(?![0-9a-z])",  # long hexadecimal
            r"(?<![0-9a-z])(?=(?:[a-z]*[0-9]+[a-z]+){2}[a-z]*[0-9])[0-9a-z]{8,}(?![0-9a-z])",  # random text
            r"[0-9]{4,}",  # long runs of digits
            r"(?<=(?<![0-9a-z])tmp)[0-9a-f]{2,8}(?=\.|$)",  # tmp3f2a.tmp
            r"(?<=(?<![0-9a-z])is-)[0-9a-z]{5,6}(?=\.tmp$)",  # Inno Setup
            r"(?<=(?<![0-9a-z])ns)[a-z][0-9a-f]{2,6}(?=\.tmp$)",  # NSIS
            r"(?<=[a-z][-_])(?=[a-f]*[0-9][0-9a-f]*[0-9])(?=[0-9]*[a-f])[0-9a-f]{6,7}(?![0-9a-z])",  # update-24e5ac
        )
    )
)
_STARS: Final = re.compile(r"\*[*]+")
_NT_VOLUME: Final = re.compile(r"^\\device\\(?:harddiskvolume[0-9*]+|mup)(?=\\|$)")
_HOMES: Final = frozenset({"users", "home", "documents and settings"})
_SHARED_HOMES: Final = frozenset({"public", "default", "all users", "default user"})
_TEMPS: Final = frozenset({"temp", "tmp"})


def is_address(text: str) -> bool:
    """Whether the text is an IPv4 or IPv6 address, with or without a zone.

    >>> is_address("10.0.0.7"), is_address("fe80::1%eth0"), is_address("ws01.corp")
    (True, True, False)
    """
    try:
        ip_address(text)
    except ValueError:
        return False
    return True


def split_host(text: str) -> tuple[str, str | None, str | None]:
    """Short name, full name and domain of a host; the last two are None where the text gives none.

    >>> split_host("WS01.Corp.Example.")
    ('ws01', 'ws01.corp.example', 'corp.example')
    >>> split_host("10.0.0.7")
    ('10.0.0.7', None, None)
    """
    name = text.lower()
    while (bare := name.strip().strip(".")) != name:  # dots within spaces within dots
        name = bare
    short, dot, domain = name.partition(".")
    short, domain = short.strip(), domain.strip()
    if not (dot and short and domain) or is_address(name):
        return (name, None, None)
    return short, f"{short}.{domain}", domain


def host_key(text: str) -> str:
    """Short name of a host in lower case; addresses stay whole.

    >>> host_key("WS01.corp.example"), host_key("::1")
    ('ws01', '::1')
    """
    return split_host(text)[0]


def split_user(text: str) -> tuple[str, str | None]:
    r"""Name and domain of ``DOMAIN\user`` or ``user@domain``, case kept.

    >>> split_user("CORP\\Ann"), split_user("ann@corp.example"), split_user("ann")
    (('Ann', 'CORP'), ('ann', 'corp.example'), ('ann', None))
    """
    text = text.strip()
    domain, slash, name = text.rpartition("\\")
    if slash:
        return (name.strip(), domain.strip() or None) if name.strip() else (text, None)
    name, sign, domain = text.partition("@")
    if sign and name.strip() and domain.strip() and "@" not in domain:
        return name.strip(), domain.strip()
    return text, None


def user_key(text: str) -> str:
    r"""Account name in lower case, without its domain.

    >>> user_key("CORP\\Ann"), user_key("WS01$")
    ('ann', 'ws01$')
    """
    while (name := split_user(text)[0].lower()) != text:
        text = name
    return name


_SESSION_ACCOUNT: Final = re.compile(r"^(dwm|umfd)-[0-9*]+$")


def account_form(text: str) -> str:
    r"""Account name for comparing what is usual: every machine account, and every session's own, is one.

    A machine's account acts on that machine as SYSTEM does, but is named differently on each; by name it would be
    a new account on every new host.

    >>> [account_form(name) for name in ("CORP\\Ann", "WS01$", "DWM-3", "UMFD-0")]
    ['ann', '*$', 'dwm-*', 'umfd-*']
    """
    name = user_key(text)
    return "*$" if name.endswith("$") else _SESSION_ACCOUNT.sub(r"\1-*", name)


def base_name(path: str) -> str:
    r"""Last part of a Windows or POSIX path.

    >>> base_name("C:\\Windows\\System32\\cmd.exe"), base_name("/usr/bin/ssh")
    ('cmd.exe', 'ssh')
    """
    return re.split(r"[\\/]", path.rstrip("\\/"))[-1] if path.rstrip("\\/") else path


def normal_name(text: str) -> str:
    """Name of a program with everything masked that changes from release to release and run to run.

    >>> [normal_name(n) for n in ("Setup-7.1.3.exe", "python3.11", "svchost.exe", "7z.exe", "rundll32.exe")]
    ['setup-*.exe', 'python*', 'svchost.exe', '7z.exe', 'rundll32.exe']
    >>> normal_name("{0E1B5A24-91C7-4B6A-8C52-6C9E4A0D7F11}.exe")
    '{*}.exe'
    """
    name = text.strip().lower()
    while (masked := _STARS.sub("*", _TOKENS.sub("*", name)).strip()) != name:
        name = masked
    return name


def normal_path(text: str) -> str:
    r"""Path with users, volumes, temporary directories and version tokens masked, in lower case.

    >>> normal_path("C:\\Users\\Ann\\AppData\\Local\\Temp\\x1\\Setup-7.1.exe")
    'c:\\users\\*\\appdata\\local\\temp\\*\\setup-*.exe'
    >>> normal_path("\\Device\\HarddiskVolume2\\Windows\\System32\\svchost.exe")
    '*:\\windows\\system32\\svchost.exe'
    >>> normal_path("/home/ann/bin/tool")
    '/home/*/bin/tool'
    """
    path = text
    while (masked := _mask_path(path)) != path:
        path = masked
    return path


def _mask_path(text: str) -> str:
    path = text.strip().strip('"').lower()
    for prefix in ("\\\\?\\", "\\??\\"):
        path = path.removeprefix(prefix)
    path = _NT_VOLUME.sub("*:", path)
    parts = re.split(r"([\\/])", path)
    last = len(parts) - 1
    for at in range(0, len(parts), 2):
        before = parts[at - 2] if at else ""
        if before in _HOMES and at >= _FIRST_HOME and parts[at] and parts[at] not in _SHARED_HOMES:
            parts[at] = "*"
        elif before in _TEMPS and at < last:
            parts[at] = "*" if parts[at] else ""
        else:
            parts[at] = normal_name(parts[at])
    return "".join(parts)


_FIRST_HOME: Final = 4
"""Index of the first split part that can follow a home root: ``c:``, ``\\``, ``users``, ``\\``, name."""


def normal_command(text: str) -> str:
    r"""Command line with users, numbers, addresses and random tokens masked: what was run, not upon what.

    >>> normal_command('PowerShell.exe -File "C:\\Users\\Ann\\job-4711.ps1"')
    'powershell.exe -file "c:\\users\\*\\job-*.ps1"'
    >>> normal_command("ping 10.0.0.7"), normal_command("cat /home/ann/notes")
    ('ping *', 'cat /home/*/notes')
    """
    command = text
    while (masked := " ".join(_normal_word(word) for word in _HOME_OF.sub(r"\1*", command.lower()).split())) != command:
        command = masked
    return command


@lru_cache(maxsize=1 << 16)
def _normal_word(word: str) -> str:
    """A word of a command line; one too long for a name is content, and tells what it tells."""
    return word if len(word) > _LONGEST_WORD else normal_name(word)


_LONGEST_WORD: Final = 60
_HOME_OF: Final = re.compile(r"([\\/](?:users|home)[\\/])[^\\/\"' ]+")


def _same(text: str) -> str:
    return text


NORMAL_FORM: Final[dict[str, Callable[[str], str]]] = {
    "host.name": host_key,
    "user.name": account_form,
    "process.name": normal_name,
    "process.parent.name": normal_name,
    "process.executable": normal_path,
    "process.parent.executable": normal_path,
    "process.working_directory": normal_path,
    "process.command_line": normal_command,
}
"""Fields that are coded and compared in a normal form, and the function that gives it."""


def normal_form(field: str) -> Callable[[str], str]:
    """Function that gives the normal form of a field's values; the identity where none is listed."""
    return NORMAL_FORM.get(field, _same)
