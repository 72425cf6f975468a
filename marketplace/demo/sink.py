"""The demo's mail server: takes every mail and keeps it as a file for the mailbox page; sends nothing on.

Two addresses are refused, so that bounces can be tried: local part `bounce` for ever (550), `defer` for now
(451); also with an addition, `bounce+7@example.com`.
"""

from __future__ import annotations

import argparse
import asyncio
import os
import secrets
import signal
import time
from pathlib import Path

from aiosmtpd.smtp import SMTP, Envelope, Session

LARGEST_MAIL = 32 * 1024 * 1024
REFUSALS = {
    "bounce": "550 5.1.1 There is no such mailbox",
    "defer": "451 4.3.0 The mailbox is busy, try again later",
}


class Mailbox:
    """aiosmtpd's handler: one .eml file per mail, complete from the moment it is seen."""

    def __init__(self, directory: Path) -> None:
        self.directory = directory

    async def handle_RCPT(  # noqa: N802  aiosmtpd's name
        self, server: SMTP, session: Session, envelope: Envelope, address: str, options: list[str]
    ) -> str:
        del server, session, options
        local_part = address.lower().partition("@")[0].partition("+")[0]
        if local_part in REFUSALS:
            return REFUSALS[local_part]
        envelope.rcpt_tos.append(address)
        return "250 OK"

    async def handle_DATA(  # noqa: N802  aiosmtpd's name
        self, server: SMTP, session: Session, envelope: Envelope
    ) -> str:
        del server, session
        try:
            name = self.keep(envelope)
        except OSError as problem:
            return f"452 4.3.1 The mail could not be stored: {problem.strerror}"
        return f"250 OK, kept as {name}"

    def keep(self, envelope: Envelope) -> str:
        name = f"{time.time_ns():020d}-{secrets.token_hex(4)}.eml"
        head = f"X-Envelope-From: {envelope.mail_from or '<>'}\r\n"
        head += "".join(f"X-Envelope-To: {address}\r\n" for address in envelope.rcpt_tos)
        part = self.directory / f".{name}.part"
        part.write_bytes(head.encode() + (envelope.original_content or b""))
        part.replace(self.directory / name)
        return name


async def serve(port: int, directory: Path) -> None:
    directory.mkdir(parents=True, exist_ok=True)
    for left in directory.glob(".*.part"):
        left.unlink(missing_ok=True)
    loop = asyncio.get_running_loop()
    ended = asyncio.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, ended.set)
    mailbox = Mailbox(directory)
    server = await loop.create_server(
        lambda: SMTP(mailbox, data_size_limit=LARGEST_MAIL, enable_SMTPUTF8=True, hostname="localhost", loop=loop),
        "127.0.0.1",
        port,
    )
    await ended.wait()
    server.close()


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m marketplace.demo.sink", description=__doc__)
    parser.add_argument("--port", type=int, required=True)
    parser.add_argument("--dir", type=Path, required=True, help="where the .eml files go")
    options = parser.parse_args()
    os.umask(0o077)
    asyncio.run(serve(options.port, options.dir))


if __name__ == "__main__":
    main()
