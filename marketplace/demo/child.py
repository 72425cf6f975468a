"""A demo in a process of its own, for what looks at it from outside: the screenshots, the browser's tests."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from marketplace.demo.layout import ROOT, Layout
from marketplace.embedded import StartFailed, processes

# What would make the child look somewhere else than into its own data directory.
_OURS = {"DATABASE_URL", "DATABASE_OWNER_URL", "REDIS_URL", "VAR_DIR", "REDRESS_TESTING", "DJANGO_SETTINGS_MODULE"}


@contextmanager
def fresh_demo(*, port: int = 0) -> Iterator[dict[str, Any]]:
    """A demo with new data, ready; gives the line of JSON it printed. Nothing of it is left afterwards."""
    with tempfile.TemporaryDirectory(prefix="redress-demo-") as name:
        data = Path(name)
        data.chmod(0o755)  # the embedded servers may run as another user
        child, facts = start_demo(data, port=port or processes.free_port())
        try:
            yield facts
        finally:
            stop_demo(child)
            Layout(data).forget()


def start_demo(data: Path, *, port: int) -> tuple[subprocess.Popen[str], dict[str, Any]]:
    """The process and what it said; StartFailed if it did not get ready. How far it is goes to standard error."""
    child = subprocess.Popen(
        [sys.executable, "manage.py", "demo", "--json", f"--port={port}", f"--data={data}"],
        cwd=ROOT,
        env={k: v for k, v in os.environ.items() if k not in _OURS} | {"REDRESS_NO_BOOTSTRAP": "1"},
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        text=True,
    )
    assert child.stdout is not None  # noqa: S101  asked for above
    line = child.stdout.readline()
    if not line.startswith("{"):
        stop_demo(child)
        raise StartFailed("the demo did not get ready; what it said stands above")
    facts: dict[str, Any] = json.loads(line)
    return child, facts


def stop_demo(child: subprocess.Popen[str]) -> None:
    """Ask it to end and wait; its guard ends what is left if it has to be killed."""
    child.terminate()
    try:
        child.wait(60)
    except subprocess.TimeoutExpired:
        child.kill()
        child.wait()
    if child.stdout is not None:
        child.stdout.close()
