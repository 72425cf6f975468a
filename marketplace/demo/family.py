"""The processes of one demo: started in order, watched, started again if they fall over, stopped in reverse."""

from __future__ import annotations

import fcntl
import importlib.util
import json
import os
import signal
import subprocess
import sys
import time
from dataclasses import dataclass, field
from pathlib import Path

from marketplace.demo.layout import ROOT, Layout, Ports
from marketplace.embedded import StartFailed, processes

_MOST_FALLS = 5  # of one process within a minute; then something is really wrong


@dataclass
class Service:
    """One long-running child."""

    name: str
    command: list[str]
    log: Path
    patience: float = 10  # seconds to end by itself
    process: subprocess.Popen[bytes] | None = None
    falls: list[float] = field(default_factory=list)


def services(layout: Layout, ports: Ports) -> list[Service]:
    """In the order in which they start; postgres and valkey are running by then."""
    python = sys.executable
    celery = [python, "-m", "celery", "--app=marketplace.celery:app"]
    gunicorn = [python, "-m", "gunicorn", "marketplace.wsgi:application", "--no-control-socket"]
    table = [
        ("mail", [python, "-m", "marketplace.demo.sink", f"--port={ports.mail}", f"--dir={layout.mailbox}"]),
        ("web", [*gunicorn, "--worker-class=gthread", "--workers=2", "--threads=8", "--timeout=60"]
         + [f"--bind=127.0.0.1:{ports.web}", "--graceful-timeout=5"]),
        ("worker", [*celery, "worker", "--concurrency=2", "--loglevel=INFO"]
         + ["--without-gossip", "--without-mingle", f"--hostname=demo{ports.web}@localhost"]),
        ("beat", [*celery, "beat", "--loglevel=WARNING", f"--schedule={layout.home / 'beat-schedule'}"]
         + ["--pidfile="]),
    ]  # fmt: skip
    if importlib.util.find_spec("refunds") and importlib.util.find_spec("refunds.sandbox"):
        gateway = [python, "-m", "refunds.sandbox", f"--port={ports.gateway}", f"--data={layout.gateway}"]
        table.insert(1, ("gateway", gateway))
    return [Service(name, command, layout.log(name)) for name, command in table]


class Lock:
    """One demo per data directory. The guard holds it as well, until the last process is gone."""

    def __init__(self, layout: Layout) -> None:
        self.path = layout.lock
        self.descriptor = os.open(self.path, os.O_RDWR | os.O_CREAT, 0o644)

    def take(self, *, patience: float = 30) -> None:
        """StartFailed if a living demo has it; wait for one that is just ending."""
        deadline = time.monotonic() + patience
        while True:
            try:
                fcntl.flock(self.descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
                return
            except BlockingIOError:
                self._refuse_if_alive(out_of_patience=time.monotonic() > deadline)
                time.sleep(0.1)

    def write(self, *, pid: int, url: str) -> None:
        os.ftruncate(self.descriptor, 0)
        os.pwrite(self.descriptor, json.dumps({"pid": pid, "url": url}).encode(), 0)

    def _refuse_if_alive(self, *, out_of_patience: bool) -> None:
        try:
            owner = json.loads(self.path.read_text())
            os.kill(int(owner["pid"]), 0)
        except (OSError, ValueError, KeyError):
            if out_of_patience:
                raise StartFailed(f"the previous demo in {self.path.parent} does not end") from None
            return
        raise StartFailed(
            f"a demo already runs on {self.path.parent} at {owner['url']} (process {owner['pid']});"
            " a second one needs --data and --port of its own"
        )


class Family:
    """The children, and a guard that ends them should we be killed."""

    def __init__(self, lock: Lock) -> None:
        self.members: list[Service] = []
        self.environment: dict[str, str] = {}
        self.guard = subprocess.Popen(
            [sys.executable, "-S", "-E", str(Path(__file__).with_name("guard.py"))],
            stdin=subprocess.PIPE,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            pass_fds=[lock.descriptor],
            start_new_session=True,
            cwd="/",
        )

    def protect(self, process: subprocess.Popen[bytes] | None) -> None:
        """Tell the guard of a process group."""
        if process is None or self.guard.stdin is None:
            raise RuntimeError("protect() is for a process that has been started")
        self.guard.stdin.write(b"%d\n" % process.pid)
        self.guard.stdin.flush()

    def start(self, service: Service) -> None:
        service.process = processes.start(
            service.command, log=service.log, environment=self.environment, directory=ROOT
        )
        self.protect(service.process)
        if service not in self.members:
            self.members.append(service)

    def run(self, name: str, command: list[str], *, log: Path, extra: dict[str, str] | None = None) -> None:
        """Run a command to its end; StartFailed with its last words if it fails."""
        environment = self.environment | (extra or {})
        process = processes.start(command, log=log, environment=environment, directory=ROOT)
        self.protect(process)
        try:
            code = process.wait()
        except BaseException:
            processes.stop(process)
            raise
        if code:
            raise StartFailed(f"{name} failed: {processes.last_words(log)} (see {log})")

    def watch(self) -> None:
        """Start again what has fallen over; StartFailed when one keeps falling."""
        for service in self.members:
            if service.process is None or service.process.poll() is None:
                continue
            code = service.process.returncode
            processes.kill_group(service.process.pid)
            now = time.monotonic()
            service.falls = [fall for fall in service.falls if fall > now - 60] + [now]
            words = processes.last_words(service.log)
            if len(service.falls) > _MOST_FALLS:
                raise StartFailed(f"{service.name} keeps ending (code {code}): {words} (see {service.log})")
            sys.stderr.write(f"{service.name} ended (code {code}); starting it again. {words}\n")
            self.start(service)

    def stop(self) -> None:
        """All at once are asked, in reverse order they are waited for."""
        for service in reversed(self.members):
            if service.process and service.process.poll() is None:
                service.process.send_signal(signal.SIGTERM)
        for service in reversed(self.members):
            if service.process:
                processes.stop(service.process, patience=service.patience)

    def dismiss_guard(self) -> None:
        """The very last act: it lets go of the lock."""
        if self.guard.stdin:
            self.guard.stdin.close()
        self.guard.wait()
