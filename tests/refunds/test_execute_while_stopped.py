"""Sending while payouts are stopped, or after the cap fell."""

from __future__ import annotations

from datetime import timedelta

import pytest

from marketplace.actors import Actor
from marketplace.models import Order, Seller
from marketplace.tenancy import scope
from refunds import executor
from refunds.services import review_refund
from tests.cast import Shop
from tests.refunds.sandbox_fixture import SandboxProcess
from tests.refunds.steps import (
    ask,
    breaches,
    budget,
    event_names,
    fresh,
    moves,
    send,
    sent,
    state,
)

pytestmark = pytest.mark.django_db(transaction=True)


def test_while_payouts_are_stopped_look_ups_go_on(acme: Shop, owner: Actor, sandbox: SandboxProcess) -> None:
    sandbox.control("timeout_after", delay=1)
    paid = sent(acme, owner, 2_000)
    sandbox.control("timeout_before", delay=1)
    not_paid = sent(acme, owner, 4_000)
    Seller.objects.update(is_money_stopped=True)

    send(after=timedelta(seconds=11))

    assert state(paid) == "COMPLETED"  # found
    assert (state(not_paid), fresh(not_paid).attempts) == ("UNKNOWN", 1)  # absent, and not repeated

    Seller.objects.update(is_money_stopped=False)
    send(after=timedelta(seconds=61))
    assert (state(not_paid), fresh(not_paid).attempts) == ("COMPLETED", 2)
    assert len(sandbox.payouts()) == 2
    assert breaches(acme) == []


def test_a_reserved_refund_waits_while_payouts_are_stopped(acme: Shop, owner: Actor, sandbox: SandboxProcess) -> None:
    refund = ask(acme, owner)
    Seller.objects.update(is_money_stopped=True)
    assert send(after=timedelta(hours=2)) == 0
    assert state(refund) == "RESERVED"
    Seller.objects.update(is_money_stopped=False)
    assert send() == 1


def test_the_stop_holds_between_claim_and_call_too(acme: Shop, owner: Actor, sandbox: SandboxProcess) -> None:
    ask(acme, owner)
    (claim,) = executor.claim_due()
    Seller.objects.update(is_money_stopped=True)
    assert executor.execute(claim) == 0
    assert sandbox.payouts() == []


def test_a_reviewed_refund_is_sent(acme: Shop, owner: Actor, support: Actor, sandbox: SandboxProcess) -> None:
    Seller.objects.update(review_above_minor=1_000)
    refund = ask(acme, owner)
    assert send() == 0
    with scope(acme.seller.pk):
        review_refund(refund.public_id, by=support)
    assert send() == 1
    assert state(refund) == "COMPLETED"


def test_a_cap_that_fell_before_sending_refuses_the_refund(acme: Shop, owner: Actor, sandbox: SandboxProcess) -> None:
    refund = ask(acme, owner, 6_000)
    with scope(acme.seller.pk):
        Order.objects.filter(pk=acme.order.pk).update(paid_minor=5_000)  # as a later file says

    assert send() == 0

    row = fresh(refund)
    assert (row.status, row.refusal_code) == ("VALIDATION_FAILED", "EXCEEDED_MAXIMUM_ADJUSTMENT_AMOUNT")
    assert "50.00" in row.provider_message
    assert moves(refund)[-1] == "refuse"
    assert event_names(refund)[-1] == "refund.validation_failed"
    assert budget(acme) == (5_000, 0, 0, 5_000)
    assert sandbox.payouts() == []
    assert breaches(acme) == []


def test_only_as_many_are_refused_as_must_be(acme: Shop, owner: Actor, sandbox: SandboxProcess) -> None:
    first, second = ask(acme, owner, 4_000), ask(acme, owner, 3_000)
    with scope(acme.seller.pk):
        Order.objects.filter(pk=acme.order.pk).update(paid_minor=5_000)
    send()
    assert (state(first), state(second)) == ("VALIDATION_FAILED", "COMPLETED")
    assert breaches(acme) == []


# --- doors
