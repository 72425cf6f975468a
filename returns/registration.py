"""What this app shows on pages of the kernel: rail, Today, search, order cards (see marketplace/portal.py)."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any, Literal

from django.urls import reverse
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, ngettext

from marketplace import clock, portal
from marketplace.actors import Actor, Permission
from marketplace.models import Order, SalesChannel, Seller
from marketplace.money import exponent, format_money
from marketplace.paging import COUNT_CAP
from marketplace.portal import Card, Figure, Hit, RailEntry, WorkItem, WorkLists
from marketplace.portal_words import status_word
from marketplace.tenancy import current_seller_id
from refunds.reasons import ASKERS_WORDS
from returns import choices, deadlines, figures, selectors
from returns.models import ReturnRequest
from returns.reasons import reason_words

LATE_TARGET = 10.0  # per cent; RDR is good below that (seller-central.md 5.1)
ANSWER_TARGET = 24.0  # hours; the marketplace recommends a day ([MSR-US])
EFFECT_DAYS = timedelta(days=90)


def rail_count(actor: Actor) -> int | str:
    """How many returns wait for an answer or a refund."""
    return selectors.waiting_for_seller_count().shown


# --- Today ---


def work(actor: Actor, now: datetime) -> WorkLists:
    """Late, due today and waiting for others, each with what most people do next."""
    zone = Seller.objects.values_list("zone", flat=True).get(pk=current_seller_id())
    found = selectors.returns_awaiting_seller(now, zone, size=12)
    return WorkLists(
        late=[_item(request, actor) for request in found.late],
        today=[_item(request, actor) for request in found.today],
        waiting=[_item(request, actor, is_waiting=True) for request in found.waiting],
        late_count=found.late_count.value,
        today_count=found.today_count.value,
        waiting_count=found.waiting_count.value,
    )


def _item(request: ReturnRequest, actor: Actor, *, is_waiting: bool = False) -> WorkItem:
    action = None if is_waiting else choices.first_action(request, actor)
    return WorkItem(
        title=_title(request),
        detail=f"{reason_words(request.first_reason_code)} · {request.order_number}",
        url=reverse("returns:detail", args=[request.public_id]),
        due=request.due_at,
        status_machine="return",
        status=str(request.status),
        action_label=str(action.label) if action else "",
        action_url=action.url if action else "",
        value=format_money(request.value),
    )


def _title(request: ReturnRequest) -> str:
    return f"{request.units} × {request.first_title}"


def today_figures(actor: Actor, now: datetime) -> list[Figure]:
    """Late answers, time to answer, refund clock, open money."""
    found = figures.figures(now)
    index = reverse("returns:index")
    return [
        _late_answers(found, f"{index}?bucket=required"),
        _time_to_answer(found, f"{index}?bucket=all&range=30"),
        _refund_clock(found, f"{index}?bucket=closed&range=30"),
        _open_money(found, f"{index}?bucket=authorised"),
    ]


def _late_answers(found: figures.Figures, url: str) -> Figure:
    points = [day.late_percent for day in found.counts]
    value = found.late_percent
    halves = [_percent(half) for half in _halves(found.counts)]
    trend, text = _trend(halves, "\u00a0%")
    return Figure(
        key="late_answers",
        label=_("Late answers"),
        value="–" if value is None else f"{value:.1f}\u00a0%",
        count=_("%(late)s of %(n)s requests") % {"late": found.late, "n": found.answered},
        points=points,
        target=LATE_TARGET,
        target_text=_("below %(n)s %%") % {"n": f"{LATE_TARGET:g}"},
        url=url,
        explanation=_(
            "Of the requests that were answered, or became late, in the last 30 days: those not authorised, denied, "
            "closed or refunded before their time to answer was over (48 hours, unless you set another)."
        ),
        trend=trend,
        trend_text=text,
        is_good=None if value is None else (value if halves[1] is None else halves[1]) < LATE_TARGET,
    )


def _time_to_answer(found: figures.Figures, url: str) -> Figure:
    value = found.median_answer
    halves = [figures.median(day.answer_minutes for day in half) for half in _halves(found.counts)]
    trend, text = _trend([_hours(half) for half in halves], "\u00a0h")
    return Figure(
        key="time_to_answer",
        label=_("Time to answer"),
        value=_span(value),
        count=_answers(sum(sum(day.answer_minutes.values()) for day in found.counts)),
        points=[_hours(figures.median([day.answer_minutes])) for day in found.counts],
        target=ANSWER_TARGET,
        target_text=_("within %(n)s hours") % {"n": f"{ANSWER_TARGET:g}"},
        url=url,
        explanation=_(
            "The median time from a request to its first answer by a person or program, by the day of the answer, in "
            "hours. Answers that a rule gave at once are left out."
        ),
        trend=trend,
        trend_text=text,
        is_good=None if value is None else value <= ANSWER_TARGET * 60,
    )


def _refund_clock(found: figures.Figures, url: str) -> Figure:
    value, target = found.median_refund, deadlines.REFUND_WITHIN / timedelta(hours=1)
    halves = [figures.median(day.refund_minutes for day in half) for half in _halves(found.counts)]
    trend, text = _trend([_hours(half) for half in halves], "\u00a0h")
    number = sum(sum(day.refund_minutes.values()) for day in found.counts)
    return Figure(
        key="refund_clock",
        label=_("Refund clock"),
        value=_span(value),
        count=ngettext("%(n)s refund", "%(n)s refunds", number) % {"n": number},
        points=[_hours(figures.median([day.refund_minutes])) for day in found.counts],
        target=target,
        target_text=_("within %(n)s days") % {"n": f"{target / 24:g}"},
        url=url,
        explanation=_(
            "The median time from the receipt of the goods to the arrival of the first refund, by the day of the "
            "refund, in hours."
        ),
        trend=trend,
        trend_text=text,
        is_good=None if value is None else value <= target * 60,
    )


def _open_money(found: figures.Figures, url: str) -> Figure:
    main = found.open_money
    others = [format_money(money) for money in found.open_by_currency.values() if money != main]
    number = ngettext("%(n)s open return", "%(n)s open returns", found.open_returns) % {"n": found.open_returns}
    points: list[float | None] = list(found.open_points)
    halves: list[float | None] = [found.open_points[len(points) // 2], found.open_points[-1]]
    trend, text = _trend(
        halves, f"\u00a0{main.currency}" if main else "", places=exponent(main.currency) if main else 1
    )
    return Figure(
        key="open_money",
        label=_("Open money"),
        value=format_money(main) if main else "–",
        count=" · ".join([number, *others]),
        points=points,
        target=None,
        url=url,
        explanation=_(
            "What the buyers paid for the units of all returns that have not ended, at the end of each day, in the "
            "currency with most of it."
        ),
        trend=trend,
        trend_text=text,
    )


def _halves(counts: Sequence[figures.DayCount]) -> list[Sequence[figures.DayCount]]:
    middle = len(counts) // 2
    return [counts[:middle], counts[middle:]]


def _percent(counts: Sequence[figures.DayCount]) -> float | None:
    late, total = sum(day.late for day in counts), sum(day.late + day.in_time for day in counts)
    return 100 * late / total if total else None


def _hours(minutes: float | None) -> float | None:
    return None if minutes is None else round(minutes / 60, 1)


def _span(minutes: float | None) -> str:
    """ "5 h 12 min", "3 d 4 h"."""
    if minutes is None:
        return "–"
    whole = round(minutes)
    days, hours, rest = whole // 1440, whole // 60 % 24, whole % 60
    if days:
        return _("%(d)s d %(h)s h") % {"d": days, "h": hours}
    if hours:
        return _("%(h)s h %(m)s min") % {"h": hours, "m": rest}
    return _("%(m)s min") % {"m": rest}


def _answers(number: int) -> str:
    return ngettext("%(n)s answer", "%(n)s answers", number) % {"n": number}


def _trend(halves: Sequence[float | None], unit: str, *, places: int = 1) -> tuple[Literal["up", "down", ""], str]:
    """The last 15 days beside the 15 before them."""
    before, after = halves
    if before is None or after is None or round(before, 1) == round(after, 1):
        return "", ""
    text = _("%(before)s in the 15 days before, %(after)s since") % {
        "before": f"{before:,.{places}f}{unit}",
        "after": f"{after:,.{places}f}{unit}",
    }
    return ("up" if after > before else "down"), text


# --- elsewhere ---


def search(actor: Actor, words: str) -> list[Hit]:
    """The newest returns whose order, RMA, SKU or buyer begins with these words."""
    return [
        Hit(
            kind=gettext_lazy("Return"),
            title=_title(request),
            detail=" · ".join(
                filter(None, (request.order_number, request.rma, str(status_word("return", str(request.status)).label)))
            ),
            url=reverse("returns:detail", args=[request.public_id]),
        )
        for request in selectors.search_returns(words)
    ]


def order_card(order: Order, actor: Actor) -> Card | None:
    """The returns of an order, and the way to a new one."""
    may_ask = actor.can(Permission.DECIDE)
    requests = selectors.returns_of_order(order)
    if not requests and not may_ask:
        return None
    is_open = any(line.units.left for line in selectors.returnable_lines(order))
    new_url = f"{reverse('returns:new')}?order={order.public_id}" if may_ask and is_open else ""
    return Card(_("Returns"), "returns/order_card.html", {"returns": requests, "new_url": new_url}, order=20)


def order_references(order_ids: list[int]) -> list[str]:
    """What would be lost if these orders went away."""
    number = ReturnRequest.objects.filter(order_id__in=order_ids).count()
    if not number:
        return []
    return [
        ngettext("%(n)s return refers to these orders.", "%(n)s returns refer to these orders.", number) % {"n": number}
    ]


def channel_effect(channel: SalesChannel, wanted: Any) -> str:
    """How many requests of the last 90 days the new rule would have authorised by itself."""
    now = clock.now()
    rows = (
        ReturnRequest.objects.filter(channel=channel, requested_at__gte=now - EFFECT_DAYS)
        .order_by("-requested_at", "-id")
        .values_list("requested_at", "order__purchased_at", "is_out_of_policy")[: COUNT_CAP + 1]
    )
    asked = list(rows)

    def automatic(rule: str, days: int) -> int:
        return sum(
            rule != "manual"
            and not (rule == "policy" and is_out)
            and requested <= deadlines.auto_authorise_until(purchased, days)
            for requested, purchased, is_out in asked
        )

    before = automatic(str(channel.auto_authorise), channel.auto_authorise_days)
    after = automatic(str(wanted.auto_authorise), wanted.auto_authorise_days)
    if not asked or before == after:
        return ""
    return _(
        "Of the last %(n)s requests within 90 days, %(after)s would have been authorised by themselves; with the rule "
        "as it is, %(before)s."
    ) % {"n": len(asked), "after": after, "before": before}


portal.RAIL.append(RailEntry("returns", gettext_lazy("Returns"), "returns:index", "package", 20, rail_count))
portal.WORK.append(work)
portal.FIGURES.append(today_figures)
portal.SEARCH.append(search)
portal.ORDER_CARDS.append(order_card)
portal.ORDER_REFERENCES.append(order_references)
portal.CHANNEL_EFFECTS.append(channel_effect)
ASKERS_WORDS.append(reason_words)
