"""What the scripted job of `manage.py demo --once` knows of the demo, and has found out on the way."""

from __future__ import annotations

import email
import secrets
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from email.policy import default
from pathlib import Path
from typing import Any

import requests

from marketplace.demo.person import Person, StepFailed


@dataclass(frozen=True)
class Letter:
    """One mail in the mailbox."""

    to: str
    subject: str
    text: str


@dataclass
class Case:
    """One order and what became of it."""

    number: str
    payment: str
    email: str
    order_id: str = ""
    line_ids: list[int] = field(default_factory=list)
    return_id: str = ""
    rma: str = ""
    refund_minor: int = 0
    refund_id: str = ""

    @property
    def page(self) -> str:
        return f"/returns/{self.return_id}/"


@dataclass
class Journey:
    """The demo's doors and the people who use them."""

    url: str
    mailbox: Path
    smtp_port: int
    sandbox_url: str
    logins: list[dict[str, Any]]
    api_keys: dict[str, str]
    nonce: str = field(default_factory=lambda: secrets.token_hex(4))
    began: datetime = field(default_factory=lambda: datetime.now(UTC))

    def __post_init__(self) -> None:
        self.seller, self.stranger, self.buyer = Person(self.url), Person(self.url), Person(self.url)
        number = 1_000_000 + int(self.nonce, 16) % 8_999_999
        self.main = Case(f"202-{number}-0000001", f"walk-{self.nonce}", f"kim+{self.nonce}@buyers.example")
        self.by_hand = Case(f"WALK-{self.nonce}", "", f"pat+{self.nonce}@buyers.example")
        self.bouncing = Case(f"202-{number}-0000002", "", f"bounce+{self.nonce}@buyers.example")
        self.import_page = ""

    def login(self, seller: str, role: str) -> dict[str, str]:
        for each in self.logins:
            if (each["seller"], each["role"]) == (seller, role):
                return each
        raise StepFailed(f"the demo has no {role} of {seller}; was it started with --no-seed?")

    def wait_for(self, what: str, look: Callable[[], Any], *, patience: float = 60) -> Any:
        """Look until there is something to see."""
        deadline = time.monotonic() + patience
        while not (seen := look()):
            if time.monotonic() > deadline:
                raise StepFailed(f"{what} did not come within {patience:.0f} seconds")
            time.sleep(0.2)
        return seen

    def api(
        self, method: str, path: str, body: dict[str, Any] | None = None, *, seller: str = "acme", expect: int = 200
    ) -> Any:
        """What a program gets."""
        if seller not in self.api_keys:
            raise StepFailed(f"the demo has no API key of {seller}; was it started with --no-seed?")
        head = {"Authorization": f"Bearer {self.api_keys[seller]}", "Idempotency-Key": secrets.token_hex(16)}
        answer = requests.request(method, f"{self.url}/api/v1/{path}", json=body, headers=head, timeout=30)
        if answer.status_code != expect:
            raise StepFailed(f"{method} {path} answered {answer.status_code}, not {expect}: {answer.text[:300]}")
        return answer.json()

    def letters(self, to: str, about: str = "") -> list[Letter]:
        """Mails to this address whose subject holds these words, oldest first."""
        found = []
        for file in sorted(self.mailbox.glob("*.eml")):
            raw = file.read_bytes()
            if to.encode() not in raw:
                continue
            mail = email.message_from_bytes(raw, policy=default)
            body = mail.get_body(("plain",))
            subject = " ".join(str(mail["Subject"] or "").split())
            if to in mail.get_all("X-Envelope-To", []) and about in subject:
                found.append(Letter(to, subject, str(body.get_content()) if body else ""))
        return found

    def letter(self, to: str, about: str) -> Letter:
        """The one mail of that kind, once it is there."""
        found: list[Letter] = self.wait_for(f"A mail “{about}” to {to}", lambda: self.letters(to, about))
        if len(found) > 1:
            raise StepFailed(f"{len(found)} mails “{about}” went to {to} instead of one")
        return found[0]

    def payouts(self, payment: str) -> list[dict[str, Any]]:
        """What the sandbox gateway's book says was paid back for this payment."""
        rows: list[dict[str, Any]] = requests.get(f"{self.sandbox_url}/_book", timeout=30).json()["payouts"]
        return [row for row in rows if row["payment_reference"] == payment]
