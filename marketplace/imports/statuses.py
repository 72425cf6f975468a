"""What does a file's word for an order's state mean, and which state is further along?"""

from __future__ import annotations

from collections.abc import Iterable
from enum import StrEnum

from django.utils.functional import Promise
from django.utils.translation import gettext_lazy


class OrderStatus(StrEnum):
    """Where an order or a line of it stands at the marketplace, in the order in which it goes."""

    PENDING = "Pending"
    UNSHIPPED = "Unshipped"
    PARTIALLY_SHIPPED = "Partially shipped"
    SHIPPED = "Shipped"
    DELIVERED = "Delivered"
    RETURNING = "Returning"
    CANCELLED = "Cancelled"
    REJECTED = "Rejected"
    LOST = "Lost"
    DAMAGED = "Damaged"
    RETURNED = "Returned"


STATUS_LABELS: dict[OrderStatus, Promise] = {
    OrderStatus.PENDING: gettext_lazy("Pending"),
    OrderStatus.UNSHIPPED: gettext_lazy("Unshipped"),
    OrderStatus.PARTIALLY_SHIPPED: gettext_lazy("Partially shipped"),
    OrderStatus.SHIPPED: gettext_lazy("Shipped"),
    OrderStatus.DELIVERED: gettext_lazy("Delivered"),
    OrderStatus.RETURNING: gettext_lazy("Returning"),
    OrderStatus.CANCELLED: gettext_lazy("Cancelled"),
    OrderStatus.REJECTED: gettext_lazy("Rejected by the buyer"),
    OrderStatus.LOST: gettext_lazy("Lost in transit"),
    OrderStatus.DAMAGED: gettext_lazy("Damaged"),
    OrderStatus.RETURNED: gettext_lazy("Returned"),
}
TERMINAL = frozenset(
    {
        OrderStatus.CANCELLED,
        OrderStatus.REJECTED,
        OrderStatus.LOST,
        OrderStatus.DAMAGED,
        OrderStatus.RETURNED,
    }
)
RANK: dict[str, int] = {status: place for place, status in enumerate(OrderStatus)}
# Everything from here on has left the seller's hands, except what was cancelled.
LEFT = frozenset(
    status for status in OrderStatus if RANK[status] >= RANK[OrderStatus.SHIPPED] and status != OrderStatus.CANCELLED
)

_WORDS: dict[str, OrderStatus] = {
    **{status.casefold(): status for status in OrderStatus},
    "pendingavailability": OrderStatus.PENDING,
    "pending - waiting for pick up": OrderStatus.PENDING,
    "awaiting payment": OrderStatus.PENDING,
    "invoiceunconfirmed": OrderStatus.UNSHIPPED,
    "paid": OrderStatus.UNSHIPPED,
    "processing": OrderStatus.UNSHIPPED,
    "new": OrderStatus.UNSHIPPED,
    "partiallyshipped": OrderStatus.PARTIALLY_SHIPPED,
    "shipping": OrderStatus.SHIPPED,
    "dispatched": OrderStatus.SHIPPED,
    "fulfilled": OrderStatus.SHIPPED,
    "in transit": OrderStatus.SHIPPED,
    "shipped - picked up": OrderStatus.SHIPPED,
    "shipped - out for delivery": OrderStatus.SHIPPED,
    "shipped - delivered to buyer": OrderStatus.DELIVERED,
    "complete": OrderStatus.DELIVERED,
    "completed": OrderStatus.DELIVERED,
    "shipped - returning to seller": OrderStatus.RETURNING,
    "shipped - returned to seller": OrderStatus.RETURNED,
    "shipped - rejected by buyer": OrderStatus.REJECTED,
    "shipped - lost in transit": OrderStatus.LOST,
    "lost in transit": OrderStatus.LOST,
    "shipped - damaged": OrderStatus.DAMAGED,
    "canceled": OrderStatus.CANCELLED,
    "unfulfillable": OrderStatus.CANCELLED,
}


def recognise(word: str) -> OrderStatus | None:
    """The status a file's word stands for; our own count as words."""
    return _WORDS.get(" ".join(word.split()).casefold())


def line_status(order: OrderStatus, item: OrderStatus | None) -> OrderStatus:
    """One line's own status from the order's and the item's word: the item's, unless the order's only says
    the same more closely ("Shipped - Delivered to Buyer" beside "Shipped")."""
    if item is None or order == OrderStatus.CANCELLED:
        return order
    if item == OrderStatus.SHIPPED and order in LEFT:
        return order
    return item


def order_status(lines: Iterable[OrderStatus]) -> OrderStatus:
    """The order's status from its lines: cancelled lines do not count beside others, some shipped and some
    not is partially shipped, else the line that is least far. `writing.py` says the same in SQL."""
    alive = [status for status in lines if status != OrderStatus.CANCELLED]
    if not alive:
        return OrderStatus.CANCELLED
    shipped = {status in LEFT for status in alive}
    return OrderStatus.PARTIALLY_SHIPPED if len(shipped) == 2 else min(alive, key=RANK.__getitem__)
