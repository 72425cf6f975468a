"""Who is told by mail what became of a refund: the buyer that money went back, the seller what needs a person."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from django.utils.translation import get_language, gettext_lazy
from django.utils.translation import gettext as _

from marketplace.actors import Permission
from marketplace.buyers import buyer_link, gift_recipient
from marketplace.events import handles
from marketplace.fsm import MACHINES
from marketplace.mail_handlers import PAGES
from marketplace.models import OutboxEvent
from marketplace.models.trade import GatewayName
from marketplace.money import Money, format_money
from marketplace.notifications import (
    About,
    Recipient,
    absolute_url,
    buyer_recipient,
    notify,
    people_recipients,
    register_kind,
)
from refunds import selectors
from refunds.models import RefundRequest

PAGES["refund"] = "refunds:detail"
register_kind(
    "refund.review_asked", gettext_lazy("A refund needs a second person"), permission=Permission.REVIEW_REFUND
)
register_kind("refund.on_hold", gettext_lazy("A refund is on hold"), permission=Permission.REFUND)
register_kind("refund.unknown", gettext_lazy("It is not known whether a refund went out"), permission=Permission.REFUND)
register_kind("refund.failed", gettext_lazy("A refund failed"), permission=Permission.REFUND)
register_kind("refund.completed", gettext_lazy("A refund went out"), permission=Permission.REFUND)

Words = Callable[[Recipient], dict[str, Any]]


def _refund(event: OutboxEvent) -> RefundRequest:
    found: RefundRequest = RefundRequest.objects.select_related("order__channel", "order__buyer").get(
        pk=event.object_id
    )
    return found


def _amount(amount: Money) -> str:
    return format_money(amount, get_language())


def case_of(refund: RefundRequest) -> About:
    """What the mail is about, and on whose timeline it stands: the return that asked, else the refund itself."""
    asker = MACHINES.get(refund.asker)
    if asker is not None:
        pk = asker.objects.filter(public_id=refund.asker_public_id).values_list("pk", flat=True).first()
        if pk is not None:
            return refund.asker, int(pk)
    return refund


def _tell_people(event: OutboxEvent, template: str, words: Words) -> None:
    refund = _refund(event)

    def all_words(recipient: Recipient) -> dict[str, Any]:
        return {
            "order_number": refund.order.number,
            "amount_text": _amount(refund.amount),
            "refund_id": refund.public_id,
            "button_url": absolute_url("refunds:detail", refund.public_id),
            "button_label": _("Open the refund"),
            "why_text": _("You get this mail because you handle refunds."),
            **words(recipient),
        }

    notify(
        event.public_id,
        to=people_recipients("refund.failed" if event.name == "refund.reversed" else event.name),
        template=template,
        words=all_words,
        about=case_of(refund),
    )


@handles("refund.completed")
def tell_buyer_on_refund_completed(event: OutboxEvent) -> None:
    """Whoever paid is told; the person who got a gift learns no amounts."""
    refund = _refund(event)
    buyer = refund.order.buyer
    if buyer is None:
        return
    landing = "" if gift_recipient(refund.asker_public_id) else refund.asker_public_id

    def words(_recipient: Recipient) -> dict[str, Any]:
        return {
            "order_number": refund.order.number,
            "amount_text": _amount(refund.amount),
            "method_text": _method(refund),
            "credit_note": refund.credit_note_number,
            "button_url": buyer_link(refund.order, buyer=buyer, landing=landing),
            "button_label": _("Show my return") if landing else _("Show my order"),
            "why_text": _("You get this mail because of your order %(number)s.") % {"number": refund.order.number},
        }

    notify(
        event.public_id,
        to=buyer_recipient(buyer),
        template="refund_completed_buyer",
        words=words,
        about=case_of(refund),
    )


def _method(refund: RefundRequest) -> str:
    if refund.gateway == GatewayName.MANUAL:
        return _("The seller has paid it to you and confirmed the payment.")
    return _("It goes back the way you paid.")


@handles("refund.completed")
def tell_people_on_refund_completed(event: OutboxEvent) -> None:
    figures = selectors.budget_figures(_refund(event).order)

    def words(_recipient: Recipient) -> dict[str, Any]:
        if figures.left is None:
            return {}
        text = _("Of %(paid)s paid, %(left)s can still be refunded.")
        return {"left_text": text % {"paid": _amount(figures.paid), "left": _amount(figures.left)}}

    _tell_people(event, "refund_completed_seller", words)


@handles("refund.failed", "refund.reversed")
def tell_people_on_refund_failed(event: OutboxEvent) -> None:
    refund = _refund(event)
    _tell_people(
        event,
        "refund_failed_seller",
        lambda _recipient: {"failure_text": refund.provider_message or _("It gave no reason.")},
    )


@handles("refund.unknown")
def warn_people_on_refund_unknown(event: OutboxEvent) -> None:
    _tell_people(event, "refund_unknown_seller", lambda _recipient: {})


@handles("refund.on_hold")
def tell_people_on_refund_on_hold(event: OutboxEvent) -> None:
    refund = _refund(event)
    _tell_people(event, "refund_on_hold_seller", lambda _recipient: {"hold_text": refund.get_hold_reason_display()})


@handles("refund.review_asked")
def ask_second_person_on_refund_review_asked(event: OutboxEvent) -> None:
    refund = _refund(event)
    _tell_people(
        event,
        "refund_review_seller",
        lambda _recipient: {
            "asked_by": refund.created_by_label or _("Somebody"),
            "button_label": _("Agree or refuse"),
        },
    )
