"""What the kernel does when somebody wants to be let in, or a mail has failed."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from marketplace import clock
from marketplace.actors import ActorKind, Permission
from marketplace.buyer_codes import CODE_WANTED, GIFT_WANTED, send_code
from marketplace.buyers import send_gift_link, send_invitation
from marketplace.events import handles
from marketplace.fsm import MACHINES
from marketplace.mail import FAILED_EVENT
from marketplace.models import BuyerCode, Mail, Note, Order, OutboxEvent
from marketplace.notifications import (
    BUYER,
    Recipient,
    absolute_url,
    notify,
    people_recipients,
    register_kind,
)

register_kind(FAILED_EVENT, gettext_lazy("A mail to a buyer did not arrive"), permission=Permission.DECIDE)

# Where the page of a thing is, by machine; apps add theirs when they start.
PAGES: dict[str, str] = {"order": "orders:detail"}


@handles(CODE_WANTED)
def mail_code_on_code_wanted(event: OutboxEvent) -> None:
    ask = BuyerCode.objects.select_related("order", "buyer").get(pk=event.object_id)
    if ask.order is not None and ask.buyer is None:
        note_missing_address(ask.order)
    send_code(ask, dedupe=event.public_id)


@handles(GIFT_WANTED)
def mail_link_on_gift_wanted(event: OutboxEvent) -> None:
    ask = BuyerCode.objects.select_related("order").get(pk=event.object_id)
    send_gift_link(ask, str(event.payload.get("email", "")), dedupe=event.public_id)


@handles("order.buyer_invited")
def mail_link_on_buyer_invited(event: OutboxEvent) -> None:
    order = Order.objects.select_related("buyer").get(pk=event.object_id)
    send_invitation(order, dedupe=event.public_id)


@handles(FAILED_EVENT)
def tell_people_on_mail_failed(event: OutboxEvent) -> None:
    mail = Mail.objects.get(pk=event.object_id)
    if mail.side == BUYER:
        notify(
            event.public_id,
            to=people_recipients(FAILED_EVENT),
            template="mail_failed_seller",
            words=_words_of(mail),
            about=(mail.machine, mail.object_id),
        )


def note_missing_address(order: Order) -> None:
    """Somebody wants to return something of this order, and we can not write to them (rulings 23)."""
    today = clock.now().replace(hour=0, minute=0, second=0, microsecond=0)
    text = _(
        "Somebody asked for a code to return items of this order. No mail could be sent: the order has no"
        " e-mail address of its buyer. Invite the buyer if you know the address."
    )
    if not Note.objects.filter(machine="order", object_id=order.pk, text=text, at__gte=today).exists():
        Note.objects.create(
            machine="order",
            object_id=order.pk,
            kind=Note.Kind.FACT,
            text=text,
            actor_kind=ActorKind.SYSTEM,
            at=clock.now(),
        )


def _words_of(mail: Mail) -> Callable[[Recipient], dict[str, Any]]:
    about: Any = (
        Order.objects.filter(pk=mail.object_id).first()
        if mail.machine == "order"
        else MACHINES[mail.machine].objects.filter(pk=mail.object_id).first()
        if mail.machine in MACHINES
        else None
    )
    order = about if mail.machine == "order" else getattr(about, "order", None)
    page = PAGES.get(mail.machine)

    def words(recipient: Recipient) -> dict[str, Any]:
        return {
            "order_number": order.number if order is not None else "",
            "failed_subject": mail.subject,
            "failed_to": mail.to_email,
            "failure_text": f"{mail.smtp_code or ''} {mail.last_error}".strip(),
            "tried_text": _("It was tried %(count)d times.") % {"count": mail.attempts} if mail.attempts > 1 else "",
            "button_url": absolute_url(page, about.public_id) if page and about is not None else "",
            "button_label": _("Look at the case"),
            "why_text": _("You get this mail because you decide about returns."),
        }

    return words
