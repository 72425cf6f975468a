"""The cap on a refund: what is left of a charge, and the only writer of its budget and its books.

Every change is one posting: an UPDATE of the budget's row and lines that add up to zero. The columns are the
balances of their accounts: cap = -OUTSIDE, reserved, refunded and disputed as named, over-recovery =
-OVER_RECOVERY, and what is left = CAPTURED, which never is below zero.
"""

from __future__ import annotations

import logging
import uuid

from django.db.models import Sum
from django.utils.translation import gettext as _

from marketplace import clock, rows
from marketplace.actors import SYSTEM_ACTOR
from marketplace.errors import Refused
from marketplace.models import Order
from marketplace.models.trade import GatewayName
from marketplace.money import Money, format_money
from refunds import locks
from refunds.models import Discrepancy, LedgerLine, RefundBudget, RefundRequest

log = logging.getLogger(__name__)

EXCEEDED = "EXCEEDED_MAXIMUM_ADJUSTMENT_AMOUNT"  # AWS's word
Account = LedgerLine.Account


def budget_for(order: Order) -> RefundBudget:
    """The order's budget, made on first use, locked, and in step with what the order says was paid."""
    found = locks.budget_of_order(order)
    if found is not None:
        return in_step(found)
    made = RefundBudget(
        order=order,
        currency=order.currency,
        cap_minor=order.paid_minor,
        is_cap_known=order.paid_minor > 0,
        gateway=order.gateway_name,
        payment_reference=payment_reference_of(order),
    )
    if rows.insert_new([made]):
        _write_posting(made, None, {Account.OUTSIDE: -made.cap_minor, Account.CAPTURED: made.cap_minor})
        return made
    theirs = locks.budget_of_order(order)  # somebody else was faster
    assert theirs is not None  # noqa: S101
    return in_step(theirs)


def payment_reference_of(order: Order) -> str:
    """Where the money came in. The sandbox makes a payment up for an order whose file names none."""
    if not order.payment_reference and order.gateway_name == GatewayName.SANDBOX:
        return order.public_id
    return order.payment_reference


def in_step(budget: RefundBudget) -> RefundBudget:
    """Follow a later file: a new amount paid moves the cap; what is out beyond it becomes over-recovery.

    An order that says nothing (0) any more leaves the cap that was known. The currency never changes.
    """
    order: Order = budget.order
    now_said = {"gateway": order.gateway_name, "payment_reference": payment_reference_of(order)}
    changed = [name for name, value in now_said.items() if getattr(budget, name) != value]
    for name in changed:
        setattr(budget, name, now_said[name])
    is_other_cap = not budget.is_cap_known or budget.cap_minor != order.paid_minor
    if order.paid_minor and order.currency == budget.currency and is_other_cap:
        budget.is_cap_known = True
        _post(budget, cap=order.paid_minor - budget.cap_minor, also=[*changed, "is_cap_known"])
    elif changed:
        budget.save(update_fields=changed)
    return budget


def reserve(budget: RefundBudget, refund: RefundRequest) -> None:
    """Set the amount aside, or refuse with what is left. A charge of unknown size grows by the amount."""
    amount = refund.amount_minor
    if not budget.is_cap_known:
        _post(budget, refund, cap=amount, reserved=amount)
        return
    if amount > budget.left_minor:
        raise Refused(_over_the_cap(budget), code=EXCEEDED, left_minor=budget.left_minor, currency=budget.currency)
    _post(budget, refund, reserved=amount)


def settle(budget: RefundBudget, refund: RefundRequest) -> None:
    """What was reserved has gone out."""
    amount = refund.amount_minor
    _post(budget, refund, reserved=-amount, refunded=amount)


def release(budget: RefundBudget, refund: RefundRequest) -> None:
    """What was reserved is free again."""
    amount = refund.amount_minor
    _post(budget, refund, reserved=-amount, cap=0 if budget.is_cap_known else -amount)


def reverse(budget: RefundBudget, refund: RefundRequest) -> None:
    """What had gone out came back."""
    amount = refund.amount_minor
    _post(budget, refund, refunded=-amount, cap=0 if budget.is_cap_known else -amount)


def record_external(budget: RefundBudget, refund: RefundRequest) -> None:
    """A fact: this went out without being asked for here. The excess over the cap is over-recovery."""
    amount = refund.amount_minor
    _post(budget, refund, refunded=amount, cap=0 if budget.is_cap_known else amount)


def dispute(budget: RefundBudget, amount_minor: int) -> None:
    """A fact: a chargeback or claim has taken this much; new refunds have that much less room."""
    _post(budget, disputed=amount_minor, cap=0 if budget.is_cap_known else amount_minor)


def end_dispute(budget: RefundBudget, amount_minor: int) -> None:
    """The dispute was won or withdrawn: its amount is the seller's again. (Lost: it stays disputed for good.)"""
    _post(budget, disputed=-amount_minor, cap=0 if budget.is_cap_known else -amount_minor)


def recompute(budget: RefundBudget) -> bool:
    """Compare the locked row with its lines and put it right; True if it differed (and somebody must look)."""
    balances = balances_of(budget)
    wanted = {
        "cap_minor": -balances[Account.OUTSIDE],
        "reserved_minor": balances[Account.RESERVED],
        "refunded_minor": balances[Account.REFUNDED],
        "disputed_minor": balances[Account.DISPUTED],
        "over_recovery_minor": -balances[Account.OVER_RECOVERY],
    }
    differing = {name: value for name, value in wanted.items() if getattr(budget, name) != value}
    if differing:
        found = ", ".join(f"{name} {getattr(budget, name)} instead of {value}" for name, value in differing.items())
        log.error("Budget %s differed from its ledger: %s", budget.pk, found)
        for name, value in differing.items():
            setattr(budget, name, value)
        budget.save(update_fields=list(differing))
        note(budget, Discrepancy.Kind.BOOKS, found)
    in_step(budget)
    return bool(differing)


def balances_of(budget: RefundBudget) -> dict[str, int]:
    """The balance of every account of a budget, from its lines."""
    totals = LedgerLine.objects.filter(budget=budget).order_by().values_list("account").annotate(Sum("amount_minor"))
    return dict.fromkeys(Account.values, 0) | {account: int(total) for account, total in totals}


def note(
    budget: RefundBudget,
    kind: Discrepancy.Kind,
    text: str,
    *,
    refund: RefundRequest | None = None,
    provider_refund_id: str = "",
    amount_minor: int = 0,
) -> None:
    """Keep a difference as a row that a person closes; the same open one is brought up to date."""
    open_one = Discrepancy.objects.filter(
        kind=kind, budget=budget, refund=refund, provider_refund_id=provider_refund_id, closed_at=None
    )
    if not open_one.update(text=text[:500], amount_minor=amount_minor):
        Discrepancy.objects.create(
            kind=kind,
            budget=budget,
            refund=refund,
            provider_refund_id=provider_refund_id,
            amount_minor=amount_minor,
            currency=budget.currency,
            text=text[:500],
            found_at=clock.now(),
        )


def _post(
    budget: RefundBudget,
    refund: RefundRequest | None = None,
    *,
    cap: int = 0,
    reserved: int = 0,
    refunded: int = 0,
    disputed: int = 0,
    also: list[str] | None = None,
) -> None:
    """Change the locked budget by these amounts, and write the posting that says so."""
    over_before = budget.over_recovery_minor
    budget.cap_minor += cap
    budget.reserved_minor += reserved
    budget.refunded_minor += refunded
    budget.disputed_minor += disputed
    budget.over_recovery_minor = max(0, budget.out_minor - budget.cap_minor)
    over = budget.over_recovery_minor - over_before
    amounts = {
        Account.OUTSIDE: -cap,
        Account.RESERVED: reserved,
        Account.REFUNDED: refunded,
        Account.DISPUTED: disputed,
        Account.OVER_RECOVERY: -over,
    }
    amounts[Account.CAPTURED] = -sum(amounts.values())
    columns = ("cap_minor", "reserved_minor", "refunded_minor", "disputed_minor", "over_recovery_minor")
    rows.update(budget, [*columns, *(also or [])])
    _write_posting(budget, refund, amounts)
    if over:
        _note_over_recovery(budget)


def _write_posting(budget: RefundBudget, refund: RefundRequest | None, amounts: dict[Account, int]) -> None:
    posting, now = uuid.uuid4(), clock.now()
    rows.insert(
        LedgerLine(
            posting=posting,
            budget=budget,
            refund=refund,
            account=account,
            amount_minor=amount,
            currency=budget.currency,
            at=now,
        )
        for account, amount in amounts.items()
        if amount
    )


def _note_over_recovery(budget: RefundBudget) -> None:
    """A person is asked while more is out than was paid; the question closes itself when it is no more so."""
    if budget.over_recovery_minor:
        excess = format_money(Money(budget.over_recovery_minor, budget.currency))
        text = _("%(excess)s more has gone out than the buyer paid.") % {"excess": excess}
        note(budget, Discrepancy.Kind.OVER_RECOVERY, text, amount_minor=budget.over_recovery_minor)
        return
    Discrepancy.objects.filter(kind=Discrepancy.Kind.OVER_RECOVERY, budget=budget, refund=None, closed_at=None).update(
        closed_at=clock.now(), closed_by=SYSTEM_ACTOR.label
    )


def _over_the_cap(budget: RefundBudget) -> str:
    """The refusal names what is left, and where the rest is."""
    cap, left = format_money(budget.cap), format_money(budget.left)
    if not budget.out_minor:
        return _("The buyer paid %(cap)s, so no more than that can be refunded.") % {"cap": cap}
    parts = []
    for amount, words in (
        (budget.refunded_minor, _("%(amount)s is refunded")),
        (budget.reserved_minor, _("%(amount)s is reserved for refunds under way")),
        (budget.disputed_minor, _("%(amount)s is disputed")),
    ):
        if amount:
            parts.append(words % {"amount": format_money(Money(amount, budget.currency))})
    where = ", ".join(parts)
    if not budget.left_minor:
        return _("Nothing is left to refund: of %(cap)s paid, %(where)s.") % {"cap": cap, "where": where}
    return _("No more than %(left)s can be refunded: of %(cap)s paid, %(where)s.") % {
        "left": left,
        "cap": cap,
        "where": where,
    }
