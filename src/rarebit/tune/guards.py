"""What a pattern must have, and must not be, before findings are hidden by it: every filter is an attacker's menu."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from functools import cache
from importlib import resources
from typing import Final

import yaml

from rarebit.core.names import base_name
from rarebit.tune.attributes import GROUPS, HOURS, JOB, RULE, SIGNER, Attributes, meets

WHO: Final = frozenset({"host.name", "user.name", "source.ip", *GROUPS.values()})
"""Attributes of who did it: an attacker can be anybody."""
WHENCE: Final = frozenset({JOB, RULE, HOURS})
"""Attributes of who told of it, and when: they say nothing of what was done, and an attacker can choose the hour."""
_HOST: Final = "host.name"
SERVICE: Final = "service account"
INTERPRETERS: Final = frozenset({
    "powershell.exe", "pwsh.exe", "cmd.exe", "wscript.exe", "cscript.exe", "mshta.exe", "rundll32.exe", "regsvr32.exe",
    "msiexec.exe", "explorer.exe", "svchost.exe", "services.exe", "wmiprvse.exe", "python*", "python.exe", "perl",
    "ruby", "bash", "sh", "dash", "zsh", "java.exe", "java", "node.exe", "conhost.exe", "dllhost.exe", "winword.exe",
    "excel.exe", "outlook.exe", "winlogon.exe", "userinit.exe", "taskeng.exe", "taskhostw.exe",
})  # fmt: skip
"""Programs that run what others tell them to; their names say nothing of what was done."""
_SERVICE_NAME: Final = re.compile(r"^(?:svc|srv|sa|service)[-_.]|\$$")
_WRITABLE: Final = re.compile(r"\\users\\|\\temp\\|\\appdata\\|\\programdata\\|/tmp/|/home/|/var/tmp/")


def hits_of(pattern: Attributes, replays: Iterable[Attributes]) -> int:
    """Replayed findings of attacks that a pattern would hide, had any account on any host done it.

    One of an account at a place hides those of accounts of its kind (of a service, or not) on hosts of its group. Any
    other that says nothing of what was done would hide all of them.
    """
    what = {name: value for name, value in pattern.items() if name not in WHO and name not in WHENCE}
    if _placed(pattern):
        what |= {GROUPS[_HOST]: pattern[GROUPS[_HOST]]} if GROUPS[_HOST] in pattern else {}
        service = is_service(pattern["user.name"])
        replays = (replay for replay in replays if is_service(replay.get("user.name", "")) == service)
    return sum(meets(replay, what) for replay in replays)


def weakness(pattern: Attributes, known: Mapping[str, str] | None = None) -> str:
    """Why a pattern is too weak to hide anything by; empty if it is not.

    Parameters
    ----------
    pattern : mapping
        Field to value in its normal form.
    known : mapping, optional
        Peer group by account.
    """
    if _placed(pattern):
        return ""
    if not set(pattern) - WHO - WHENCE:
        return "it says nothing of what was done"
    if _lone(pattern):
        return f"{_lone(pattern)} runs whatever it is told to, and says nothing by itself"
    if not _vouched(pattern, known or {}):
        return (
            "nothing in it vouches for its origin: no trusted signer, deploying parent, protected path, service account"
        )
    return ""


def is_service(account: str, group: str = "") -> bool:
    """Whether an account is of a service: by its peer group, or by its name."""
    return group == SERVICE or bool(_SERVICE_NAME.search(account))


def _placed(pattern: Attributes) -> bool:
    """Whether it is about an account at a place, as one detector tells of it, whatever is done there."""
    told, place = set(pattern) & {JOB, RULE}, set(pattern) & {_HOST, GROUPS[_HOST]}
    return bool(told and place and "user.name" in pattern) and not set(pattern) - WHO - WHENCE


def _lone(pattern: Attributes) -> str:
    """The program that a pattern rests on, if it is one that runs or does anything for anybody."""
    name = pattern.get("process.name") or base_name(pattern.get("process.executable", ""))
    rest = (pattern.get("process.parent.name", ""), base_name(pattern.get("process.parent.executable", "")))
    vouching = [part for part in rest if part and not _common(part)]
    if name:
        return name if _common(name) and not vouching else ""
    whole = [part for part in rest if part]
    return whole[0] if whole and not vouching and SIGNER not in pattern else ""


def _vouched(pattern: Attributes, known: Mapping[str, str]) -> bool:
    account = pattern.get("user.name", "")
    parents = (pattern.get("process.parent.name", ""), base_name(pattern.get("process.parent.executable", "")))
    path = pattern.get("process.executable", "")
    return (
        SIGNER in pattern
        or any(part and not _common(part) for part in parents)
        or bool(path and not _WRITABLE.search(path))
        or bool(account and is_service(account, known.get(account, "")))
    )


def _common(name: str) -> bool:
    return name in INTERPRETERS or name in _twofold()


@cache
def _twofold() -> frozenset[str]:
    """Programs that administrators and attackers start alike."""
    text = resources.files("rarebit.content").joinpath("tactics").joinpath("programs.yaml").read_text("utf-8")
    return frozenset(name.lower() for names in yaml.safe_load(text).values() for name in names)
