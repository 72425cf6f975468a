"""What orders leave the seller to do: a buyer wants to return something and has no address here (rulings 23)."""

from __future__ import annotations

from datetime import datetime, timedelta

from django.urls import reverse
from django.utils.translation import gettext as _

from marketplace.actors import Actor, Permission
from marketplace.buyer_codes import orders_without_address
from marketplace.portal import WorkItem, WorkLists

SHOWN = 10
ANSWER_WITHIN = timedelta(hours=24)  # as for any word from a buyer


def invitations_wanted(actor: Actor, now: datetime) -> WorkLists:
    """One row per order, late when a day has passed since the buyer knocked."""
    if not actor.can(Permission.DECIDE):
        return WorkLists()
    items = [
        WorkItem(
            title=_("A buyer of order %(number)s wants to return something") % {"number": order.number},
            detail=_("No mail can be sent: the order has no e-mail address of its buyer."),
            url=reverse("orders:detail", args=[order.public_id]),
            due=asked_at + ANSWER_WITHIN,
            status_machine="order",
            status="NEEDS_ADDRESS",
            action_label=_("Invite the buyer"),
            action_url=reverse("orders:invite_buyer", args=[order.public_id]),
        )
        for order, asked_at in orders_without_address()
    ]
    late = [item for item in items if item.due is not None and item.due < now]
    rest = [item for item in items if item not in late]
    return WorkLists(late=late[:SHOWN], today=rest[:SHOWN], late_count=len(late), today_count=len(rest))
