"""Who is told by mail what happened to a return (seller-central.md 1.3): every step, to the right side."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, ngettext

from marketplace.actors import ActorKind, Permission
from marketplace.events import handles
from marketplace.mail_handlers import PAGES
from marketplace.models import Note, OutboxEvent, Seller
from marketplace.notifications import Recipient, notify, people_recipients, register_kind
from marketplace.tenancy import current_seller_id
from returns import notices
from returns.models import ReturnRequest
from returns.reasons import reason_words

PAGES["return"] = "returns:detail"
register_kind("return.requested", gettext_lazy("A buyer asks to return something"), permission=Permission.DECIDE)
register_kind("return.overdue", gettext_lazy("A return request has no answer in time"), permission=Permission.DECIDE)
register_kind("return.withdrawn", gettext_lazy("A buyer takes a return request back"), permission=Permission.DECIDE)
register_kind(
    "return.shipped",
    gettext_lazy("A buyer has posted a return"),
    permission=Permission.RECEIVE,
    is_wanted=False,
)
register_kind("return.expired", gettext_lazy("A return has expired"), permission=Permission.DECIDE)

_BY_THE_SELLER = {ActorKind.SELLER.value, ActorKind.API.value}


def _request(event: OutboxEvent) -> ReturnRequest:
    found: ReturnRequest = ReturnRequest.objects.select_related(
        "order__channel", "order__buyer", "channel", "buyer"
    ).get(pk=event.object_id)
    return found


def _is_automatic(event: OutboxEvent) -> bool:
    return bool(event.payload.get("data", {}).get("is_automatic"))


def _tell_buyer(
    event: OutboxEvent,
    request: ReturnRequest,
    template: str,
    words: Callable[[], dict[str, Any]],
    *,
    answers: bool = False,
) -> None:
    notify(
        event.public_id,
        to=notices.to_asker(request),
        template=template,
        words=lambda _recipient: notices.for_buyer(request, **words()),
        about=request,
        answers=answers,
    )


def _tell_people(
    event: OutboxEvent, request: ReturnRequest, template: str, words: Callable[[Recipient], dict[str, Any]]
) -> None:
    notify(
        event.public_id,
        to=people_recipients(event.name),
        template=template,
        words=lambda recipient: notices.for_people(request, **words(recipient)),
        about=request,
    )


# --- asked ---


@handles("return.requested")
def confirm_to_buyer_on_return_requested(event: OutboxEvent) -> None:
    """What is allowed by itself gets one mail, the one with the address."""
    request = _request(event)
    if not _is_automatic(event):
        _tell_buyer(
            event,
            request,
            "return_requested_buyer",
            lambda: {
                "due_text": notices.due(request.respond_by),
                "silence_text": _("If you hear nothing by then, your return page says where to turn."),
            },
            answers=True,
        )


@handles("return.requested")
def ask_people_on_return_requested(event: OutboxEvent) -> None:
    """Not when the rule has answered, nor for what somebody of the seller has just typed in."""
    request = _request(event)
    if _is_automatic(event) or request.submitted_by_kind in _BY_THE_SELLER:
        return
    seller = Seller.objects.get(pk=current_seller_id())
    _tell_people(
        event,
        request,
        "return_requested_seller",
        lambda _recipient: {
            "due_text": notices.due(request.respond_by),
            "silence_text": _("Without an answer by then the request counts as late."),
            "button_label": _("Answer the request"),
            "links": notices.quick_links(request, seller),
        },
    )


@handles("return.withdrawn")
def tell_people_on_return_withdrawn(event: OutboxEvent) -> None:
    _tell_people(event, _request(event), "return_withdrawn_seller", lambda _recipient: {})


@handles("return.overdue")
def remind_people_on_return_overdue(event: OutboxEvent) -> None:
    request = _request(event)
    if request.is_overdue:
        _tell_people(
            event,
            request,
            "return_overdue_seller",
            lambda _recipient: {
                "due_text": notices.due(request.respond_by),
                "button_label": _("Answer the request"),
            },
        )


# --- answered: these mails answer the buyer's own request ---


@handles("return.authorised")
def send_address_on_return_authorised(event: OutboxEvent) -> None:
    request = _request(event)
    _tell_buyer(
        event,
        request,
        "return_authorised_buyer",
        lambda: {
            **notices.promise(request),
            "button_label": _("Print the return slip"),
            "silence_text": _("Items posted later may be refused."),
        },
        answers=True,
    )


@handles("return.denied")
def send_reason_on_return_denied(event: OutboxEvent) -> None:
    request = _request(event)
    if request.deny_reason_code:  # empty once it was reinstated, which has a mail of its own
        _tell_buyer(
            event,
            request,
            "return_denied_buyer",
            lambda: {
                "deny_reason": reason_words(request.deny_reason_code),
                "deny_message": request.deny_message,
                "claim_text": notices.claim_text(request.order),
            },
            answers=True,
        )


@handles("return.reinstated")
def send_address_on_return_reinstated(event: OutboxEvent) -> None:
    request = _request(event)
    _tell_buyer(
        event,
        request,
        "return_reinstated_buyer",
        lambda: {**notices.promise(request), "button_label": _("Print the return slip")},
    )


# --- on its way, and arrived ---


@handles("return.shipped")
def tell_people_on_return_shipped(event: OutboxEvent) -> None:
    request = _request(event)
    if event.payload.get("actor") not in _BY_THE_SELLER:
        _tell_people(
            event,
            request,
            "return_shipped_seller",
            lambda _recipient: {"carrier": request.carrier, "tracking": request.tracking},
        )


@handles("return.received")
def tell_buyer_on_return_received(event: OutboxEvent) -> None:
    request = _request(event)
    _tell_buyer(
        event,
        request,
        "return_received_buyer",
        lambda: {"due_text": notices.due(request.refund_by), "received_text": _received(request)},
    )


def _received(request: ReturnRequest) -> str:
    """ "2 of 3 items have arrived." """
    arrived = sum(line.received_quantity for line in request.lines.all())
    if arrived >= request.units:
        return _("Everything you announced has arrived.")
    return ngettext(
        "%(arrived)s of %(units)s item has arrived.", "%(arrived)s of %(units)s items have arrived.", request.units
    ) % {"arrived": arrived, "units": request.units}


# --- ended ---


@handles("return.closed")
def tell_buyer_on_return_closed(event: OutboxEvent) -> None:
    """A return that a refund closed has the refund's mail."""
    request = _request(event)
    if event.payload.get("data", {}).get("refund") or not request.close_reason:
        return
    _tell_buyer(
        event,
        request,
        "return_closed_buyer",
        lambda: {"close_reason": ReturnRequest.CloseReason(request.close_reason).label},
    )


@handles("return.expired")
def tell_both_on_return_expired(event: OutboxEvent) -> None:
    request = _request(event)
    _tell_buyer(event, request, "return_expired_buyer", dict)
    _tell_people(event, request, "return_expired_seller", lambda _recipient: {})


@handles("return.contacted")
def pass_on_message_on_return_contacted(event: OutboxEvent) -> None:
    request = _request(event)
    note = Note.objects.get(pk=event.payload["note_id"])
    _tell_buyer(event, request, "seller_message_buyer", lambda: {"message": note.text})
