"""``rarebit serve`` as a process: it says where it is, answers, and stops when told to."""

from __future__ import annotations

import os
import re
import signal
import socket
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any
from urllib.request import urlopen

import pytest


@pytest.mark.skipif(os.name == "nt", reason="stops by a signal that Windows does not have")
def test_serving_begins_with_a_link_and_ends_in_good_order(tmp_path: Path) -> None:
    command = [sys.executable, "-m", "rarebit.cli.main", "serve", "--home", str(tmp_path / "home"), "--port", "0"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as process:  # noqa: S603
        assert process.stderr is not None
        try:
            first = re.search(r"(http://127\.0\.0\.1:\d+)/link/\S+", process.stderr.readline())
            assert first
            assert f"at {first[1]}; Ctrl-C" in process.stderr.readline()
            with urlopen(first[0]) as page:  # noqa: S310 our own address
                assert "Make the first account" in page.read().decode()
            with urlopen(first[1] + "/readyz") as answer:  # noqa: S310 our own address
                assert answer.read() == b'{"ready":true,"set_up":false}'
        finally:
            process.send_signal(signal.SIGINT)
        out, err = process.communicate(timeout=60)
    assert (process.returncode, out, err) == (0, "", "")


def test_an_address_that_is_taken_is_said(rarebit: Callable[..., Any], tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        done = rarebit("serve", "--home", tmp_path / "home", "--port", taken.getsockname()[1])
    assert done.code == 2
    assert "cannot listen there" in done.err
    assert "--port" in done.err
