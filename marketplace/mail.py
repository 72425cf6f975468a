"""How a mail leaves: claimed in one transaction, sent outside any, settled in another, by lease and fence."""

from __future__ import annotations

import logging
import random
import time
from dataclasses import dataclass
from datetime import datetime, timedelta

from django.db import connection
from django.utils.translation import gettext as _

from marketplace import clock, events, tenancy
from marketplace.actors import ActorKind
from marketplace.crash import crashpoint
from marketplace.mail_message import Letter
from marketplace.mail_secrets import without_secrets
from marketplace.models import Mail, Note
from marketplace.models.record import MailStatus
from marketplace.smtp import Accepted, Delivery, Postman, PutOff, Refused, Unconfirmed
from marketplace.tenancy import scope, system_scope

log = logging.getLogger(__name__)

BATCH = 20
LEASE = timedelta(minutes=10)
SHIFT = 120.0  # seconds after which a sender stops; well within its lease and the worker's own limit
# After a 4xx or without a connection (reliability.md S1); the last step repeats until the mail is given up.
RETRY_AFTER = tuple(timedelta(minutes=m) for m in (1, 5, 15, 60, 240))
GIVE_UP_AFTER = timedelta(hours=48)
# A server silent after the final dot: the same mail once more, then no more (S3).
MOST_UNCONFIRMED = 2
MOST_ATTEMPTS = 40  # more than 48 h of retries: only a mail that kills its sender gets here
FAILED_EVENT = "mail.failed"

# The rows are chosen in a WITH: as a subquery of the UPDATE they could be chosen anew for every row.
_CLAIM_SQL = """
WITH due AS MATERIALIZED (
    SELECT id FROM marketplace_mail
    WHERE status IN ('QUEUED', 'SENDING') AND next_at <= %(now)s
      AND (leased_until IS NULL OR leased_until < %(now)s)
    ORDER BY next_at, id LIMIT %(limit)s FOR UPDATE SKIP LOCKED)
UPDATE marketplace_mail AS m SET status = 'SENDING', fence = m.fence + 1, attempts = m.attempts + 1,
    leased_until = %(until)s, first_tried_at = COALESCE(m.first_tried_at, %(now)s)
FROM due WHERE m.id = due.id
RETURNING m.id, m.seller_id, m.fence, m.message_id, m.to_email, m.to_name, m.from_name, m.reply_to, m.subject,
    m.text, m.html, m.created_at
"""


@dataclass(frozen=True, slots=True)
class Claim:
    """One mail in our hands until the lease ends; `fence` tells our settling from a later claimer's."""

    pk: int
    seller_id: int
    fence: int
    letter: Letter


def send_due(limit: int = BATCH, rounds: int = 50) -> int:
    """Send what is due, round by round; returns how many mails the server accepted."""
    if tenancy.current() is not None:
        raise RuntimeError("No mail leaves inside a transaction.")
    accepted = 0
    ends = time.monotonic() + SHIFT
    for _round in range(rounds):
        claims = _claim(limit) if time.monotonic() < ends else []
        if not claims:
            break
        crashpoint("mail.claimed")
        accepted += _send_all(claims, ends)
    return accepted


def _claim(limit: int) -> list[Claim]:
    with system_scope():
        now = clock.now()
        with connection.cursor() as cursor:
            cursor.execute(_CLAIM_SQL, {"now": now, "until": now + LEASE, "limit": limit})
            rows = sorted(cursor.fetchall())
        if rows:
            crashpoint("mail.claiming")
    return [Claim(row[0], row[1], row[2], Letter(*row[3:])) for row in rows]


def _send_all(claims: list[Claim], ends: float) -> int:
    accepted = 0
    with Postman() as postman:
        for claim in claims:
            if time.monotonic() > ends + SHIFT:
                return accepted  # the rest is claimed anew when the lease has ended
            crashpoint("mail.sending")
            delivery = postman.send(claim.letter)
            crashpoint("mail.sent")
            settle(claim, delivery)
            crashpoint("mail.settled")
            accepted += isinstance(delivery, Accepted)
    return accepted


def settle(claim: Claim, delivery: Delivery) -> Mail | None:
    """Write down what became of it; nothing where somebody else has claimed the mail since."""
    with scope(claim.seller_id):
        mail: Mail | None = (
            Mail.objects.select_for_update().filter(pk=claim.pk, fence=claim.fence, status=MailStatus.SENDING).first()
        )
        if mail is None:
            log.warning("The mail %s was claimed by somebody else; this settling is dropped.", claim.pk)
            return None
        now = clock.now()
        mail.leased_until = None
        mail.smtp_code = getattr(delivery, "code", None)
        match delivery:
            case Accepted():
                mail.status, mail.sent_at, mail.last_error = MailStatus.SENT, now, ""
            case Unconfirmed():
                _unconfirmed(mail, delivery, now)
            case PutOff() if not _is_hopeless(mail, now):
                _again(mail, now, delivery.text)
            case PutOff() | Refused():
                fail(mail, MailStatus.FAILED, code=delivery.code, text=delivery.text)
        if mail.status not in {MailStatus.QUEUED, MailStatus.SENDING}:
            mail.text = without_secrets(mail.template, mail.text)
            mail.html = without_secrets(mail.template, mail.html)
        mail.save(
            update_fields=[
                "text",
                "html",
                "leased_until",
                "smtp_code",
                "status",
                "sent_at",
                "last_error",
                "next_at",
                "unconfirmed",
            ]
        )
        crashpoint("mail.before_commit")
    return mail


def fail(mail: Mail, status: MailStatus, *, code: int | None, text: str) -> None:
    """It did not arrive: the mail says so, the timeline says so, and the seller's people hear of it.

    Changes `mail` in memory, which the caller saves in this transaction.
    """
    mail.status, mail.smtp_code, mail.last_error = status, code, text[:500]
    log.warning("The mail %s (%s) failed with %s.", mail.pk, mail.template, code or "no answer")
    note_on(
        mail,
        _("The mail “%(subject)s” to %(address)s did not arrive. The mail server said: %(answer)s")
        % {"subject": mail.subject, "address": mail.to_email, "answer": f"{code or ''} {text}".strip()},
    )
    events.announce(
        FAILED_EVENT,
        mail,
        {"side": mail.side, "template": mail.template, "status": status.value, "code": code, "text": text[:300]},
    )


def note_on(mail: Mail, text: str) -> None:
    """A line on the timeline of what the mail is about."""
    if mail.machine and mail.object_id:
        Note.objects.create(
            machine=mail.machine,
            object_id=mail.object_id,
            kind=Note.Kind.FACT,
            text=text[:4000],
            actor_kind=ActorKind.SYSTEM,
            actor_label=_("Mail"),
            at=clock.now(),
        )


def _is_hopeless(mail: Mail, now: datetime) -> bool:
    return now - (mail.first_tried_at or now) >= GIVE_UP_AFTER or mail.attempts >= MOST_ATTEMPTS


def _again(mail: Mail, now: datetime, error: str) -> None:
    pause = RETRY_AFTER[min(mail.attempts, len(RETRY_AFTER)) - 1]
    mail.status, mail.last_error = MailStatus.QUEUED, error[:500]
    mail.next_at = now + pause * random.uniform(1, 1.1)  # not all of them in the same second again


def _unconfirmed(mail: Mail, delivery: Unconfirmed, now: datetime) -> None:
    mail.unconfirmed += 1
    if mail.unconfirmed < MOST_UNCONFIRMED:
        _again(mail, now, delivery.text)
        return
    mail.status, mail.last_error = MailStatus.UNCONFIRMED, delivery.text[:500]
    note_on(
        mail,
        _("The mail “%(subject)s” was handed to the mail server twice, and the server confirmed neither.")
        % {"subject": mail.subject},
    )
