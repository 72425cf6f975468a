"""What support may do with refunds: the stuck ones in the queue, a case page with its money, moves with a reason."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

from django import forms
from django.contrib import admin
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from marketplace.actors import Actor
from marketplace.models import Order, StateTransition
from marketplace.money import format_money
from marketplace.support_door.base import TenantAdmin
from marketplace.support_door.registry import (
    FINDERS,
    ORDER_RELATIONS,
    QUEUE_ROWS,
    QUEUES,
    CaseKind,
    CasePage,
    Found,
    QueueRow,
    QueueSection,
    ReasonForm,
    Related,
    SupportMove,
    not_from_here,
    register_case,
)
from refunds import selectors, services
from refunds.bars import bar_of
from refunds.models import Discrepancy, LedgerLine, RefundBudget, RefundLine, RefundRequest
from refunds.reasons import reason_words
from refunds.timeline import timeline_of

COUNTED = 1000
# The ladder of look-ups has had its day by then; a person looks (reliability.md 2.3).
UNKNOWN_FOR_LONG = timedelta(hours=24)


# --- queue and search ------------------------------------------------------------------------------------


def unknown_refunds(now: datetime) -> QueueSection:
    unknown = dict(RefundRequest.across_sellers.filter(status="UNKNOWN").values_list("id", "public_id")[:COUNTED])
    since = (
        StateTransition.across_sellers.filter(machine="refund", object_id__in=unknown, target="UNKNOWN")
        .order_by("object_id", "version")
        .values_list("object_id", "seller_id", "at")
    )
    latest = {pk: (seller, at) for pk, seller, at in since}
    old = sorted((at, pk, seller) for pk, (seller, at) in latest.items() if at <= now - UNKNOWN_FOR_LONG)
    return QueueSection(
        gettext_lazy("Refunds whose outcome is unknown for more than a day"),
        gettext_lazy("Look at the payment provider, then say whether it was paid. Never pay again before."),
        [
            QueueRow(unknown[pk], seller, "refund", unknown[pk], at, "refund", "UNKNOWN")
            for at, pk, seller in old[:QUEUE_ROWS]
        ],
        len(old),
    )


def held_refunds(now: datetime) -> QueueSection:
    found = RefundRequest.across_sellers.filter(status="ON_HOLD").order_by("id")
    rows = found.values_list("public_id", "seller_id", "created_at")[:QUEUE_ROWS]
    return QueueSection(
        gettext_lazy("Refunds on hold"),
        gettext_lazy("They wait for whoever put them on hold, or for the end of a money stop."),
        [QueueRow(pid, seller, "refund", pid, at, "refund", "ON_HOLD") for pid, seller, at in rows],
        found.values("id")[:COUNTED].count(),
    )


def find_refunds(text: str, seller_ids: list[int]) -> list[Found]:
    rows = RefundRequest.across_sellers.filter(public_id=text).values_list("public_id", "seller_id", "status")[:1]
    return [Found("refund", pid, pid, seller, "refund", state) for pid, seller, state in rows]


def refunds_of_order(order: Order) -> list[Related]:
    return [
        Related("refund", each.public_id, format_money(each.amount), "refund", str(each.status))
        for each in selectors.refunds_of_order(order)
    ]


QUEUES.insert(0, held_refunds)
QUEUES.insert(0, unknown_refunds)
FINDERS.append(find_refunds)
ORDER_RELATIONS.append(refunds_of_order)


# --- the case ----------------------------------------------------------------------------------------------


def locate(public_id: str) -> int | None:
    return RefundRequest.across_sellers.filter(public_id=public_id).values_list("seller_id", flat=True).first()


def show(public_id: str) -> CasePage:
    refund = selectors.refund_named(public_id)
    asker = [Related("return", refund.asker_public_id, refund.asker_public_id)] if refund.asker == "return" else []
    return CasePage(
        title=_("Refund of %(amount)s") % {"amount": format_money(refund.amount)},
        subject=refund,
        machine="refund",
        status=refund.display_status,
        facts=[
            (_("Order"), refund.order.number),
            (_("Reason"), reason_words(refund.reason_code)),
            (_("Explanation"), refund.reason_text),
            (_("Gateway"), refund.get_gateway_display()),
            (_("Payment"), refund.payment_reference),
            (_("Key at the provider"), str(refund.provider_key)),
            (_("Provider's id"), refund.provider_refund_id),
            (_("Provider's message"), refund.provider_message),
            (_("Hold"), refund.get_hold_reason_display() if refund.hold_reason else ""),
            (_("Asked by"), refund.created_by_label),
            (_("Second person"), refund.reviewed_by_label),
            (_("Tries"), refund.attempts),
            (_("Next try"), refund.next_attempt_at),
        ],
        lines=[f"{line.get_component_display()}: {line.amount_minor / 100:.2f}" for line in refund.lines.all()],
        entries=timeline_of(refund),
        related=[Related("order", refund.order.public_id, refund.order.number), *asker],
        bar=bar_of(selectors.budget_figures(refund.order)),
    )


# --- the moves -----------------------------------------------------------------------------------------------


class ReferenceForm(ReasonForm):
    reference = forms.CharField(
        label=gettext_lazy("Reference of the payment"),
        max_length=120,
        help_text=gettext_lazy("The provider's id of the refund, as you see it there."),
    )
    field_order = ("reference", "reason")


def look_up(public_id: str, by: Actor, data: dict[str, Any]) -> None:
    services.look_up_refund(public_id, by=by)


def hold(public_id: str, by: Actor, data: dict[str, Any]) -> None:
    services.hold_refund(public_id, by=by, reason=data["reason"])


def release(public_id: str, by: Actor, data: dict[str, Any]) -> None:
    services.release_refund(public_id, by=by, reason=data["reason"])


def cancel(public_id: str, by: Actor, data: dict[str, Any]) -> None:
    services.cancel_refund(public_id, by=by, reason=data["reason"])


def resolve_paid(public_id: str, by: Actor, data: dict[str, Any]) -> None:
    services.resolve_refund_as_paid(public_id, by=by, reference=data["reference"], reason=data["reason"])


def resolve_unpaid(public_id: str, by: Actor, data: dict[str, Any]) -> None:
    services.resolve_refund_as_unpaid(public_id, by=by, reason=data["reason"])


def _is_at_the_provider(refund: RefundRequest) -> str:
    if str(refund.status) in {"SUBMITTED", "UNKNOWN"}:
        return ""
    return _("Nothing of this refund is open at the payment provider.")


# Support asks for no refund and is no second person: whoever handles complaints does not move money alone.
register_case(
    CaseKind(
        "refund",
        gettext_lazy("Refund"),
        locate,
        show,
        [
            SupportMove(
                "look-up",
                gettext_lazy("Look it up now"),
                gettext_lazy("The payment provider is asked at once. Nothing is paid by looking."),
                look_up,
                _is_at_the_provider,
            ),
            SupportMove(
                "hold",
                gettext_lazy("Put on hold"),
                gettext_lazy("It is not sent until the hold ends. The amount stays set aside."),
                hold,
                not_from_here(RefundRequest, "hold"),
            ),
            SupportMove(
                "release",
                gettext_lazy("End the hold"),
                gettext_lazy("It is sent to the payment provider next."),
                release,
                not_from_here(RefundRequest, "release"),
            ),
            SupportMove(
                "cancel",
                gettext_lazy("Cancel"),
                gettext_lazy("The refund ends unpaid; what was set aside is free again."),
                cancel,
                not_from_here(RefundRequest, "cancel"),
                is_danger=True,
            ),
            SupportMove(
                "resolve-paid",
                gettext_lazy("It was paid"),
                gettext_lazy("The refund counts as paid. Only after seeing the payment at the provider."),
                resolve_paid,
                not_from_here(RefundRequest, "resolve_paid"),
                ReferenceForm,
                is_danger=True,
            ),
            SupportMove(
                "resolve-unpaid",
                gettext_lazy("It was not paid"),
                gettext_lazy("The refund counts as failed; what was set aside is free again."),
                resolve_unpaid,
                not_from_here(RefundRequest, "resolve_unpaid"),
                is_danger=True,
            ),
        ],
    )
)


# --- the tables ----------------------------------------------------------------------------------------------


@admin.register(RefundRequest)
class RefundRequestAdmin(TenantAdmin):
    list_display = ("public_id", "amount", "status", "gateway", "attempts", "created_at", "settled_at")
    list_filter = ("status",)
    ordering = ("-id",)


@admin.register(RefundLine)
class RefundLineAdmin(TenantAdmin):
    list_display = ("refund", "order_line", "component", "amount_minor")
    ordering = ("-id",)


@admin.register(RefundBudget)
class RefundBudgetAdmin(TenantAdmin):
    list_display = ("order", "currency", "cap_minor", "reserved_minor", "refunded_minor", "disputed_minor")
    ordering = ("-id",)


@admin.register(LedgerLine)
class LedgerLineAdmin(TenantAdmin):
    list_display = ("at", "budget", "refund", "account", "amount_minor", "currency")
    ordering = ("-id",)


@admin.register(Discrepancy)
class DiscrepancyAdmin(TenantAdmin):
    list_display = ("found_at", "kind", "refund", "amount_minor", "currency", "text", "closed_at")
    ordering = ("-id",)
