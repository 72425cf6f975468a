"""The seller decides: yes, no, settled, or after all."""

from __future__ import annotations

from typing import Any

from django.utils.translation import gettext as _

from marketplace import clock, times
from marketplace.actors import Actor, ActorKind, Permission
from marketplace.crash import crashpoint
from marketplace.errors import Refused
from marketplace.moves import save_transition
from marketplace.tenancy import in_transaction
from returns import addresses, deadlines, locks, owed, searching
from returns.models import ReturnRequest
from returns.promises import promise_for
from returns.reasons import DENY_REASONS, MESSAGE_LIMIT
from returns.services import guards
from returns.units import units_of

_PAID_BACK = (ReturnRequest.CloseReason.REFUNDED, ReturnRequest.CloseReason.RETURNLESS)


@in_transaction()
def authorise_return(
    public_id: str,
    *,
    by: Actor,
    return_address: dict[str, Any] | None = None,
    merchant_rma: str | None = None,
    reason: str = "",
) -> ReturnRequest:
    """Allow the return: an RMA number is made, the address is kept, the buyer is mailed where to and by when.

    The address given, else the channel's. Raises Refused `address_not_valid`, WrongState.
    """
    guards.allow(by, Permission.DECIDE, reason=reason)
    request = locks.return_request(public_id)
    own_number = _merchant_rma(merchant_rma)
    with guards.explained(request, by):
        promise = promise_for(
            request.channel,
            at=clock.now(),
            address=_address(request, return_address),
            merchant_rma=own_number,
        )
        request.authorise(promise=promise)
    save_transition(request, by=by, reason_text=guards.plain(reason)[:4000], data={"is_automatic": False})
    searching.add_keys(request, [request.rma, own_number])
    crashpoint("return.authorise.before_commit")
    return request


def _address(request: ReturnRequest, given: dict[str, Any] | None) -> dict[str, str]:
    """Not looked at when the state is wrong anyway: then that is what the seller must hear."""
    if request.status != ReturnRequest.Status.PENDING_RESPONSE:
        return {}
    return addresses.resolve(given, request.channel)


def _merchant_rma(text: str | None) -> str:
    number = " ".join((text or "").split())
    if len(number) > 40 or not number.isprintable():
        raise Refused(_("An RMA number has at most 40 characters."), code="merchant_rma_not_valid")
    return number


@in_transaction()
def deny_return(public_id: str, *, by: Actor, reason_code: str, message: str) -> ReturnRequest:
    """Refuse the return with a reason and a message of 1 to 3,000 characters, which the buyer is mailed."""
    guards.allow(by, Permission.DECIDE)
    if reason_code not in DENY_REASONS:
        raise Refused(_("Choose one of the listed reasons."), code="reason_unknown", reason_code=reason_code)
    text = guards.said(
        message, limit=MESSAGE_LIMIT, code="message", empty=_("Tell the buyer why: the message is empty.")
    )
    request = locks.return_request(public_id)
    with guards.explained(request, by):
        request.deny(reason_code=reason_code, message=text, at=clock.now())
    owed.no_refund_in_flight(request)
    save_transition(request, by=by, reason_code=reason_code, reason_text=text)
    crashpoint("return.deny.before_commit")
    return request


@in_transaction()
def close_return(public_id: str, *, by: Actor, close_reason: str, reason: str = "") -> ReturnRequest:
    """Nothing is owed any more. Not while a refund is in flight; REFUNDED and RETURNLESS only if it is true."""
    guards.allow(by, Permission.DECIDE, reason=reason)
    if close_reason not in ReturnRequest.CloseReason.values:
        raise Refused(_("Choose one of the listed reasons."), code="reason_unknown", reason_code=close_reason)
    request = locks.return_request(public_id)
    with guards.explained(request, by):
        request.close(reason=close_reason, at=clock.now())
    owed.no_refund_in_flight(request)
    if close_reason in _PAID_BACK and not owed.was_refunded(request):
        raise Refused(
            _("No refund of this order has arrived, so it can not be closed as refunded."), code="not_refunded"
        )
    save_transition(request, by=by, reason_code=close_reason, reason_text=guards.plain(reason)[:4000])
    crashpoint("return.close.before_commit")
    return request


@in_transaction()
def reinstate_return(public_id: str, *, by: Actor, reason: str) -> ReturnRequest:
    """Take back a denial, an expiry or a closing: authorised again, with new deadlines.

    The seller within 24 hours of it, support at any time; its units must still be free.
    """
    guards.allow(by, Permission.DECIDE)
    why = guards.said(reason, limit=500, code="reason", empty=_("Say why this is taken back."))
    request = locks.return_with_order(public_id)
    now = clock.now()
    received = any(line.received_quantity for line in locks.lines_of(request))
    with guards.explained(request, by):
        ended_at, address = request.ended_at, request.return_address
        promise = promise_for(
            request.channel,
            at=now,
            address=address if request.is_live or address else addresses.resolve(None, request.channel),
            expires=not received and not request.tracking,
        )
        request.reinstate(promise=promise)
    if ended_at is not None and by.kind != ActorKind.SUPPORT and now > deadlines.reinstate_until(ended_at):
        until = times.written(deadlines.reinstate_until(ended_at))
        raise Refused(
            _("This could be taken back until %(until)s. Support still can.") % {"until": until},
            code="too_late_to_reinstate",
        )
    _units_are_still_free(request)
    save_transition(request, by=by, reason_text=why)
    searching.add_keys(request, [request.rma])
    crashpoint("return.reinstate.before_commit")
    return request


def _units_are_still_free(request: ReturnRequest) -> None:
    units = units_of(request.order, except_return=request.pk)
    wanted: dict[int, int] = {}
    for line in locks.lines_of(request):
        wanted[line.order_line_id] = wanted.get(line.order_line_id, 0) + line.quantity
    for order_line_id, quantity in wanted.items():
        if quantity > units[order_line_id].left:
            raise Refused(
                _("Its units are held by another return by now, so it can not be taken back."),
                code="units_not_free",
                returns=[other.public_id for other in units[order_line_id].open_requests],
            )
