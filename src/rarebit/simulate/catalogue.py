"""The software of a fleet: programs, where they live, who signs and starts them, what they talk to and write."""

from __future__ import annotations

from functools import cache
from typing import Final, NamedTuple

import msgspec

from rarebit.simulate.activity import Activity, Cadence, Kind
from rarebit.simulate.people import DNS_DOMAIN, Who
from rarebit.simulate.tables import rows_of

_ROOTS: Final = {
    "SYS": r"C:\Windows\System32",
    "WIN": r"C:\Windows",
    "PF": r"C:\Program Files",
    "PF86": r"C:\Program Files (x86)",
    "PD": r"C:\ProgramData",
    "LAD": r"C:\Users\{user}\AppData\Local",
    "RAD": r"C:\Users\{user}\AppData\Roaming",
    "SUB": "",
}
_CADENCE: Final = {"N": Cadence.NEVER, "W": Cadence.WEEKLY, "M": Cadence.MONTHLY}
LONG_TAIL: Final = "longtail"
"""Set of software that only some have, each its own choice."""
HOME: Final = "C:\\Users\\{user}\\"
SYSTEM32: Final = "C:\\Windows\\System32\\"


class Program(msgspec.Struct, frozen=True, kw_only=True):
    """One program as one parent starts it."""

    set: str
    name: str
    exe: str
    signer: str
    parent: str
    parent_exe: str = ""
    who: Who
    weight: float
    """How often it runs, relative to the others of its host."""
    cadence: Cadence
    tails: tuple[str, ...]
    """What follows the program on its command line; one of them each time."""


class Peer(NamedTuple):
    """Something a program connects to."""

    domain: str
    """A name, or ``@`` and a role or kind of host."""
    port: int
    weight: float


def directory(short: str) -> str:
    """Full directory of a short form such as ``PF/Git/cmd`` or ``NIX/usr/bin``, with its last separator."""
    root, _, rest = short.partition("/")
    if root == "NIX":
        return f"/{rest}/"
    parts = [part for part in (_ROOTS[root], rest.replace("/", "\\")) if part]
    return "\\".join(parts) + "\\"


@cache
def programs() -> tuple[Program, ...]:
    """Every program of the catalogue, its parent's path filled in."""
    rows = rows_of("programs.psv") + rows_of("linux.psv")
    made = [_program(row) for row in rows]
    paths: dict[str, str] = {}
    for program in made:
        paths.setdefault(program.name, program.exe)
    return tuple(
        msgspec.structs.replace(program, parent_exe=paths.get(program.parent, program.parent)) for program in made
    )


def _program(row: list[str]) -> Program:
    group, name, where, signer, parent, who, weight, cadence, tails = row
    return Program(
        set=group,
        name=name,
        exe=directory(where) + name,
        signer=signer,
        parent=parent,
        who=Who[who],
        weight=float(weight),
        cadence=_CADENCE[cadence],
        tails=tuple(tails.split(";;")),
    )


@cache
def peers() -> dict[str, tuple[Peer, ...]]:
    """What each program connects to, by its name."""
    out: dict[str, tuple[Peer, ...]] = {}
    for name, domain, port, weight in rows_of("network.psv"):
        out[name] = (*out.get(name, ()), Peer(domain, int(port), float(weight)))
    return out


@cache
def written() -> dict[str, tuple[tuple[str, float], ...]]:
    """Paths each program writes, with weights, by its name."""
    out: dict[str, tuple[tuple[str, float], ...]] = {}
    for name, path, weight in rows_of("files.psv"):
        out[name] = (*out.get(name, ()), (path, float(weight)))
    return out


def starts(program: Program) -> list[Activity]:
    """One process start for each way the program is called."""
    return [start(program, tail) for tail in program.tails]


def start(program: Program, tail: str = "") -> Activity:
    """Process start with the given end of its command line."""
    quoted = f'"{program.exe}"' if " " in program.exe else program.exe
    linux = program.exe.startswith("/")
    home = HOME if program.who is Who.PERSON else SYSTEM32
    return Activity(
        kind=Kind.START,
        rare=program.set == LONG_TAIL,
        who=program.who,
        name=program.name,
        exe=program.exe,
        cmd=f"{program.name if linux else quoted} {tail}".rstrip(),
        cwd="/" if linux else home,
        sha=f"{program.exe}",
        cadence=program.cadence,
        signer=program.signer,
        parent=program.parent,
        parent_exe=program.parent_exe,
    )


def connections(program: Program, hosts: dict[str, tuple[str, str]]) -> list[tuple[Activity, float]]:
    """Network connections of a program with weights; ``hosts`` gives (name, address) of each role and kind."""
    out = []
    for peer in peers().get(program.name, ()):
        if peer.domain.startswith("@") and peer.domain[1:] not in hosts:
            continue
        name, address = hosts[peer.domain[1:]] if peer.domain[0] == "@" else (peer.domain, address_of(peer.domain))
        out.append((connection(program, name, address, peer.port), peer.weight))
    return out


def connection(program: Program, domain: str, address: str, port: int) -> Activity:
    """An outgoing connection of a running program."""
    names = {443: "tls", 53: "dns", 445: "smb", 88: "kerberos", 389: "ldap", 1433: "tds", 22: "ssh"}
    return Activity(
        kind=Kind.NETWORK,
        who=program.who,
        name=program.name,
        exe=program.exe,
        dst_ip=address,
        dst_domain=domain,
        dst_port=port,
        transport="udp" if port in {53, 123, 3478} else "tcp",
        protocol=names.get(port, ""),
        direction="egress",
    )


def lookups(program: Program) -> list[tuple[Activity, float]]:
    """DNS questions of a program with weights."""
    return [
        (lookup(program, peer.domain), peer.weight)
        for peer in peers().get(program.name, ())
        if not peer.domain.startswith("@")
    ]


def lookup(program: Program, domain: str) -> Activity:
    """A DNS question asked by a running program."""
    return Activity(
        kind=Kind.DNS,
        who=program.who,
        name=program.name,
        exe=program.exe,
        question=domain,
        question_type="A",
    )


def writes(program: Program) -> list[tuple[Activity, float]]:
    """Files a program writes, with weights."""
    return [(write(program, path), weight) for path, weight in written().get(program.name, ())]


def write(program: Program, path: str) -> Activity:
    """A file written by a running program."""
    return Activity(
        kind=Kind.FILE,
        who=program.who,
        name=program.name,
        exe=program.exe,
        file_path=path,
        file_name=path.replace("/", "\\").rpartition("\\")[2],
    )


def address_of(domain: str) -> str:
    """Address of an outside or in-house name, from the ranges kept for documentation."""
    value = sum(ord(letter) * (at + 7) for at, letter in enumerate(domain))
    if domain.endswith(DNS_DOMAIN):
        return f"10.10.{value % 5}.{value % 240 + 5}"
    return f"{('198.51.100', '203.0.113', '192.0.2')[value % 3]}.{value % 251 + 2}"
