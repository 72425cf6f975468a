"""A mail came back: which one, and what the other side said (RFC 3464 delivery reports)."""

from __future__ import annotations

import email
import re
from dataclasses import dataclass
from email import policy
from email.message import Message
from email.utils import getaddresses

from marketplace.mail import fail
from marketplace.mail_message import token_of
from marketplace.models import Mail
from marketplace.models.record import MailStatus
from marketplace.notifications import with_token
from marketplace.tenancy import scope, system_scope

MOST_BYTES = 1_000_000  # of a report; the original mail at its end does not matter
_VERP = re.compile(r"\+(?P<token>[0-9a-f]{32})@", re.ASCII)
_DELIVERED = (MailStatus.SENT, MailStatus.SENDING, MailStatus.UNCONFIRMED, MailStatus.QUEUED)


@dataclass(frozen=True, slots=True)
class Bounce:
    """One recipient of one delivery report; `token` names our mail."""

    token: str
    recipient: str
    action: str  # failed, delayed, delivered, relayed, expanded
    status: str  # "5.1.1"
    diagnostic: str

    @property
    def is_final(self) -> bool:
        return self.action == "failed" and self.status.startswith("5")


def parse_report(raw: bytes) -> list[Bounce]:
    """What a delivery report says; an empty list for anything that is none, whatever it is."""
    message: Message = email.message_from_bytes(raw[:MOST_BYTES], policy=policy.compat32)
    parts = list(message.walk())[:50]
    token = _token(message, parts)
    if not token:
        return []
    found = []
    for part in parts:
        if part.get_content_type() == "message/delivery-status":
            blocks = part.get_payload()
            for block in blocks if isinstance(blocks, list) else []:
                if isinstance(block, Message) and block.get("Action"):
                    found.append(_bounce(token, block))
    return found


def record_bounce(*, token: str, code: str, text: str) -> bool:
    """Mark the mail as bounced and tell the seller; False where no such mail is, or it is marked already.

    `token` is the mail's own (from the return path or the Message-ID), `code` an enhanced status "5.1.1".
    """
    message_token = token_of(token) or token
    if not re.fullmatch(r"[0-9a-f]{32}", message_token):
        return False
    with system_scope():
        row = with_token(Mail.across_sellers.all(), message_token).values_list("pk", "seller_id").first()
    if row is None:
        return False
    pk, seller_id = row
    with scope(seller_id):
        mail = Mail.objects.select_for_update().filter(pk=pk, status__in=_DELIVERED).first()
        if mail is None:
            return False
        fail(mail, MailStatus.BOUNCED, code=_smtp_code(code), text=f"{code} {text}".strip())
        mail.leased_until = None
        mail.fence += 1  # a sender that still holds it may not settle over this
        mail.save(update_fields=["status", "smtp_code", "last_error", "leased_until", "fence"])
    return True


def record_report(raw: bytes) -> int:
    """Record every final failure in a delivery report; returns how many mails were marked."""
    return sum(
        record_bounce(token=bounce.token, code=bounce.status, text=bounce.diagnostic)
        for bounce in parse_report(raw)
        if bounce.is_final
    )


def _token(message: Message, parts: list[Message]) -> str:
    """From the address the report came to (VERP), else from the Message-ID of the mail it quotes."""
    headers = [str(value) for name in ("To", "Delivered-To", "X-Original-To") for value in message.get_all(name, [])]
    for _name, address in getaddresses(headers):
        match = _VERP.search(address)
        if match:
            return match["token"]
    for part in parts:
        if part.get_content_type() in {"message/rfc822", "text/rfc822-headers"}:
            payload = part.get_payload()
            inner = payload[0] if isinstance(payload, list) and payload else None
            if not isinstance(inner, Message):
                inner = email.message_from_string(str(payload))
            token = token_of(str(inner.get("Message-ID", "")))
            if token:
                return token
    return ""


def _bounce(token: str, block: Message) -> Bounce:
    def value(name: str) -> str:
        return " ".join(str(block.get(name, "")).split())[:300]

    return Bounce(
        token=token,
        recipient=value("Final-Recipient").partition(";")[2].strip(),
        action=value("Action").lower(),
        status=value("Status"),
        diagnostic=value("Diagnostic-Code").partition(";")[2].strip() or value("Diagnostic-Code"),
    )


def _smtp_code(status: str) -> int:
    """ "5.1.1" -> 550, so that a bounce reads like a refusal at the door."""
    return 550 if status.startswith("5") else 450
