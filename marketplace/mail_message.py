"""What a mail looks like on the wire: built by us, and refused by us where a header could be smuggled in.

Python 3.11 writes some line breaks in headers and lax addresses as they come (rulings 32), so every value is
checked here before `email` sees it.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import datetime
from email.headerregistry import Address
from email.message import EmailMessage
from email.policy import SMTP
from email.utils import format_datetime, parseaddr

from django.conf import settings

# One line of 7 bits for every server: text in other alphabets travels as quoted-printable or base64.
POLICY = SMTP.clone(cte_type="7bit", raise_on_defect=True)
_LOCAL = r"[A-Za-z0-9!#$%&'*+/=?^_`{|}~-]+(?:\.[A-Za-z0-9!#$%&'*+/=?^_`{|}~-]+)*"
_LABEL = r"[A-Za-z0-9](?:[A-Za-z0-9-]{0,61}[A-Za-z0-9])?"
_ADDRESS = re.compile(rf"(?P<local>{_LOCAL})@(?P<domain>{_LABEL}(?:\.{_LABEL})*)", re.ASCII)
_CONTROL = re.compile("[\x00-\x1f\x7f\x85\u2028\u2029]")
_TOKEN = re.compile(r"<?(?P<token>[0-9a-f]{32})@[^<>@\s]+>?", re.ASCII)


class Unsendable(ValueError):
    """This mail can never be sent as it is: a forged header or an address that is none."""


@dataclass(frozen=True, slots=True)
class Letter:
    """Everything that goes over the wire for one mail; texts as they were rendered."""

    message_id: str
    to_email: str
    to_name: str
    from_name: str
    reply_to: str
    subject: str
    text: str
    html: str
    created_at: datetime


def plain_address(text: str) -> str:
    """The address itself, or Unsendable: no quoted parts, no comments, no line breaks, at most 254."""
    match = _ADDRESS.fullmatch(text)
    if match is None or len(text) > 254 or len(match["local"]) > 64:
        raise Unsendable(f"{text[:80]!r} is no address that can be written to.")
    return text


def header(text: str, name: str) -> str:
    """The value as it is, or Unsendable where it would break out of its line."""
    if _CONTROL.search(text):
        raise Unsendable(f"The {name} holds a line break or a control character.")
    return text


def build(letter: Letter) -> EmailMessage:
    """The message, text and HTML saying the same; the same Message-ID for every attempt."""
    message = EmailMessage(policy=POLICY)
    message["Message-ID"] = header(letter.message_id, "Message-ID")
    message["Date"] = format_datetime(letter.created_at)
    message["From"] = _person(letter.from_name, from_address())
    message["To"] = _person(letter.to_name, letter.to_email)
    if letter.reply_to:
        message["Reply-To"] = plain_address(letter.reply_to)
    message["Subject"] = header(letter.subject, "subject")
    message["Auto-Submitted"] = "auto-generated"
    message.set_content(_body(letter.text), cte="quoted-printable")
    if letter.html:
        message.add_alternative(_body(letter.html), subtype="html", cte="quoted-printable")
    return message


def on_the_wire(message: EmailMessage) -> bytes:
    """The bytes to send. Headers of plain letters stay on one line each: folded by `email`, a long subject
    would begin with an empty line, which some readers show as a blank."""
    is_plain = all(str(value).isascii() for value in message.values())
    return message.as_bytes(policy=POLICY.clone(max_line_length=900) if is_plain else POLICY)


def from_address() -> str:
    return plain_address(parseaddr(settings.DEFAULT_FROM_EMAIL)[1])


def return_path(message_id: str) -> str:
    """Where a bounce of this mail goes: the bounce address with the mail's own token (VERP)."""
    local, _at, domain = plain_address(settings.BOUNCE_ADDRESS or from_address()).rpartition("@")
    return f"{local}+{token_of(message_id)}@{domain}"


def token_of(text: str) -> str:
    """The 32 hexadecimal characters that name a mail, from its Message-ID; "" where there are none."""
    match = _TOKEN.fullmatch(text.strip())
    return match["token"] if match else ""


def _person(name: str, address: str) -> Address:
    local, _at, domain = plain_address(address).rpartition("@")
    return Address(display_name=header(name, "name"), username=local, domain=domain)


def _body(text: str) -> str:
    if "\x00" in text:
        raise Unsendable("The text holds a NUL.")
    return text.replace("\r\n", "\n").replace("\r", "\n")
