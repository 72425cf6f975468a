"""No gateway at all: the seller sends the money back by other means and confirms it."""

from __future__ import annotations

from refunds.gateways.base import AwaitingSeller, Outcome, ProviderRefund, RefundAsk


class ManualGateway:
    """Nothing is sent anywhere; every refund waits for its seller."""

    name = "manual"

    def refund(self, ask: RefundAsk) -> Outcome:
        return AwaitingSeller()

    def look_up(self, ask: RefundAsk) -> Outcome:
        return AwaitingSeller()

    def list_refunds(self, payment_reference: str) -> list[ProviderRefund]:
        return []
