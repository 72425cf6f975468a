"""Words: to the buyer by mail, or to one's own team."""

from __future__ import annotations

from django.db import transaction
from django.utils.translation import gettext as _

from marketplace import clock, events
from marketplace.actors import Actor, Permission
from marketplace.crash import crashpoint
from marketplace.errors import Refused
from marketplace.models import Note, Order
from returns import locks, searching
from returns.models import ReturnRequest
from returns.services import guards

LONGEST_MESSAGE = 3999  # "fewer than 4,000 characters" (rulings 27)


@transaction.atomic
def contact_buyer(public_id: str, *, by: Actor, message: str) -> Note:
    """The buyer gets this text by mail; it stands on the timeline. Possible in every state (seed 001)."""
    guards.allow(by, Permission.DECIDE)
    text = guards.said(message, limit=LONGEST_MESSAGE, code="message", empty=_("The message is empty."))
    request = locks.return_request(public_id)
    buyer = request.buyer or request.order.buyer
    if buyer is None or not buyer.email:
        raise Refused(
            _("No address of this buyer is known. Invite the buyer on the order's page first."),
            code="no_buyer_address",
        )
    note = _keep(request, by, Note.Kind.MESSAGE, text)
    events.announce("return.contacted", request, {"public_id": request.public_id, "note_id": note.pk})
    crashpoint("return.contact.before_commit")
    return note


@transaction.atomic
def add_note(public_id: str, *, by: Actor, text: str) -> Note:
    """A line for the seller's own team."""
    guards.allow(by, Permission.DECIDE)
    kept = guards.said(text, limit=4000, code="note", empty=_("The note is empty."))
    return _keep(locks.return_request(public_id), by, Note.Kind.NOTE, kept)


@transaction.atomic
def name_buyer(order_id: int) -> None:
    """The buyer of an order has become known: its returns that had none get the name, for lists and search."""
    order = Order.objects.select_related("buyer").get(pk=order_id)
    if order.buyer is None:
        return
    for request in locks.returns_without_buyer(order_id):
        request.buyer, request.buyer_name = order.buyer, str(order.buyer)[:120]
        request.save(update_fields=["buyer", "buyer_name"])
        searching.add_keys(request, [request.buyer_name])


def _keep(request: ReturnRequest, by: Actor, kind: Note.Kind, text: str) -> Note:
    note: Note = Note.objects.create(
        machine=ReturnRequest.machine,
        object_id=request.pk,
        kind=kind,
        text=text,
        actor_kind=by.kind.value,
        actor_label=by.label[:160],
        at=clock.now(),
    )
    return note
