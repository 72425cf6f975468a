"""The processes under measurement: a fresh demo tree, its floor, what they cost, and how parts of it are paused."""

from __future__ import annotations

import contextlib
import json
import os
import signal
import subprocess
import sys
import time
import urllib.request
from collections import defaultdict
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

from marketplace.demo.family import services
from marketplace.demo.layout import ROOT, Layout, Ports
from marketplace.embedded import processes

_TICK = os.sysconf("SC_CLK_TCK")
_NAMES = (  # what stands in a command line -> whose CPU time it is
    ("returns.bench.floor", "floor"),
    ("gunicorn", "web"),
    ("worker", "worker"),
    ("beat", "clock"),
    ("postgres", "database"),
    ("valkey", "broker"),
    ("refunds.sandbox", "gateway"),
    ("demo.sink", "mail"),
)


class TreeFailedError(RuntimeError):
    """Something under measurement did not start or did not answer."""


@dataclass(frozen=True, slots=True)
class Tree:
    """A demo tree that runs: where it listens, its first process, its data directory."""

    url: str
    pid: int
    home: Path

    @property
    def log(self) -> Path:
        return self.home / "log"

    def cpu(self) -> dict[str, float]:
        """CPU seconds since their start of all living processes of the tree and the floor, by service."""
        found: dict[str, float] = defaultdict(float)
        for process in _family(self.pid) + _family(os.getpid()):
            found[process.service] += process.seconds
        return found

    @contextlib.contextmanager
    def paused(self, *names: str) -> Iterator[None]:
        """The worker and the clock stand still: nobody drains, sends or sweeps."""
        pids = [process.pid for process in _family(self.pid) if process.service in (names or ("worker", "clock"))]
        for pid in pids:
            os.kill(pid, signal.SIGSTOP)
        try:
            yield
        finally:
            for pid in pids:
                with contextlib.suppress(ProcessLookupError):
                    os.kill(pid, signal.SIGCONT)


@dataclass(frozen=True, slots=True)
class _Process:
    pid: int
    service: str
    seconds: float


def _family(root: int) -> list[_Process]:
    """The process and all its descendants."""
    children: dict[int, list[int]] = defaultdict(list)
    seconds: dict[int, float] = {}
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit():
            with contextlib.suppress(OSError):
                fields = (entry / "stat").read_text().rpartition(")")[2].split()
                children[int(fields[1])].append(int(entry.name))
                seconds[int(entry.name)] = sum(int(fields[i]) for i in (11, 12, 13, 14)) / _TICK
    found, todo = [], [(root, "")]
    while todo:
        pid, above = todo.pop()
        service = above or _service(pid)
        if pid in seconds:
            found.append(_Process(pid, service, seconds[pid]))
        todo += [(child, "" if pid == root else service) for child in children[pid]]
    return found


def _service(pid: int) -> str:
    try:
        command = Path(f"/proc/{pid}/cmdline").read_bytes().replace(b"\0", b" ").decode(errors="replace")
    except OSError:
        return "other"
    return next((name for word, name in _NAMES if word in command), "other")


@contextlib.contextmanager
def fresh_tree(home: Path, port: int) -> Iterator[Tree]:
    """A demo without demo data in a process of its own; stopped at the end whatever happens."""
    home.chmod(0o755)  # the embedded servers may run as another user
    manage = str(ROOT / "manage.py")
    ours = {"DATABASE_URL", "DATABASE_OWNER_URL", "REDIS_URL", "VAR_DIR", "DJANGO_SETTINGS_MODULE"}
    environment = {name: value for name, value in os.environ.items() if name not in ours}
    demo = subprocess.Popen(
        [sys.executable, manage, "demo", "--no-seed", "--json", f"--port={port}", f"--data={home}"],
        stdout=subprocess.PIPE,
        text=True,
        env=environment | {"LOG_LEVEL": "WARNING", "API_REQUESTS_PER_MINUTE": "1000000"},
    )
    try:
        assert demo.stdout  # noqa: S101
        line = demo.stdout.readline()
        if not line.startswith("{"):
            raise TreeFailedError("The demo did not start; its words are above.")
        facts = json.loads(line)
        yield Tree(facts["url"], facts["pid"], home)
    finally:
        demo.terminate()
        demo.wait(90)


def environment_of(home: Path) -> dict[str, str]:
    """What the processes of the tree run in, from the file that the demo wrote."""
    lines = (home / "demo.env").read_text().splitlines()
    return {name: value for name, _, value in (line.partition("=") for line in lines)}


def admin_url(environment: Mapping[str, str]) -> str:
    """The administrator of the tree's embedded server, whom row-level security does not bind."""
    parts = urlsplit(environment["DATABASE_OWNER_URL"])
    return f"postgres://postgres@{parts.path}?{parts.query}"


@contextlib.contextmanager
def floor_server(environment: Mapping[str, str], log: Path) -> Iterator[str]:
    """The floor's tables in a schema of their own, and its web server with our gunicorn's settings."""
    port = processes.free_port()
    settings = {**os.environ, **environment, "DJANGO_SETTINGS_MODULE": "returns.bench.floor.settings"}
    subprocess.run(
        [sys.executable, "-m", "django", "migrate", "--run-syncdb", "--verbosity=0"], env=settings, cwd=ROOT, check=True
    )
    server = processes.start(
        _as_ours(port, log.parent), log=log, environment=settings, directory=ROOT, on_parent_death=signal.SIGTERM
    )
    try:
        url = f"http://127.0.0.1:{port}"
        processes.wait_until(lambda: _answers(url), process=server, what="The floor's server", log=log)
        yield url
    finally:
        processes.stop(server)


def _as_ours(port: int, home: Path) -> list[str]:
    """Our web server's command line for the floor's application: worker class, workers and threads are the same."""
    ports = Ports(web=port, mail=0, gateway=0)
    ours = next(each.command for each in services(Layout(home), ports) if each.name == "web")
    return ["returns.bench.floor.wsgi:application" if part.startswith("marketplace.") else part for part in ours]


def _answers(url: str) -> bool:
    time.sleep(0.1)
    try:
        with urllib.request.urlopen(f"{url}/readyz", timeout=5) as answer:  # noqa: S310  our own address
            return bool(answer.status == 200)
    except OSError:
        return False
