"""What is particular to Stripe: its errors, its keys, its units and its pages."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
import requests

from refunds.gateways import (
    Absent,
    Declined,
    GatewayConfig,
    GatewayUnavailableError,
    RefundAsk,
    Settled,
    Unknown,
)
from refunds.gateways.stripe import StripeGateway
from tests.refunds.sandbox_fixture import STRIPE_KEY, SandboxProcess

ASK = RefundAsk("11111111-1111-4111-8111-111111111111", "ba-1", "", 500, "GBP")


@pytest.fixture
def config(sandbox: SandboxProcess) -> GatewayConfig:
    return GatewayConfig(stripe_api_key=STRIPE_KEY, stripe_api_base=sandbox.url)


@pytest.fixture
def ask(sandbox: SandboxProcess) -> RefundAsk:
    """A refund of 5.00 on a payment of 100.00."""
    return replace(ASK, payment_reference=sandbox.new_stripe_payment(10_000)["id"])


def call(sandbox: SandboxProcess, method: str, path: str, *, key: str = "", **form: object) -> requests.Response:
    headers = {"Authorization": f"Bearer {STRIPE_KEY}"} | ({"Idempotency-Key": key} if key else {})
    return requests.request(method, f"{sandbox.url}/v1/{path}", data=form, headers=headers, timeout=5)


# -- credentials


@pytest.mark.parametrize("key", ["", "pk_live_wrong"])
def test_a_refused_api_key_releases_nothing(config: GatewayConfig, ask: RefundAsk, key: str) -> None:
    """A missing key has sent nothing; a wrong one may follow a good one."""
    gateway = StripeGateway(replace(config, stripe_api_key=key))

    assert isinstance(gateway.refund(ask), Unknown if key else Declined)
    assert isinstance(gateway.look_up(ask), Unknown)
    with pytest.raises(GatewayUnavailableError):
        gateway.list_refunds(ask.payment_reference)


def test_another_account_has_neither_the_payment_nor_the_key(config: GatewayConfig, ask: RefundAsk) -> None:
    other = StripeGateway(replace(config, stripe_api_key="sk_test_globex"))
    connected = StripeGateway(replace(config, stripe_account="acct_1"))
    assert isinstance(StripeGateway(config).refund(ask), Settled)

    for gateway in (other, connected):
        refused = gateway.refund(ask)
        assert isinstance(refused, Declined)
        assert refused.code == "resource_missing"
        assert isinstance(gateway.look_up(ask), Unknown)


def test_the_api_key_is_not_in_the_configs_repr(config: GatewayConfig) -> None:
    assert STRIPE_KEY not in repr(config)


def test_a_reference_of_no_stripe_payment_is_declined_without_a_call(ask: RefundAsk) -> None:
    gateway = StripeGateway(GatewayConfig(stripe_api_key=STRIPE_KEY, stripe_api_base="http://127.0.0.1:9"))
    stray = replace(ask, payment_reference="order 026-1")

    assert isinstance(gateway.refund(stray), Declined)
    assert gateway.look_up(stray) == Absent()


# -- units


@pytest.mark.parametrize(
    ("currency", "ours", "theirs"),
    [
        ("ISK", 5, 500),
        ("UGX", 5, 500),
        ("MGA", 500, 5),
        ("JPY", 500, 500),
        ("KWD", 5_120, 5_120),
        ("HUF", 1_045, 1_045),
    ],
)
def test_amounts_travel_in_stripes_units(
    sandbox: SandboxProcess, config: GatewayConfig, currency: str, ours: int, theirs: int
) -> None:
    payment = sandbox.new_stripe_payment(theirs * 10, currency)["id"]
    ask = replace(ASK, payment_reference=payment, amount=ours, currency=currency)

    assert isinstance(StripeGateway(config).refund(ask), Settled)

    assert [payout["amount"] for payout in sandbox.payouts()] == [theirs]
    [listed] = StripeGateway(config).list_refunds(payment)
    assert (listed.amount, listed.currency) == (ours, currency)


@pytest.mark.parametrize(("currency", "amount"), [("KWD", 5_124), ("MGA", 550)])
def test_an_amount_stripe_can_not_say_is_declined_before_it_is_sent(
    sandbox: SandboxProcess, config: GatewayConfig, currency: str, amount: int
) -> None:
    payment = sandbox.new_stripe_payment(100_000, currency)["id"]

    outcome = StripeGateway(config).refund(replace(ASK, payment_reference=payment, amount=amount, currency=currency))

    assert isinstance(outcome, Declined)
    assert outcome.code == "amount_not_possible"
    assert sandbox.payouts() == []


def test_a_payment_in_another_currency_is_not_taken_for_settled(sandbox: SandboxProcess, config: GatewayConfig) -> None:
    """Stripe's refund call names no currency: it pays in the charge's own. A person must look."""
    payment = sandbox.new_stripe_payment(10_000, "EUR")["id"]

    assert isinstance(StripeGateway(config).refund(replace(ASK, payment_reference=payment)), Unknown)


# -- metadata and pages


def test_metadata_keeps_to_stripes_limits_and_cannot_forge_our_marks(
    sandbox: SandboxProcess, config: GatewayConfig, ask: RefundAsk
) -> None:
    facts = {f"fact{number:02}": "x" * 600 for number in range(60)} | {"redress_key": "forged", "n" * 50: 1}

    assert isinstance(StripeGateway(config).refund(replace(ask, metadata=facts)), Settled)

    [payout] = sandbox.payouts()
    assert payout["metadata"]["redress_key"] == ask.key
    assert payout["metadata"]["redress_refund"] == ask.refund_public_id
    assert len(payout["metadata"]) == 50


def test_a_long_list_is_read_to_its_end(sandbox: SandboxProcess, config: GatewayConfig, ask: RefundAsk) -> None:
    assert isinstance(StripeGateway(config).refund(ask), Settled)
    for _ in range(120):
        call(sandbox, "POST", "refunds", payment_intent=ask.payment_reference, amount=1).raise_for_status()

    listed = StripeGateway(config).list_refunds(ask.payment_reference)

    assert [refund.amount for refund in listed] == [500] + [1] * 120
    assert isinstance(StripeGateway(config).look_up(ask), Settled)


# -- the sandbox says what Stripe says


def test_idempotency_as_stripe_documents_it(sandbox: SandboxProcess, ask: RefundAsk) -> None:
    form = {"payment_intent": ask.payment_reference, "amount": 500}
    first = call(sandbox, "POST", "refunds", key="k", **form)
    again = call(sandbox, "POST", "refunds", key="k", **form)
    other = call(sandbox, "POST", "refunds", key="k", **form | {"amount": 501})

    assert (first.status_code, again.status_code, other.status_code) == (200, 200, 400)
    assert again.json() == first.json()
    assert "Idempotent-Replayed" not in first.headers
    assert again.headers["Idempotent-Replayed"] == "true"
    assert other.json()["error"]["type"] == "idempotency_error"


def test_errors_are_stored_once_execution_began_and_not_before(sandbox: SandboxProcess, ask: RefundAsk) -> None:
    form = {"payment_intent": ask.payment_reference}
    invalid = call(sandbox, "POST", "refunds", key="k", **form, amount="ten")
    too_much = call(sandbox, "POST", "refunds", key="k", **form, amount=10_001)
    replayed = call(sandbox, "POST", "refunds", key="k", **form, amount=10_001)

    assert invalid.json()["error"]["code"] == "parameter_invalid_integer"
    said = too_much.json()["error"]
    assert said["message"] == "Refund amount (£100.01) is greater than unrefunded amount on charge (£100.00)"
    assert said["type"] == "invalid_request_error"
    assert replayed.headers["Idempotent-Replayed"] == "true"
    assert replayed.json() == too_much.json()


def test_a_full_refund_without_an_amount_and_then_nothing_is_left(sandbox: SandboxProcess, ask: RefundAsk) -> None:
    charge = call(sandbox, "GET", f"payment_intents/{ask.payment_reference}").json()["latest_charge"]

    refund = call(sandbox, "POST", "refunds", charge=charge).json()
    again = call(sandbox, "POST", "refunds", charge=charge)

    assert refund["amount"] == 10_000
    assert call(sandbox, "GET", f"refunds/{refund['id']}").json() == refund
    assert call(sandbox, "GET", f"charges/{charge}").json()["refunded"] is True
    assert again.status_code == 400
    assert again.json()["error"]["code"] == "charge_already_refunded"
    assert again.json()["error"]["message"] == f"Charge {charge} has already been refunded."


@pytest.mark.parametrize(
    ("form", "code"),
    [
        ({"amount": 1}, "parameter_missing"),
        ({"payment_intent": "pi_1", "amount": 0}, "parameter_invalid_integer"),
        ({"payment_intent": "pi_1", "colour": "red"}, "parameter_unknown"),
        ({"payment_intent": "pi_1", "amount": 1}, "resource_missing"),
    ],
)
def test_what_stripe_would_not_understand_is_refused(sandbox: SandboxProcess, form: dict[str, Any], code: str) -> None:
    answer = call(sandbox, "POST", "refunds", **form)

    assert answer.status_code in {400, 404}
    assert answer.json()["error"]["code"] == code
    assert sandbox.payouts() == []


def test_without_a_bearer_key_there_is_no_stripe(sandbox: SandboxProcess) -> None:
    answer = requests.get(sandbox.url + "/v1/refunds", timeout=5)

    assert answer.status_code == 401
    assert answer.json()["error"]["type"] == "invalid_request_error"
