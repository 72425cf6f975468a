"""Who is told what by mail: the right side, in their language and zone, once per event, never too often."""

from __future__ import annotations

import hashlib
import secrets
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from email.utils import parseaddr
from typing import Any
from zoneinfo import ZoneInfo

from django.conf import settings
from django.db import connection, models
from django.db.models import Max
from django.urls import reverse
from django.utils import timezone, translation
from django.utils.functional import Promise

from marketplace import clock, events
from marketplace.actors import ROLE_PERMISSIONS, ActorKind, MemberRole, Permission
from marketplace.fsm import StatusModel
from marketplace.mail_text import MailText, render_mail
from marketplace.models import Buyer, Mail, Membership, NotificationPreference, Seller, StateTransition
from marketplace.tenancy import current_seller_id

BUYER, SELLER = "buyer", "seller"
# A buyer gets at most so many mails about one case within this time, unless they act (design: Mails).
MAILS_PER_CASE = 2
CASE_WINDOW = timedelta(hours=24)

About = models.Model | tuple[str, int]
# What the templates are filled with; called once per recipient, in their language and zone.
Words = Callable[["Recipient"], dict[str, Any]]


@dataclass(frozen=True, slots=True)
class Recipient:
    """A person to write to; `side` says which of the two halves of a case they are on."""

    email: str
    name: str = ""
    side: str = BUYER
    language: str = "en"
    zone: str = "UTC"


@dataclass(frozen=True, slots=True)
class Kind:
    """A mail that the seller's people may want or not; only those who may act on it get it."""

    event: str
    label: str | Promise
    permission: Permission = Permission.VIEW
    is_wanted: bool = True  # without a preference of the person


KINDS: dict[str, Kind] = {}


def register_kind(
    event: str, label: str | Promise, *, permission: Permission = Permission.VIEW, is_wanted: bool = True
) -> None:
    """Called by an app at start-up; the page of notification settings lists what is registered."""
    KINDS[event] = Kind(event, label, permission, is_wanted)


# --- to whom -----------------------------------------------------------------------------------------


def buyer_recipient(buyer: Buyer | None) -> list[Recipient]:
    """The buyer, or nobody where no address is known (rulings 23)."""
    if buyer is None or not buyer.email:
        return []
    return [Recipient(buyer.email, buyer.name, BUYER, buyer.language, buyer.zone)]


def people_recipients(event: str) -> list[Recipient]:
    """The current seller's people who may act on this kind of event and want its mails."""
    kind = KINDS[event]
    roles = [role for role in MemberRole if kind.permission in ROLE_PERMISSIONS[role]]
    members = list(
        Membership.objects.filter(seller_id=current_seller_id(), role__in=roles, user__is_active=True)
        .select_related("user")
        .order_by("id")
    )
    chosen = dict(
        NotificationPreference.objects.filter(
            event=event, user_id__in=[member.user_id for member in members]
        ).values_list("user_id", "wants_mail")
    )
    return [
        Recipient(member.user.email, member.user.name, SELLER, member.user.language, member.user.zone)
        for member in members
        if chosen.get(member.user_id, kind.is_wanted)
    ]


# --- the mail ----------------------------------------------------------------------------------------


def notify(
    dedupe: str,
    *,
    to: Iterable[Recipient],
    template: str,
    words: Words,
    about: About,
    answers: bool = False,
) -> list[Mail]:
    """Write one mail per recipient in this transaction; the worker sends it after the commit.

    `dedupe` names what happened (an event's public id): the same (dedupe, template, recipient) is written
    once. `template` names three files, `emails/<template>.{subject.txt,txt,html}`, filled with what
    `words(recipient)` gives. `answers` is for mails that answer what the buyer has just done; the others are
    at most two a case and day, a third waits.
    Returns the mails that were new.
    """
    seller = Seller.objects.get(pk=current_seller_id())
    machine, object_id = about if isinstance(about, tuple) else (about_name(about), about.pk)
    written = []
    for recipient in dict.fromkeys(to):
        key = _dedupe_key(dedupe, template, recipient)
        if Mail.objects.filter(dedupe_key=key).exists():
            continue
        letter = render(template, words, recipient=recipient, seller=seller)
        now = clock.now()
        not_before = now
        if recipient.side == BUYER and not answers:
            not_before = _when_not_too_often(machine, object_id, now)
        mail, is_new = Mail.objects.get_or_create(
            dedupe_key=key,
            defaults={
                "template": template,
                "to_email": recipient.email,
                "to_name": recipient.name,
                "side": recipient.side,
                "machine": machine,
                "object_id": object_id,
                "from_name": seller.name if recipient.side == BUYER else "Redress",
                "reply_to": seller.contact_email if recipient.side == BUYER else "",
                "subject": letter.subject[:300],
                "text": letter.text,
                "html": letter.html,
                "message_id": new_message_id(),
                "is_answer": answers,
                "not_before": not_before,
                "next_at": not_before,
                "created_at": now,
            },
        )
        if is_new:
            written.append(mail)
    if written:
        events.ring_after_commit("marketplace.tasks.send_mail")
    return written


def about_name(obj: models.Model) -> str:
    """The name under which timelines know a thing: its machine, else its model."""
    return obj.machine if isinstance(obj, StatusModel) else str(obj._meta.model_name)


def new_message_id() -> str:
    """Made once and kept for every attempt; its left half also names the mail in the return path."""
    return message_id_of(secrets.token_hex(16))


def message_id_of(token: str) -> str:
    """The Message-ID with this left half, as long as our address has not moved to another domain."""
    _name, address = parseaddr(settings.DEFAULT_FROM_EMAIL)
    return f"<{token}@{address.rpartition('@')[2] or 'localhost'}>"


def with_token(mails: models.QuerySet[Mail], token: str) -> models.QuerySet[Mail]:
    """Those whose Message-ID begins with the token: by the index, or by looking through after a move."""
    exact = mails.filter(message_id=message_id_of(token))
    return exact if exact.exists() else mails.filter(message_id__startswith=f"<{token}@")


def render(template: str, words: Words, *, recipient: Recipient, seller: Seller) -> MailText:
    """The words of a mail in the recipient's language and zone."""
    with translation.override(recipient.language), timezone.override(_zone(recipient.zone)):
        is_buyer = recipient.side == BUYER
        common = {
            "seller_name": seller.name,
            "shop_url": absolute(f"/r/{seller.slug}/") if is_buyer else "",
            "recipient_name": recipient.name,
            "preferences_url": "" if is_buyer else absolute("/settings/notifications/"),
            "base_url": settings.BASE_URL,
        }
        return render_mail(template, common | words(recipient))


def absolute(path: str) -> str:
    return f"{settings.BASE_URL}{path}"


def shop_path(name: str, *args: str) -> str:
    """The path of a named page of the current seller's returns centre."""
    return reverse(name, args=[Seller.objects.values_list("slug", flat=True).get(pk=current_seller_id()), *args])


def absolute_url(name: str, *args: str) -> str:
    """The whole address of a named page, for mails."""
    return absolute(reverse(name, args=args))


def _zone(name: str) -> ZoneInfo:
    try:
        return ZoneInfo(name)
    except (KeyError, ValueError):  # an unknown zone in an old row must not stop a mail
        return ZoneInfo("UTC")


def _dedupe_key(dedupe: str, template: str, recipient: Recipient) -> str:
    who = hashlib.sha256(recipient.email.lower().encode()).hexdigest()[:16]
    return f"{dedupe}:{template}:{recipient.side}:{who}"[:200]


def _when_not_too_often(machine: str, object_id: int, now: datetime) -> datetime:
    """Now, or when the second-last mail about this case is a day old; counted since the buyer last acted."""
    _one_at_a_time(machine, object_id)
    last_act = StateTransition.objects.filter(
        machine=machine, object_id=object_id, actor_kind=ActorKind.BUYER
    ).aggregate(at=Max("at"))["at"]
    recent = Mail.objects.filter(
        side=BUYER, machine=machine, object_id=object_id, is_answer=False, not_before__gt=now - CASE_WINDOW
    )
    if last_act is not None:
        recent = recent.filter(created_at__gte=last_act)
    planned = sorted(recent.values_list("not_before", flat=True))
    if len(planned) < MAILS_PER_CASE:
        return now
    free_from: datetime = planned[-MAILS_PER_CASE] + CASE_WINDOW
    return max(now, free_from)


def _one_at_a_time(machine: str, object_id: int) -> None:
    name = f"{current_seller_id()}\0mail\0{machine}\0{object_id}".encode()
    number = int.from_bytes(hashlib.sha256(name).digest()[:8], "big", signed=True)
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_advisory_xact_lock(%s)", [number])
