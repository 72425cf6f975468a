"""What an answer of the provider does to a refund; for locked rows, inside the second transaction."""

from __future__ import annotations

import logging
from datetime import datetime, timedelta

from django.db.models import Max
from django.utils.translation import gettext as _

from marketplace import clock, events
from marketplace.actors import Actor
from marketplace.moves import save_transition
from refunds import deadlines, ledger, locks
from refunds.facts import facts_of
from refunds.gateways import Absent, AwaitingSeller, Declined, Outcome, Pending, Settled, Unknown
from refunds.models import Discrepancy, RefundBudget, RefundRequest

log = logging.getLogger(__name__)
Status = RefundRequest.Status
IN_FLIGHT = (Status.SUBMITTED, Status.UNKNOWN)
_LATER = ["provider_refund_id", "provider_message", "next_attempt_at", "leased_until", "person_asked_at"]


def apply_outcome(refund: RefundRequest, outcome: Outcome, *, by: Actor) -> None:
    """Write what the provider said about a refund in flight; the lease ends with it.

    The refund and its budget are locked. A refund that has ended meanwhile is left alone: what the provider
    holds beyond it is found and recorded by the comparison of the lists (reconciling.py).
    """
    if refund.status not in IN_FLIGHT:
        log.warning(
            "%s has ended as %s; the answer %s is left to the comparison", refund.public_id, refund.status, outcome
        )
        refund.budget.reconcile_at = clock.now()
        refund.budget.save(update_fields=["reconcile_at"])
        return
    match outcome:
        case Settled(provider_refund_id):
            _settle(refund, provider_refund_id, by)
        case Declined(code, message):
            _fail(refund, code, message, by)
        case Pending(provider_refund_id, reason):
            _wait(refund, provider_refund_id, reason, by)
        case Unknown(why, retry_after):
            _lose_track(refund, why, retry_after, by)
        case Absent():
            _lose_track(refund, _("The payment provider has no such refund so far."), None, by)
        case AwaitingSeller():
            _lose_track(refund, _("There is no payment provider to ask any more."), None, by)


def number_credit_note(refund: RefundRequest) -> None:
    """The next number of the seller; call it last before the refund is saved."""
    locks.credit_notes()
    highest: int | None = RefundRequest.objects.aggregate(Max("credit_note_no"))["credit_note_no__max"]
    refund.credit_note_no = (highest or 0) + 1


def reverse(refund: RefundRequest, *, code: str, message: str, by: Actor) -> None:
    """A refund that was done has come back (the newer failure wins): the amount is free again."""
    refund.reverse(code=code, message=message, at=clock.now())
    save_transition(refund, by=by, reason_code=code[:60], reason_text=message[:2000], data=facts_of(refund))
    ledger.reverse(refund.budget, refund)


def compare_soon(budget: RefundBudget) -> None:
    """Money moved: look at the provider's own list in a while, and nightly from then on."""
    soon = clock.now() + deadlines.RECONCILE_SOON
    if budget.gateway != "manual" and (budget.reconcile_at is None or budget.reconcile_at > soon):
        budget.reconcile_at = soon
        budget.save(update_fields=["reconcile_at"])


def _settle(refund: RefundRequest, provider_refund_id: str, by: Actor) -> None:
    if _is_taken(refund, provider_refund_id):
        return
    refund.settle(provider_refund_id=provider_refund_id, at=clock.now())
    number_credit_note(refund)
    save_transition(refund, by=by, data=facts_of(refund, provider_refund_id=provider_refund_id))
    ledger.settle(refund.budget, refund)
    compare_soon(refund.budget)


def _fail(refund: RefundRequest, code: str, message: str, by: Actor) -> None:
    refund.fail(code=code, message=message, at=clock.now())
    save_transition(refund, by=by, reason_code=code[:60], reason_text=message[:2000], data=facts_of(refund))
    ledger.release(refund.budget, refund)


def _wait(refund: RefundRequest, provider_refund_id: str, reason: str, by: Actor) -> None:
    """The provider has it: ask again later."""
    if _is_taken(refund, provider_refund_id):
        return
    now, called = clock.now(), _called_at(refund)
    later = deadlines.next_poll(called, now)
    if refund.status == Status.UNKNOWN:
        refund.find(provider_refund_id=provider_refund_id, message=reason)
        refund.leased_until, refund.next_attempt_at = None, later
        save_transition(refund, by=by, reason_code=reason[:60], data=facts_of(refund))
    else:
        refund.provider_refund_id, refund.provider_message = provider_refund_id, reason[:500]
        refund.leased_until, refund.next_attempt_at = None, later
        refund.save(update_fields=_LATER)
    compare_soon(refund.budget)
    if now - called >= deadlines.PENDING_PERSON_FROM:
        _ask_a_person(refund)


def _lose_track(refund: RefundRequest, why: str, retry_after: float | None, by: Actor) -> None:
    """Nobody knows: the reservation stays, the ladder goes on, and from 24 h on a person is asked."""
    now, called = clock.now(), _called_at(refund)
    later = deadlines.next_look_up(called, now)
    if later is not None and retry_after:
        later = max(later, now + timedelta(seconds=min(retry_after, 3600)))
    person_from = deadlines.PERSON_FROM
    if refund.status == Status.SUBMITTED and not refund.provider_refund_id:
        refund.lose_track(why=why)
        refund.leased_until, refund.next_attempt_at = None, later
        save_transition(refund, by=by, reason_text=why[:2000], data=facts_of(refund))
    else:
        if refund.status == Status.SUBMITTED:  # the provider has it and is only silent now
            later, person_from = deadlines.next_poll(called, now), deadlines.PENDING_PERSON_FROM
        refund.provider_message = why[:500]
        refund.leased_until, refund.next_attempt_at = None, later
        refund.save(update_fields=_LATER)
    if now - called >= person_from:
        _ask_a_person(refund)


def _ask_a_person(refund: RefundRequest) -> None:
    """Once: somebody of the seller's team looks at the provider, and may then decide."""
    if refund.person_asked_at is None:
        refund.person_asked_at = clock.now()
        refund.save(update_fields=["person_asked_at"])
        events.announce("refund.needs_person", refund, {"public_id": refund.public_id, "data": facts_of(refund)})


def _is_taken(refund: RefundRequest, provider_refund_id: str) -> bool:
    """The provider names a payout that stands for another refund here: nothing is believed, a person looks."""
    other = (
        RefundRequest.objects.filter(gateway=refund.gateway, provider_refund_id=provider_refund_id)
        .exclude(pk=refund.pk)
        .values_list("public_id", flat=True)
        .first()
    )
    if not other:
        return False
    why = _("The payment provider names the payout %(payout)s, which stands for %(other)s.") % {
        "payout": provider_refund_id,
        "other": other,
    }
    ledger.note(
        refund.budget,
        Discrepancy.Kind.AMOUNT,
        why,
        refund=refund,
        provider_refund_id=provider_refund_id,
        amount_minor=refund.amount_minor,
    )
    refund.provider_message, refund.leased_until = why[:500], None
    refund.next_attempt_at = deadlines.next_look_up(_called_at(refund), clock.now())
    refund.save(update_fields=_LATER)
    return True


def _called_at(refund: RefundRequest) -> datetime:
    assert refund.first_called_at is not None  # noqa: S101 - submit() set it
    return refund.first_called_at
