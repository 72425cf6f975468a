"""Sending a refund through the real sandbox: every way a call can go, each leaves one payout at most."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.db import connection, transaction

from marketplace import clock, events
from marketplace.actors import Actor
from marketplace.tenancy import scope
from refunds import calling, executor, tasks
from refunds.calling import CallInsideTransactionError
from refunds.executor import Claim
from refunds.services import hold_refund, look_up_refund
from tests.cast import Shop
from tests.refunds.sandbox_fixture import SandboxProcess
from tests.refunds.steps import (
    ask,
    balances,
    breaches,
    budget,
    event_names,
    fresh,
    last_move,
    moves,
    only_changes,
    send,
    sent,
    state,
)

pytestmark = pytest.mark.django_db(transaction=True)


def test_a_refund_is_sent_and_done(acme: Shop, owner: Actor, sandbox: SandboxProcess) -> None:
    refund = ask(acme, owner)

    with only_changes(acme, "refundrequest", "refundbudget", "ledgerline", "statetransition", "outboxevent"):
        assert send() == 1

    row = fresh(refund)
    assert (row.status, row.public_status, row.attempts) == ("COMPLETED", "COMPLETED", 1)
    assert (row.leased_until, row.next_attempt_at, row.credit_note_number) == (None, None, "CN-000001")
    assert row.settled_at is not None
    assert row.first_called_at is not None
    assert moves(refund) == ["create", "reserve", "submit", "settle"]
    assert last_move(refund).actor_kind == "system"
    assert last_move(refund).data["provider_refund_id"] == row.provider_refund_id
    assert event_names(refund)[-2:] == ["refund.submitted", "refund.completed"]
    (payout,) = sandbox.payouts()
    assert (payout["id"], payout["amount"], payout["currency"]) == (row.provider_refund_id, 3_000, "GBP")
    assert (payout["key"], payout["reference"]) == (str(row.provider_key), row.public_id)
    assert payout["payment_reference"] == acme.order.payment_reference
    assert budget(acme) == (10_000, 0, 3_000, 7_000)
    assert balances(acme) == {"OUTSIDE": -10_000, "CAPTURED": 7_000, "REFUNDED": 3_000}
    assert breaches(acme) == []


def test_several_are_sent_oldest_first_over_all_sellers(
    acme: Shop, globex: Shop, owner: Actor, stranger: Actor, sandbox: SandboxProcess
) -> None:
    first, other, second = ask(acme, owner, 1_000), ask(globex, stranger, 2_000), ask(acme, owner, 3_000)

    assert send() == 3

    assert [payout["amount"] for payout in sandbox.payouts()] == [1_000, 2_000, 3_000]
    assert [payout["account"] for payout in sandbox.payouts()] == ["acme", "globex", "acme"]
    assert {state(refund) for refund in (first, other, second)} == {"COMPLETED"}
    assert fresh(other).credit_note_number == "CN-000001"  # each seller counts for itself


def test_nothing_is_sent_twice(acme: Shop, owner: Actor, sandbox: SandboxProcess) -> None:
    sent(acme, owner)
    assert send() == 0
    assert send(after=timedelta(days=2)) == 0
    assert len(sandbox.payouts()) == 1


def test_a_refusal_fails_the_refund_and_frees_the_money(acme: Shop, owner: Actor, sandbox: SandboxProcess) -> None:
    sandbox.control("decline")
    refund = sent(acme, owner)

    assert (refund.status, refund.public_status, refund.refusal_code) == ("FAILED", "FAILED", "declined")
    assert refund.provider_message == "The buyer's bank refused the refund."
    assert moves(refund) == ["create", "reserve", "submit", "fail"]
    assert event_names(refund)[-1] == "refund.failed"
    assert budget(acme) == (10_000, 0, 0, 10_000)
    assert sandbox.payouts() == []
    assert breaches(acme) == []


def test_what_the_gateway_has_no_room_for_fails(acme: Shop, owner: Actor, sandbox: SandboxProcess) -> None:
    sandbox.new_payment(acme.order.payment_reference, 2_000, account="acme")
    refund = sent(acme, owner, 3_000)
    assert (refund.status, refund.refusal_code) == ("FAILED", "amount_too_large")
    assert budget(acme) == (10_000, 0, 0, 10_000)


NO_PAYOUT = ("timeout_before", "error_500", "rate_limit", "drop_connection")
PAYOUT = ("timeout_after", "error_500_after", "answer_late")


@pytest.mark.parametrize("mode", [*NO_PAYOUT, *PAYOUT, "error_500_stored"])
def test_no_clear_answer_is_unknown_and_keeps_the_money_reserved(
    acme: Shop, owner: Actor, sandbox: SandboxProcess, mode: str
) -> None:
    sandbox.control(mode, delay=1)
    refund = sent(acme, owner)

    assert (refund.status, refund.public_status, refund.attempts) == ("UNKNOWN", "PENDING", 1)
    assert refund.leased_until is None
    assert refund.next_attempt_at == refund.first_called_at + timedelta(seconds=10)  # type: ignore[operator]
    assert moves(refund) == ["create", "reserve", "submit", "lose_track"]
    assert event_names(refund)[-1] == "refund.unknown"
    assert budget(acme) == (10_000, 3_000, 0, 7_000)
    assert len(sandbox.payouts()) == (mode in PAYOUT)
    assert breaches(acme) == []


@pytest.mark.parametrize("mode", NO_PAYOUT)
def test_what_did_not_arrive_is_repeated_with_the_same_key(
    acme: Shop, owner: Actor, sandbox: SandboxProcess, mode: str
) -> None:
    sandbox.control(mode, delay=1)
    refund = sent(acme, owner)

    assert send(after=timedelta(seconds=9)) == 0  # not yet
    assert send(after=timedelta(seconds=11)) == 1

    row = fresh(refund)
    assert (row.status, row.attempts, row.provider_key) == ("COMPLETED", 2, refund.provider_key)
    (payout,) = sandbox.payouts()
    assert payout["key"] == str(refund.provider_key)
    assert breaches(acme) == []


@pytest.mark.parametrize("mode", PAYOUT)
def test_what_did_arrive_is_found_and_not_repeated(
    acme: Shop, owner: Actor, sandbox: SandboxProcess, mode: str
) -> None:
    sandbox.control(mode, delay=1)
    refund = sent(acme, owner)

    assert send(after=timedelta(seconds=11)) == 1

    row = fresh(refund)
    assert (row.status, row.attempts) == ("COMPLETED", 1)
    assert [payout["id"] for payout in sandbox.payouts()] == [row.provider_refund_id]
    assert moves(refund)[-2:] == ["lose_track", "settle"]
    assert budget(acme) == (10_000, 0, 3_000, 7_000)
    assert breaches(acme) == []


def test_a_payout_that_comes_after_we_have_hung_up_is_found(acme: Shop, owner: Actor, sandbox: SandboxProcess) -> None:
    """The gateway still works on it while we look: absent, then in use, then there. One payout."""
    sandbox.control("execute_late", delay=1.5)
    refund = sent(acme, owner)
    assert refund.status == "UNKNOWN"
    send(after=timedelta(seconds=11))  # absent; the repeat finds its key in use
    assert state(refund) == "UNKNOWN"

    for _ in range(20):
        if sandbox.payouts():
            break
        connection.cursor().execute("SELECT pg_sleep(0.2)")
    send(after=timedelta(seconds=61))

    assert state(refund) == "COMPLETED"
    assert len(sandbox.payouts()) == 1
    assert breaches(acme) == []


def test_a_gateway_that_is_down_is_asked_later(acme: Shop, owner: Actor, sandbox: SandboxProcess) -> None:
    sandbox.kill()
    try:
        refund = sent(acme, owner)
        assert refund.status == "UNKNOWN"
    finally:
        sandbox.start()
    send(after=timedelta(seconds=11))
    assert state(refund) == "COMPLETED"
    assert len(sandbox.payouts()) == 1


# --- pending at the provider


@pytest.mark.parametrize(
    ("mode", "end"), [("pending_then_success", "COMPLETED"), ("pending_then_fail", "FAILED")], ids=["paid", "not"]
)
def test_a_pending_refund_is_polled_to_its_end(
    acme: Shop, owner: Actor, sandbox: SandboxProcess, mode: str, end: str
) -> None:
    sandbox.control(mode, delay=0.6)
    refund = sent(acme, owner)
    assert (refund.status, refund.attempts) == ("SUBMITTED", 1)
    assert refund.provider_refund_id
    assert refund.leased_until is None
    assert breaches(acme) == []

    connection.cursor().execute("SELECT pg_sleep(0.7)")
    assert send(after=timedelta(seconds=11)) == 1

    assert state(refund) == end
    assert budget(acme) == ((10_000, 0, 3_000, 7_000) if end == "COMPLETED" else (10_000, 0, 0, 10_000))
    assert breaches(acme) == []


def test_an_unknown_refund_found_pending_is_submitted_again(acme: Shop, owner: Actor, sandbox: SandboxProcess) -> None:
    refund = ask(acme, owner)
    (claim,) = executor.claim_due()
    plan = executor.prepare(claim)
    assert plan is not None
    sandbox.control("pending_then_success", delay=0.6)
    plan.line.refund(plan.ask)  # and the worker dies before it can write the answer
    assert state(refund) == "SUBMITTED"

    send(after=timedelta(minutes=5))  # the lease is over
    assert moves(refund)[-2:] == ["lose_track", "find"]
    assert state(refund) == "SUBMITTED"

    connection.cursor().execute("SELECT pg_sleep(0.7)")
    send(after=timedelta(minutes=30))
    assert state(refund) == "COMPLETED"
    assert len(sandbox.payouts()) == 1
    assert breaches(acme) == []


# --- dead and slow workers


def test_a_worker_that_died_between_claim_and_commit_has_sent_nothing(
    acme: Shop, owner: Actor, sandbox: SandboxProcess
) -> None:
    refund = ask(acme, owner)
    assert len(executor.claim_due()) == 1
    assert state(refund) == "RESERVED"

    assert send() == 0  # leased
    assert send(after=timedelta(seconds=31)) == 1
    assert (state(refund), fresh(refund).attempts) == ("COMPLETED", 1)


@pytest.mark.parametrize("was_called", [False, True])
def test_a_worker_that_died_after_the_commit_leaves_unknown(
    acme: Shop, owner: Actor, sandbox: SandboxProcess, was_called: bool
) -> None:
    refund = ask(acme, owner)
    (claim,) = executor.claim_due()
    plan = executor.prepare(claim)
    assert plan is not None
    if was_called:
        plan.line.refund(plan.ask)
    assert state(refund) == "SUBMITTED"
    assert breaches(acme) == []

    assert send() == 0
    assert send(after=timedelta(minutes=5)) == 1

    assert moves(refund) == ["create", "reserve", "submit", "lose_track", "settle"]
    assert fresh(refund).attempts == (1 if was_called else 2)
    assert len(sandbox.payouts()) == 1
    assert breaches(acme) == []


def test_a_zombie_can_not_settle_what_another_has_taken_over(acme: Shop, owner: Actor, sandbox: SandboxProcess) -> None:
    refund = ask(acme, owner)
    (claim,) = executor.claim_due()
    slow = executor.prepare(claim)
    assert slow is not None
    outcome = slow.line.refund(slow.ask)
    with clock.override(clock.now() + timedelta(minutes=5)):
        (younger,) = executor.claim_due()
    assert younger.fence == claim.fence + 1

    with only_changes(acme):
        assert executor.settle(slow, outcome) == 0
        assert executor.prepare(claim) is None
    assert executor.execute(younger) == 1

    assert state(refund) == "COMPLETED"
    assert len(sandbox.payouts()) == 1


def test_settling_twice_is_settling_once(acme: Shop, owner: Actor, sandbox: SandboxProcess) -> None:
    refund = ask(acme, owner)
    (claim,) = executor.claim_due()
    plan = executor.prepare(claim)
    assert plan is not None
    outcome = plan.line.refund(plan.ask)
    assert executor.settle(plan, outcome) == 1
    executor.settle(plan, outcome)
    assert moves(refund)[-1] == "settle"
    assert len(moves(refund)) == 4
    assert budget(acme) == (10_000, 0, 3_000, 7_000)


def test_a_claim_of_nothing_does_nothing(acme: Shop, owner: Actor, sandbox: SandboxProcess) -> None:
    refund = ask(acme, owner)
    (claim,) = executor.claim_due()
    with scope(acme.seller.pk):
        hold_refund(refund.public_id, by=owner, reason="")
    assert executor.execute(claim) == 0
    assert executor.execute(Claim(claim.refund_id, claim.seller_id, claim.fence - 1)) == 0
    assert sandbox.payouts() == []


def test_the_gateway_is_never_called_inside_a_transaction(acme: Shop, owner: Actor, sandbox: SandboxProcess) -> None:
    refund = ask(acme, owner)
    line = calling.line_of("sandbox", acme.seller)
    with scope(acme.seller.pk):
        asked = calling.ask_of(fresh(refund))
        for call in (lambda: line.refund(asked), lambda: line.look_up(asked), lambda: line.list_refunds("p")):
            with pytest.raises(CallInsideTransactionError):
                call()
    with transaction.atomic(), pytest.raises(CallInsideTransactionError):
        line.refund(asked)
    assert sandbox.payouts() == []


# --- holds, stops, late checks


def test_look_up_now(acme: Shop, owner: Actor, sandbox: SandboxProcess) -> None:
    sandbox.control("timeout_after", delay=1)
    refund = sent(acme, owner)
    assert send() == 0

    with scope(acme.seller.pk):
        look_up_refund(refund.public_id, by=owner)
    assert send() == 1

    assert state(refund) == "COMPLETED"


def test_the_task_and_its_doorbell(acme: Shop, owner: Actor, sandbox: SandboxProcess) -> None:
    refund = ask(acme, owner)
    for name in ("refund.reserved", "refund.reviewed", "refund.released"):
        assert "refunds.handlers.execute_on_refund_ready" in events.HANDLERS[name]
    assert tasks.execute_due() == 1
    assert state(refund) == "COMPLETED"
