"""Mails about a person's access: written in the same commit as what they tell of, sent by the worker.

They belong to no seller and carry links that open accounts, so they stand apart from the sellers' `Mail`:
no team and no support agent can read them, and the text is erased once it is sent.
"""

from __future__ import annotations

import logging
import smtplib
from datetime import timedelta
from email.utils import formataddr, make_msgid
from typing import Any

from django.conf import settings
from django.core.mail import EmailMultiAlternatives
from django.db import connection, transaction
from django.utils import translation

from marketplace import clock
from marketplace.crash import crashpoint
from marketplace.events import ring_after_commit
from marketplace.mail_text import render_mail
from marketplace.models import AccountMail, Invitation

log = logging.getLogger(__name__)

LEASE = timedelta(seconds=60)
BACK_OFF = tuple(timedelta(seconds=s) for s in (10, 60, 300, 900, 3600, 3 * 3600))

_CLAIM_SQL = """
UPDATE marketplace_accountmail SET leased_until = %(until)s, attempts = attempts + 1
WHERE id IN (
    SELECT id FROM marketplace_accountmail
    WHERE sent_at IS NULL AND failed_at IS NULL AND next_at <= %(now)s
      AND (leased_until IS NULL OR leased_until < %(now)s)
    ORDER BY next_at, id LIMIT %(limit)s FOR UPDATE SKIP LOCKED)
RETURNING id
"""


def queue(
    event: str,
    *,
    to_email: str,
    to_name: str = "",
    language: str = "",
    invitation: Invitation | None = None,
    **context: Any,
) -> AccountMail:
    """Write the mail `templates/emails/<event>.*` to one person; it leaves after the commit."""
    now = clock.now()
    with translation.override(language or translation.get_language() or settings.LANGUAGE_CODE):
        words = render_mail(
            event,
            {
                "recipient_name": to_name,
                "base_url": settings.BASE_URL,
                # the frame of the mails names them both ways
                "button_url": context.get("url", ""),
                "button_label": context.get("button", ""),
                **context,
            },
        )
    mail = AccountMail.objects.create(
        event=event,
        to_email=to_email,
        to_name=_one_line(to_name)[:120],
        subject=words.subject[:300],
        text=words.text,
        html=words.html,
        invitation=invitation,
        message_id=make_msgid(domain=settings.DEFAULT_FROM_EMAIL.rpartition("@")[2].strip("<> ") or "localhost"),
        next_at=now,
        created_at=now,
    )
    ring_after_commit("marketplace.tasks.send_mail")
    return mail


def send_due(limit: int = 50) -> int:
    """Claim what is due, send it outside any transaction, write down what became of it; returns how many left."""
    now = clock.now()
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute(_CLAIM_SQL, {"now": now, "until": now + LEASE, "limit": limit})
        claimed = sorted(row[0] for row in cursor.fetchall())
    crashpoint("account_mail.claimed")
    return sum(_send(mail) for mail in AccountMail.objects.filter(pk__in=claimed).order_by("pk"))


def _send(mail: AccountMail) -> int:
    try:
        _message(mail).send()
    except (smtplib.SMTPException, OSError) as error:
        _note_failure(mail, error)
        return 0
    crashpoint("account_mail.sent")
    mail.sent_at, mail.leased_until = clock.now(), None
    mail.text = mail.html = ""
    mail.save(update_fields=["sent_at", "leased_until", "text", "html"])
    return 1


def _note_failure(mail: AccountMail, error: Exception) -> None:
    """A refusal for good (5xx) or too many tries ends it; anything else is tried again later."""
    is_final = mail.attempts > len(BACK_OFF) or _is_refused(error)
    mail.last_error, mail.leased_until = f"{type(error).__name__}: {error}"[:500], None
    if is_final:
        mail.failed_at, mail.text, mail.html = clock.now(), "", ""
    else:
        mail.next_at = clock.now() + BACK_OFF[mail.attempts - 1]
    mail.save(update_fields=["last_error", "leased_until", "failed_at", "text", "html", "next_at"])
    log.warning("The mail %s to account holder %s did not leave: %s", mail.pk, mail.event, type(error).__name__)


def _is_refused(error: Exception) -> bool:
    if isinstance(error, smtplib.SMTPRecipientsRefused):
        return all(code >= 500 for code, _text in error.recipients.values())
    return isinstance(error, smtplib.SMTPResponseException) and error.smtp_code >= 500


def _message(mail: AccountMail) -> EmailMultiAlternatives:
    to = formataddr((mail.to_name, mail.to_email)) if mail.to_name else mail.to_email
    message = EmailMultiAlternatives(
        subject=mail.subject,
        body=mail.text,
        to=[to],
        headers={"Message-ID": mail.message_id, "Auto-Submitted": "auto-generated"},
    )
    message.attach_alternative(mail.html, "text/html")
    return message


def _one_line(text: str) -> str:
    return " ".join(text.split())
