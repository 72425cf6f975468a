"""How a child process is started so that it never outlives us, and how it is stopped."""

from __future__ import annotations

import ctypes
import hashlib
import os
import pwd
import shutil
import signal
import socket
import stat
import subprocess
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

_PR_SET_PDEATHSIG = 1
_LONGEST_SOCKET_PATH = 90  # the kernel takes 107 bytes, and "/.s.PGSQL.5432" is still to come
_libc = ctypes.CDLL(None, use_errno=True)


class StartFailed(Exception):
    """A server did not come up; the message is one line for the person at the terminal."""


@dataclass(frozen=True)
class Account:
    """The system account that a child runs under."""

    uid: int
    gid: int

    def own(self, path: Path) -> None:
        os.chown(path, self.uid, self.gid)


def unprivileged_account() -> Account | None:
    """`nobody` if we are root (PostgreSQL refuses to run as root), else None: run as ourselves."""
    if os.geteuid() != 0:
        return None
    nobody = pwd.getpwnam("nobody")
    return Account(nobody.pw_uid, nobody.pw_gid)


def die_with_parent(how: int) -> Callable[[], None]:
    """A preexec function: the kernel sends `how` to the child when the thread that started it is gone.

    It runs after the change of user, which would clear the setting.
    """
    parent = os.getpid()

    def arrange() -> None:
        _libc.prctl(_PR_SET_PDEATHSIG, how, 0, 0, 0)
        if os.getppid() != parent:  # it died between fork and prctl
            os.kill(os.getpid(), signal.SIGKILL)

    return arrange


def start(
    command: Sequence[str | Path],
    *,
    log: Path,
    on_parent_death: int = signal.SIGTERM,
    account: Account | None = None,
    environment: Mapping[str, str] | None = None,
    directory: str | Path = "/",
) -> subprocess.Popen[bytes]:
    """Start a child in a session (and so a process group) of its own, its output appended to `log`."""
    with log.open("ab") as output:
        return subprocess.Popen(
            [str(part) for part in command],
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=output,
            cwd=directory,
            env=None if environment is None else dict(environment),
            start_new_session=True,
            preexec_fn=die_with_parent(on_parent_death),  # noqa: PLW1509  calls prctl, nothing that locks
            user=account.uid if account else None,
            group=account.gid if account else None,
            extra_groups=[] if account else None,
        )


def stop(process: subprocess.Popen[bytes], *, how: int = signal.SIGTERM, patience: float = 10) -> None:
    """Ask the process to end, then end its whole group: nothing of it is left when this returns."""
    if process.poll() is None:
        process.send_signal(how)
        try:
            process.wait(patience)
        except subprocess.TimeoutExpired:
            pass
    kill_group(process.pid)
    process.wait()


def kill_group(group: int) -> None:
    try:
        os.killpg(group, signal.SIGKILL)
    except (ProcessLookupError, PermissionError):
        pass


def last_words(log: Path, *, lines: int = 1) -> str:
    """The last lines of a log, for a message to a person."""
    try:
        with log.open("rb") as file:
            file.seek(max(0, log.stat().st_size - 4000))
            text = file.read().decode(errors="replace")
    except OSError:
        return ""
    return "\n".join([line for line in text.splitlines() if line.strip()][-lines:])


def wait_until(
    ready: Callable[[], bool], *, process: subprocess.Popen[bytes], what: str, log: Path, patience: float = 30
) -> None:
    """Poll until `ready()`; StartFailed if the process ends first or the patience does."""
    deadline = time.monotonic() + patience
    while not ready():
        if process.poll() is not None:
            raise StartFailed(f"{what} ended at once: {last_words(log) or 'no message'} (see {log})")
        if time.monotonic() > deadline:
            words = last_words(log) or "no message"
            raise StartFailed(f"{what} did not answer within {patience:.0f} seconds: {words} (see {log})")
        time.sleep(0.02)


def free_port() -> int:
    """A TCP port of the loopback interface that nobody listens on at this moment."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


def short_hash(path: Path) -> str:
    return hashlib.sha256(str(path.resolve()).encode()).hexdigest()[:12]


def traversable(path: Path) -> bool:
    """May any account of this machine reach `path`?"""
    path = path.resolve()
    return all(directory.stat().st_mode & stat.S_IXOTH for directory in [path, *path.parents])


def socket_directory(wanted: Path, *, name: str, account: Account | None) -> Path:
    """`wanted`, or a short stand-in under /tmp where its path is too long for a socket; made, ours alone."""
    if len(os.fsencode(wanted)) <= _LONGEST_SOCKET_PATH:
        return private_directory(wanted, account)
    return private_directory(Path("/tmp") / f"redress-{name}-{os.geteuid()}-{short_hash(wanted)}", account)  # noqa: S108


def private_directory(path: Path, account: Account | None) -> Path:
    """Make `path` (mode 0700, owned by `account`), refusing one that somebody else has put there."""
    path.mkdir(parents=True, exist_ok=True, mode=0o700)
    owner = path.lstat().st_uid
    if path.is_symlink() or owner not in {os.geteuid(), account.uid if account else os.geteuid()}:
        raise StartFailed(f"{path} belongs to somebody else; remove it or choose another data directory")
    path.chmod(0o700)
    if account:
        account.own(path)
    return path


def remove_tree(path: Path) -> None:
    shutil.rmtree(path, ignore_errors=True)
