"""How many units of an order may still come back, and which requests hold the others."""

from __future__ import annotations

from dataclasses import dataclass, field

from marketplace.models import Order, OrderLine
from marketplace.money import Money, split
from marketplace.prepared import Prepared, given
from returns.models import LIVE, ReturnLine, ReturnRequest

# A closing that settled all units that were asked for; any other end frees what has not come back.
_SETTLED = frozenset(
    {
        ReturnRequest.CloseReason.REFUNDED.value,
        ReturnRequest.CloseReason.RETURNLESS.value,
        ReturnRequest.CloseReason.REPLACED.value,
    }
)


@dataclass(slots=True)
class LineUnits:
    """Units of one order line: shipped, taken by returns, left; `open_requests` are live ones on it."""

    order_line: OrderLine
    taken: int = 0
    open_requests: list[ReturnRequest] = field(default_factory=list)

    @property
    def left(self) -> int:
        return max(self.order_line.quantity_shipped - self.taken, 0)


_order_lines: Prepared[OrderLine] = Prepared(
    lambda: OrderLine.objects.filter(order_id=given("order")).order_by("position", "id")
)
_returned_lines: Prepared[ReturnLine] = Prepared(
    lambda: (
        ReturnLine.objects.filter(return_request__order_id=given("order"))
        .select_related("return_request")
        .order_by("id")
    )
)


def lines_of(order: Order) -> list[OrderLine]:
    """The lines of the order, in its order."""
    return _order_lines.all(order=order.pk)


def returned_lines(order: Order) -> list[ReturnLine]:
    """The lines of all returns of the order, whatever became of them, each with its return."""
    return _returned_lines.all(order=order.pk)


def taken_by(line: ReturnLine) -> int:
    """Units of the order line that this return line holds (state-machines.md 2.3, guard of submit)."""
    request: ReturnRequest = line.return_request
    if request.status in LIVE:
        return line.quantity
    if request.status == ReturnRequest.Status.CLOSED and request.close_reason in _SETTLED:
        return line.quantity
    return line.received_quantity


def units_of(order: Order, *, except_return: int | None = None) -> dict[int, LineUnits]:
    """By order line; exact for as long as the order is locked."""
    counted = {line.pk: LineUnits(line) for line in lines_of(order)}
    for row in returned_lines(order):
        if row.return_request_id == except_return:
            continue
        entry = counted[row.order_line_id]
        entry.taken += taken_by(row)
        request = row.return_request
        if request.status in LIVE and all(known.pk != request.pk for known in entry.open_requests):
            entry.open_requests.append(request)
    return counted


def share_of_units(whole: Money, *, quantity: int, first: int, count: int) -> Money:
    """What units number `first` to `first + count - 1` of `quantity` cost; the last unit carries the remainder."""
    if count <= 0 or quantity <= 0:
        return Money(0, whole.currency)
    first = min(first, quantity - 1)
    count = min(count, quantity - first)
    weights = [first, count, quantity - first - count]
    if weights[2] == 0:
        return split(whole, weights[:2])[1]
    return split(whole, weights)[1]
