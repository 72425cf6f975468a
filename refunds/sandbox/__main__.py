"""``python -m refunds.sandbox --port N --data DIR``: run the fake payment gateway until told to stop."""

from __future__ import annotations

import argparse
import signal
import sqlite3
import sys
import threading
from pathlib import Path

from refunds.sandbox.server import SandboxServer


def main(arguments: list[str] | None = None) -> int:
    """Serve until SIGINT or SIGTERM. One line on standard output says where, once it answers."""
    parser = argparse.ArgumentParser(prog="refunds.sandbox", description="A fake payment gateway with a real book.")
    parser.add_argument("--port", type=int, required=True, help="0 takes a free port")
    parser.add_argument("--data", type=Path, required=True, help="the directory of the book")
    parser.add_argument("--host", default="127.0.0.1")
    parser.add_argument(
        "--auto-payments",
        action=argparse.BooleanOptionalAction,
        default=True,
        help="make an unknown payment of the native API out of the amount named as metadata.paid",
    )
    parser.add_argument("--key-ttl", type=float, default=86_400.0, help="seconds an idempotency key is remembered")
    options = parser.parse_args(arguments)
    try:
        server = SandboxServer(
            options.data,
            options.port,
            options.host,
            auto_payments=options.auto_payments,
            key_ttl=options.key_ttl,
        )
    except (OSError, sqlite3.Error) as trouble:
        where = f"{options.host}:{options.port} with its book in {options.data}"
        sys.stderr.write(f"The sandbox gateway can not start on {where}: {trouble}\n")
        return 1
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda *_: threading.Thread(target=server.shutdown).start())
    sys.stdout.write(f"sandbox gateway: {server.url}\n")
    sys.stdout.flush()
    server.serve_forever(poll_interval=0.1)
    server.server_close()
    server.book.close()
    return 0


if __name__ == "__main__":
    sys.exit(main())
