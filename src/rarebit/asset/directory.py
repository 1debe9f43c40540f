"""Exports of Active Directory as CSV: accounts with their privilege, computers with their role."""

from __future__ import annotations

import csv
import re
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Final, Literal

from rarebit.asset.derive import known
from rarebit.core.errors import InputError

_CN: Final = re.compile(r"CN=((?:[^,\\]|\\.)+)", re.IGNORECASE)
_OU: Final = re.compile(r"OU=((?:[^,\\]|\\.)+)", re.IGNORECASE)
_DOMAIN_CONTROLLERS: Final = ("516", "521")
"""Primary groups of domain controllers, writable and read-only."""
_MOST_BYTES: Final = 256 << 20
Rows = list[dict[str, str]]


def kind_of(head: bytes) -> Literal["accounts", "computers"] | None:
    """Which export a file is that begins so; None if none."""
    columns = {
        name.strip().strip('"').lower() for name in head.decode("utf-8-sig", "replace").partition("\n")[0].split(",")
    }
    if "samaccountname" not in columns:
        return None
    return "computers" if columns & {"operatingsystem", "dnshostname"} else "accounts"


def read_export(path: Path) -> Rows:
    """Rows with lower-case column names.

    Raises
    ------
    InputError
        If it cannot be read; the line is named.
    """
    try:
        if path.stat().st_size > _MOST_BYTES:
            raise InputError("an export of more than 256 MB", where=str(path))
        with path.open(encoding="utf-8-sig", newline="") as file:
            reader = csv.DictReader(file, restkey="")
            return [
                {(k or "").strip().lower(): (v or "").strip() for k, v in row.items() if isinstance(v, str)}
                for row in reader
            ]
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise InputError(f"cannot read the export: {error}", where=str(path), hint="Export it as UTF-8") from error


def accounts_of(rows: Rows) -> dict[str, dict[str, str]]:
    """Account to attributes; ``privilege`` by its groups, ``AdminCount`` or its service principal names."""
    return {row["samaccountname"]: _account(row) for row in rows if row.get("samaccountname")}


def _account(row: Mapping[str, str]) -> dict[str, str]:
    privileged = {name.lower() for name in known()["administrators"]["domain"]}
    group = next((name for name in _names(row.get("memberof", "")) if name.lower() in privileged), "")
    privilege, told = "standard", "directory"
    if group:
        privilege, told = "admin", f"directory: member of {group}"
    elif row.get("admincount") == "1":
        privilege, told = "admin", "directory: AdminCount is 1"
    elif row.get("serviceprincipalname") or row.get("serviceprincipalnames"):
        privilege, told = "service", "directory: has a service principal name"
    kept = {name: row[name] for name in ("department", "title", "enabled", "description") if row.get(name)}
    return kept | {"privilege": privilege, "privilege_from": told}


def hosts_of(rows: Rows) -> dict[str, dict[str, str]]:
    """Host to attributes: role, system, site by its organisational unit, owner."""
    made = {}
    for row in rows:
        name = row.get("dnshostname") or row.get("samaccountname", "").rstrip("$")
        if not name:
            continue
        system = row.get("operatingsystem", "")
        controller = row.get("primarygroupid") in _DOMAIN_CONTROLLERS
        role = "domain_controller" if controller else "server" if "server" in system.lower() else "workstation"
        place = next(iter(_OU.findall(row.get("distinguishedname", ""))), "")
        owner = next(iter(_names(row.get("managedby", ""))), "")
        found = {
            "role": role if controller or "windows" in system.lower() else "", "role_from": "directory", "os": system,
            "os_version": row.get("operatingsystemversion", ""), "unit": place, "managed_by": owner,
            "enabled": row.get("enabled", ""), "ip": row.get("ipv4address", ""),
        }  # fmt: skip
        if not found["role"]:
            found["role_from"] = ""
        made[name] = {key: value for key, value in found.items() if value}
    return made


def _names(text: str) -> Iterable[str]:
    """Common names of the distinguished names in a cell."""
    return [name.replace("\\", "") for name in _CN.findall(text)] or [part.strip() for part in text.split(";") if part]
