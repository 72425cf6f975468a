"""The call to the gateway itself: outside any transaction, with a key that never changes."""

from __future__ import annotations

import logging
from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta

from django.conf import settings
from django.db import connection

from marketplace.crash import crashpoint
from marketplace.models import Seller
from refunds import deadlines
from refunds.breaker import BREAKER
from refunds.gateways import (
    Gateway,
    GatewayConfig,
    GatewayUnavailableError,
    Outcome,
    ProviderRefund,
    RefundAsk,
    Unknown,
    gateway_for,
)
from refunds.models import RefundRequest

log = logging.getLogger(__name__)


_Call = Callable[[Gateway], Outcome]


class CallInsideTransactionError(RuntimeError):
    """The network was about to be called inside a transaction: a programming error (reliability.md P4)."""


@dataclass(frozen=True, slots=True)
class Line:
    """Which gateway, in whose name."""

    gateway: str
    account: str

    def open(self) -> Gateway:
        return gateway_for(self.gateway, config=GatewayConfig.from_settings(settings, account=self.account))

    @property
    def lets_through(self) -> bool:
        return BREAKER.lets_through(self.gateway, self.account)

    def refund(self, ask: RefundAsk) -> Outcome:
        """Ask for the payout, once."""
        _outside_of_transactions()
        crashpoint("refund.calling")
        outcome = self._try(lambda gateway: gateway.refund(ask))
        crashpoint("refund.called")
        return outcome

    def look_up(self, ask: RefundAsk) -> Outcome:
        """What does it have of this refund?"""
        _outside_of_transactions()
        crashpoint("refund.looking_up")
        outcome = self._try(lambda gateway: gateway.look_up(ask))
        crashpoint("refund.looked_up")
        return outcome

    def list_refunds(self, payment_reference: str) -> list[ProviderRefund]:
        """All refunds of a payment; GatewayUnavailableError if the list can not be had."""
        _outside_of_transactions()
        if not self.lets_through:
            raise GatewayUnavailableError("the gateway is left alone for a while")
        try:
            return self.open().list_refunds(payment_reference)
        except LookupError as wrong:  # a reference that is none of this gateway's
            raise GatewayUnavailableError(str(wrong)) from wrong

    def _try(self, call: _Call) -> Outcome:
        try:
            outcome = call(self.open())
        except Exception as trouble:
            # The adapters promise not to raise; if one does, a call may have gone out all the same.
            log.exception("%s raised", self.gateway)
            outcome = Unknown(f"{type(trouble).__name__}: {trouble}"[:300])
        BREAKER.note(self.gateway, self.account, was_clear=not isinstance(outcome, Unknown))
        return outcome


def line_of(gateway: str, seller: Seller) -> Line:
    return Line(gateway, seller.slug)


def ask_of(refund: RefundRequest) -> RefundAsk:
    """The same ask at every attempt; `paid` alone may change and is not part of what the key stands for."""
    return RefundAsk(
        key=str(refund.provider_key),
        refund_public_id=refund.public_id,
        payment_reference=refund.payment_reference,
        amount=refund.amount_minor,
        currency=refund.currency,
        metadata={"order": refund.order_number, "paid": refund.budget.cap_minor},
    )


def lease() -> timedelta:
    config = GatewayConfig.from_settings(settings)
    return deadlines.call_lease(config.connect_timeout, config.read_timeout)


def _outside_of_transactions() -> None:
    if connection.in_atomic_block:
        raise CallInsideTransactionError
