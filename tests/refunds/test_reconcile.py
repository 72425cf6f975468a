"""Our rows and the provider's own list, both ways: external, double, late, missing, reversed, forgotten."""

from __future__ import annotations

import time
from datetime import timedelta

import pytest
import requests

from marketplace import clock
from marketplace.actors import Actor
from marketplace.errors import Refused
from marketplace.tenancy import scope
from refunds import calling, invariants, reconciling, selectors, tasks
from refunds.models import RefundBudget, RefundRequest
from refunds.services import (
    cancel_refund,
    handle_provider_event,
    hold_refund,
    record_external_refund,
    resolve_refund_as_unpaid,
)
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
SOON = timedelta(minutes=16)


def pay_outside(
    shop: Shop, sandbox: SandboxProcess, amount: int, *, key: str = "made-by-hand", currency: str = "GBP"
) -> str:
    """Somebody refunds on the provider's own pages; the payout's id."""
    answer = requests.post(
        f"{sandbox.url}/refunds",
        json={
            "key": key,
            "payment_reference": shop.order.payment_reference,
            "amount": amount,
            "currency": currency,
            "reference": "",
            "metadata": {"paid": "10000"},
        },
        headers={"Authorization": f"Bearer {shop.seller.slug}"},
        timeout=10,
    )
    answer.raise_for_status()
    return str(answer.json()["id"])


def reconcile(after: timedelta = SOON) -> int:
    with clock.override(clock.now() + after):
        return reconciling.reconcile_due()


def differences(shop: Shop) -> list[tuple[str, str]]:
    with scope(shop.seller.pk):
        return [(row.kind, row.provider_refund_id) for row in selectors.open_discrepancies()]


def of_source(shop: Shop, source: str) -> list[RefundRequest]:
    with scope(shop.seller.pk):
        return list(RefundRequest.objects.filter(source=source).order_by("id"))


def until_failed(sandbox: SandboxProcess) -> None:
    """The sandbox turns by its own clock."""
    until = time.monotonic() + 10
    while time.monotonic() < until and all(payout["status"] != "failed" for payout in sandbox.payouts()):
        time.sleep(0.05)


def provider_agrees(shop: Shop) -> bool:
    """I3 for the shop's order."""
    with scope(shop.seller.pk):
        rows = list(RefundRequest.objects.filter(order=shop.order))
    payouts = calling.line_of("sandbox", shop.seller).list_refunds(shop.order.payment_reference)
    return not list(invariants.payouts_match(rows, payouts))


def test_when_both_agree_nothing_changes_but_the_next_date(acme: Shop, owner: Actor, sandbox: SandboxProcess) -> None:
    sent(acme, owner)
    assert reconcile(timedelta(minutes=14)) == 0  # not yet
    with only_changes(acme, "refundbudget"):
        assert reconcile() == 1
    assert differences(acme) == []
    assert provider_agrees(acme)


def test_it_is_compared_nightly_for_a_month(acme: Shop, owner: Actor, sandbox: SandboxProcess) -> None:
    refund = sent(acme, owner)
    assert refund.settled_at is not None
    with clock.override(refund.settled_at + timedelta(days=29)):
        assert reconciling.reconcile_due() == 1
    with clock.override(refund.settled_at + timedelta(days=30, minutes=1)):
        assert reconciling.reconcile_due() == 1
    with scope(acme.seller.pk):
        assert RefundBudget.objects.get().reconcile_at is None
    with clock.override(refund.settled_at + timedelta(days=300)):
        assert reconciling.reconcile_due() == 0


def test_a_payout_made_outside_is_recorded_once_and_takes_its_room(
    acme: Shop, owner: Actor, sandbox: SandboxProcess
) -> None:
    sent(acme, owner, 3_000)
    payout = pay_outside(acme, sandbox, 2_500)

    reconcile()
    reconcile(timedelta(days=2))

    (external,) = of_source(acme, "EXTERNAL")
    assert (external.status, external.amount_minor, external.provider_refund_id) == ("COMPLETED", 2_500, payout)
    assert (external.created_by_kind, external.credit_note_number) == ("provider", "CN-000002")
    assert moves(external) == ["record_external"]
    assert event_names(external) == ["refund.recorded_external"]
    assert budget(acme) == (10_000, 0, 5_500, 4_500)
    assert differences(acme) == [("EXTERNAL", payout)]
    assert breaches(acme) == []
    assert provider_agrees(acme)


def test_a_payout_beyond_what_was_paid_is_recorded_as_over_recovery(
    acme: Shop, owner: Actor, sandbox: SandboxProcess
) -> None:
    sandbox.new_payment(acme.order.payment_reference, 20_000, account="acme")  # the provider knows of more
    sent(acme, owner, 8_000)
    pay_outside(acme, sandbox, 5_000)

    reconcile()

    assert budget(acme) == (10_000, 0, 13_000, 0)
    with scope(acme.seller.pk):
        row = RefundBudget.objects.get()
        assert row.over_recovery_minor == 3_000
    assert balances(acme) == {"OUTSIDE": -10_000, "REFUNDED": 13_000, "OVER_RECOVERY": -3_000}
    assert {kind for kind, _payout in differences(acme)} == {"EXTERNAL", "OVER_RECOVERY"}
    with pytest.raises(Refused, match="Nothing is left to refund"):
        ask(acme, owner, 1, component="GOODWILL")
    assert breaches(acme) == []
    assert provider_agrees(acme)


def test_a_reserved_refund_is_not_sent_on_top_of_an_external_one(
    acme: Shop, owner: Actor, sandbox: SandboxProcess
) -> None:
    refund = ask(acme, owner, 6_000)
    with scope(acme.seller.pk):
        record_external_refund(acme.order.public_id, provider_refund_id="re_dash", amount_minor=6_000, currency="GBP")
    send()
    assert state(refund) == "VALIDATION_FAILED"
    assert sandbox.payouts() == []
    assert budget(acme) == (10_000, 0, 6_000, 4_000)
    assert differences(acme) == [("EXTERNAL", "re_dash")]  # the over-recovery has closed itself
    assert breaches(acme) == []


def test_one_refund_paid_twice_is_recorded_as_double(acme: Shop, owner: Actor, sandbox: SandboxProcess) -> None:
    sandbox.control("answer_twice")
    refund = sent(acme, owner, 3_000)
    first, second = (payout["id"] for payout in sandbox.payouts())
    assert refund.provider_refund_id == first

    reconcile()

    (external,) = of_source(acme, "EXTERNAL")
    assert (external.provider_refund_id, external.amount_minor) == (second, 3_000)
    assert (external.asker, external.asker_public_id) == ("refund", refund.public_id)
    assert differences(acme) == [("DOUBLE", second)]
    assert budget(acme) == (10_000, 0, 6_000, 4_000)
    assert breaches(acme) == []
    assert provider_agrees(acme)


def test_a_refund_that_comes_back_is_reversed(acme: Shop, owner: Actor, sandbox: SandboxProcess) -> None:
    sandbox.control("success_then_fail", delay=0.3)
    refund = sent(acme, owner, 3_000)
    assert refund.status == "COMPLETED"
    until_failed(sandbox)

    reconcile()

    row = fresh(refund)
    assert (row.status, row.refusal_code) == ("FAILED", "lost_or_stolen_card")
    assert moves(refund)[-1] == "reverse"
    assert last_move(refund).actor_kind == "provider"
    assert event_names(refund)[-1] == "refund.reversed"
    assert budget(acme) == (10_000, 0, 0, 10_000)
    assert balances(acme) == {"OUTSIDE": -10_000, "CAPTURED": 10_000}
    assert breaches(acme) == []
    assert provider_agrees(acme)
    assert ask(acme, owner, 10_000).status == "RESERVED"


def test_an_external_payout_that_comes_back_is_reversed_too(acme: Shop, owner: Actor, sandbox: SandboxProcess) -> None:
    sent(acme, owner, 1_000)
    sandbox.control("success_then_fail", delay=1)
    pay_outside(acme, sandbox, 2_000)
    reconcile()
    (external,) = of_source(acme, "EXTERNAL")
    assert state(external) == "COMPLETED"
    until_failed(sandbox)
    reconcile(timedelta(days=2))
    assert state(external) == "FAILED"
    assert budget(acme) == (10_000, 0, 1_000, 9_000)


def test_what_was_paid_after_a_person_gave_it_up_is_recorded(acme: Shop, owner: Actor, sandbox: SandboxProcess) -> None:
    sandbox.control("timeout_before", delay=1)
    refund = sent(acme, owner, 3_000)
    assert refund.first_called_at is not None
    send(at=refund.first_called_at + timedelta(hours=20))
    send(at=refund.first_called_at + timedelta(hours=24))
    with scope(acme.seller.pk):
        resolve_refund_as_unpaid(refund.public_id, by=owner, reason="Nothing on the dashboard.")
        RefundBudget.objects.update(reconcile_at=clock.now())
    payout = pay_outside(acme, sandbox, 3_000, key=str(refund.provider_key))  # it was only late

    reconcile()

    (external,) = of_source(acme, "EXTERNAL")
    assert (external.provider_refund_id, external.asker_public_id) == (payout, refund.public_id)
    assert differences(acme) == [("LATE", payout)]
    assert budget(acme) == (10_000, 0, 3_000, 7_000)
    assert breaches(acme) == []
    assert provider_agrees(acme)


def test_a_done_refund_that_the_provider_does_not_list_is_put_before_a_person(
    acme: Shop, owner: Actor, sandbox: SandboxProcess
) -> None:
    refund = sent(acme, owner)
    sandbox.reset()

    reconcile()

    assert state(refund) == "COMPLETED"
    assert differences(acme) == [("MISSING", refund.provider_refund_id)]
    assert not provider_agrees(acme)


def test_another_amount_is_put_before_a_person(acme: Shop, owner: Actor, sandbox: SandboxProcess) -> None:
    sandbox.control("timeout_before", delay=1)
    refund = sent(acme, owner, 3_000)
    payout = pay_outside(acme, sandbox, 2_000, key=str(refund.provider_key))
    with scope(acme.seller.pk):
        RefundBudget.objects.update(reconcile_at=clock.now())
    reconcile()
    assert state(refund) == "UNKNOWN"
    assert differences(acme) == [("AMOUNT", payout)]


def test_an_unknown_refund_is_settled_by_the_comparison(acme: Shop, owner: Actor, sandbox: SandboxProcess) -> None:
    sandbox.control("timeout_after", delay=1)
    refund = sent(acme, owner)
    with scope(acme.seller.pk):
        RefundBudget.objects.update(reconcile_at=clock.now())
    reconcile()
    assert state(refund) == "COMPLETED"
    assert breaches(acme) == []


def test_a_refund_under_a_call_is_left_to_its_worker(acme: Shop, owner: Actor, sandbox: SandboxProcess) -> None:
    from refunds import executor

    refund = ask(acme, owner)
    (claim,) = executor.claim_due()
    plan = executor.prepare(claim)
    assert plan is not None
    outcome = plan.line.refund(plan.ask)
    with scope(acme.seller.pk):
        RefundBudget.objects.update(reconcile_at=clock.now())
    assert reconciling.reconcile_due() == 1
    assert state(refund) == "SUBMITTED"
    assert executor.settle(plan, outcome) == 1
    assert state(refund) == "COMPLETED"
    assert of_source(acme, "EXTERNAL") == []


@pytest.mark.parametrize("held", [False, True])
def test_what_a_restored_database_has_forgotten_is_not_sent_again(
    acme: Shop, owner: Actor, sandbox: SandboxProcess, held: bool
) -> None:
    """The row says reserved, the provider has paid: the backup is older than the call (D4)."""
    refund = ask(acme, owner)
    if held:
        with scope(acme.seller.pk):
            hold_refund(refund.public_id, by=owner, reason="")
    payout = pay_outside(acme, sandbox, 3_000, key=str(refund.provider_key))
    with scope(acme.seller.pk):
        RefundBudget.objects.update(reconcile_at=clock.now())

    reconcile()

    row = fresh(refund)
    assert (row.status, row.provider_refund_id) == ("COMPLETED", payout)
    assert len(sandbox.payouts()) == 1
    assert breaches(acme) == []
    assert provider_agrees(acme)


def test_a_cancelled_refund_that_was_paid_is_late(acme: Shop, owner: Actor, sandbox: SandboxProcess) -> None:
    refund = ask(acme, owner)
    with scope(acme.seller.pk):
        cancel_refund(refund.public_id, by=owner)
        RefundBudget.objects.update(reconcile_at=clock.now())
    payout = pay_outside(acme, sandbox, 3_000, key=str(refund.provider_key))
    reconcile()
    assert differences(acme) == [("LATE", payout)]
    assert state(refund) == "CANCELLED"
    assert provider_agrees(acme)


def test_without_a_list_it_is_tried_again_in_an_hour(acme: Shop, owner: Actor, sandbox: SandboxProcess) -> None:
    sent(acme, owner)
    sandbox.control("error_500", on="look_up")
    assert reconcile() == 0
    assert reconcile(SOON) == 0
    assert reconcile(timedelta(minutes=80)) == 1


def test_the_task(acme: Shop, owner: Actor, sandbox: SandboxProcess) -> None:
    sent(acme, owner)
    with clock.override(clock.now() + SOON):
        assert tasks.reconcile() == 1


# --- the provider knocks


def test_a_knock_makes_us_look_there_ourselves(acme: Shop, owner: Actor, sandbox: SandboxProcess) -> None:
    refund = sent(acme, owner, 3_000)
    pay_outside(acme, sandbox, 1_000)
    assert reconciling.reconcile_due() == 0

    for _duplicate in range(3):
        with scope(acme.seller.pk):
            assert handle_provider_event(gateway="sandbox", payment_reference=acme.order.payment_reference) == 1
    with scope(acme.seller.pk):
        assert handle_provider_event(gateway="sandbox", provider_refund_id=refund.provider_refund_id) == 1
        assert handle_provider_event(gateway="sandbox", refund_public_id=refund.public_id) == 1
        assert handle_provider_event(gateway="sandbox", refund_public_id="ba-nobody") == 0
        assert handle_provider_event(gateway="stripe", refund_public_id=refund.public_id) == 0
        assert handle_provider_event(gateway="sandbox") == 0

    assert reconciling.reconcile_due() == 1
    assert len(of_source(acme, "EXTERNAL")) == 1


def test_a_knock_for_another_seller_is_heard_there_only(
    acme: Shop, globex: Shop, owner: Actor, sandbox: SandboxProcess
) -> None:
    refund = sent(acme, owner)
    with scope(globex.seller.pk):
        assert handle_provider_event(gateway="sandbox", refund_public_id=refund.public_id) == 0


# --- recording by hand of a program, closing by a person
