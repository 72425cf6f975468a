"""A real mail server on loopback that does as it is told: accepts, puts off, refuses, falls silent."""

from __future__ import annotations

import asyncio
import email
import socket
from collections.abc import Iterator
from dataclasses import dataclass, field
from email.message import EmailMessage
from email.policy import default
from typing import Any

import pytest
from aiosmtpd.controller import Controller
from aiosmtpd.smtp import Envelope, Session
from pytest_django import Settings


@dataclass
class Received:
    sender: str
    recipients: list[str]
    raw: bytes

    @property
    def message(self) -> EmailMessage:
        found = email.message_from_bytes(self.raw, policy=default)
        assert isinstance(found, EmailMessage)
        return found

    @property
    def message_id(self) -> str:
        return str(self.message["Message-ID"])


@dataclass
class MailServer:
    """`plan` holds the next answers to a whole mail, e.g. "451 busy" or "drop"; empty = accept."""

    plan: list[str] = field(default_factory=list)
    at_rcpt: dict[str, str] = field(default_factory=dict)  # address -> answer
    seen: list[Received] = field(default_factory=list)  # everything handed over, accepted or not
    accepted: list[Received] = field(default_factory=list)

    async def handle_RCPT(  # noqa: N802
        self, server: Any, session: Session, envelope: Envelope, address: str, options: list[str]
    ) -> str:
        if address in self.at_rcpt:
            return self.at_rcpt[address]
        envelope.rcpt_tos.append(address)
        return "250 OK"

    async def handle_DATA(self, server: Any, session: Session, envelope: Envelope) -> str:  # noqa: N802
        mail = Received(envelope.mail_from or "", list(envelope.rcpt_tos), envelope.original_content or b"")
        self.seen.append(mail)
        answer = self.plan.pop(0) if self.plan else "250 OK"
        if answer == "drop":
            server.transport.abort()
            await asyncio.sleep(0)
            return "421 gone"
        if answer.startswith("250"):
            self.accepted.append(mail)
        return answer


class LoopbackController(Controller):
    def factory(self) -> Any:
        smtp = super().factory()
        smtp.hostname = "mx.example"
        return smtp


@pytest.fixture
def mail_server(settings: Settings) -> Iterator[MailServer]:
    server = MailServer()
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
    controller = LoopbackController(server, hostname="127.0.0.1", port=port, server_hostname="mx.example")
    controller.start()
    settings.EMAIL_HOST, settings.EMAIL_PORT = "127.0.0.1", port
    settings.EMAIL_TIMEOUT = 2
    settings.EMAIL_HOST_USER = ""
    settings.EMAIL_USE_TLS = settings.EMAIL_USE_SSL = False
    settings.DEFAULT_FROM_EMAIL = "Redress <returns@redress.example>"
    settings.BOUNCE_ADDRESS = ""
    yield server
    controller.stop()
