"""Every two moves that share a source, at the same moment; and a hundred clients on one payment."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest

from marketplace import clock
from marketplace.actors import Actor, MemberRole
from marketplace.errors import DomainError
from marketplace.models import Order, Seller
from marketplace.tenancy import scope
from refunds import calling, executor, invariants, ledger, reconciling
from refunds.models import RefundBudget, RefundRequest
from refunds.services import (
    RefundLineAsk,
    cancel_refund,
    confirm_manual_refund,
    create_refund,
    decline_refund,
    hold_refund,
    record_external_refund,
    release_refund,
    resolve_refund_as_paid,
    resolve_refund_as_unpaid,
    review_refund,
)
from tests.cast import Shop
from tests.factories import OrderFactory, SalesChannelFactory
from tests.races.together import inside, kinds, together
from tests.refunds.sandbox_fixture import SandboxProcess
from tests.refunds.steps import ask, breaches, budget, fresh, moves, send, sent, state

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.server]
CLIENTS, AT_ONCE, ROUNDS = 100, 25, 3


def asking(shop: Shop, order: Order, by: Actor, amount: int, token: str = "") -> Callable[[], RefundRequest]:
    def call() -> RefundRequest:
        lines = [RefundLineAsk(None, "GOODWILL", amount)]
        return create_refund(order.public_id, by=by, lines=lines, reason_code="GENERAL_ADJUSTMENT", client_token=token)

    return inside(shop.seller.pk, call)


def new_order(shop: Shop, **more: Any) -> Order:
    with scope(shop.seller.pk):
        order: Order = OrderFactory(channel=more.pop("channel", shop.channel), buyer=shop.buyer, **more)
        return order


def manual_order(shop: Shop) -> Order:
    with scope(shop.seller.pk):
        return new_order(shop, channel=SalesChannelFactory(code="shop", gateway="manual"))


# --- the hammer


def hammer(shop: Shop, sandbox: SandboxProcess, rounds: int) -> None:
    """100 clients ask for 30.00 each of one payment of 100.00: three get it, nobody gets an error."""
    actors = [shop.actor(role) for role in (MemberRole.OWNER, MemberRole.MANAGER, MemberRole.FINANCE)]
    for number in range(rounds):
        order = new_order(shop)  # its first refund makes its budget: that is part of the race
        asks = [asking(shop, order, actors[n % 3], 3_000, f"{number}-{n}" if n % 2 else "") for n in range(CLIENTS)]

        results = together(asks, at_once=AT_ONCE)

        assert kinds(results) == {"done": 3, "Refused": CLIENTS - 3}
        assert {r.code for r in results if isinstance(r, DomainError)} == {ledger.EXCEEDED}
        assert budget(shop, order) == (10_000, 9_000, 0, 1_000)
        assert sum(together([executor.execute_due] * 4)) == 3
        payouts = sandbox.payouts(order.payment_reference)
        assert [payout["amount"] for payout in payouts] == [3_000] * 3
        assert budget(shop, order) == (10_000, 0, 9_000, 1_000)
        assert breaches(shop) == []


def test_a_hundred_clients_on_one_payment(acme: Shop, sandbox: SandboxProcess) -> None:
    hammer(acme, sandbox, ROUNDS)


@pytest.mark.long
def test_a_hundred_clients_on_one_payment_twenty_times(acme: Shop, sandbox: SandboxProcess) -> None:
    hammer(acme, sandbox, 20)


def test_a_hundred_times_the_same_form(acme: Shop, owner: Actor) -> None:
    results = together([asking(acme, acme.order, owner, 3_000, "form-1")] * CLIENTS, at_once=AT_ONCE)
    assert set(kinds(results)) <= {"done", "Busy"}
    assert len({r.public_id for r in results if isinstance(r, RefundRequest)}) == 1
    assert budget(acme)[1] == 3_000
    assert asking(acme, acme.order, owner, 3_000, "form-1")().amount_minor == 3_000


def test_the_same_form_for_different_amounts(acme: Shop, owner: Actor) -> None:
    asks = [asking(acme, acme.order, owner, 1_000 + n, "form-1") for n in range(20)]
    results = together(asks)
    assert kinds(results)["done"] == 1
    assert set(kinds(results)) <= {"done", "Busy", "Refused"}
    with scope(acme.seller.pk):
        assert RefundRequest.objects.count() == 1


def test_refunds_beside_external_ones_and_disputes_and_later_files(
    acme: Shop, owner: Actor, sandbox: SandboxProcess
) -> None:
    def external(n: int) -> Callable[[], RefundRequest]:
        return lambda: record_external_refund(
            acme.order.public_id, provider_refund_id=f"re_{n % 3}", amount_minor=2_000, currency="GBP"
        )

    def dispute() -> None:
        ledger.dispute(ledger.budget_for(Order.objects.select_related("channel").get(pk=acme.order.pk)), 500)

    def later_file() -> None:
        Order.objects.filter(pk=acme.order.pk).update(paid_minor=9_000)

    calls: list[Callable[[], Any]] = [inside(acme.seller.pk, external(n)) for n in range(9)]
    calls += [inside(acme.seller.pk, dispute)] * 4 + [inside(acme.seller.pk, later_file)]
    calls += [asking(acme, acme.order, owner, 1_000) for _ in range(12)]

    results = together(calls)

    assert set(kinds(results)) <= {"done", "Refused"}
    with scope(acme.seller.pk):
        assert RefundRequest.objects.filter(source="EXTERNAL").count() == 3
        row = ledger.budget_for(Order.objects.select_related("channel").get(pk=acme.order.pk))
        assert row.refunded_minor == 6_000
        assert row.disputed_minor == 2_000
        assert row.out_minor - row.over_recovery_minor <= row.cap_minor
    assert breaches(acme) == []


def test_the_limit_of_review_can_not_be_passed_in_small_pieces(acme: Shop, owner: Actor) -> None:
    Seller.objects.filter(pk=acme.seller.pk).update(review_above_minor=5_000)
    together([asking(acme, acme.order, owner, 2_000) for _ in range(5)])
    with scope(acme.seller.pk):
        alone = RefundRequest.objects.filter(status="RESERVED").count()
        assert (alone, RefundRequest.objects.filter(status="REVIEW").count()) == (2, 3)


# --- two verbs on one refund


def waiting_for_review(shop: Shop, by: Actor) -> RefundRequest:
    Seller.objects.filter(pk=shop.seller.pk).update(review_above_minor=1_000)
    return ask(shop, by)


def on_hold(shop: Shop, by: Actor) -> RefundRequest:
    refund = ask(shop, by)
    with scope(shop.seller.pk):
        return hold_refund(refund.public_id, by=by, reason="")


def by_hand(shop: Shop, by: Actor) -> RefundRequest:
    return ask(shop, by, order=manual_order(shop))


PAIRS: list[tuple[Callable[[Shop, Actor], RefundRequest], str, str]] = [
    (waiting_for_review, "review", "cancel"),
    (waiting_for_review, "review", "decline"),
    (waiting_for_review, "decline", "cancel"),
    (waiting_for_review, "review", "review"),
    (on_hold, "release", "cancel"),
    (on_hold, "release", "release"),
    (ask, "cancel", "cancel"),
    (by_hand, "confirm", "cancel"),
    (by_hand, "confirm", "confirm"),
]


@pytest.mark.parametrize(("begin", "one", "other"), PAIRS, ids=[f"{one}-{other}" for _b, one, other in PAIRS])
@pytest.mark.parametrize("attempt", range(3))
def test_of_two_verbs_one_wins(
    acme: Shop,
    owner: Actor,
    begin: Callable[[Shop, Actor], RefundRequest],
    one: str,
    other: str,
    attempt: int,
) -> None:
    refund, second = begin(acme, owner), acme.actor(MemberRole.FINANCE)
    verbs: dict[str, Callable[[], RefundRequest]] = {
        "review": lambda: review_refund(refund.public_id, by=second),
        "decline": lambda: decline_refund(refund.public_id, by=second, reason="No."),
        "cancel": lambda: cancel_refund(refund.public_id, by=owner),
        "release": lambda: release_refund(refund.public_id, by=owner),
        "confirm": lambda: confirm_manual_refund(refund.public_id, by=owner, reference="SEPA 1"),
    }
    before = len(moves(refund))

    results = together([inside(acme.seller.pk, verbs[one]), inside(acme.seller.pk, verbs[other])])

    # After review or release a cancel is legal still: then both happen, in that order.
    both = moves(refund)[before:] in (["review", "cancel"], ["release", "cancel"])
    assert kinds(results) == ({"done": 2} if both else {"done": 1, "WrongState": 1})
    assert len(moves(refund)) == before + (2 if both else 1)
    assert breaches(acme) == []


@pytest.mark.parametrize("verb", ["cancel", "hold"])
@pytest.mark.parametrize("attempt", range(4))
def test_a_verb_and_the_executor(acme: Shop, owner: Actor, sandbox: SandboxProcess, verb: str, attempt: int) -> None:
    refund = ask(acme, owner)
    verbs: dict[str, Callable[[], RefundRequest]] = {
        "cancel": lambda: cancel_refund(refund.public_id, by=owner),
        "hold": lambda: hold_refund(refund.public_id, by=owner, reason=""),
    }
    results = together([inside(acme.seller.pk, verbs[verb]), executor.execute_due])
    is_sent = state(refund) == "COMPLETED"
    assert kinds(results[:1]) == ({"WrongState": 1} if is_sent else {"done": 1})
    assert len(sandbox.payouts()) == is_sent
    assert breaches(acme) == []


# --- executors among themselves


def test_eight_executors_send_each_refund_once(
    acme: Shop, globex: Shop, owner: Actor, stranger: Actor, sandbox: SandboxProcess
) -> None:
    refunds = [ask(acme, owner, 100) for _ in range(20)] + [ask(globex, stranger, 100) for _ in range(10)]

    results = together([executor.execute_due] * 8)

    assert sum(r for r in results if isinstance(r, int)) == 30
    assert {state(refund) for refund in refunds} == {"COMPLETED"}
    assert sorted(p["reference"] for p in sandbox.payouts()) == sorted(r.public_id for r in refunds)
    assert {fresh(refund).attempts for refund in refunds} == {1}
    assert breaches(acme) == breaches(globex) == []


@pytest.mark.parametrize("attempt", range(4))
def test_settle_and_settle(acme: Shop, owner: Actor, sandbox: SandboxProcess, attempt: int) -> None:
    """The same answer twice, at the same moment."""
    refund = ask(acme, owner)
    (claim,) = executor.claim_due()
    plan = executor.prepare(claim)
    assert plan is not None
    outcome = plan.line.refund(plan.ask)

    results = together([lambda: executor.settle(plan, outcome)] * 4)

    assert kinds(results) == {"done": 4}
    assert moves(refund) == ["create", "reserve", "submit", "settle"]
    assert budget(acme) == (10_000, 0, 3_000, 7_000)
    assert breaches(acme) == []


@pytest.mark.parametrize("attempt", range(4))
def test_a_zombie_and_its_successor(acme: Shop, owner: Actor, sandbox: SandboxProcess, attempt: int) -> None:
    refund = ask(acme, owner)
    (claim,) = executor.claim_due()
    plan = executor.prepare(claim)
    assert plan is not None
    outcome = plan.line.refund(plan.ask)

    def successor() -> int:
        with clock.override(clock.now() + timedelta(minutes=5)):
            return executor.execute_due()

    together([lambda: executor.settle(plan, outcome), successor])

    assert state(refund) == "COMPLETED"
    assert moves(refund).count("settle") == 1
    assert len(sandbox.payouts()) == 1
    assert breaches(acme) == []


@pytest.mark.parametrize("attempt", range(3))
def test_the_comparison_and_the_executor(acme: Shop, owner: Actor, sandbox: SandboxProcess, attempt: int) -> None:
    sandbox.control("timeout_after", delay=1)
    lost = sent(acme, owner)
    later = ask(acme, owner, 1_000)
    with scope(acme.seller.pk):
        RefundBudget.objects.update(reconcile_at=clock.now())

    def work() -> int:
        with clock.override(clock.now() + timedelta(seconds=11)):
            return executor.execute_due()

    together([work, reconciling.reconcile_due, work, reconciling.reconcile_due])
    send(after=timedelta(minutes=5))

    assert (state(lost), state(later)) == ("COMPLETED", "COMPLETED")
    assert len(sandbox.payouts()) == 2
    with scope(acme.seller.pk):
        rows = list(RefundRequest.objects.all())
    payouts = calling.line_of("sandbox", acme.seller).list_refunds(acme.order.payment_reference)
    assert list(invariants.payouts_match(rows, payouts)) == []
    assert breaches(acme) == []


@pytest.mark.parametrize("attempt", range(3))
def test_two_people_and_the_provider_decide_an_unknown_refund(
    acme: Shop, owner: Actor, sandbox: SandboxProcess, attempt: int
) -> None:
    sandbox.control("timeout_before", delay=1)
    refund = sent(acme, owner)
    assert refund.first_called_at is not None
    start = refund.first_called_at
    send(at=start + timedelta(hours=20))
    send(at=start + timedelta(hours=24))

    def look_up() -> int:
        return send(at=start + timedelta(hours=48))

    together(
        [
            inside(acme.seller.pk, lambda: resolve_refund_as_paid(refund.public_id, by=owner, reference="re_seen")),
            inside(acme.seller.pk, lambda: resolve_refund_as_unpaid(refund.public_id, by=owner, reason="No.")),
            look_up,
        ]
    )

    assert state(refund) in {"COMPLETED", "FAILED"}
    assert len(moves(refund)) == 5
    assert breaches(acme) == []


# --- numbers and budgets made by several at once


def test_credit_notes_have_no_gaps_and_no_doubles(acme: Shop, owner: Actor) -> None:
    refunds = [ask(acme, owner, 1_000, order=manual_order(acme)) for _ in range(12)]

    def confirming(n: int) -> Callable[[], RefundRequest]:
        def call() -> RefundRequest:
            # Every third reference is used already: that confirmation rolls back, and its number is free again.
            return confirm_manual_refund(refunds[n].public_id, by=owner, reference=f"SEPA {n - n % 3 // 2}")

        return inside(acme.seller.pk, call)

    results = together([confirming(n) for n in range(12)])

    done = kinds(results)["done"]
    with scope(acme.seller.pk):
        numbers = RefundRequest.objects.filter(credit_note_no__isnull=False).values_list("credit_note_no", flat=True)
        assert sorted(numbers) == list(range(1, done + 1))
    assert breaches(acme) == []


def test_the_first_refunds_of_an_order_make_one_budget(acme: Shop, owner: Actor) -> None:
    order = new_order(acme)
    results = together([asking(acme, order, owner, 100) for _ in range(20)])
    assert kinds(results) == {"done": 20}
    with scope(acme.seller.pk):
        assert RefundBudget.objects.filter(order=order).count() == 1
    assert budget(acme, order) == (10_000, 2_000, 0, 8_000)
    assert breaches(acme) == []
