"""One refund: its amount and parts, the money around it, what happened, what the provider said, what can be done."""

from __future__ import annotations

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.urls import reverse
from django.utils.translation import gettext as _

from marketplace.actors import Permission
from marketplace.mail_handlers import PAGES
from marketplace.money import Money
from marketplace.portal import actor_of
from marketplace.portal_parts import Step, TimelineEntry
from marketplace.portal_words import status_word
from refunds import choices, selectors
from refunds.bars import bar_of
from refunds.models import RefundRequest
from refunds.reasons import reason_words
from refunds.timeline import timeline_of


def detail(request: HttpRequest, public_id: str) -> HttpResponse:
    """The page of one refund."""
    actor = actor_of(request)
    actor.require(Permission.VIEW)
    refund = selectors.refund_named(public_id)
    entries = timeline_of(refund)
    context = {
        "refund": refund,
        "decisions": choices.actions(refund, actor),
        "parts": parts_of(refund),
        "reason": reason_words(refund.reason_code),
        "next": choices.what_happens_next(refund),
        "why": why_of(refund),
        "entries": entries,
        "steps": steps_of(refund, entries),
        "bar": bar_of(selectors.budget_figures(refund.order)),
        "asker_url": reverse(PAGES[refund.asker], args=[refund.asker_public_id]) if refund.asker in PAGES else "",
        "others": selectors.refunds_of_order(refund.order).exclude(pk=refund.pk)[:10],
    }
    return render(request, "refunds/detail.html", context)


def parts_of(refund: RefundRequest) -> list[dict[str, object]]:
    """What the amount is made of, with the item's title where a part belongs to one."""
    return [
        {
            "title": str(line.order_line.title or line.order_line.sku) if line.order_line else "",
            "component": line.get_component_display(),
            "amount": Money(line.amount_minor, refund.currency),
            "note": line.note,
        }
        for line in refund.lines.all()
    ]


def why_of(refund: RefundRequest) -> str:
    """Why it is where it is, where the state alone does not say it."""
    status = str(refund.status)
    if status == "REVIEW":
        return _(
            "Refunds above the limit of your account, counted over what went out on this order without a second"
            " person, wait until somebody else agrees. The limit stands under Settings."
        )
    if status == "ON_HOLD":
        return choices.hold_words(refund)
    if status in {"FAILED", "VALIDATION_FAILED"}:
        return refund.provider_message or refund.refusal_code or _("The provider gave no reason.")
    if refund.source == RefundRequest.Source.EXTERNAL:
        return _("The provider paid this without being asked here. It is recorded, because money went out.")
    return ""


def steps_of(refund: RefundRequest, entries: list[TimelineEntry]) -> list[Step]:
    """Where this stands: the states passed with their times, the present one, what can come next."""
    passed = [entry for entry in entries if entry.machine == "refund" and entry.target]
    steps = [Step(_word(entry.target), "done", entry.at) for entry in passed[:-1]]
    steps.append(Step(_word(refund.display_status), "now", passed[-1].at if passed else refund.created_at))
    if refund.is_open:
        way = ["RESERVED", "COMPLETED"] if refund.gateway == "manual" else ["RESERVED", "SUBMITTED", "COMPLETED"]
        at = {"UNKNOWN": "SUBMITTED"}.get(str(refund.status), str(refund.status))
        later = way[way.index(at) + 1 :] if at in way else way
        steps += [Step(_word(status), "next") for status in later]
    return steps


def _word(status: str) -> str:
    return str(status_word("refund", status).label)
