"""What pages, the API and exports read about refunds: lists, the budget's figures, what is left, the story."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from django.db.models import Q, QuerySet

from marketplace.errors import NotFound
from marketplace.models import Note, Order, StateTransition
from marketplace.models.trade import GatewayName
from marketplace.money import Money
from refunds import deadlines
from refunds.lines import LineLeft, lines_left
from refunds.models import PENDING_STAGES, PUBLIC_STATUS, Discrepancy, RefundBudget, RefundRequest

__all__ = ["BudgetFigures", "LineLeft", "RefundFilters", "budget_figures", "lines_left", "refunds_list"]
COUNT_LIMIT = 1000  # counts are exact up to here, then "1,000+" (rulings 30)


@dataclass(frozen=True, slots=True)
class RefundFilters:
    """What a list of refunds is narrowed by; empty = everything.

    `status`: a public status (PENDING ...), a stage (REVIEW, UNKNOWN ...), AWAITING_SELLER, or NEEDS_PERSON.
    `search`: the whole of an order number, a refund's, return's or provider's id, or a credit note number.
    """

    status: str = ""
    channel: str = ""  # the channel's code
    created_from: datetime | None = None
    created_before: datetime | None = None
    search: str = ""
    order_public_id: str = ""
    asker_public_id: str = ""


@dataclass(frozen=True, slots=True)
class BudgetFigures:
    """Where an order's money is. `left` is None while it is not known what the buyer paid."""

    paid: Money
    refunded: Money
    reserved: Money
    disputed: Money
    left: Money | None
    over_recovery: Money
    is_cap_known: bool
    gateway: str


def refunds_list(filters: RefundFilters | None = None) -> QuerySet[RefundRequest]:
    """Newest first, by id, so that pages go by key. Rows carry their order and channel."""
    filters = filters or RefundFilters()
    found: QuerySet[RefundRequest] = RefundRequest.objects.select_related("order", "channel").order_by("-id")
    found = found.filter(_of_status(filters.status))
    if filters.channel:
        found = found.filter(channel__code=filters.channel)
    if filters.created_from:
        found = found.filter(created_at__gte=filters.created_from)
    if filters.created_before:
        found = found.filter(created_at__lt=filters.created_before)
    if filters.order_public_id:
        found = found.filter(order__public_id=filters.order_public_id)
    if filters.asker_public_id:
        found = found.filter(asker_public_id=filters.asker_public_id)
    if filters.search.strip():
        found = found.filter(_matching(filters.search.strip()))
    return found


def count_up_to(queryset: QuerySet[RefundRequest], limit: int = COUNT_LIMIT) -> int:
    """Exact up to `limit`; `limit + 1` stands for more."""
    return queryset.order_by()[: limit + 1].count()


def refund_named(public_id: str) -> RefundRequest:
    """One refund with its order, channel and lines; NotFound if it is not ours."""
    found: RefundRequest | None = (
        RefundRequest.objects.select_related("order__buyer", "channel", "budget")
        .prefetch_related("lines__order_line")
        .filter(public_id=public_id)
        .first()
    )
    if found is None:
        raise NotFound
    return found


def refunds_of_order(order: Order) -> QuerySet[RefundRequest]:
    found: QuerySet[RefundRequest] = RefundRequest.objects.filter(order=order).order_by("-id")
    return found


def refunds_asked_by(asker_public_id: str) -> QuerySet[RefundRequest]:
    """Of a return, oldest first."""
    found: QuerySet[RefundRequest] = RefundRequest.objects.filter(asker_public_id=asker_public_id).order_by("id")
    return found


def has_open_refund(asker_public_id: str) -> bool:
    """Is a refund of this return still under way?"""
    found: bool = RefundRequest.objects.filter(asker_public_id=asker_public_id, status__in=PENDING_STAGES).exists()
    return found


def refunds_needing_a_person() -> QuerySet[RefundRequest]:
    """A second person, a payment by hand, the end of a hold, or a look at the provider; oldest first."""
    found: QuerySet[RefundRequest] = RefundRequest.objects.filter(_of_status("NEEDS_PERSON")).order_by("id")
    return found


def open_discrepancies() -> QuerySet[Discrepancy]:
    """Where our books and the provider's differ, and nobody has said yet why; oldest first."""
    found: QuerySet[Discrepancy] = (
        Discrepancy.objects.filter(closed_at=None).select_related("budget__order", "refund").order_by("id")
    )
    return found


def budget_figures(order: Order) -> BudgetFigures:
    """Without a lock and without making a budget: before the first refund, what the order says."""
    budget: RefundBudget | None = RefundBudget.objects.filter(order=order).first()
    if budget is None:
        nothing, paid = Money(0, order.currency), Money(order.paid_minor, order.currency)
        is_known = bool(order.paid_minor)
        return BudgetFigures(
            paid, nothing, nothing, nothing, paid if is_known else None, nothing, is_known, order.gateway_name
        )
    cap = order.paid_minor if order.paid_minor and order.currency == budget.currency else budget.cap_minor
    is_known = budget.is_cap_known or bool(order.paid_minor)
    amounts = {
        "paid": cap,
        "refunded": budget.refunded_minor,
        "reserved": budget.reserved_minor,
        "disputed": budget.disputed_minor,
        "over_recovery": max(0, budget.out_minor - cap) if is_known else 0,
    }
    return BudgetFigures(
        left=Money(max(0, cap - budget.out_minor), budget.currency) if is_known else None,
        is_cap_known=is_known,
        gateway=order.gateway_name,
        **{name: Money(minor, budget.currency) for name, minor in amounts.items()},
    )


def history_of(refund: RefundRequest) -> QuerySet[StateTransition]:
    """Every move, oldest first; `data` holds amount and provider's id, `reason_text` what was said."""
    found: QuerySet[StateTransition] = StateTransition.objects.filter(machine="refund", object_id=refund.pk).order_by(
        "version"
    )
    return found


def notes_of(refund: RefundRequest) -> QuerySet[Note]:
    found: QuerySet[Note] = Note.objects.filter(machine="refund", object_id=refund.pk).order_by("id")
    return found


def next_thing_due(refund: RefundRequest) -> tuple[str, datetime] | None:
    """("send" | "look_up" | "reminder" | "person", when): what happens next by itself."""
    status = str(refund.status)
    if status == "REVIEW" and refund.remind_at:
        return "reminder", refund.remind_at
    if status == "RESERVED" and refund.next_attempt_at:
        return "send", refund.next_attempt_at
    if status in {"SUBMITTED", "UNKNOWN"} and refund.next_attempt_at:
        return "look_up", refund.next_attempt_at
    if status == "UNKNOWN" and refund.first_called_at:
        return "person", refund.first_called_at + deadlines.PERSON_FROM
    return None


def _of_status(status: str) -> Q:
    if not status:
        return Q()
    if status == "AWAITING_SELLER":
        return Q(status="RESERVED", gateway="manual")
    if status == "NEEDS_PERSON":
        return (
            Q(status__in=["REVIEW", "ON_HOLD"])
            | Q(status="RESERVED", gateway="manual")
            | Q(status__in=["SUBMITTED", "UNKNOWN"], person_asked_at__isnull=False)
        )
    if status == "PENDING":
        return Q(status__in=PENDING_STAGES)
    if status not in PUBLIC_STATUS:
        return Q(pk__in=[])
    return Q(status=status)


def _matching(text: str) -> Q:
    """Whole keys only: under row-level security nothing else finds an index (rulings 7)."""
    found = (
        Q(order_number_key=text.lower())
        | Q(public_id=text)
        | Q(asker_public_id=text)
        | Q(gateway__in=GatewayName.values, provider_refund_id=text)
    )
    number = text.upper().removeprefix("CN-")
    if number != text.upper() and number.isdigit() and len(number) < 10:
        found |= Q(credit_note_no=int(number))
    return found
