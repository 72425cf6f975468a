"""What is heard from the provider: a knock, a payout that nobody asked for here, and asking it now."""

from __future__ import annotations

from django.db import transaction
from django.utils.translation import gettext as _

from marketplace import clock, events
from marketplace.actors import PROVIDER_ACTOR, Actor, Permission
from marketplace.errors import NotFound, Refused, WrongState
from marketplace.models import Order
from marketplace.moves import record_creation
from refunds import ledger, locks
from refunds.facts import facts_of
from refunds.models import Component, Discrepancy, RefundBudget, RefundLine, RefundRequest
from refunds.reasons import RefundReason
from refunds.services.asking import EXECUTE
from refunds.settling import IN_FLIGHT, compare_soon, number_credit_note

RECONCILE = "refunds.tasks.reconcile"
Kind = Discrepancy.Kind


@transaction.atomic
def look_up_refund(public_id: str, *, by: Actor) -> RefundRequest:
    """Ask the provider now instead of at the next rung; the worker does it within seconds."""
    by.require(Permission.VIEW)
    refund = locks.refund(public_id)
    if refund.status not in IN_FLIGHT:
        raise WrongState(_("Nothing of this refund is open at the payment provider."), current=str(refund.status))
    now = clock.now()
    if refund.leased_until is None or refund.leased_until <= now:  # else it is being asked right now
        refund.next_attempt_at = now
        refund.save(update_fields=["next_attempt_at"])
        events.ring_after_commit(EXECUTE)
    return refund


@transaction.atomic
def handle_provider_event(
    *, gateway: str, payment_reference: str = "", provider_refund_id: str = "", refund_public_id: str = ""
) -> int:
    """The provider knocked (a webhook whose signature the door has checked): look there ourselves, soon.

    The event's content is believed in nothing, so that duplicates, disorder and replay are harmless.
    Returns how many charges will be looked at.
    """
    budgets = RefundBudget.objects.filter(gateway=gateway)
    if payment_reference:
        budgets = budgets.filter(payment_reference=payment_reference)
    elif provider_refund_id or refund_public_id:
        known = RefundRequest.objects.filter(gateway=gateway)
        known = (
            known.filter(public_id=refund_public_id)
            if refund_public_id
            else known.filter(provider_refund_id=provider_refund_id)
        )
        budgets = budgets.filter(pk__in=known.values("budget_id"))
    else:
        return 0
    ids = list(budgets.order_by("id").values_list("id", flat=True))
    for pk in ids:
        budget = locks.budget(pk)
        budget.reconcile_at = clock.now()
        budget.save(update_fields=["reconcile_at"])
    if ids:
        events.ring_after_commit(RECONCILE)
    return len(ids)


@transaction.atomic
def record_external_refund(
    order_public_id: str,
    *,
    provider_refund_id: str,
    amount_minor: int,
    currency: str,
    gateway: str = "",
    by: Actor = PROVIDER_ACTOR,
) -> RefundRequest:
    """A fact: the provider has paid this back and no refund here stands for it.

    Recorded once per payout, beyond the cap too (over-recovery); a person is asked to look in every case.
    """
    order: Order | None = Order.objects.select_related("channel").filter(public_id=order_public_id).first()
    if order is None:
        raise NotFound
    budget = ledger.budget_for(order)
    if currency != budget.currency or amount_minor <= 0:
        raise Refused(_("The payout is in another currency than the payment."), code="currency_mismatch")
    return record_payout(
        budget,
        gateway=gateway or budget.gateway,
        provider_refund_id=provider_refund_id,
        amount_minor=amount_minor,
        by=by,
    )


def record_payout(
    budget: RefundBudget,
    *,
    gateway: str,
    provider_refund_id: str,
    amount_minor: int,
    by: Actor,
    kind: Discrepancy.Kind = Kind.EXTERNAL,
    of_refund: RefundRequest | None = None,
) -> RefundRequest:
    """The same on a locked budget; `of_refund` is the refund whose key the payout carries, if any."""
    known: RefundRequest | None = RefundRequest.objects.filter(
        gateway=gateway, provider_refund_id=provider_refund_id
    ).first()
    if known is not None:
        return known
    order, now = budget.order, clock.now()
    refund = RefundRequest(
        status=RefundRequest.Status.COMPLETED,
        source=RefundRequest.Source.EXTERNAL,
        order=order,
        channel=order.channel,
        order_number=order.number,
        order_number_key=order.number_key,
        budget=budget,
        amount_minor=amount_minor,
        currency=budget.currency,
        reason_code=RefundReason.GENERAL_ADJUSTMENT,
        asker="refund" if of_refund else "",
        asker_public_id=of_refund.public_id if of_refund else "",
        gateway=gateway,
        payment_reference=of_refund.payment_reference if of_refund else budget.payment_reference,
        provider_refund_id=provider_refund_id,
        created_by_kind=by.kind,
        created_by_id=by.id,
        created_by_label=by.label[:160],
        created_at=now,
        settled_at=now,
    )
    number_credit_note(refund)
    record_creation(refund, move="record_external", by=by, data=facts_of(refund, provider_refund_id=provider_refund_id))
    RefundLine.objects.create(refund=refund, component=Component.GOODWILL, amount_minor=amount_minor)
    ledger.record_external(budget, refund)
    ledger.note(
        budget,
        kind,
        _("The provider paid %(amount)s back as %(payout)s; no refund here stands for it.")
        % {"amount": str(refund.amount), "payout": provider_refund_id},
        refund=refund,
        provider_refund_id=provider_refund_id,
        amount_minor=amount_minor,
    )
    compare_soon(budget)
    return refund
