"""How a refund is sent: claim, call outside any transaction, settle (reliability.md 2.3).

Each refund takes three short steps: a claim over all sellers (lease, fence + 1); a transaction of its seller
that writes "about to call" and commits; the call; a transaction that writes the answer, if the fence is still
ours. Whoever dies after the second step leaves UNKNOWN by definition: the row says a call may have gone out.
"""

from __future__ import annotations

import logging
import time
from dataclasses import dataclass
from enum import Enum, auto

from django.db import connection
from django.utils.translation import gettext as _

from marketplace import clock
from marketplace.actors import SYSTEM_ACTOR
from marketplace.crash import crashpoint
from marketplace.models import Seller
from marketplace.money import format_money
from marketplace.moves import save_transition
from marketplace.tenancy import scope, system_scope
from refunds import calling, deadlines, ledger, locks, settling
from refunds.calling import Line
from refunds.facts import facts_of
from refunds.gateways import Absent, Outcome, RefundAsk
from refunds.models import RefundRequest

log = logging.getLogger(__name__)
Status = RefundRequest.Status
BATCH = 8
NO_WORKER = "The worker stopped before the answer was written."

# Refunds by hand wait for their seller; a seller whose payouts are stopped waits as a whole, look-ups go on.
_CLAIM_SQL = """
UPDATE refunds_refundrequest SET fence = fence + 1, leased_until = %(until)s
WHERE id IN (
    SELECT r.id FROM refunds_refundrequest r
    WHERE r.status IN ('RESERVED', 'SUBMITTED', 'UNKNOWN') AND r.gateway <> 'manual'
      AND r.next_attempt_at <= %(now)s AND (r.leased_until IS NULL OR r.leased_until <= %(now)s)
      AND NOT (r.status = 'RESERVED' AND EXISTS (
        SELECT 1 FROM marketplace_seller s WHERE s.id = r.seller_id AND s.is_money_stopped))
    ORDER BY r.next_attempt_at, r.id LIMIT %(limit)s FOR UPDATE SKIP LOCKED)
RETURNING id, seller_id, fence
"""


@dataclass(frozen=True, slots=True)
class Claim:
    refund_id: int
    seller_id: int
    fence: int


class Step(Enum):
    SEND = auto()
    LOOK_UP = auto()


@dataclass(frozen=True, slots=True)
class Plan:
    """What is to be asked of whom; everything the call needs, so that it needs no database."""

    claim: Claim
    step: Step
    line: Line
    ask: RefundAsk


def execute_due(*, limit: int = BATCH, seconds: float = 60.0) -> int:
    """Claim due refunds and take each its next step, until none is due; returns how many calls were answered."""
    done = 0
    until = time.monotonic() + seconds
    while time.monotonic() < until:
        claims = claim_due(limit)
        for claim in claims:
            done += execute(claim)
        if len(claims) < limit:
            break
    return done


def claim_due(limit: int = BATCH) -> list[Claim]:
    """Take the oldest due refunds of all sellers; nobody else gets them until the lease is over."""
    with system_scope(), connection.cursor() as cursor:
        now = clock.now()
        cursor.execute(_CLAIM_SQL, {"now": now, "until": now + deadlines.CLAIM_LEASE, "limit": limit})
        claims = [Claim(*row) for row in sorted(cursor.fetchall())]
        if claims:
            crashpoint("refund.claiming")
    if claims:
        crashpoint("refund.claimed")
    return claims


def execute(claim: Claim) -> int:
    """One refund's next step; 1 if the provider was asked and its answer written, else 0."""
    plan = prepare(claim)
    if plan is None:
        return 0
    if plan.step is Step.LOOK_UP:
        outcome = plan.line.look_up(plan.ask)
        if not isinstance(outcome, Absent) or not about_to_repeat(plan):
            return settle(plan, outcome)
    return settle(plan, plan.line.refund(plan.ask))


def prepare(claim: Claim) -> Plan | None:
    """Transaction 1: check once more, write "about to call", commit. None if there is nothing to call."""
    with scope(claim.seller_id):
        refund = locks.refund_by_id(claim.refund_id)
        if refund.fence != claim.fence:
            return None  # somebody else has claimed it since
        seller = Seller.objects.get(pk=claim.seller_id)
        line = calling.line_of(refund.gateway, seller)
        step = _next_step(refund, seller, line)
        ask = calling.ask_of(refund)
        crashpoint("refund.submitting")
    crashpoint("refund.submitted")
    return Plan(claim, step, line, ask) if step else None


def _next_step(refund: RefundRequest, seller: Seller, line: Line) -> Step | None:
    now = clock.now()
    until = now + calling.lease()
    if refund.status not in {Status.RESERVED, *settling.IN_FLIGHT}:
        return None  # cancelled, held or settled between claim and now
    if refund.status == Status.RESERVED and (seller.is_money_stopped or not _passes_late_checks(refund)):
        return None
    if not line.lets_through:
        refund.leased_until, refund.next_attempt_at = None, now + deadlines.BREAKER_PAUSE
        refund.save(update_fields=["leased_until", "next_attempt_at"])
        return None
    if refund.status == Status.RESERVED:
        refund.submit(at=now, leased_until=until)
        save_transition(refund, by=SYSTEM_ACTOR, data=facts_of(refund))
        return Step.SEND
    if refund.status == Status.SUBMITTED and not refund.provider_refund_id:
        refund.lose_track(why=NO_WORKER)
        refund.leased_until = refund.next_attempt_at = until
        save_transition(
            refund, by=SYSTEM_ACTOR, reason_code="worker_gone", reason_text=NO_WORKER, data=facts_of(refund)
        )
        return Step.LOOK_UP
    refund.leased_until = refund.next_attempt_at = until
    refund.save(update_fields=["leased_until", "next_attempt_at"])
    return Step.LOOK_UP


def _passes_late_checks(refund: RefundRequest) -> bool:
    """A refund that was never sent is refused when, by now, more is out than the buyer paid."""
    budget = ledger.in_step(refund.budget)
    if not budget.over_recovery_minor:
        return True
    message = _("Since it was asked for, it has turned out that the buyer paid %(cap)s only; nothing was sent.") % {
        "cap": format_money(budget.cap)
    }
    refund.refuse(code=ledger.EXCEEDED, message=message, at=clock.now())
    save_transition(refund, by=SYSTEM_ACTOR, reason_code=ledger.EXCEEDED, reason_text=message, data=facts_of(refund))
    ledger.release(budget, refund)
    return False


def about_to_repeat(plan: Plan) -> bool:
    """The provider has nothing of it: write "about to call" again, same key, while the key is remembered.

    False where only look-ups are left: the key is 20 h old, payouts are stopped, or more is out than was paid.
    """
    with scope(plan.claim.seller_id):
        refund = locks.refund_by_id(plan.claim.refund_id)
        now = clock.now()
        if (
            refund.fence != plan.claim.fence
            or refund.status != Status.UNKNOWN
            or refund.first_called_at is None
            or not deadlines.may_repeat(refund.first_called_at, now)
            or ledger.in_step(refund.budget).over_recovery_minor
            or Seller.objects.get(pk=plan.claim.seller_id).is_money_stopped
        ):
            return False
        refund.attempts += 1
        refund.leased_until = refund.next_attempt_at = now + calling.lease()
        refund.save(update_fields=["attempts", "leased_until", "next_attempt_at"])
        crashpoint("refund.before_repeating")
    crashpoint("refund.repeating")
    return True


def settle(plan: Plan, outcome: Outcome) -> int:
    """Transaction 2: write the answer, unless a younger claim has taken the refund over."""
    with scope(plan.claim.seller_id):
        refund = locks.refund_by_id(plan.claim.refund_id)
        if refund.fence != plan.claim.fence:
            log.warning("%s: a late answer was left out; a younger claim asks again", refund.public_id)
            return 0
        settling.apply_outcome(refund, outcome, by=SYSTEM_ACTOR)
        crashpoint("refund.settling")
    crashpoint("refund.settled")
    return 1
