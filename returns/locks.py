"""Which rows a verb of returns locks, and in which order: the order, then the return, then the refund's budget.

NO KEY UPDATE: two verbs on one return wait for each other; a foreign key that points here does not wait.
"""

from __future__ import annotations

from marketplace.errors import NotFound
from marketplace.models import Order
from marketplace.prepared import Prepared, given
from returns.models import LIVE, ReturnLine, ReturnRequest

_order: Prepared[Order] = Prepared(
    lambda: (
        Order.objects.select_for_update(of=("self",), no_key=True)
        .select_related("channel", "buyer")
        .filter(public_id=given("public_id"))
    )
)
_return: Prepared[ReturnRequest] = Prepared(
    lambda: (
        ReturnRequest.objects.select_for_update(of=("self",), no_key=True)
        .select_related("order", "channel")
        .filter(public_id=given("public_id"))
    )
)
_lines: Prepared[ReturnLine] = Prepared(
    lambda: ReturnLine.objects.filter(return_request_id=given("id")).select_related("order_line").order_by("id")
)


def order(public_id: str) -> Order:
    """The order, fresh and locked: who counts its free units counts alone. NotFound if it is not ours."""
    found: Order | None = _order.first(public_id=public_id)
    if found is None:
        raise NotFound
    return found


def return_request(public_id: str) -> ReturnRequest:
    """The return, fresh and locked, with its order and channel."""
    found: ReturnRequest | None = _return.first(public_id=public_id)
    if found is None:
        raise NotFound
    if found.order.channel_id == found.channel_id:
        found.order.channel = found.channel
    return found


def return_with_order(public_id: str) -> ReturnRequest:
    """The order first, then the return: for a verb that counts the order's free units again."""
    number: str | None = (
        ReturnRequest.objects.filter(public_id=public_id).values_list("order__public_id", flat=True).first()
    )
    if number is None:
        raise NotFound
    order(number)
    return return_request(public_id)


def lines_of(request: ReturnRequest) -> list[ReturnLine]:
    """The lines of a locked return; they change under its lock alone."""
    return _lines.all(id=request.pk)


def live_returns_of_order(order_id: int) -> list[ReturnRequest]:
    """All live returns of one order, locked in the order of their ids."""
    return list(
        ReturnRequest.objects.select_for_update(of=("self",), no_key=True)
        .select_related("order", "channel")
        .filter(order_id=order_id, status__in=LIVE)
        .order_by("id")
    )


def returns_without_buyer(order_id: int) -> list[ReturnRequest]:
    """The returns of an order whose buyer was not known when they were asked for, locked by id."""
    return list(
        ReturnRequest.objects.select_for_update(of=("self",), no_key=True)
        .filter(order_id=order_id, buyer=None)
        .order_by("id")
    )
