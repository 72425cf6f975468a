"""The parcel: on its way back, and there."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from django.db import IntegrityError, transaction
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from marketplace import clock, rows
from marketplace.actors import Actor, ActorKind, Permission
from marketplace.crash import crashpoint
from marketplace.errors import Conflict, Refused
from marketplace.moves import save_transition
from marketplace.tenancy import in_transaction
from returns import deadlines, locks
from returns.models import ReceivedUnits, ReturnLine, ReturnRequest
from returns.services import guards

MOST_ROWS = 500


@dataclass(frozen=True, slots=True)
class ReceivedAsk:
    """So many units of one return line came back in one condition (or did not: MISSING)."""

    return_line_id: int
    condition: str
    quantity: int
    note: str = ""


@in_transaction()
def ship_return(public_id: str, *, by: Actor, carrier: str, tracking: str, reason: str = "") -> ReturnRequest:
    """The parcel is on its way back; a tracking number is used once per carrier."""
    request = locks.return_request(public_id)
    guards.own_return(request, by)
    if by.kind != ActorKind.BUYER:
        guards.allow(by, Permission.RECEIVE, reason=reason)
    name = guards.said(" ".join(carrier.split()), limit=40, code="carrier", empty=_("Which carrier has it?"))
    number = guards.said(
        "".join(tracking.split()).upper(), limit=80, code="tracking", empty=_("The tracking number is missing.")
    )
    with guards.explained(request, by):
        request.ship(carrier=name, tracking=number)
    try:
        with transaction.atomic():
            save_transition(request, by=by, reason_text=guards.plain(reason)[:4000], data={"carrier": name})
    except IntegrityError as error:
        raise Conflict(
            _("This tracking number belongs to another return already. Look at it again."), code="tracking_used"
        ) from error
    crashpoint("return.ship.before_commit")
    return request


@in_transaction()
def receive_return(public_id: str, *, by: Actor, units: Sequence[ReceivedAsk], reason: str = "") -> ReturnRequest:
    """Units came back, each with its condition; complete once every unit asked for is accounted for.

    Raises Refused `units_needed`, `not_in_return`, `too_many_units`, WrongState.
    """
    guards.allow(by, Permission.RECEIVE, reason=reason)
    request = locks.return_request(public_id)
    now = clock.now()
    lines = {line.pk: line for line in locks.lines_of(request)}
    if request.status in {ReturnRequest.Status.AUTHORISED, "IN_TRANSIT", "PARTIALLY_RECEIVED"}:
        _count(lines, units)
    is_complete = all(line.received_quantity == line.quantity for line in lines.values())
    with guards.explained(request, by):
        request.receive(is_complete=is_complete, at=now, refund_by=deadlines.refund_by(request.channel.code, now))
    rows.insert(
        ReceivedUnits(
            return_line=lines[unit.return_line_id],
            condition=unit.condition,
            quantity=unit.quantity,
            note=guards.plain(unit.note)[:300],
            at=now,
        )
        for unit in units
    )
    for pk in {unit.return_line_id for unit in units}:
        rows.update(lines[pk], ["received_quantity"])
    request.lines_at_hand = list(lines.values())
    counted = [{"line": u.return_line_id, "condition": str(u.condition), "quantity": u.quantity} for u in units]
    save_transition(
        request,
        by=by,
        reason_text=guards.plain(reason)[:4000],
        data={"units": counted, "is_complete": is_complete},
    )
    crashpoint("return.receive.before_commit")
    return request


def _count(lines: dict[int, ReturnLine], units: Sequence[ReceivedAsk]) -> None:
    """Add the units to their lines, in memory; never more than were authorised."""
    if not units or len(units) > MOST_ROWS:
        raise Refused(_("Say which units came back."), code="units_needed")
    for unit in units:
        line = lines.get(unit.return_line_id)
        if line is None:
            raise Refused(
                _("This item is not in the return."), code="not_in_return", return_line_id=unit.return_line_id
            )
        if unit.condition not in ReceivedUnits.Condition.values:
            raise Refused(_("Choose one of the listed conditions."), code="condition_unknown")
        if isinstance(unit.quantity, bool) or unit.quantity < 1:
            raise Refused(_("A quantity is a whole number from 1."), code="quantity_not_valid")
        left = line.quantity - line.received_quantity
        if unit.quantity > left:
            raise Refused(
                ngettext(
                    "Of %(item)s %(left)s unit is still to come, not %(n)s.",
                    "Of %(item)s %(left)s units are still to come, not %(n)s.",
                    left,
                )
                % {"item": line.order_line.title or line.order_line.sku, "left": left, "n": unit.quantity},
                code="too_many_units",
                return_line_id=line.pk,
                left=left,
            )
        line.received_quantity += unit.quantity
