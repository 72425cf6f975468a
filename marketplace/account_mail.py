"""Mails about a person's access: written in the same commit as what they tell of, sent by the worker.

They belong to no seller and carry links that open accounts, so they stand apart from the sellers' `Mail`:
no team and no support agent can read them, and the text is erased once it is sent.
"""

from __future__ import annotations

import logging
from datetime import timedelta
from typing import Any

from django.conf import settings
from django.db import connection, transaction
from django.utils import translation

from marketplace import clock
from marketplace.crash import crashpoint
from marketplace.events import ring_after_commit
from marketplace.mail_message import Letter
from marketplace.mail_text import render_mail
from marketplace.models import AccountMail, Invitation
from marketplace.notifications import new_message_id
from marketplace.smtp import Accepted, Postman, PutOff, Refused, Unconfirmed

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
        message_id=new_message_id(),
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
        crashpoint("account_mail.claiming")
    crashpoint("account_mail.claimed")
    with Postman() as postman:
        return sum(_send(mail, postman) for mail in AccountMail.objects.filter(pk__in=claimed).order_by("pk"))


def _send(mail: AccountMail, postman: Postman) -> int:
    crashpoint("account_mail.sending")
    delivery = postman.send(
        Letter(
            message_id=mail.message_id,
            to_email=mail.to_email,
            to_name=mail.to_name,
            from_name="Redress",
            reply_to="",
            subject=mail.subject,
            text=mail.text,
            html=mail.html,
            created_at=mail.created_at,
        )
    )
    crashpoint("account_mail.sent")
    mail.leased_until = None
    if isinstance(delivery, Accepted | Unconfirmed):  # silence after the whole mail: one too few beats two
        mail.sent_at, mail.text, mail.html = clock.now(), "", ""
    else:
        _note_failure(mail, delivery)
    mail.save(update_fields=["leased_until", "sent_at", "text", "html", "failed_at", "next_at", "last_error"])
    crashpoint("account_mail.settled")
    return int(mail.sent_at is not None)


def _note_failure(mail: AccountMail, delivery: Refused | PutOff) -> None:
    """A refusal for good or too many tries ends it; anything else is tried again later."""
    mail.last_error = " ".join(str(part) for part in (delivery.code, delivery.text) if part)[:500]
    if isinstance(delivery, Refused) or mail.attempts > len(BACK_OFF):
        mail.failed_at, mail.text, mail.html = clock.now(), "", ""
    else:
        mail.next_at = clock.now() + BACK_OFF[mail.attempts - 1]
    log.warning("The mail %s (%s) did not leave: %s", mail.pk, mail.event, type(delivery).__name__)


def _one_line(text: str) -> str:
    return " ".join(text.split())
