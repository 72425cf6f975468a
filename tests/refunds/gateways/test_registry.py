"""Choosing a gateway, configuring it, and judging what a list says."""

from __future__ import annotations

from datetime import UTC, datetime
from types import SimpleNamespace

import pytest

from refunds.gateways import (
    GATEWAY_NAMES,
    Absent,
    AwaitingSeller,
    Declined,
    GatewayConfig,
    Outcome,
    Pending,
    ProviderRefund,
    ProviderStatus,
    RefundAsk,
    Settled,
    Unknown,
    UnknownGatewayError,
    gateway_for,
)
from refunds.gateways.base import outcome_of
from refunds.gateways.currency import AmountError, from_stripe, to_stripe

ASK = RefundAsk("key", "ba-1", "pay-1", 500, "GBP")


def listed(status: ProviderStatus, *, name: str = "re_1", amount: int = 500, key: str = "key") -> ProviderRefund:
    return ProviderRefund(name, "pay-1", amount, "GBP", status, datetime(2026, 1, 1, tzinfo=UTC), key)


def test_every_gateway_is_found_by_its_name() -> None:
    assert [gateway_for(name, config=GatewayConfig()).name for name in GATEWAY_NAMES] == list(GATEWAY_NAMES)
    with pytest.raises(UnknownGatewayError):
        gateway_for("paypal", config=GatewayConfig())


def test_manual_waits_for_the_seller() -> None:
    manual = gateway_for("manual", config=GatewayConfig())

    assert manual.refund(ASK) == manual.look_up(ASK) == AwaitingSeller()
    assert manual.list_refunds("pay-1") == []


@pytest.mark.parametrize("name", ["sandbox", "stripe"])
def test_an_unconfigured_gateway_declines_and_sends_nothing(name: str) -> None:
    gateway = gateway_for(name, config=GatewayConfig())

    refused = gateway.refund(ASK)
    assert isinstance(refused, Declined)
    assert refused.code == "not_configured"


def test_an_order_without_a_payment_reference_is_declined() -> None:
    gateway = gateway_for("sandbox", config=GatewayConfig(sandbox_url="http://127.0.0.1:9"))
    bare = RefundAsk("key", "ba-1", "", 500, "GBP")

    assert isinstance(gateway.refund(bare), Declined)
    assert gateway.look_up(bare) == Absent()


def test_the_config_comes_from_settings_with_sane_defaults() -> None:
    bare = GatewayConfig.from_settings(SimpleNamespace())
    full = GatewayConfig.from_settings(
        SimpleNamespace(SANDBOX_GATEWAY_URL="http://x", STRIPE_API_KEY="sk_a", GATEWAY_READ_TIMEOUT="7"),
        account="acme",
        stripe_api_key="sk_seller",
    )

    assert (bare.connect_timeout, bare.read_timeout, bare.stripe_api_key) == (2.0, 20.0, "")
    assert (full.sandbox_url, full.stripe_api_key, full.read_timeout) == ("http://x", "sk_seller", 7.0)


@pytest.mark.parametrize(
    ("refunds", "outcome"),
    [
        ([], Absent()),
        ([listed(ProviderStatus.SETTLED, key="other")], Absent()),
        ([listed(ProviderStatus.SETTLED)], Settled("re_1")),
        ([listed(ProviderStatus.PENDING)], Pending("re_1")),
        ([listed(ProviderStatus.FAILED), listed(ProviderStatus.SETTLED, name="re_2")], Settled("re_2")),
        ([listed(ProviderStatus.FAILED), listed(ProviderStatus.PENDING, name="re_2")], Pending("re_2")),
        ([listed(ProviderStatus.SETTLED), listed(ProviderStatus.SETTLED, name="re_2")], Settled("re_1")),
    ],
)
def test_what_a_list_says(refunds: list[ProviderRefund], outcome: Outcome) -> None:
    assert outcome_of(ASK, refunds) == outcome


def test_a_refund_of_ours_with_another_amount_is_for_a_person() -> None:
    assert isinstance(outcome_of(ASK, [listed(ProviderStatus.SETTLED, amount=499)]), Unknown)
    assert isinstance(outcome_of(ASK, [listed(ProviderStatus.FAILED)]), Declined)


@pytest.mark.parametrize(
    ("currency", "ours", "theirs"),
    [
        ("GBP", 1, 1),
        ("JPY", 500, 500),
        ("ISK", 5, 500),
        ("UGX", 5, 500),
        ("MGA", 500, 5),
        ("TWD", 80_045, 80_045),
        ("HUF", 1_045, 1_045),
        ("KWD", 5_120, 5_120),
    ],
)
def test_units_there_and_back(currency: str, ours: int, theirs: int) -> None:
    assert to_stripe(ours, currency) == theirs
    assert from_stripe(theirs, currency) == ours


def test_nothing_is_rounded() -> None:
    for amount, currency in ((5_124, "KWD"), (550, "MGA")):
        with pytest.raises(AmountError):
            to_stripe(amount, currency)
    with pytest.raises(AmountError):
        from_stripe(550, "ISK")
