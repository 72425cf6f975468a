"""The demo as a script starts it: one line of JSON, one process tree, nothing left behind."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import psutil
import pytest

from marketplace.demo.layout import ROOT, Layout
from marketplace.embedded import processes

pytestmark = pytest.mark.xdist_group("demo")


def test_start_kill_start_again_and_interrupt(tmp_path: Path, request: pytest.FixtureRequest) -> None:
    data = tmp_path / "a directory with spaces & 100%"
    request.addfinalizer(lambda: Layout(data).postgres().remove())
    with start(data) as first:
        facts = ready(first)
        tree = psutil.Process(first.pid).children(recursive=True)
        assert {"url", "mailbox_url", "logins", "api_keys"} <= set(facts)
        with urllib.request.urlopen(f"{facts['url']}/healthz", timeout=10) as answer:
            assert answer.status == 200

        # a second one on the same data is refused in one line
        with start(data) as second:
            assert refused(second).startswith(f"The demo could not start: a demo already runs on {data} at")

        # killed: everything ends by itself, and the next start waits for that
        first.kill()
        first.wait()
    with start(data) as again:
        ready(again)
        assert not any(process.is_running() and process.status() != psutil.STATUS_ZOMBIE for process in tree)

        # interrupted: everything has ended when the supervisor has
        tree = psutil.Process(again.pid).children(recursive=True)
        again.send_signal(signal.SIGINT)
        assert again.wait(timeout=60) == 0
    assert psutil.wait_procs(tree, timeout=5)[1] == []
    assert not (data / "demo.env").exists()


def test_a_port_in_use_is_told_in_one_line(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        with start(tmp_path / "var", port=port) as demo:
            said = refused(demo)

    assert said == f"The demo could not start: port {port} is in use; try --port {port + 1}.\n"
    assert not (tmp_path / "var").exists()


def test_a_data_directory_that_cannot_be_made_is_told_in_one_line(tmp_path: Path) -> None:
    (tmp_path / "var").write_text("a file in the way")
    with start(tmp_path / "var") as demo:
        assert "could not start" in refused(demo)


@contextmanager
def start(data: Path, *, port: int = 0) -> Iterator[subprocess.Popen[str]]:
    ours = {"DATABASE_URL", "DATABASE_OWNER_URL", "REDIS_URL", "VAR_DIR", "REDRESS_TESTING"}
    environment = {name: value for name, value in os.environ.items() if name not in ours}
    command = [sys.executable, "manage.py", "demo", "--json", "--no-seed", f"--data={data}"]
    with subprocess.Popen(
        [*command, f"--port={port or processes.free_port()}"],
        cwd=ROOT,
        env=environment | {"REDRESS_NO_BOOTSTRAP": "1"},
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    ) as demo:
        try:
            yield demo
        finally:
            if demo.poll() is None:
                demo.terminate()


def ready(demo: subprocess.Popen[str]) -> dict[str, str]:
    """Wait for the line of JSON."""
    assert demo.stdout is not None
    assert demo.stderr is not None
    line = demo.stdout.readline()
    assert line, demo.stderr.read()
    facts: dict[str, str] = json.loads(line)
    return facts


def refused(demo: subprocess.Popen[str]) -> str:
    """The one line it gives up with."""
    _, errors = demo.communicate(timeout=60)
    assert demo.returncode == 1
    assert errors.count("\n") == 1, errors
    return errors
