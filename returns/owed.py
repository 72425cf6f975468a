"""What is still owed on a return: the refund to propose, the refunds under way, and whether all is settled."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass
from datetime import timedelta

from django.db.models import Q, Sum
from django.utils.translation import gettext as _

from marketplace.errors import Conflict
from marketplace.models import OrderLine
from marketplace.money import Money
from marketplace.prepared import OneOf, Prepared
from refunds.lines import Book, book_of, lines_left
from refunds.models import Component, RefundLine, RefundRequest
from returns.models import ReceivedUnits, ReturnLine, ReturnRequest
from returns.reasons import Payer, who_pays
from returns.units import returned_lines, share_of_units, taken_by
from returns.windows import window_of

ASKER = "return"  # how refunds knows us
IN_FLIGHT = ("VALIDATING", "REVIEW", "ON_HOLD", "RESERVED", "SUBMITTED", "UNKNOWN")
COMPLETED = RefundRequest.Status.COMPLETED
# A unit in one of these conditions came back; a wrong or missing one is not paid for unasked.
_PAID_FOR = (ReceivedUnits.Condition.SELLABLE, ReceivedUnits.Condition.DAMAGED)
# Outward shipping is the seller's for any reason so soon after the arrival ([SMAG], seller-central.md 1.4).
SHIPPING_BACK_WITHIN = timedelta(days=14)

Amounts = dict[tuple[int | None, str], int]  # (order line id, component) -> minor units


@dataclass(frozen=True, slots=True)
class ProposedLine:
    """A refund line as the form proposes it, for `units` units of the order line."""

    order_line: OrderLine
    component: str
    amount: Money
    units: int


def refunds_of(request: ReturnRequest) -> list[RefundRequest]:
    """The refunds that were asked for on this return, oldest first."""
    return list(RefundRequest.objects.filter(asker=ASKER, asker_public_id=request.public_id).order_by("id"))


def is_refund_in_flight(request: ReturnRequest) -> bool:
    found = RefundRequest.objects.filter(asker=ASKER, asker_public_id=request.public_id, status__in=IN_FLIGHT)
    return bool(found.exists())


def no_refund_in_flight(request: ReturnRequest) -> None:
    """Under the return's lock: money that is on its way must arrive, fail or be cancelled first."""
    if is_refund_in_flight(request):
        raise Conflict(
            _("A refund of this return is under way. Wait until it has arrived, or cancel it first."),
            code="refund_in_flight",
        )


def was_refunded(request: ReturnRequest) -> bool:
    """Did money of this return, or of its order without naming a return, arrive?"""
    about = Q(asker_public_id=request.public_id) | Q(asker_public_id="")
    return bool(RefundRequest.objects.filter(about, order_id=request.order_id, status=COMPLETED).exists())


def refund_proposal(request: ReturnRequest, book: Book | None = None) -> list[ProposedLine]:
    """What to refund now: the received units' share of each line, less what this return was paid already.

    Before anything came back: all units asked for. Shares are exact: the last unit carries the remainder.
    """
    currency, book = request.currency, book or book_of(request.order)
    asked = book.taken(asker_public_id=request.public_id)
    left = {entry.order_line.pk: entry for entry in lines_left(request.order, book)}
    proposed: list[ProposedLine] = []
    for line, units, first in _units_owed(request, book):
        for component, whole in whole_components(line.order_line).items():
            if component == Component.SHIPPING and not _is_shipping_due(request, line):
                continue
            share = share_of_units(
                Money(whole, currency), quantity=line.order_line.quantity, first=first, count=units
            ).minor
            paid = min(share, asked[line.order_line_id, component])
            asked[line.order_line_id, component] -= paid
            room = left[line.order_line_id].component(component)
            amount = share - paid if room is None else min(share - paid, room)
            if amount > 0:
                proposed.append(ProposedLine(line.order_line, component, Money(amount, currency), units))
    return proposed


def whole_components(line: OrderLine) -> dict[str, int]:
    """What was paid for the line, by component; a discount is taken off the item, as refunds counts it."""
    shipping = min(line.paid_minor, line.shipping_minor + line.shipping_tax_minor)
    tax = min(line.paid_minor - shipping, line.tax_minor)
    return {
        Component.ITEM.value: line.paid_minor - shipping - tax,
        Component.TAX.value: tax,
        Component.SHIPPING.value: shipping,
    }


def is_settled(request: ReturnRequest) -> bool:
    """Nothing more is owed: of every unit that is back (or of all, before any is) the item was refunded."""
    paid = _amounts(
        RefundLine.objects.filter(
            refund__asker=ASKER, refund__asker_public_id=request.public_id, refund__status=COMPLETED
        )
    )
    owed: dict[int, int] = defaultdict(int)
    for line, units, _first in _units_owed(request, book_of(request.order), with_expected=True):
        whole = Money(whole_components(line.order_line)["ITEM"], request.currency)
        owed[line.order_line_id] += share_of_units(whole, quantity=line.order_line.quantity, first=0, count=units).minor
    return any(paid.values()) and all(paid.get((pk, Component.ITEM.value), 0) >= amount for pk, amount in owed.items())


def is_refunded_otherwise(request: ReturnRequest) -> bool:
    """Its order lines have been refunded to the last minor unit, whoever asked for it."""
    paid = _amounts(RefundLine.objects.filter(refund__order=request.order, refund__status=COMPLETED))
    lines = ReturnLine.objects.filter(return_request=request).select_related("order_line")
    wholes = {line.order_line_id: whole_components(line.order_line)["ITEM"] for line in lines}
    return all(whole > 0 and paid.get((pk, Component.ITEM.value), 0) >= whole for pk, whole in wholes.items())


def _amounts(rows: object) -> Amounts:
    found = rows.order_by().values_list("order_line_id", "component").annotate(Sum("amount_minor"))  # type: ignore[attr-defined]
    return {(line_id, component): int(total) for line_id, component, total in found}


_received: Prepared[ReceivedUnits] = Prepared(
    lambda: (
        ReceivedUnits.objects.filter(OneOf("return_line_id", "lines"), condition__in=_PAID_FOR)
        .order_by()
        .values_list("return_line_id")
        .annotate(Sum("quantity"))
    )
)


def _units_owed(
    request: ReturnRequest, book: Book, *, with_expected: bool = False
) -> list[tuple[ReturnLine, int, int]]:
    """By return line: units to be paid for, and which number the first of them has in the order line.

    Once something was received: the units that are back; `with_expected` adds those still to come. The units of
    earlier returns come before ours, so that shares never overlap.
    """
    returned = returned_lines(request.order)
    lines = [line for line in returned if line.return_request_id == request.pk]
    good = dict(_received.all(lines=[line.pk for line in lines]))
    has_received = any(line.received_quantity for line in lines)
    first: dict[int, int] = defaultdict(int)
    for line in returned:
        if line.return_request_id < request.pk:
            first[line.order_line_id] += taken_by(line)
    found: list[tuple[ReturnLine, int, int]] = []
    for line in lines:
        line.order_line = book.line_of[line.order_line_id]
        units = line.quantity
        if has_received:
            units = good.get(line.pk, 0) + (line.quantity - line.received_quantity if with_expected else 0)
        found.append((line, units, first[line.order_line_id]))
        first[line.order_line_id] += units
    return found


def _is_shipping_due(request: ReturnRequest, line: ReturnLine) -> bool:
    if who_pays(line.reason_code, request.channel.code) == Payer.SELLER:
        return True
    return bool(request.requested_at <= window_of(request.order).starts_at + SHIPPING_BACK_WITHIN)
