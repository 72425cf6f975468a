"""What support may do with returns: the overdue ones in the queue, a case page, moves with a demanded reason."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from django import forms
from django.contrib import admin
from django.db.models import Q
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from marketplace.actors import Actor
from marketplace.models import Order
from marketplace.money import format_money
from marketplace.plain_forms import Paragraphs
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
from returns import selectors, services
from returns.models import ReceivedUnits, ReturnLine, ReturnRequest
from returns.reasons import DENY_REASONS, reason_words
from returns.timeline import steps_of, timeline_of

COUNTED = 1000


# --- queue and search ------------------------------------------------------------------------------------


def overdue_returns(now: datetime) -> QueueSection:
    found = ReturnRequest.across_sellers.filter(status="PENDING_RESPONSE", is_overdue=True).order_by("respond_by")
    rows = found.values_list("public_id", "seller_id", "order_number", "respond_by", "status")[:QUEUE_ROWS]
    return QueueSection(
        gettext_lazy("Returns that nobody answered in time"),
        gettext_lazy("The buyer waits; the seller was reminded."),
        [QueueRow(number, seller, "return", pid, at, "return", state) for pid, seller, number, at, state in rows],
        found.values("id")[:COUNTED].count(),
    )


def find_returns(text: str, seller_ids: list[int]) -> list[Found]:
    here = Q(public_id=text) | Q(seller_id__in=seller_ids, rma=text)
    rows = ReturnRequest.across_sellers.filter(here).values_list(
        "public_id", "rma", "order_number", "seller_id", "status"
    )[:20]
    return [Found("return", pid, rma or number, seller, "return", state) for pid, rma, number, seller, state in rows]


def returns_of_order(order: Order) -> list[Related]:
    return [
        Related("return", each.public_id, str(each), "return", str(each.status))
        for each in selectors.returns_of_order(order)
    ]


QUEUES.insert(0, overdue_returns)
FINDERS.append(find_returns)
ORDER_RELATIONS.append(returns_of_order)


# --- the case ----------------------------------------------------------------------------------------------


def locate(public_id: str) -> int | None:
    return ReturnRequest.across_sellers.filter(public_id=public_id).values_list("seller_id", flat=True).first()


def show(public_id: str) -> CasePage:
    request = selectors.with_lines(selectors.return_named(public_id))
    refunds = selectors.refunds_of(request)
    entries = timeline_of(request, refunds)
    lines = [
        f"{line.quantity} × {line.order_line.title or line.order_line.sku}: {reason_words(line.reason_code)}"
        + (f" – {line.comment}" if line.comment else "")
        for line in request.lines.all()
    ]
    return CasePage(
        title=_("Return %(name)s") % {"name": request},
        subject=request,
        machine="return",
        status=str(request.status),
        due=request.due_at,
        facts=[
            (_("Order"), request.order_number),
            (_("Buyer"), request.buyer_name or _("not known")),
            (_("Channel"), request.channel.name),
            (_("Value"), format_money(request.value)),
            (_("Asked"), request.requested_at),
            (_("Answer by"), request.respond_by),
            (_("Post by"), request.return_by),
            (_("Refund by"), request.refund_by),
            (_("Outside the policy"), request.policy_note if request.is_out_of_policy else ""),
        ],
        lines=lines,
        entries=entries,
        steps=steps_of(request, entries),
        related=[
            Related("order", request.order.public_id, request.order_number),
            *(Related("refund", each.public_id, str(each.amount), "refund", str(each.status)) for each in refunds),
        ],
    )


# --- the moves -----------------------------------------------------------------------------------------------


class DenyForm(ReasonForm):
    reason_code = forms.ChoiceField(label=gettext_lazy("Reason given to the buyer"))
    message = Paragraphs(label=gettext_lazy("Message to the buyer"), max_length=3000)
    field_order = ("reason_code", "message", "reason")

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["reason_code"].choices = [(code, each.words) for code, each in DENY_REASONS.items()]  # type: ignore[attr-defined]


class CloseForm(ReasonForm):
    close_reason = forms.ChoiceField(label=gettext_lazy("Closed because"), choices=ReturnRequest.CloseReason.choices)
    field_order = ("close_reason", "reason")


def authorise(public_id: str, by: Actor, data: dict[str, Any]) -> None:
    services.authorise_return(public_id, by=by, reason=data["reason"])


def deny(public_id: str, by: Actor, data: dict[str, Any]) -> None:
    services.deny_return(public_id, by=by, reason_code=data["reason_code"], message=data["message"])
    services.add_note(public_id, by=by, text=_("Denied by support: %(reason)s") % data)


def withdraw(public_id: str, by: Actor, data: dict[str, Any]) -> None:
    services.withdraw_return(public_id, by=by, reason=data["reason"])


def close(public_id: str, by: Actor, data: dict[str, Any]) -> None:
    services.close_return(public_id, by=by, close_reason=data["close_reason"], reason=data["reason"])


def reinstate(public_id: str, by: Actor, data: dict[str, Any]) -> None:
    services.reinstate_return(public_id, by=by, reason=data["reason"])


register_case(
    CaseKind(
        "return",
        gettext_lazy("Return"),
        locate,
        show,
        [
            SupportMove(
                "authorise",
                gettext_lazy("Authorise"),
                gettext_lazy("The buyer gets the return address by mail. No money moves yet."),
                authorise,
                not_from_here(ReturnRequest, "authorise"),
            ),
            SupportMove(
                "deny",
                gettext_lazy("Deny"),
                gettext_lazy("The buyer gets the reason and the message by mail; the request ends."),
                deny,
                not_from_here(ReturnRequest, "deny"),
                DenyForm,
                is_danger=True,
            ),
            SupportMove(
                "withdraw",
                gettext_lazy("Withdraw for the buyer"),
                gettext_lazy("The request ends as the buyer's own wish; the seller gets a mail."),
                withdraw,
                not_from_here(ReturnRequest, "withdraw"),
            ),
            SupportMove(
                "close",
                gettext_lazy("Close"),
                gettext_lazy("The return ends; nothing more is asked of anybody."),
                close,
                not_from_here(ReturnRequest, "close"),
                CloseForm,
                is_danger=True,
            ),
            SupportMove(
                "reinstate",
                gettext_lazy("Reinstate"),
                gettext_lazy("The return lives again with new deadlines; the buyer gets a mail."),
                reinstate,
                not_from_here(ReturnRequest, "reinstate"),
            ),
        ],
    )
)


# --- the tables ----------------------------------------------------------------------------------------------


@admin.register(ReturnRequest)
class ReturnRequestAdmin(TenantAdmin):
    list_display = ("public_id", "rma", "order_number", "status", "requested_at", "respond_by", "is_overdue")
    list_filter = ("status",)
    ordering = ("-id",)


@admin.register(ReturnLine)
class ReturnLineAdmin(TenantAdmin):
    list_display = ("return_request", "order_line", "quantity", "reason_code", "received_quantity")
    ordering = ("-id",)


@admin.register(ReceivedUnits)
class ReceivedUnitsAdmin(TenantAdmin):
    list_display = ("return_line", "condition", "quantity", "at")
    ordering = ("-id",)
