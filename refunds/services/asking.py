"""Asking that money goes back: the reservation is taken here, for every door."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any

from django.db import transaction
from django.utils.translation import gettext as _

from marketplace import clock, events, idempotency, rows
from marketplace.actors import Actor, Permission
from marketplace.crash import crashpoint
from marketplace.errors import NotFound, Refused
from marketplace.models import Order, Seller
from marketplace.models.trade import GatewayName
from marketplace.money import LARGEST
from marketplace.moves import record_creation, save_transition
from marketplace.prepared import Prepared, given
from marketplace.tenancy import current_seller_id, in_transaction
from refunds import deadlines, ledger, lines
from refunds.facts import facts_of
from refunds.lines import Book
from refunds.models import Component, HoldReason, RefundBudget, RefundLine, RefundRequest
from refunds.reasons import NEEDS_TEXT, is_reason_code

CREATE_REFUND = "refund.create"  # the idempotency operation, shared by all doors
EXECUTE = "refunds.tasks.execute_due"
MOST_LINES = 500


_order_named: Prepared[Order] = Prepared(
    lambda: Order.objects.select_related("channel").filter(public_id=given("public_id"))
)
_house_rules: Prepared[Seller] = Prepared(
    lambda: Seller.objects.filter(pk=given("id")).order_by().values_list("review_above_minor", "is_money_stopped")
)


@dataclass(frozen=True, slots=True)
class Charge:
    """What the buyer paid on an order, in our hands: its budget is locked, and nothing is taken from its lines."""

    budget: RefundBudget
    book: Book


@dataclass(frozen=True, slots=True)
class RefundLineAsk:
    """One part of a refund: minor units of the order's currency; only a RESTOCKING_FEE is negative."""

    order_line_id: int | None
    component: str
    amount_minor: int
    note: str = ""


def create_refund(
    order_public_id: str,
    *,
    by: Actor,
    lines: Sequence[RefundLineAsk],
    reason_code: str,
    reason_text: str = "",
    client_token: str | None = None,
    asker: str = "",
    asker_public_id: str = "",
    currency: str = "",
    charge: Charge | None = None,
) -> RefundRequest:
    """Ask that money goes back on an order; the amount is reserved from its budget at once.

    RESERVED and sent within seconds; REVIEW where a second person must agree; ON_HOLD while payouts are stopped.
    Refused: EXCEEDED_MAXIMUM_ADJUSTMENT_AMOUNT (charge or order line), currency_mismatch, reason_missing ...
    The same `client_token` with the same content gives the first refund again. Who has locked the order's
    `charge` already hands it on.
    """
    by.require(Permission.REFUND)

    def ask() -> RefundRequest:
        asks, text = list(lines), reason_text.strip()
        amount = _check_shape(asks)
        _check_reason(reason_code, text, asker)
        return _create(
            charge or charge_of(_order(order_public_id)),
            by,
            asks,
            amount,
            currency,
            {"reason_code": reason_code, "reason_text": text},
            {"asker": asker[:20], "asker_public_id": asker_public_id[:40]},
        )

    with in_transaction():
        if not client_token:
            return ask()
        made: list[RefundRequest] = []

        def run() -> idempotency.Answer:
            made.append(ask())
            return idempotency.Answer(201, {"public_id": made[0].public_id})

        content = {
            "order": order_public_id,
            "lines": [asdict(line) for line in lines],
            "reason": [reason_code, reason_text.strip()],
            "asker": [asker, asker_public_id],
            "currency": currency,
        }
        answer = idempotency.once(operation=CREATE_REFUND, key=client_token, body=content, run=run)
        if made:
            return made[0]
        first: RefundRequest = RefundRequest.objects.get(public_id=answer.body["public_id"])
        return first


def charge_of(order: Order) -> Charge:
    """The order's budget, locked, and its book, read under that lock."""
    return Charge(ledger.budget_for(order), lines.book_of(order))


def _order(public_id: str) -> Order:
    found: Order | None = _order_named.first(public_id=public_id)
    if found is None:
        raise NotFound
    return found


def _create(
    charge: Charge,
    by: Actor,
    asks: list[RefundLineAsk],
    amount: int,
    currency: str,
    reason: dict[str, str],
    asker: dict[str, str],
) -> RefundRequest:
    budget, order = charge.budget, charge.book.order
    _check_charge(order, budget, currency or order.currency, reason["reason_text"])
    lines.check_line_caps(charge.book, [(ask.order_line_id, ask.component, ask.amount_minor) for ask in asks])

    now = clock.now()
    refund = RefundRequest(
        order=order,
        channel=order.channel,
        order_number=order.number,
        order_number_key=order.number_key,
        budget=budget,
        amount_minor=amount,
        currency=budget.currency,
        **reason,
        **asker,
        gateway=budget.gateway,
        payment_reference=budget.payment_reference,
        created_by_kind=by.kind,
        created_by_id=by.id,
        created_by_label=by.label[:160],
        created_at=now,
    )
    record_creation(refund, move="create", by=by, **reason, data=facts_of(refund))
    refund.lines_at_hand = [RefundLine(refund=refund, **_line(ask)) for ask in asks]
    rows.insert(refund.lines_at_hand)
    ledger.reserve(budget, refund)
    _take_its_way(refund, budget, by)
    crashpoint("refund.reserving")
    transaction.on_commit(lambda: crashpoint("refund.reserved"))
    return refund


def _take_its_way(refund: RefundRequest, budget: RefundBudget, by: Actor) -> None:
    """A second person first, where one is needed; then the money stop; else it is sent."""
    review_above_minor, is_money_stopped = _house_rules.first(id=current_seller_id())
    now = clock.now()
    if _needs_second_person(refund, budget, review_above_minor):
        refund.ask_review(remind_at=now + deadlines.REVIEW_REMINDER)
    elif is_money_stopped:
        refund.hold(reason=HoldReason.MONEY_STOP)
    else:
        refund.reserve(at=now)
        events.ring_after_commit(EXECUTE)
    save_transition(refund, by=by, reason_code=refund.hold_reason, data=facts_of(refund))


def _needs_second_person(refund: RefundRequest, budget: RefundBudget, limit: int) -> bool:
    """Above the limit; or below it, but above it with what went out on this charge without a second person."""
    if not limit or budget.reserved_minor + budget.refunded_minor <= limit:
        return False
    alone: list[int] = list(
        RefundRequest.objects.filter(
            budget=budget,
            source=RefundRequest.Source.REQUEST,
            reviewed_by_id="",
            status__in=["VALIDATING", "ON_HOLD", "RESERVED", "SUBMITTED", "UNKNOWN", "COMPLETED"],
        ).values_list("amount_minor", flat=True)
    )
    return sum(alone) > limit


def _check_shape(asks: list[RefundLineAsk]) -> int:
    """The total, in minor units."""
    if not asks or len(asks) > MOST_LINES:
        raise Refused(_("Say what is to be refunded: 1 to 500 lines."), code="lines_missing")
    for ask in asks:
        if ask.component not in Component.values:
            raise Refused(_("There is no such part of a refund: %(name)s.") % {"name": ask.component[:40]})
        is_fee = ask.component == Component.RESTOCKING_FEE
        if not ask.amount_minor or (ask.amount_minor < 0) != is_fee or abs(ask.amount_minor) > LARGEST:
            raise Refused(
                _("Amounts are above zero; only a restocking fee, which is kept back, is below."),
                code="amount_not_possible",
            )
        if ask.order_line_id is None and ask.component in {Component.ITEM, Component.TAX}:
            raise Refused(_("An item or its tax is refunded on a line of the order."), code="order_line_missing")
    total = sum(ask.amount_minor for ask in asks)
    if not 0 < total <= LARGEST:
        raise Refused(_("What is refunded must come to more than nothing."), code="amount_not_possible")
    return total


def _check_reason(reason_code: str, reason_text: str, asker: str) -> None:
    if not is_reason_code(reason_code, asker=asker):
        raise Refused(_("Choose a reason for the refund."), code="reason_missing")
    if reason_code in NEEDS_TEXT and not reason_text:
        raise Refused(_("Say in a few words what the other reason is."), code="reason_missing")
    if len(reason_text) > 2000:
        raise Refused(_("The explanation is longer than 2,000 characters."), code="reason_too_long")


def _check_charge(order: Order, budget: RefundBudget, currency: str, reason_text: str) -> None:
    if not currency == order.currency == budget.currency:
        raise Refused(
            _("The buyer paid in %(paid)s, so the refund is in %(paid)s too.") % {"paid": budget.currency},
            code="currency_mismatch",
        )
    if not budget.is_cap_known and not reason_text:
        raise Refused(
            _("We do not know what the buyer paid for this order. Say in a few words how the amount was found."),
            code="reason_missing",
        )
    if budget.gateway != GatewayName.MANUAL and not budget.payment_reference:
        raise Refused(
            _("The order names no payment at the provider, so nothing can be sent back through it."),
            code="payment_reference_missing",
        )


def _line(ask: RefundLineAsk) -> dict[str, Any]:
    return {
        "order_line_id": ask.order_line_id,
        "component": ask.component,
        "amount_minor": ask.amount_minor,
        "note": ask.note[:300],
    }
