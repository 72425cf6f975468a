"""Taking a refund back before it is sent."""

from __future__ import annotations

import pytest

from marketplace import clock
from marketplace.actors import Actor, MemberRole
from marketplace.errors import Forbidden, NotFound, WrongState
from marketplace.tenancy import scope
from refunds.services import cancel_refund, hold_refund
from tests.cast import Shop
from tests.refunds.sandbox_fixture import SandboxProcess
from tests.refunds.steps import ask, balances, breaches, budget, event_names, fresh, last_move, only_changes, send, sent

MOVED = ("refundrequest", "refundbudget", "ledgerline", "statetransition", "outboxevent")


def test_a_cancelled_refund_frees_what_was_reserved(in_acme: Shop, owner: Actor) -> None:
    refund = ask(in_acme, owner)

    with only_changes(in_acme, *MOVED):
        cancel_refund(refund.public_id, by=owner, reason="Asked for twice.")

    row = fresh(refund)
    assert (row.status, row.public_status, row.next_attempt_at) == ("CANCELLED", "CANCELLED", None)
    assert row.settled_at == clock.now()
    assert (last_move(refund).reason_code, last_move(refund).reason_text) == ("cancelled", "Asked for twice.")
    assert event_names(refund)[-1] == "refund.cancelled"
    assert budget(in_acme) == (10_000, 0, 0, 10_000)
    assert balances(in_acme) == {"OUTSIDE": -10_000, "CAPTURED": 10_000}
    assert breaches(in_acme) == []


def test_held_and_waiting_refunds_can_be_cancelled(in_acme: Shop, owner: Actor, program: Actor) -> None:
    held = ask(in_acme, owner, 1_000)
    hold_refund(held.public_id, by=owner, reason="")
    in_acme.seller.review_above_minor = 100
    in_acme.seller.save()
    waiting = ask(in_acme, owner, 1_000)
    assert waiting.status == "REVIEW"

    cancel_refund(held.public_id, by=program)
    cancel_refund(waiting.public_id, by=owner)

    assert budget(in_acme) == (10_000, 0, 0, 10_000)
    assert fresh(waiting).remind_at is None


def test_twice_is_once(in_acme: Shop, owner: Actor) -> None:
    refund = ask(in_acme, owner)
    cancel_refund(refund.public_id, by=owner)
    with only_changes(in_acme), pytest.raises(WrongState) as refusal:
        cancel_refund(refund.public_id, by=owner)
    assert refusal.value.details["current"] == "CANCELLED"


@pytest.mark.parametrize("role", [MemberRole.AGENT, MemberRole.READONLY])
def test_who_may_not_cancel(in_acme: Shop, owner: Actor, role: MemberRole) -> None:
    refund = ask(in_acme, owner)
    with only_changes(in_acme), pytest.raises(Forbidden):
        cancel_refund(refund.public_id, by=in_acme.actor(role))


def test_another_sellers_refund_is_not_there(acme: Shop, globex: Shop, owner: Actor, stranger: Actor) -> None:
    refund = ask(acme, owner)
    with scope(globex.seller.pk), pytest.raises(NotFound):
        cancel_refund(refund.public_id, by=stranger)
    with scope(acme.seller.pk):
        assert fresh(refund).status == "RESERVED"


@pytest.mark.django_db(transaction=True)
def test_what_is_sent_can_not_be_taken_back(acme: Shop, owner: Actor, sandbox: SandboxProcess) -> None:
    done = sent(acme, owner)
    sandbox.control("timeout_before", delay=1)
    unknown = sent(acme, owner)
    for refund, status in ((done, "COMPLETED"), (unknown, "UNKNOWN")):
        assert refund.status == status
        with scope(acme.seller.pk), pytest.raises(WrongState):
            cancel_refund(refund.public_id, by=owner)


@pytest.mark.django_db(transaction=True)
def test_a_cancelled_refund_is_never_sent(acme: Shop, owner: Actor, sandbox: SandboxProcess) -> None:
    refund = ask(acme, owner)
    with scope(acme.seller.pk):
        cancel_refund(refund.public_id, by=owner)
    assert send() == 0
    assert sandbox.payouts() == []
