"""Exports of Active Directory, and privileges of accounts."""

from __future__ import annotations

from pathlib import Path

import pyarrow as pa
import pytest

from rarebit.asset.directory import accounts_of, hosts_of, kind_of, read_export
from rarebit.asset.people import PRIVILEGE, People, is_looked_up
from rarebit.core.errors import InputError
from rarebit.core.fields import CODED
from rarebit.maths.hashing import hash_text
from rarebit.query.arrow import to_mask
from rarebit.query.kql import parse_kql
from rarebit.query.tree import Nothing, rewrite

ACCOUNTS = (
    '"SamAccountName","AdminCount","MemberOf","ServicePrincipalName","Department"\n'
    '"Ann","1","","","it"\n"bob","","CN=Sales,OU=g,DC=x;","",""\n'
    '"carl","","CN=Staff\\, all,DC=x;CN=Domain Admins,CN=Users,DC=x","",""\n"svc-sql","","","MSSQLSvc/db:1433",""\n'
)
COMPUTERS = (
    "SamAccountName,DNSHostName,OperatingSystem,PrimaryGroupID,DistinguishedName,ManagedBy,Enabled\n"
    'DC01$,dc01.corp.example,Windows Server 2022,516,"CN=DC01,OU=Domain Controllers,DC=x",,True\n'
    'SRV1$,,Windows Server 2019,515,"CN=SRV1,OU=Paris,OU=Servers,DC=x","CN=Ann Lee,OU=it,DC=x",True\n'
    "WS1$,ws1.corp.example,Windows 11 Enterprise,515,,,False\nMAC1$,mac1,macOS,515,,,True\n"
)


def test_accounts_and_computers(tmp_path: Path) -> None:
    for text, kind in ((ACCOUNTS, "accounts"), (COMPUTERS, "computers"), ("host,role\na,b\n", None)):
        (tmp_path / "x.csv").write_text("\ufeff" + text)
        assert kind_of((tmp_path / "x.csv").read_bytes()) == kind
    (tmp_path / "a.csv").write_text(ACCOUNTS)
    (tmp_path / "c.csv").write_text(COMPUTERS)
    accounts = accounts_of(read_export(tmp_path / "a.csv"))
    told = {name: (held["privilege"], held["privilege_from"]) for name, held in accounts.items()}
    assert told == {
        "Ann": ("admin", "directory: AdminCount is 1"), "bob": ("standard", "directory"),
        "carl": ("admin", "directory: member of Domain Admins"),
        "svc-sql": ("service", "directory: has a service principal name"),
    }  # fmt: skip
    assert accounts["Ann"]["department"] == "it"
    hosts = hosts_of(read_export(tmp_path / "c.csv"))
    assert {name: held.get("role") for name, held in hosts.items()} == {
        "dc01.corp.example": "domain_controller", "SRV1": "server", "ws1.corp.example": "workstation", "mac1": None,
    }  # fmt: skip
    assert (hosts["SRV1"]["unit"], hosts["SRV1"]["managed_by"]) == ("Paris", "Ann Lee")


def test_what_is_no_export_is_refused(tmp_path: Path) -> None:
    (tmp_path / "x.csv").write_bytes(b"SamAccountName\n\xff\xfe\n")
    with pytest.raises(InputError, match="cannot read"):
        read_export(tmp_path / "x.csv")


def test_a_stronger_privilege_stays_and_queries_ask_for_it() -> None:
    people = People({"CORP\\Ann": {"privilege": "admin", "privilege_from": "directory"}, "bob": {}}).joined(
        [("ann", "service", "behaviour"), ("bob", "local_admin", "osquery"), ("Eve", "service", "behaviour")]
    )
    assert people.get("ANN")["privilege"] == "admin"
    assert people.get("bob") == {"privilege": "local_admin", "privilege_from": "osquery"}
    node = rewrite(parse_kql("user.privilege: (admin or local_admin)"), people.resolvers([PRIVILEGE]))  # type: ignore[arg-type]
    table = pa.table({CODED["user.name"]: pa.array([hash_text(name) for name in ("ann", "bob", "eve")])})
    assert to_mask(node, table).to_pylist() == [True, True, False]
    assert isinstance(rewrite(parse_kql("user.privilege: x"), people.resolvers([PRIVILEGE])), Nothing)  # type: ignore[arg-type]
    assert is_looked_up("asset.role")
    assert is_looked_up(PRIVILEGE)
    assert not is_looked_up("user.name")
