"""Which mails went out about a thing, and what became of each: for its timeline, and a page of the mail as sent."""

from __future__ import annotations

import re

from django.urls import reverse
from django.utils.translation import gettext as _

from marketplace import times
from marketplace.actors import ActorKind
from marketplace.errors import NotFound
from marketplace.mail_message import token_of
from marketplace.models import Mail
from marketplace.models.record import MailStatus
from marketplace.notifications import BUYER, with_token
from marketplace.portal_parts import TimelineEntry

_LOST = {MailStatus.FAILED.value, MailStatus.BOUNCED.value}


def mails_about(machine: str, object_id: int) -> list[TimelineEntry]:
    """One entry per mail, oldest first, with its status and what the mail server said."""
    found = Mail.objects.filter(machine=machine, object_id=object_id).order_by("id")
    return [
        TimelineEntry(
            at=mail.created_at,
            actor_kind=ActorKind.SYSTEM.value,
            actor=_("Redress"),
            sentence=_sentence(mail),
            is_failure=mail.status in _LOST,
            mail_url=reverse("mails:detail", args=[token_of(mail.message_id)]),
            mail_subject=mail.subject,
            mail_status=shown_status(mail),
            why=why(mail),
            icon="mail-x" if mail.status in _LOST else "mail",
        )
        for mail in found.defer("text", "html")
    ]


def shown_status(mail: Mail) -> str:
    """The status in the words of portal_words: a mail that was put off waits to be tried again."""
    return "RETRY" if mail.status == MailStatus.QUEUED and mail.attempts else str(mail.status)


def why(mail: Mail) -> str:
    """What the mail server said, or until when a mail is held back."""
    if mail.status == MailStatus.QUEUED and not mail.attempts and mail.not_before > mail.created_at:
        return _("It waits until %(when)s: a buyer gets at most two mails a day about one case, unless they act.") % {
            "when": times.written(mail.not_before)
        }
    if not mail.last_error:
        return ""
    answer = f"{mail.smtp_code or ''} {mail.last_error}".strip()
    text = _("The mail server said: %(answer)s") % {"answer": answer}
    if mail.status == MailStatus.QUEUED:
        text += " " + _("It is tried again at %(when)s.") % {"when": times.written(mail.next_at)}
    return text


def mail_named(token: str) -> Mail:
    """One mail of the current seller by the token of its Message-ID; NotFound otherwise."""
    found = with_token(Mail.objects.all(), token).first() if re.fullmatch(r"[0-9a-f]{32}", token) else None
    if found is None:
        raise NotFound
    return found


def _sentence(mail: Mail) -> str:
    if mail.side == BUYER:
        return _("wrote to the buyer.")
    return _("wrote to %(name)s") % {"name": mail.to_name or mail.to_email}
