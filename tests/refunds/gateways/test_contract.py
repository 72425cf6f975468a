"""What every gateway adapter promises the executor, said once and held against each of them."""

from __future__ import annotations

import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace

import pytest
import requests

from refunds.gateways import (
    Absent,
    Declined,
    GatewayUnavailableError,
    Outcome,
    Pending,
    ProviderStatus,
    Settled,
    Unknown,
)
from tests.refunds.gateways.conftest import Rig
from tests.refunds.sandbox_fixture import STRIPE_KEY

SILENT = 5.0  # seconds; longer than any read timeout here


def eventually(look: Callable[[], Outcome], wanted: type[Outcome], seconds: float = 5.0) -> Outcome:
    """Look until the outcome is of the wanted kind."""
    until = time.monotonic() + seconds
    while not isinstance(outcome := look(), wanted):
        assert time.monotonic() < until, f"still {outcome}"
        time.sleep(0.05)
    return outcome


# -- the plain case


def test_a_refund_is_settled_and_in_the_book(rig: Rig) -> None:
    ask = rig.ask(rig.payment(), seller="acme")

    outcome = rig.gateway.refund(ask)

    assert isinstance(outcome, Settled)
    [payout] = rig.payouts()
    assert payout["id"] == outcome.provider_refund_id
    assert (payout["amount"], payout["currency"], payout["status"]) == (3_000, "GBP", "succeeded")
    assert (payout["key"], payout["reference"]) == (ask.key, ask.refund_public_id)
    assert rig.gateway.look_up(ask) == outcome


def test_the_same_key_again_is_the_same_refund(rig: Rig) -> None:
    ask = rig.ask(rig.payment())

    answers = {rig.gateway.refund(ask) for _ in range(3)}

    assert len(answers) == 1
    assert len(rig.payouts()) == 1


def test_the_same_key_with_another_amount_pays_nothing_and_settles_nothing(rig: Rig) -> None:
    ask = rig.ask(rig.payment())
    first = rig.gateway.refund(ask)

    outcome = rig.gateway.refund(replace(ask, amount=2_999))

    assert isinstance(outcome, Unknown)
    assert [payout["amount"] for payout in rig.payouts()] == [3_000]
    assert rig.gateway.look_up(ask) == first


def test_the_paid_amount_may_change_between_attempts(rig: Rig) -> None:
    ask = rig.ask(rig.payment(), paid=10_000)
    first = rig.gateway.refund(ask)

    assert rig.gateway.refund(replace(ask, metadata={"paid": 12_000})) == first
    assert len(rig.payouts()) == 1


# -- refusals


def test_more_than_was_paid_is_declined(rig: Rig) -> None:
    ask = rig.ask(rig.payment(10_000), amount=10_001)

    outcome = rig.gateway.refund(ask)

    assert isinstance(outcome, Declined)
    assert rig.payouts() == []
    assert rig.gateway.look_up(ask) == Absent()
    assert rig.gateway.refund(ask) == outcome


def test_partial_refunds_stop_at_what_was_paid(rig: Rig) -> None:
    payment = rig.payment(10_000)

    outcomes = [rig.gateway.refund(rig.ask(payment, amount)) for amount in (6_000, 4_001, 4_000, 1)]

    assert [type(outcome) for outcome in outcomes] == [Settled, Declined, Settled, Declined]
    assert isinstance(outcomes[3], Declined)
    assert outcomes[3].code in {"already_refunded", "charge_already_refunded"}
    assert [payout["amount"] for payout in rig.payouts()] == [6_000, 4_000]


def test_a_declined_refund_stays_declined(rig: Rig) -> None:
    ask = rig.ask(rig.payment())
    rig.sandbox.control("decline")

    outcomes = [rig.gateway.refund(ask), rig.gateway.refund(ask)]

    assert [type(outcome) for outcome in outcomes] == [Declined, Declined]
    assert rig.payouts() == []


def test_a_payment_the_gateway_does_not_know_is_declined(rig: Rig) -> None:
    known = rig.payment()
    ask = rig.ask(known[:-4] + "zzzz")

    assert isinstance(rig.gateway.refund(ask), Declined)
    assert rig.payouts() == []


def test_already_refunded_by_our_own_earlier_call_is_settled(rig: Rig) -> None:
    """Had the gateway forgotten the key (here: another one is sent), its list would still have the refund."""
    ask = rig.ask(rig.payment(3_000))
    first = rig.gateway.refund(ask)

    again = rig.gateway.refund(replace(ask, key="8c1f5a0e-0000-4000-8000-000000000000"))

    assert again == first
    assert len(rig.payouts()) == 1


# -- silence


def test_a_timeout_before_anything_happened(rig: Rig) -> None:
    ask = rig.ask(rig.payment())
    rig.sandbox.control("timeout_before", delay=SILENT)

    assert isinstance(rig.gateway.refund(ask), Unknown)
    assert rig.gateway.look_up(ask) == Absent()
    assert isinstance(rig.gateway.refund(ask), Settled)
    assert len(rig.payouts()) == 1


def test_a_timeout_after_the_payout(rig: Rig) -> None:
    ask = rig.ask(rig.payment())
    rig.sandbox.control("timeout_after", delay=SILENT)

    assert isinstance(rig.gateway.refund(ask), Unknown)
    found = rig.gateway.look_up(ask)
    assert isinstance(found, Settled)
    assert rig.gateway.refund(ask) == found
    assert len(rig.payouts()) == 1


def test_a_dropped_connection(rig: Rig) -> None:
    ask = rig.ask(rig.payment())
    rig.sandbox.control("drop_connection")

    assert isinstance(rig.gateway.refund(ask), Unknown)
    assert rig.gateway.look_up(ask) == Absent()
    assert rig.payouts() == []


def test_a_late_answer_in_time_and_too_late(rig: Rig) -> None:
    in_time, too_late = rig.ask(rig.payment()), rig.ask(rig.payment())
    rig.sandbox.control("answer_late", delay=0.1)
    assert isinstance(rig.gateway.refund(in_time), Settled)

    rig.sandbox.control("answer_late", delay=SILENT)
    assert isinstance(rig.gateway.refund(too_late), Unknown)
    assert isinstance(rig.gateway.look_up(too_late), Settled)


def test_a_refund_executed_after_we_gave_up_waiting(rig: Rig) -> None:
    """Absent at first, in use for a second call, settled in the end: one payout."""
    ask = rig.ask(rig.payment())
    rig.sandbox.control("execute_late", delay=1.5)

    assert isinstance(rig.gateway.refund(ask), Unknown)
    assert rig.gateway.look_up(ask) == Absent()
    assert isinstance(rig.gateway.refund(ask), Unknown)  # 409: the key is in use
    found = eventually(lambda: rig.gateway.look_up(ask), Settled)
    assert rig.gateway.refund(ask) == found
    assert len(rig.payouts()) == 1


@pytest.mark.parametrize("mode", ["timeout_before", "error_500", "rate_limit", "drop_connection"])
def test_a_look_up_that_fails_says_nothing(rig: Rig, mode: str) -> None:
    payment = rig.payment()
    ask = rig.ask(payment)
    rig.gateway.refund(ask)

    rig.sandbox.control(mode, on="look_up", delay=SILENT if mode == "timeout_before" else None)
    assert isinstance(rig.gateway.look_up(ask), Unknown)

    rig.sandbox.control(mode, on="look_up", delay=SILENT if mode == "timeout_before" else None)
    with pytest.raises(GatewayUnavailableError):
        rig.gateway.list_refunds(payment)
    assert isinstance(rig.gateway.look_up(ask), Settled)


def test_a_refusal_whose_look_up_fails_is_unknown(rig: Rig) -> None:
    """Declined releases money, so it needs the list; without the list nobody knows."""
    ask = rig.ask(rig.payment())
    rig.sandbox.control("decline")
    rig.sandbox.control("error_500", on="look_up")

    assert isinstance(rig.gateway.refund(ask), Unknown)
    assert isinstance(rig.gateway.refund(ask), Declined)


# -- trouble on the other side


@pytest.mark.parametrize("mode", ["error_500", "rate_limit"])
def test_trouble_before_execution_is_unknown_and_may_be_repeated(rig: Rig, mode: str) -> None:
    """One fault, one call: had the adapter retried by itself, it would have been settled at once."""
    ask = rig.ask(rig.payment())
    rig.sandbox.control(mode)

    assert isinstance(rig.gateway.refund(ask), Unknown)
    assert rig.gateway.look_up(ask) == Absent()
    assert isinstance(rig.gateway.refund(ask), Settled)
    assert len(rig.payouts()) == 1


def test_a_stored_500_comes_again_and_paid_nothing(rig: Rig) -> None:
    ask = rig.ask(rig.payment())
    rig.sandbox.control("error_500_stored")

    assert [type(rig.gateway.refund(ask)) for _ in range(2)] == [Unknown, Unknown]
    assert rig.gateway.look_up(ask) == Absent()
    assert rig.payouts() == []


def test_a_stored_500_that_did_pay_is_found_by_the_look_up(rig: Rig) -> None:
    ask = rig.ask(rig.payment())
    rig.sandbox.control("error_500_after")

    assert [type(rig.gateway.refund(ask)) for _ in range(2)] == [Unknown, Unknown]
    assert isinstance(rig.gateway.look_up(ask), Settled)
    assert len(rig.payouts()) == 1


def test_a_gateway_that_is_down(rig: Rig) -> None:
    ask = rig.ask(rig.payment())
    nobody = replace(rig.config, sandbox_url="http://127.0.0.1:9", stripe_api_base="http://127.0.0.1:9")
    gateway = Rig(rig.kind, rig.sandbox, nobody).gateway

    assert isinstance(gateway.refund(ask), Unknown)
    assert isinstance(gateway.look_up(ask), Unknown)
    with pytest.raises(GatewayUnavailableError):
        gateway.list_refunds(ask.payment_reference)


# -- refunds that take their time


def test_a_pending_refund_settles(rig: Rig) -> None:
    ask = rig.ask(rig.payment())
    rig.sandbox.control("pending_then_success", delay=0.5)

    outcome = rig.gateway.refund(ask)

    assert isinstance(outcome, Pending)
    assert eventually(lambda: rig.gateway.look_up(ask), Settled) == Settled(outcome.provider_refund_id)
    assert len(rig.payouts()) == 1


@pytest.mark.parametrize(("mode", "at_first"), [("pending_then_fail", Pending), ("success_then_fail", Settled)])
def test_a_refund_that_fails_later_is_declined_and_frees_the_payment(
    rig: Rig, mode: str, at_first: type[Outcome]
) -> None:
    payment = rig.payment(3_000)
    ask = rig.ask(payment)
    rig.sandbox.control(mode, delay=0.3)

    assert isinstance(rig.gateway.refund(ask), at_first)
    failed = eventually(lambda: rig.gateway.look_up(ask), Declined)
    assert isinstance(failed, Declined)
    assert failed.code == "lost_or_stolen_card"
    assert isinstance(rig.gateway.refund(rig.ask(payment)), Settled)


def test_success_twice_for_one_key_shows_in_the_list(rig: Rig) -> None:
    """Fault G3: our refund is the first payout; the second is there to be booked as external."""
    payment = rig.payment(3_000)
    ask = rig.ask(payment)
    rig.sandbox.control("answer_twice")

    outcome = rig.gateway.refund(ask)

    assert isinstance(outcome, Settled)
    listed = rig.gateway.list_refunds(payment)
    assert [refund.amount for refund in listed] == [3_000, 3_000]
    assert [refund.key for refund in listed] == [ask.key, ask.key]
    assert listed[0].provider_refund_id == outcome.provider_refund_id != listed[1].provider_refund_id
    assert rig.gateway.look_up(ask) == outcome
    assert len(rig.payouts()) == 2


# -- the list


def test_the_list_has_refunds_made_by_hand_and_is_oldest_first(rig: Rig) -> None:
    payment = rig.payment(10_000)
    ask = rig.ask(payment, amount=1_000)
    rig.gateway.refund(ask)
    by_hand(rig, payment, 2_500)

    ours, other = rig.gateway.list_refunds(payment)

    assert (ours.key, ours.refund_public_id, ours.amount) == (ask.key, ask.refund_public_id, 1_000)
    assert (other.refund_public_id, other.amount, other.currency) == ("", 2_500, "GBP")
    assert {ours.status, other.status} == {ProviderStatus.SETTLED}
    assert not other.is_of(ask)
    assert ours.created_at <= other.created_at
    assert ours.created_at.tzinfo is not None


def by_hand(rig: Rig, payment: str, amount: int) -> None:
    """A refund made in the provider's own dashboard."""
    if rig.kind == "sandbox":
        body = {"key": "dashboard", "payment_reference": payment, "amount": amount, "currency": "GBP"}
        requests.post(rig.sandbox.url + "/refunds", json=body, timeout=5).raise_for_status()
    else:
        param = "charge" if payment.startswith("ch_") else "payment_intent"
        requests.post(
            rig.sandbox.url + "/v1/refunds",
            data={param: payment, "amount": amount},
            headers={"Authorization": f"Bearer {STRIPE_KEY}"},
            timeout=5,
        ).raise_for_status()


# -- crashes and crowds


def test_the_book_outlives_a_kill(rig: Rig) -> None:
    ask, silent = rig.ask(rig.payment()), rig.ask(rig.payment())
    settled = rig.gateway.refund(ask)
    rig.sandbox.control("timeout_after", delay=SILENT)
    assert isinstance(rig.gateway.refund(silent), Unknown)

    rig.sandbox.restart()

    assert len(rig.payouts()) == 2
    assert rig.gateway.look_up(ask) == rig.gateway.refund(ask) == settled
    found = rig.gateway.look_up(silent)
    assert isinstance(found, Settled)
    assert rig.gateway.refund(silent) == found
    assert len(rig.payouts()) == 2


def test_fifty_calls_at_once_with_one_key_pay_once(rig: Rig) -> None:
    ask = rig.ask(rig.payment())

    with ThreadPoolExecutor(50) as crowd:
        outcomes = list(crowd.map(lambda _: rig.patient.refund(ask), range(50)))

    [payout] = rig.payouts()
    assert set(map(type, outcomes)) <= {Settled, Unknown}
    assert {o.provider_refund_id for o in outcomes if isinstance(o, Settled)} == {payout["id"]}


def test_fifty_refunds_at_once_never_exceed_the_payment(rig: Rig) -> None:
    payment = rig.payment(10_000)

    with ThreadPoolExecutor(50) as crowd:
        outcomes = list(crowd.map(lambda _: rig.patient.refund(rig.ask(payment, 3_000)), range(50)))

    assert sorted(type(outcome).__name__ for outcome in outcomes) == ["Declined"] * 47 + ["Settled"] * 3
    assert len(rig.payouts()) == 3
