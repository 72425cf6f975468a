"""What does Redress ask of a payment gateway, and what can it hear back?

Four rules hold for every adapter; the executor builds on them:

1. ``refund`` never raises for anything the gateway or the network does, and never repeats a call by itself.
2. ``Declined`` releases reserved money. So it is said only where no payout of this refund can exist: the
   gateway refused for good *and* its own list shows nothing of ours, or nothing has ever been sent.
3. Everything else that is no success is ``Unknown``: timeouts, dropped connections, 5xx, 409, 429, a wrong
   API key. The remedy is always the same: ``look_up``, and repeat with the same key only on ``Absent``.
4. One key, one set of parameters: ``RefundAsk`` must be the same on every call with its key.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import Protocol


@dataclass(frozen=True, slots=True)
class RefundAsk:
    """One refund, as every attempt at it asks for it.

    ``key``: the UUID that never changes, used as the idempotency key. ``payment_reference``: the payment as
    the gateway knows it (Stripe: ``pi_``, ``ch_`` or ``py_``). ``amount``: minor units of ISO 4217, above 0.
    ``currency``: upper-case ISO 4217. ``metadata``: small facts to keep beside the refund, always the same;
    ``paid`` alone may change (minor units the buyer paid): it lets the sandbox make up an unseen payment.
    """

    key: str
    refund_public_id: str
    payment_reference: str
    amount: int
    currency: str
    metadata: Mapping[str, object] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Settled:
    """The money is on its way back for good, as far as the gateway can say."""

    provider_refund_id: str


@dataclass(frozen=True, slots=True)
class Pending:
    """The gateway has taken it and has not finished; look it up until it is settled or declined."""

    provider_refund_id: str
    reason: str = ""


@dataclass(frozen=True, slots=True)
class Declined:
    """No payout of this refund exists or will. ``code`` for programs, ``message`` in the gateway's words."""

    code: str
    message: str


@dataclass(frozen=True, slots=True)
class Unknown:
    """A call may have gone out and nobody knows its end. ``retry_after``: seconds the gateway asks for."""

    why: str
    retry_after: float | None = None


@dataclass(frozen=True, slots=True)
class Absent:
    """``look_up`` only: the gateway answered, and has nothing of this refund."""


@dataclass(frozen=True, slots=True)
class AwaitingSeller:
    """There is no gateway to ask: the seller pays and confirms."""


Outcome = Settled | Pending | Declined | Unknown | Absent | AwaitingSeller


class ProviderStatus(StrEnum):
    """How far a refund has come at the gateway."""

    PENDING = "pending"
    SETTLED = "settled"
    FAILED = "failed"


@dataclass(frozen=True, slots=True)
class ProviderRefund:
    """One row of the gateway's own list; a refund made by hand over there has no ``key`` and no public id.

    ``amount`` in minor units of ISO 4217; ``created_at`` by the gateway's clock.
    """

    provider_refund_id: str
    payment_reference: str
    amount: int
    currency: str
    status: ProviderStatus
    created_at: datetime
    key: str = ""
    refund_public_id: str = ""
    failure_reason: str = ""

    def is_of(self, ask: RefundAsk) -> bool:
        """Was this refund made for that ask? By our key or our public id, never by amount."""
        return ask.key == self.key or ask.refund_public_id == self.refund_public_id != ""


class GatewayUnavailableError(Exception):
    """``list_refunds`` got no list: ask again later. The message says why."""


class Gateway(Protocol):
    """One payment gateway with one account. Cheap to make; safe to share between threads."""

    name: str

    def refund(self, ask: RefundAsk) -> Outcome:
        """Ask for the payout once: Settled, Pending, Declined, Unknown or AwaitingSeller."""

    def look_up(self, ask: RefundAsk) -> Outcome:
        """What it has of it: Settled, Pending, Declined (it failed), Absent, Unknown or AwaitingSeller."""

    def list_refunds(self, payment_reference: str) -> list[ProviderRefund]:
        """All refunds of a payment, oldest first, ours or not; GatewayUnavailableError without an answer."""


@dataclass(frozen=True, slots=True)
class GatewayConfig:
    """What the adapters need to know; no adapter reads the settings. Timeouts in seconds.

    ``account`` names the seller to the sandbox (each has payments and keys of its own); ``stripe_account`` is
    the connected account, where a platform key is used.
    """

    sandbox_url: str = ""
    account: str = ""
    stripe_api_key: str = field(default="", repr=False)
    stripe_api_base: str = ""
    stripe_account: str = ""
    connect_timeout: float = 2.0
    read_timeout: float = 20.0

    @classmethod
    def from_settings(cls, settings: object, *, account: str = "", stripe_api_key: str = "") -> GatewayConfig:
        """From Django's settings object, or anything with such attributes; a seller's own key goes first.

        Read: SANDBOX_GATEWAY_URL, STRIPE_API_KEY, STRIPE_API_BASE, GATEWAY_CONNECT_TIMEOUT,
        GATEWAY_READ_TIMEOUT; all may be missing.
        """
        return cls(
            sandbox_url=str(getattr(settings, "SANDBOX_GATEWAY_URL", "") or ""),
            account=account,
            stripe_api_key=stripe_api_key or str(getattr(settings, "STRIPE_API_KEY", "") or ""),
            stripe_api_base=str(getattr(settings, "STRIPE_API_BASE", "") or ""),
            connect_timeout=float(getattr(settings, "GATEWAY_CONNECT_TIMEOUT", 2.0)),
            read_timeout=float(getattr(settings, "GATEWAY_READ_TIMEOUT", 20.0)),
        )


def outcome_of(ask: RefundAsk, refunds: list[ProviderRefund]) -> Outcome:
    """What a gateway's list, oldest first, says about one refund: the judgement behind every ``look_up``.

    A payout of ours with another amount or currency is not taken for this refund: a person must look.
    Where one payout failed and another did not, the one that did not counts.
    """
    ours = [refund for refund in refunds if refund.is_of(ask)]
    if any((refund.amount, refund.currency) != (ask.amount, ask.currency) for refund in ours):
        found = ", ".join(f"{refund.provider_refund_id}: {refund.amount} {refund.currency}" for refund in ours)
        return Unknown(f"the gateway's refund differs from ours ({ask.amount} {ask.currency}): {found}")
    for wanted in (ProviderStatus.SETTLED, ProviderStatus.PENDING, ProviderStatus.FAILED):
        for refund in ours:
            if refund.status is wanted:
                return outcome_for(refund)
    return Absent()


def outcome_for(refund: ProviderRefund) -> Outcome:
    """One row of the list, as an outcome."""
    if refund.status is ProviderStatus.SETTLED:
        return Settled(refund.provider_refund_id)
    if refund.status is ProviderStatus.PENDING:
        return Pending(refund.provider_refund_id, refund.failure_reason)
    reason = refund.failure_reason or "failed"
    return Declined(reason, f"The gateway could not complete the refund ({reason}).")
