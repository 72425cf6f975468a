"""What people decide about a refund: the second person, holds, taking it back, paying it by hand."""

from __future__ import annotations

from django.db import transaction
from django.utils.translation import gettext as _

from marketplace import clock, events
from marketplace.actors import Actor, ActorKind, Permission
from marketplace.crash import crashpoint
from marketplace.errors import Conflict, Forbidden, Refused, WrongState
from marketplace.moves import save_transition
from refunds import ledger, locks
from refunds.facts import facts_of
from refunds.models import HoldReason, RefundRequest
from refunds.services.asking import EXECUTE
from refunds.settling import compare_soon, number_credit_note

Status = RefundRequest.Status


@transaction.atomic
def review_refund(public_id: str, *, by: Actor) -> RefundRequest:
    """The second person agrees; the refund is sent. Refused for who asked for it (`same_person`)."""
    by.require(Permission.REVIEW_REFUND)
    refund = locks.refund(public_id)
    _second_person(refund, by)
    now = clock.now()
    refund.review(reviewer_id=by.id, reviewer_label=by.label[:160], at=now)
    save_transition(refund, by=by, data=facts_of(refund))
    events.ring_after_commit(EXECUTE)
    return refund


@transaction.atomic
def decline_refund(public_id: str, *, by: Actor, reason: str) -> RefundRequest:
    """The second person does not agree: cancelled, and the reservation is free again."""
    by.require(Permission.REVIEW_REFUND)
    refund = locks.refund_with_budget(public_id)
    if refund.status != Status.REVIEW:
        raise WrongState(_("Nobody's second opinion is asked for here."), current=str(refund.status))
    _second_person(refund, by)
    return _cancel(refund, by, "review_declined", _demanded(reason))


@transaction.atomic
def hold_refund(public_id: str, *, by: Actor, reason: str, kind: str = "") -> RefundRequest:
    """Keep a reserved refund from being sent; the reservation stays."""
    by.require(Permission.REFUND)
    refund = locks.refund(public_id)
    own = {ActorKind.SELLER: HoldReason.BY_SELLER, ActorKind.API: HoldReason.BY_SELLER}
    refund.hold(reason=kind or own.get(by.kind, HoldReason.BY_SUPPORT))
    return save_transition(
        refund, by=by, reason_code=refund.hold_reason, reason_text=reason[:2000], data=facts_of(refund)
    )


@transaction.atomic
def release_refund(public_id: str, *, by: Actor, reason: str = "") -> RefundRequest:
    """End a hold; the refund is sent. Sellers end their own holds; others end by their cause, or by support."""
    by.require(Permission.REFUND)
    refund = locks.refund(public_id)
    if by.kind == ActorKind.SELLER and refund.hold_reason not in {"", HoldReason.BY_SELLER}:
        raise Forbidden(
            _("This hold is not your team's (%(reason)s), so it ends by itself or by support.")
            % {"reason": refund.get_hold_reason_display()},
            code="not_your_hold",
        )
    if by.kind == ActorKind.SUPPORT:
        _demanded(reason)
    refund.release(at=clock.now())
    save_transition(refund, by=by, reason_text=reason[:2000], data=facts_of(refund))
    events.ring_after_commit(EXECUTE)
    return refund


@transaction.atomic
def cancel_refund(public_id: str, *, by: Actor, reason: str = "") -> RefundRequest:
    """Take a refund back before it is sent; what was reserved is free again."""
    by.require(Permission.REFUND)
    return _cancel(locks.refund_with_budget(public_id), by, "cancelled", reason)


@transaction.atomic
def confirm_manual_refund(public_id: str, *, by: Actor, reference: str) -> RefundRequest:
    """The seller has paid outside and names the payment; only where there is no gateway."""
    by.require(Permission.REFUND)
    refund = locks.refund_with_budget(public_id)
    text = _reference(refund, reference)
    refund.confirm(reference=text, at=clock.now())
    return _paid(refund, by, "paid_outside", text)


@transaction.atomic
def resolve_refund_as_paid(public_id: str, *, by: Actor, reference: str, reason: str = "") -> RefundRequest:
    """A person has seen the payout at the provider, where we could not for a day."""
    by.require(Permission.REVIEW_REFUND)
    refund = locks.refund_with_budget(public_id)
    text = _reference(refund, reference)
    refund.resolve_paid(reference=text, at=clock.now())
    return _paid(refund, by, "seen_by_a_person", reason or text)


@transaction.atomic
def resolve_refund_as_unpaid(public_id: str, *, by: Actor, reason: str) -> RefundRequest:
    """A person has made sure at the provider that nothing was paid; what was reserved is free again."""
    by.require(Permission.REVIEW_REFUND)
    text = _demanded(reason)
    refund = locks.refund_with_budget(public_id)
    refund.resolve_unpaid(at=clock.now())
    save_transition(refund, by=by, reason_code="not_paid", reason_text=text, data=facts_of(refund))
    ledger.release(refund.budget, refund)
    return refund


def _paid(refund: RefundRequest, by: Actor, reason_code: str, reason_text: str) -> RefundRequest:
    number_credit_note(refund)
    save_transition(
        refund,
        by=by,
        reason_code=reason_code,
        reason_text=reason_text[:2000],
        data=facts_of(refund, provider_refund_id=refund.provider_refund_id),
    )
    ledger.settle(refund.budget, refund)
    compare_soon(refund.budget)
    crashpoint("refund.confirming")
    return refund


def _cancel(refund: RefundRequest, by: Actor, reason_code: str, reason: str) -> RefundRequest:
    refund.cancel(at=clock.now())
    save_transition(refund, by=by, reason_code=reason_code, reason_text=reason.strip()[:2000], data=facts_of(refund))
    ledger.release(refund.budget, refund)
    crashpoint("refund.cancelling")
    return refund


def _second_person(refund: RefundRequest, by: Actor) -> None:
    if by.id == refund.created_by_id:
        raise Forbidden(_("You asked for this refund, so somebody else must look at it."), code="same_person")


def _demanded(reason: str) -> str:
    text = reason.strip()[:2000]
    if not text:
        raise Refused(_("Say in a few words why."), code="reason_missing")
    return text


def _reference(refund: RefundRequest, reference: str) -> str:
    """What the payment is called outside; each payment stands for one refund."""
    text = reference.strip()
    if not text or len(text) > 120:
        raise Refused(
            _("Name the payment: the bank's reference or your own note, up to 120 characters."),
            code="reference_missing",
        )
    other = (
        RefundRequest.objects.filter(gateway=refund.gateway, provider_refund_id=text)
        .exclude(pk=refund.pk)
        .values_list("public_id", flat=True)
        .first()
    )
    if other:
        raise Conflict(
            _("The reference %(reference)s already stands for the refund %(other)s.")
            % {"reference": text, "other": other},
            code="reference_used",
        )
    return text
