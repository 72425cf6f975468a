"""Orders as the portal lists them: by number, channel and date, in pages by key."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from django.db.models import QuerySet
from django.urls import reverse
from django.utils.translation import gettext as _

from marketplace import times
from marketplace.actors import Actor, Permission
from marketplace.models import Order, OrderLine
from marketplace.paging import Sort
from marketplace.portal import Hit

NEWEST = Sort("newest", ("purchased_at", "id"), is_descending=True)
LAST = "\U0010ffff"  # sorts after every number: the upper end of a prefix


def orders(*, text: str = "", channel: str = "", since: datetime | None = None) -> QuerySet[Any]:
    """Unordered; `text` is the beginning of an order number, or a whole SKU."""
    found = Order.objects.select_related("channel", "buyer")
    if channel:
        found = found.filter(channel__code=channel)
    if since:
        found = found.filter(purchased_at__gte=since)
    key = text.strip().lower()
    if key:
        by_number = found.filter(number_key__gte=key, number_key__lt=key + LAST)
        if by_number.exists():
            return by_number
        found = found.filter(pk__in=OrderLine.objects.filter(sku=text.strip()).values("order_id"))
    return found


def search(actor: Actor, text: str) -> list[Hit]:
    if not actor.can(Permission.VIEW):
        return []
    return [
        Hit(
            kind=_("Order"),
            title=order.number,
            detail=f"{order.channel.name} · {times.written_date(order.purchased_at)}",
            url=reverse("orders:detail", args=[order.public_id]),
        )
        for order in orders(text=text).order_by(*NEWEST.order_by())[:10]
    ]
