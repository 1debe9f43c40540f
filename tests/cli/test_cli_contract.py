"""The command line as a contract: exit codes, what goes where, NDJSON, pipes, encodings."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import pytest

GOLDEN = Path(__file__).parent.parent / "golden"
COMMANDS = [
    [], ["demo"], ["check"], ["run"], ["serve"], ["status"], ["simulate"], ["event", "seen"],
    ["job", "plot"],
    ["job"], ["job", "list"], ["job", "show"], ["job", "clone"], ["job", "import"], ["job", "export"],
    ["job", "update"], ["job", "validate"], ["rule"], ["rule", "list"],
    ["rule", "show"], ["rule", "import"], ["rule", "test"], ["rule", "enable"], ["rule", "disable"],
    ["record"], ["record", "list"], ["record", "show"], ["alert"], ["alert", "list"],
    ["alert", "show"], ["alert", "coverage"],
    ["case"], ["case", "list"], ["case", "show"], ["case", "close"], ["case", "verdict"],
    ["event"], ["event", "list"], ["asset"], ["asset", "import"], ["asset", "list"],
    ["asset", "pack"], ["asset", "accounts"],
    ["job", "exclude"], ["job", "exclusions"], ["job", "include"], ["job", "replay"], ["job", "reset"],
    ["job", "delete"], ["job", "annotations"], ["job", "annotate"], ["job", "snapshot"], ["job", "snapshot", "list"],
    ["job", "snapshot", "revert"], ["job", "snapshot", "retain"],
    ["calendar"], ["calendar", "list"], ["calendar", "show"], ["calendar", "put"], ["calendar", "add"],
    ["calendar", "remove"], ["calendar", "delete"], ["calendar", "import"], ["calendar", "export"],
    ["filter"], ["filter", "list"], ["filter", "show"], ["filter", "put"], ["filter", "add"], ["filter", "remove"],
    ["filter", "delete"], ["filter", "import"], ["filter", "export"],
    ["intel"], ["intel", "import"], ["intel", "list"], ["intel", "hunt"], ["intel", "remove"],
    ["peer"], ["peer", "list"], ["peer", "show"],
    ["suppress"], ["suppress", "preview"], ["suppress", "add"], ["suppress", "list"], ["suppress", "remove"],
    ["export"], ["export", "cases"], ["export", "alerts"], ["export", "records"], ["export", "attack"],
    ["export", "report"],
    ["asset", "show"], ["result"], ["result", "buckets"], ["result", "influencers"], ["result", "overall"],
    ["tune"], ["backtest"], ["inject"], ["prove"],
    ["key"], ["key", "add"], ["key", "list"], ["key", "revoke"],
]  # fmt: skip
Rarebit = Callable[..., Any]
WriteEvents = Callable[[Path, Sequence[dict[str, Any]]], Path]


def test_help_says_what_it_always_said(rarebit: Rarebit) -> None:
    said = []
    for command in COMMANDS:
        done = rarebit(*command, "--help")
        assert (done.code, done.err) == (0, "")
        said.append(f"$ rarebit {' '.join([*command, '--help'])}\n{done.out.rstrip()}\n")
    golden = GOLDEN / "help.txt"
    if os.environ.get("RAREBIT_UPDATE_GOLDEN"):
        golden.write_text("\n".join(said))
    assert "\n".join(said) == golden.read_text()


def test_every_command_of_the_tree_is_in_the_list(rarebit: Rarebit) -> None:
    groups = [command for command in COMMANDS if len(command) < 2]
    for group in groups:
        listed = rarebit(*group, "--help").out.partition("Commands:")[2]
        names = re.findall(r"^  (\S+)", listed, re.MULTILINE)
        assert all([*group, name] in COMMANDS for name in names)


def test_version_is_one_line(rarebit: Rarebit) -> None:
    assert re.fullmatch(r"\d+\.\d+\.\d+\n", rarebit("--version").out)


LISTINGS = [
    ("job", "list"), ("job", "show", "v3_rare_process_by_host_windows"), ("job", "export", "rare_user_name_for_a_host"),
    ("rule", "list"), ("rule", "show", "security_log_cleared"), ("rule", "test", "security_log_cleared"),
    ("record", "list"),
    ("alert", "list"), ("alert", "list", "--source", "edr"), ("alert", "coverage"),
    ("case", "list"), ("case", "list", "--state", "all"), ("case", "show", "1"),
    ("event", "list", "--where", "process.name: *", "--limit", "3"), ("event", "seen", "cmd.exe"),
    ("asset", "list"), ("asset", "accounts"), ("peer", "list"), ("status",),
    ("suppress", "preview", "--where", "process.name=curl.exe"),
    ("job", "validate", "v3_rare_process_by_host_windows"),
    ("prove", "--no-replay"), ("backtest", "--rule", "security_log_cleared"),
    ("inject", "lolbin_only", "--budget", "5"),
]  # fmt: skip


@pytest.mark.parametrize("command", LISTINGS, ids=" ".join)
def test_json_is_one_object_a_line_and_nothing_else(rarebit: Rarebit, ran: Path, command: tuple[str, ...]) -> None:
    json = () if command[1:2] == ("export",) else ("--json",)
    done = rarebit(*command, *json, "--home", ran)
    assert (done.code, done.err) == (0, "")
    assert all(isinstance(each, dict) for each in done.objects)
    if command[:2] not in {("job", "validate"), ("alert", "list")}:
        assert done.objects


@pytest.mark.parametrize("command", LISTINGS, ids=" ".join)
def test_text_is_plain_where_nobody_looks_on(rarebit: Rarebit, ran: Path, command: tuple[str, ...]) -> None:
    done = rarebit(*command, "--home", ran)
    assert done.code == 0
    assert not done.err or command[0] in ("peer", "suppress")  # who is in no group, what is too broad: beside the data
    assert done.out
    assert "\x1b" not in done.out


def test_a_run_writes_cases_to_stdout_and_its_summary_to_stderr(rarebit: Rarebit, fleet: Path, tmp_path: Path) -> None:
    done = rarebit("run", fleet / "events", "--home", tmp_path, "--assets", fleet / "assets.csv", "--json")
    assert done.code == 0
    assert {case["state"] for case in done.objects} == {"open"}
    assert [case["rank"] for case in done.objects] == sorted(case["rank"] for case in done.objects)
    for word in ("summary", " new, ", "reduction", "time", "home"):
        assert word in done.err
    again = rarebit("run", fleet / "events", "--home", tmp_path, "--fail-on", "0")
    assert again.code == 1
    assert "0 new" in again.err
    assert "exit 1" in again.err.splitlines()[-1]
    assert rarebit("run", fleet / "events", "--home", tmp_path, "--fail-on", "101").code == 0


@pytest.mark.parametrize(
    "command",
    [
        ("nonsense",), ("run",), ("case",), ("run", "/no/such/file"), ("check", "/no/such/file"),
        ("run", ".", "--since", "yesterday"), ("run", ".", "--budget", "few"), ("run", ".", "--budget", "10/month"),
        ("run", ".", "--budget", "0"), ("run", ".", "--budget", "nan"), ("run", ".", "--job", "nope"),
        ("run", ".", "--until", "9999999999999999w"), ("run", ".", "--map", "/no/such/map"),
        ("run", ".", "--assets", "/no/such/list"), ("case", "show", "ffff"), ("case", "close", "ffff"),
        ("case", "verdict", "1", "maybe"), ("case", "list", "--state", "lost"), ("record", "show", "zz"),
        ("alert", "show", "zz"), ("alert", "list", "--source", "ids"), ("case", "list", "--edr", "maybe"),
        ("event", "list"), ("event", "list", "--record", "zz"),
        ("event", "list", "--where", "a: (("), ("event", "list", "--where", "a: 1", "--case", "1"),
        ("event", "list", "--where", "{", "--language", "dsl"), ("event", "list", "--where", "a", "--language", "eql"),
        ("event", "list", "--where", "asset.rank: high"), ("job", "show", "nope"), ("job", "export", "nope"),
        ("job", "import", "/no/such/file"), ("asset", "import", "/no/such/file"),
        ("suppress", "preview"), ("suppress", "preview", "--where", "user.name"), ("suppress", "remove", "zz"),
        ("suppress", "add", "--where", "process.name=cmd.exe"), ("suppress", "preview", "--record", "zz"),
        ("suppress", "add", "--where", "process.name=cmd.exe", "--reason", "x"),
        ("inject", "tea_party"), ("inject", "lolbin_only", "lolbin_only"), ("inject", "--events", "/no/such/file"),
        ("inject", "lolbin_only", "--host", "nowhere"), ("inject", "lolbin_only", "--at", "2036-01-01"),
        ("inject", "lolbin_only", "--scratch", "/no/such/place"), ("backtest", "--job", "nope"),
        ("backtest", "--rule", "nope"), ("backtest", "--from", "2000-01-01"),
        ("prove", "--scratch", "/no/such/place"), ("prove", "--no-replay", "--html", "/no/such/place/x.html"),
        ("simulate", "--out", "/proc/nowhere"), ("simulate", "--out", "x", "--hosts", "3"),
        ("simulate", "--out", "x", "--format", "xml"), ("status", "--home", "/proc/nowhere"),
    ],
    ids=" ".join,
)  # fmt: skip
def test_what_cannot_be_done_is_said_in_one_line_with_exit_code_2(
    rarebit: Rarebit, ran_copy: Path, tmp_path: Path, command: tuple[str, ...], monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "empty").mkdir()
    monkeypatch.chdir(tmp_path / "empty")
    home = () if "--home" in command or command[0] in ("simulate", "nonsense") else ("--home", ran_copy)
    done = rarebit(*command, *home)
    assert (done.code, done.out) == (2, "")
    assert "Traceback" not in done.err
    assert done.err


@pytest.mark.parametrize(
    ("command", "hint"),
    [
        (("job", "show", "v3_rare_process_by_host_window"), "v3_rare_process_by_host_windows"),
        (("job", "show", "rare_process_by_host_windows"), "Perhaps"),
        (("case", "show", "ffff"), "Give an id"),
        (("record", "show", "zz"), "Give an id"),
        (("alert", "show", "zz"), "Give an id"),
        (("event", "list", "--where", "asset.rank: high"), "asset.role"),
        (("case", "list", "--state", "lost"), "open, closed"),
        (("alert", "list", "--source", "ids"), "rules, edr, all"),
        (("case", "list", "--edr", "maybe"), "none, partial, same"),
    ],
)
def test_an_error_says_what_to_do_next(rarebit: Rarebit, ran: Path, command: tuple[str, ...], hint: str) -> None:
    assert hint in rarebit(*command, "--home", ran).err


def test_results_before_the_first_run_are_refused(rarebit: Rarebit, tmp_path: Path) -> None:
    for noun in ("record", "alert", "case"):
        done = rarebit(noun, "list", "--home", tmp_path)
        assert done.code == 2
        assert "nothing has been read yet" in done.err
    assert rarebit("status", "--home", tmp_path).code == 0


def test_a_part_that_cannot_be_read_gives_exit_code_3(
    rarebit: Rarebit, fleet: Path, tmp_path: Path, write_events: WriteEvents
) -> None:
    (tmp_path / "in").mkdir()
    (tmp_path / "in" / "broken.gz").write_bytes(b"\x1f\x8b\x08\x00" + b"\x07" * 500)
    (tmp_path / "in" / "day.ndjson").write_bytes((fleet / "events" / "2026-10-06.ndjson").read_bytes())
    done = rarebit("run", tmp_path / "in", "--home", tmp_path / "home")
    assert done.code == 3
    assert "broken.gz" in done.err
    good = rarebit("run", tmp_path / "in" / "day.ndjson", "--home", tmp_path / "home")
    assert good.code == 0
    assert "broken.gz" not in good.err
    blind = write_events(tmp_path / "blind.ndjson", [{"@timestamp": "2026-10-06T00:00:00Z", "message": "x"}])
    only = rarebit("run", blind, "--home", tmp_path / "blind")
    assert only.code == 3
    assert "blind" in only.err
    named = rarebit("run", blind, "--home", tmp_path / "home", "--job", "rare_process_by_host_windows_ecs")
    assert named.code == 3


def _command(*arguments: object) -> list[str]:
    return [sys.executable, "-m", "rarebit.cli.main", *map(str, arguments)]


def test_a_pipe_closed_early_is_no_failure(ran: Path) -> None:
    for command in (("event", "list", "--where", "process.name: *", "--json"), ("record", "list", "--limit", "9999")):
        reading, writing = os.pipe()
        os.close(reading)
        done = subprocess.run(  # noqa: S603 our own command
            _command(*command, "--home", ran), stdout=writing, stderr=subprocess.PIPE, check=False, timeout=60
        )
        os.close(writing)
        assert (done.returncode, done.stderr) == (0, b"")


def test_any_encoding_of_the_terminal_will_do(ran: Path) -> None:
    for command in (("case", "list"), ("case", "list", "--json")):
        done = subprocess.run(  # noqa: S603 our own command
            _command(*command, "--home", ran), capture_output=True, check=False, timeout=60,
            env=os.environ | {"PYTHONIOENCODING": "ascii", "NO_COLOR": "1"},
        )  # fmt: skip
        assert (done.returncode, done.stderr) == (0, b"")
        assert done.stdout


def test_no_color_is_no_color(ran: Path) -> None:
    screen, terminal = os.openpty()
    with subprocess.Popen(  # noqa: S603 our own command
        _command("status", "--home", ran), stdout=terminal, stderr=terminal,
        env=os.environ | {"NO_COLOR": "1", "TERM": "xterm-256color", "COLUMNS": "120"},
    ) as running:  # fmt: skip
        os.close(terminal)
        said = b""
        try:
            while part := os.read(screen, 65536):
                said += part
        except OSError:
            pass  # a terminal ends with an error on Linux
        assert running.wait(timeout=60) == 0
    os.close(screen)
    assert b"watching" in said
    assert not re.search(rb"\x1b\[[0-9;]*[34][0-9]", said)


@pytest.mark.parametrize("seconds", [0.0, 0.6, 1.0])
def test_an_interruption_is_said_and_is_not_a_finding(seconds: float, fleet: Path, tmp_path: Path) -> None:
    with subprocess.Popen(  # noqa: S603 our own command
        _command("run", fleet / "events", "--home", tmp_path / "home"), stdout=subprocess.PIPE, stderr=subprocess.PIPE
    ) as running:
        while not (tmp_path / "home" / "rarebit.db").exists():
            assert running.poll() is None
        time.sleep(seconds)
        running.send_signal(signal.SIGINT)
        out, err = running.communicate(timeout=60)
    assert (running.returncode, out) == (130, b"")
    assert b"interrupted" in err
    assert b"Traceback" not in err
