"""Our rows and the provider's own list, compared both ways: what differs is recorded, or put before a person."""

from __future__ import annotations

import logging
from dataclasses import dataclass
from datetime import datetime

from django.db import connection
from django.db.models import Max
from django.utils.translation import gettext as _

from marketplace import clock
from marketplace.actors import PROVIDER_ACTOR, SYSTEM_ACTOR
from marketplace.crash import crashpoint
from marketplace.models import Seller
from marketplace.moves import save_transition
from marketplace.tenancy import scope, system_scope
from refunds import calling, deadlines, ledger, locks, settling
from refunds.facts import facts_of
from refunds.gateways import GatewayUnavailableError, ProviderRefund, ProviderStatus
from refunds.gateways.base import outcome_for
from refunds.models import Discrepancy, RefundBudget, RefundRequest
from refunds.services.hearing import record_payout

log = logging.getLogger(__name__)
Status = RefundRequest.Status
Kind = Discrepancy.Kind
ENDED_UNPAID = {Status.FAILED, Status.CANCELLED, Status.VALIDATION_FAILED}

_CLAIM_SQL = """
UPDATE refunds_refundbudget SET reconcile_at = %(until)s
WHERE id IN (
    SELECT b.id FROM refunds_refundbudget b WHERE b.reconcile_at <= %(now)s
    ORDER BY b.reconcile_at, b.id LIMIT %(limit)s FOR UPDATE SKIP LOCKED)
RETURNING id, seller_id
"""


@dataclass(frozen=True, slots=True)
class Account:
    """One payment at one gateway, as refunds of a budget named it."""

    gateway: str
    payment_reference: str


def reconcile_due(limit: int = 200) -> int:
    """Compare every charge that is due; returns how many were compared."""
    with system_scope(), connection.cursor() as cursor:
        now = clock.now()
        cursor.execute(_CLAIM_SQL, {"now": now, "until": now + deadlines.RECONCILE_AGAIN, "limit": limit})
        claimed: list[tuple[int, int]] = sorted(cursor.fetchall())
    crashpoint("refund.comparison_claimed")
    return sum(reconcile(seller_id, budget_id) for budget_id, seller_id in claimed)


def reconcile(seller_id: int, budget_id: int) -> int:
    """One charge: ask the provider for its list, then compare. 0 if no list could be had; it is tried again."""
    with scope(seller_id):
        seller = Seller.objects.get(pk=seller_id)
        accounts = _accounts_of(budget_id)
    crashpoint("refund.listing")
    lists: dict[Account, list[ProviderRefund]] = {}
    for account in accounts:
        line = calling.line_of(account.gateway, seller)
        try:
            lists[account] = line.list_refunds(account.payment_reference)
        except GatewayUnavailableError as trouble:
            log.warning("No list of refunds from %s: %s", account.gateway, trouble)
            return 0
    crashpoint("refund.listed")
    with scope(seller_id):
        budget = ledger.in_step(locks.budget(budget_id))
        for account, listed in lists.items():
            compare(budget, account, listed)
        budget.reconcile_at = _next_comparison(budget)
        budget.save(update_fields=["reconcile_at"])
        crashpoint("refund.reconciling")
    crashpoint("refund.reconciled")
    return 1


def compare(budget: RefundBudget, account: Account, listed: list[ProviderRefund]) -> None:
    """The provider's list is the truth about what was paid; the budget is locked."""
    rows = [row for row in locks.refunds_of(budget) if row.gateway == account.gateway]
    for payout in listed:
        row = _row_of(payout, rows)
        if row is None:
            if payout.status is not ProviderStatus.FAILED:
                _record(budget, account.gateway, payout, Kind.EXTERNAL)
        elif row.provider_refund_id in {"", payout.provider_refund_id}:
            _follow(budget, row, payout)
        elif payout.status is not ProviderStatus.FAILED:
            _record(budget, account.gateway, payout, Kind.DOUBLE, row)  # one refund, paid twice
    found = {payout.provider_refund_id for payout in listed}
    for row in rows:
        is_here = row.payment_reference == account.payment_reference
        if is_here and row.status == Status.COMPLETED and row.provider_refund_id not in found:
            ledger.note(
                budget,
                Kind.MISSING,
                _("Completed here as %(payout)s, but not in the provider's list.") % {"payout": row.provider_refund_id},
                refund=row,
                provider_refund_id=row.provider_refund_id,
                amount_minor=row.amount_minor,
            )


def _follow(budget: RefundBudget, row: RefundRequest, payout: ProviderRefund) -> None:
    """A payout of ours: bring the row to where the provider is."""
    if (payout.amount, payout.currency) != (row.amount_minor, row.currency):
        text = _("The provider paid %(paid)s minor units of %(currency)s for a refund of %(amount)s.") % {
            "paid": payout.amount,
            "currency": payout.currency,
            "amount": str(row.amount),
        }
        ledger.note(
            budget,
            Kind.AMOUNT,
            text,
            refund=row,
            provider_refund_id=payout.provider_refund_id,
            amount_minor=payout.amount,
        )
        return
    if row.leased_until is not None and row.leased_until > clock.now():
        return  # the executor is asking about it right now
    if row.status in settling.IN_FLIGHT:
        settling.apply_outcome(row, outcome_for(payout), by=SYSTEM_ACTOR)
    elif row.status == Status.COMPLETED and payout.status is ProviderStatus.FAILED:
        reason = payout.failure_reason or "failed"
        message = _("The provider took the refund back (%(reason)s).") % {"reason": reason}
        settling.reverse(row, code=reason, message=message, by=PROVIDER_ACTOR)
    elif payout.status is ProviderStatus.FAILED:
        return
    elif row.status in {Status.RESERVED, Status.ON_HOLD, Status.REVIEW}:
        _catch_up(row, payout)
    elif row.status in ENDED_UNPAID:
        _record(budget, row.gateway, payout, Kind.LATE, row)


def _catch_up(row: RefundRequest, payout: ProviderRefund) -> None:
    """The provider has paid what we hold for unsent: we have forgotten the call (a restored database)."""
    if row.status != Status.RESERVED:
        ledger.note(
            row.budget,
            Kind.LATE,
            _("The provider has paid this, although it waits here."),
            refund=row,
            provider_refund_id=payout.provider_refund_id,
            amount_minor=row.amount_minor,
        )
        if row.status == Status.ON_HOLD:
            row.release(at=clock.now())
            save_transition(row, by=SYSTEM_ACTOR, reason_code="paid_already", data=facts_of(row))
        else:
            return
    row.submit(at=clock.now(), leased_until=clock.now())
    save_transition(row, by=SYSTEM_ACTOR, reason_code="paid_already", data=facts_of(row))
    settling.apply_outcome(row, outcome_for(payout), by=SYSTEM_ACTOR)


def _record(
    budget: RefundBudget,
    gateway: str,
    payout: ProviderRefund,
    kind: Discrepancy.Kind,
    row: RefundRequest | None = None,
) -> None:
    if payout.currency != budget.currency:
        text = _("The provider paid %(payout)s in %(currency)s.") % {
            "payout": payout.provider_refund_id,
            "currency": payout.currency,
        }
        ledger.note(budget, Kind.AMOUNT, text, provider_refund_id=payout.provider_refund_id)
        return
    record_payout(
        budget,
        gateway=gateway,
        provider_refund_id=payout.provider_refund_id,
        amount_minor=payout.amount,
        by=PROVIDER_ACTOR,
        kind=kind,
        of_refund=row,
    )


def _row_of(payout: ProviderRefund, rows: list[RefundRequest]) -> RefundRequest | None:
    """The row that already carries this payout; else the one it was made for, by key or public id."""
    for row in rows:
        if row.provider_refund_id and row.provider_refund_id == payout.provider_refund_id:
            return row
    for row in rows:
        if str(row.provider_key) == payout.key or row.public_id == payout.refund_public_id:
            return row
    return None


def _accounts_of(budget_id: int) -> list[Account]:
    """Where this charge's refunds went, and where the next one would go."""
    budget: RefundBudget = RefundBudget.objects.get(pk=budget_id)
    named = set(RefundRequest.objects.filter(budget=budget).values_list("gateway", "payment_reference").distinct()) | {
        (budget.gateway, budget.payment_reference)
    }
    return [Account(gateway, reference) for gateway, reference in sorted(named) if gateway != "manual" and reference]


def _next_comparison(budget: RefundBudget) -> datetime | None:
    """Nightly, until a month after the last refund ended; open ones keep it going."""
    now = clock.now()
    refunds = RefundRequest.objects.filter(budget=budget)
    last: datetime | None = refunds.aggregate(Max("settled_at"))["settled_at__max"]
    is_open = refunds.filter(status__in=settling.IN_FLIGHT).exists()
    if is_open or (last is not None and now - last < deadlines.RECONCILE_FOR):
        return now + deadlines.RECONCILE_EVERY
    return None
