"""What became of one mail at the mail server: accepted, put off, refused, or never confirmed.

Each step of the conversation is spoken here, because what a silence means depends on where it falls: before
the final dot nothing was handed over, after it the mail may be on its way (RFC 1047).
"""

from __future__ import annotations

import re
import smtplib
import ssl
from dataclasses import dataclass
from types import TracebackType
from typing import Self
from urllib.parse import urlsplit

from django.conf import settings

from marketplace.mail_message import Letter, Unsendable, build, on_the_wire, plain_address, return_path


@dataclass(frozen=True, slots=True)
class Accepted:
    code: int
    text: str


@dataclass(frozen=True, slots=True)
class PutOff:
    """Not now: a 4xx, or no conversation came about; it is tried again."""

    code: int | None
    text: str


@dataclass(frozen=True, slots=True)
class Refused:
    """Not at all: a 5xx for this mail, or one that we ourselves can not send."""

    code: int | None
    text: str


@dataclass(frozen=True, slots=True)
class Unconfirmed:
    """The whole mail was handed over and then the server fell silent."""

    text: str


Delivery = Accepted | PutOff | Refused | Unconfirmed


class Postman:
    """One connection for a round of mails, opened at the first; `with Postman() as postman: postman.send(...)`."""

    def __init__(self) -> None:
        self._smtp: smtplib.SMTP | None = None
        self._trouble: PutOff | None = None  # nobody answered: the rest of the round is put off at once

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._hang_up()

    def send(self, letter: Letter) -> Delivery:
        """Hand one mail over. Never raises for what the server, the network or the mail itself did."""
        try:
            payload = _dot_stuffed(on_the_wire(build(letter)))
            sender, recipient = return_path(letter.message_id), plain_address(letter.to_email)
        except (Unsendable, ValueError) as error:
            return Refused(None, str(error)[:300])
        if self._smtp is None:
            self._call()
        if self._smtp is None:
            return self._trouble or PutOff(None, "no connection")
        delivery = self._converse(self._smtp, sender, recipient, payload)
        if not isinstance(delivery, Accepted):
            self._hang_up()
        return delivery

    # --- the conversation ---

    def _call(self) -> None:
        if self._trouble is not None:
            return
        try:
            self._smtp = _connect()
        except smtplib.SMTPResponseException as error:
            # A server that turns us all away says nothing about this mail: put off, whatever the code.
            self._trouble = PutOff(error.smtp_code, _text(error.smtp_error))
        except (OSError, smtplib.SMTPException) as error:
            self._trouble = PutOff(None, f"{type(error).__name__}: {error}"[:300])

    def _converse(self, smtp: smtplib.SMTP, sender: str, recipient: str, payload: bytes) -> Delivery:
        try:
            for command, argument in (("MAIL", f"FROM:<{sender}>"), ("RCPT", f"TO:<{recipient}>"), ("DATA", "")):
                code, answer = smtp.docmd(command, argument)
                if not 200 <= code < 400:
                    return _refusal(code, answer)
        except (OSError, smtplib.SMTPException) as error:
            return PutOff(None, f"{type(error).__name__}: {error}"[:300])
        try:
            smtp.send(payload)
            code, answer = smtp.getreply()
        except (OSError, smtplib.SMTPException) as error:
            return Unconfirmed(f"{type(error).__name__}: {error}"[:300])
        return Accepted(code, _text(answer)) if 200 <= code < 300 else _refusal(code, answer)

    def _hang_up(self) -> None:
        smtp, self._smtp = self._smtp, None
        if smtp is None:
            return
        try:
            smtp.quit()
        except (OSError, smtplib.SMTPException):
            smtp.close()


def _connect() -> smtplib.SMTP:
    kind = smtplib.SMTP_SSL if settings.EMAIL_USE_SSL else smtplib.SMTP
    smtp = kind(settings.EMAIL_HOST, settings.EMAIL_PORT, local_hostname=_our_name(), timeout=settings.EMAIL_TIMEOUT)
    try:
        if settings.EMAIL_USE_TLS:
            smtp.starttls(context=ssl.create_default_context())
        smtp.ehlo_or_helo_if_needed()
        if settings.EMAIL_HOST_USER:
            smtp.login(settings.EMAIL_HOST_USER, settings.EMAIL_HOST_PASSWORD)
    except BaseException:
        smtp.close()
        raise
    return smtp


def _our_name() -> str:
    """How we greet: our public name, without asking the name service (which can take seconds)."""
    host = urlsplit(settings.BASE_URL).hostname or "localhost"
    return f"[{host}]" if host.replace(".", "").isdigit() else host


def _refusal(code: int, answer: bytes) -> Delivery:
    return Refused(code, _text(answer)) if 500 <= code < 600 else PutOff(code, _text(answer))


def _text(answer: bytes | str) -> str:
    text = answer.decode("utf-8", "replace") if isinstance(answer, bytes) else answer
    return " ".join(text.split())[:300]


def _dot_stuffed(data: bytes) -> bytes:
    """As the DATA command wants it: a leading dot doubled, a lone dot at the end."""
    data = re.sub(rb"(?m)^\.", b"..", data)
    return data + (b"" if data.endswith(b"\r\n") else b"\r\n") + b".\r\n"
