"""The sandbox's HTTP server: threads, keep-alive, and callers who may hang up or be hung up on."""

from __future__ import annotations

import select
import socket
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from urllib.parse import parse_qsl, urlsplit

from refunds.sandbox import control_door, native_door, stripe_door
from refunds.sandbox.book import Book
from refunds.sandbox.faults import FaultPlan
from refunds.sandbox.native_door import error_json
from refunds.sandbox.till import HangUpError, Till
from refunds.sandbox.wire import Request, Response, as_json

DOORS = (control_door.serve, native_door.serve, stripe_door.serve)
LARGEST_BODY = 1_000_000  # bytes


class SandboxServer(ThreadingHTTPServer):
    """``port`` 0 takes a free one; ``url`` says which. The book lives in ``data``/sandbox.sqlite3."""

    daemon_threads = True
    request_queue_size = 256  # the standard 5 resets connections when many callers come at once

    def __init__(
        self,
        data: Path,
        port: int = 0,
        host: str = "127.0.0.1",
        *,
        auto_payments: bool = True,
        key_ttl: float = 86_400.0,
    ) -> None:
        self.stopping = threading.Event()
        super().__init__((host, port), _Handler)
        self.book = Book(data / "sandbox.sqlite3")
        self.till = Till(self.book, FaultPlan(), auto_payments=auto_payments, key_ttl=key_ttl)

    @property
    def url(self) -> str:
        return f"http://{self.server_address[0]!s}:{self.server_address[1]}"

    def server_close(self) -> None:
        self.stopping.set()
        super().server_close()


class _Line:
    """The connection of one caller, for the till to be silent on."""

    def __init__(self, connection: socket.socket, stopping: threading.Event) -> None:
        self._connection, self._stopping = connection, stopping

    def wait(self, seconds: float) -> None:
        until = time.monotonic() + seconds
        while (left := until - time.monotonic()) > 0 and not self._stopping.is_set():
            readable, _, _ = select.select([self._connection], [], [], min(left, 0.25))
            if readable and not self._connection.recv(1, socket.MSG_PEEK):
                return  # the caller has gone


class _Handler(BaseHTTPRequestHandler):
    server: SandboxServer
    protocol_version = "HTTP/1.1"
    server_version = "RedressSandbox"
    timeout = 60  # seconds a kept-alive connection may idle
    disable_nagle_algorithm = True
    wbufsize = -1  # head and body in one packet

    def do_GET(self) -> None:
        self._serve()

    def do_POST(self) -> None:
        self._serve()

    def _serve(self) -> None:
        try:
            self._send(self._answer())
        except (HangUpError, ConnectionError, TimeoutError):
            self.close_connection = True

    def _answer(self) -> Response:
        length = int(self.headers.get("Content-Length") or 0)
        if length > LARGEST_BODY:
            self.close_connection = True
            return as_json(413, error_json("too_large", "That is more than the sandbox reads."))
        url = urlsplit(self.path)
        request = Request(
            method=self.command,
            path=url.path,
            query=dict(parse_qsl(url.query, keep_blank_values=True)),
            headers=self.headers,
            body=self.rfile.read(length),
            caller=_Line(self.connection, self.server.stopping),
        )
        for serve in DOORS:
            if response := serve(request, self.server.till):
                return response
        return as_json(404, error_json("not_found", "The sandbox has no such address."))

    def _send(self, response: Response) -> None:
        body = response.body.encode()
        self.send_response(response.status)
        self.send_header("Content-Type", response.content_type)
        self.send_header("Content-Length", str(len(body)))
        for name, value in response.headers.items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(body)
        self.wfile.flush()

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the name is the base class's
        """Silent: the book is the log."""
