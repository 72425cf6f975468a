"""What this app shows on pages of the kernel: rail, Today, search, order cards (see marketplace/portal.py)."""

from __future__ import annotations

from datetime import datetime

from django.db.models import Q, QuerySet
from django.urls import reverse
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, ngettext

from marketplace import portal
from marketplace.actors import Actor, Permission
from marketplace.models import Order
from marketplace.money import format_money
from marketplace.paging import capped_counts
from marketplace.portal import Card, Hit, RailEntry, WorkItem, WorkLists
from refunds import choices
from refunds.bars import bar_of
from refunds.models import RefundRequest
from refunds.reasons import reason_words
from refunds.selectors import RefundFilters, budget_figures, refunds_list, refunds_needing_a_person, refunds_of_order

SHOWN = 12
FOUND = 5


def waiting_for(actor: Actor) -> QuerySet[RefundRequest]:
    """Refunds that this person can bring on: nobody is their own second person, and readers wait for nothing."""
    found = refunds_needing_a_person()
    if not actor.can(Permission.REFUND):
        return found.none()
    if not actor.can(Permission.REVIEW_REFUND):
        return found.exclude(status__in=["REVIEW", "UNKNOWN"])
    return found.exclude(Q(status="REVIEW") & Q(created_by_id=actor.id))


def rail_count(actor: Actor) -> int | str:
    """How many refunds wait for this person."""
    return capped_counts({"n": waiting_for(actor)})["n"].shown if actor.can(Permission.REFUND) else 0


def work(actor: Actor, now: datetime) -> WorkLists:
    """What needs this person (reminded of or not), and what waits for the payment provider."""
    needed = waiting_for(actor)
    lists = {
        "late": needed.filter(status="REVIEW", remind_at__lt=now),
        "today": needed.exclude(Q(status="REVIEW") & Q(remind_at__lt=now)),
        "waiting": RefundRequest.objects.filter(status__in=choices.AT_THE_PROVIDER, person_asked_at=None),
    }
    counts = capped_counts(lists)
    rows = {
        key: [_item(row, actor) for row in found.order_by("id")[:SHOWN]] if counts[key] else []
        for key, found in lists.items()
    }
    return WorkLists(
        late=rows["late"],
        today=rows["today"],
        waiting=rows["waiting"],
        late_count=counts["late"].value,
        today_count=counts["today"].value,
        waiting_count=counts["waiting"].value,
    )


def _item(refund: RefundRequest, actor: Actor) -> WorkItem:
    action = choices.first_action(refund, actor)
    return WorkItem(
        title=_("Refund %(amount)s") % {"amount": format_money(refund.amount)},
        detail=f"{reason_words(refund.reason_code)} · {refund.order_number}",
        url=_url(refund),
        due=refund.remind_at if refund.status == "REVIEW" else None,
        status_machine="refund",
        status=refund.display_status,
        action_label=str(action.label) if action else "",
        action_url=action.url if action else "",
        value=format_money(refund.amount),
    )


def search(actor: Actor, words: str) -> list[Hit]:
    """Refunds by the whole of an order number, of their own id, the provider's, or a credit note's number."""
    return [
        Hit(
            kind=gettext_lazy("Refund"),
            title=format_money(refund.amount),
            detail=f"{refund.order_number} · {refund.get_status_display()}",
            url=_url(refund),
        )
        for refund in refunds_list(RefundFilters(search=words))[:FOUND]
    ]


def order_card(order: Order, actor: Actor) -> Card | None:
    """The order's money as a bar, and the refunds that came out of it."""
    context = {"bar": bar_of(budget_figures(order)), "refunds": list(refunds_of_order(order)[:50])}
    return Card(_("Money"), "refunds/order_card.html", context, order=10)


def order_references(order_ids: list[int]) -> list[str]:
    """What would be lost if these orders went away."""
    number = RefundRequest.objects.filter(order_id__in=order_ids).count()
    if not number:
        return []
    return [
        ngettext("%(n)s refund refers to these orders.", "%(n)s refunds refer to these orders.", number) % {"n": number}
    ]


def _url(refund: RefundRequest) -> str:
    return reverse("refunds:detail", args=[refund.public_id])


portal.RAIL.append(RailEntry("refunds", gettext_lazy("Refunds"), "refunds:index", "hand-coins", 30, rail_count))
portal.WORK.append(work)
portal.SEARCH.append(search)
portal.ORDER_CARDS.append(order_card)
portal.ORDER_REFERENCES.append(order_references)
