"""Ctrl-C where a library takes it for its own failure, or drops it."""

from __future__ import annotations

import subprocess
import sys

import pytest

SCRIPT = """
import os, signal, sys
from rarebit.cli import main
from rarebit.cli.output import progress

@main.app.command("wait")
def wait() -> None:
    with progress() as report:
        try:
            os.kill(os.getpid(), signal.SIGINT)
        except KeyboardInterrupt:
            {then}
        report("working", 1, 2)
        print("not reached")

sys.argv = ["rarebit", "wait"]
main.main()
"""


@pytest.mark.parametrize("then", ["pass", "raise RuntimeError('Query interrupted')"])
def test_it_stops_the_work(then: str) -> None:
    script = SCRIPT.format(then=then)
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=False)  # noqa: S603
    assert (done.returncode, done.stdout) == (130, "")
    assert done.stderr.strip().endswith("interrupted; what was committed before stays")
    assert "Traceback" not in done.stderr


def test_one_that_a_callback_drops_is_not_told_as_a_failure() -> None:
    script = SCRIPT.format(then="pass").replace(
        "os.kill(os.getpid(), signal.SIGINT)", "type('Odd', (), {'__del__': lambda _: os.kill(os.getpid(), 2)})()"
    )
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=False)  # noqa: S603
    assert (done.returncode, done.stdout) == (130, "")
    assert done.stderr.strip() == "interrupted; what was committed before stays"
