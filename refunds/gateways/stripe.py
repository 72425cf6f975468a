"""Stripe, through its official SDK; nobody else in Redress imports it.

How an answer is read (Stripe's pages on error handling, idempotent requests and refunds):

- the refund object: ``succeeded`` -> Settled, ``pending`` and ``requires_action`` -> Pending, ``failed`` and
  ``canceled`` -> Declined;
- 400, 402 and 404 (invalid request, card error) -> look up by our own marks first; what is found counts, and
  only an empty list makes it Declined. So "already refunded" by our own earlier call is Settled;
- a payment that this account does not have -> Declined on ``refund``, Unknown on ``look_up``: after a lost
  answer, the API key of another account must not release the money;
- ``idempotency_error`` (key used with other parameters) -> what the look-up finds, else Unknown;
- timeouts, connection errors, 409 (key in use), 5xx, ``api_error`` -> Unknown. A 500 is stored under its key
  for 24 h, so a repeat may get it again; only the look-up tells the truth then;
- 429 -> Unknown with ``retry_after``. Stripe's rate limiter sits before the idempotency layer and executed
  nothing, but lock timeouts are 429 as well; a look-up before the repeat is cheaper than relying on that;
- 401 and 403 -> Unknown: an earlier call may have gone through while the key was still good. Once the key is
  mended, the look-up says Absent and the same refund goes on.

Our marks: ``metadata.redress_key`` and ``metadata.redress_refund``. Look-ups read the list of the payment's
refunds, which is current, and not Stripe's search, which lags behind.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import stripe

from refunds.gateways.base import (
    Absent,
    Declined,
    GatewayConfig,
    GatewayUnavailableError,
    Outcome,
    ProviderRefund,
    ProviderStatus,
    RefundAsk,
    Unknown,
    outcome_of,
)
from refunds.gateways.currency import AmountError, from_stripe, to_stripe

if TYPE_CHECKING:
    from stripe.params import RefundCreateParams, RefundListParams

KEY_MARK, REFUND_MARK = "redress_key", "redress_refund"
NOT_SENT = frozenset({"paid", KEY_MARK, REFUND_MARK})  # "paid" may change between attempts; parameters must not
STATUSES = {
    "succeeded": ProviderStatus.SETTLED,
    "failed": ProviderStatus.FAILED,
    "canceled": ProviderStatus.FAILED,
}  # anything else is not final
PARAM_OF = {"pi_": "payment_intent", "ch_": "charge", "py_": "charge"}


class StripeGateway:
    """One Stripe account. Never retries by itself: repeating with the same key is the executor's business."""

    name = "stripe"

    def __init__(self, config: GatewayConfig) -> None:
        self._config = config

    def refund(self, ask: RefundAsk) -> Outcome:
        if not self._config.stripe_api_key:
            return Declined("not_configured", "No Stripe API key is set.")
        try:
            params = _params(ask)
        except AmountError as wrong:
            return Declined("amount_not_possible", str(wrong))
        except LookupError as wrong:
            return Declined("no_payment_reference", str(wrong))
        try:
            with self._client() as client:
                made = client.v1.refunds.create(params, {"idempotency_key": ask.key})
        except (stripe.InvalidRequestError, stripe.CardError, stripe.IdempotencyError) as refusal:
            return self._refused(ask, refusal)
        except stripe.StripeError as trouble:
            return _unknown(trouble)
        return _paid(ask, made)

    def look_up(self, ask: RefundAsk) -> Outcome:
        try:
            return outcome_of(ask, self.list_refunds(ask.payment_reference))
        except LookupError:
            return Absent()  # refund() never sends such a reference
        except GatewayUnavailableError as trouble:
            return Unknown(str(trouble))

    def list_refunds(self, payment_reference: str) -> list[ProviderRefund]:
        """As the protocol says; LookupError for a reference that is none of Stripe's."""
        params: RefundListParams = {"limit": 100}
        if _param(payment_reference) == "charge":
            params["charge"] = payment_reference
        else:
            params["payment_intent"] = payment_reference
        if not self._config.stripe_api_key:
            raise GatewayUnavailableError("no Stripe API key is set")
        try:
            with self._client() as client:
                newest_first = list(client.v1.refunds.list(params).auto_paging_iter())
            return [_read(refund) for refund in reversed(newest_first)]
        except (stripe.StripeError, AmountError) as trouble:
            raise GatewayUnavailableError(_words(trouble)) from trouble

    def _refused(self, ask: RefundAsk, refusal: stripe.StripeError) -> Outcome:
        """A refusal counts only once the list shows that no earlier call of ours has paid."""
        code = refusal.code or "refused"
        if code != "resource_missing":
            found = self.look_up(ask)
            if not isinstance(found, Absent):
                return found
        if isinstance(refusal, stripe.IdempotencyError):
            return _unknown(refusal)
        return Declined(code, str(refusal.user_message or "Stripe gave no reason."))

    @contextmanager
    def _client(self) -> Iterator[stripe.StripeClient]:
        """A client with a connection of its own: a kept one may be dead and blur the outcome."""
        config = self._config
        http = stripe.RequestsClient(timeout=(config.connect_timeout, config.read_timeout))
        try:
            yield stripe.StripeClient(
                config.stripe_api_key,
                stripe_account=config.stripe_account or None,
                base_addresses={"api": config.stripe_api_base.rstrip("/")} if config.stripe_api_base else {},
                http_client=http,
                max_network_retries=0,
            )
        finally:
            http.close()  # type: ignore[no-untyped-call]


def _params(ask: RefundAsk) -> RefundCreateParams:
    """Amount and payment, our two marks, and the ask's metadata within Stripe's limits (50, 40, 500)."""
    facts = {name[:40]: str(value)[:500] for name, value in sorted(ask.metadata.items()) if name not in NOT_SENT}
    marks = {KEY_MARK: ask.key, REFUND_MARK: ask.refund_public_id}
    params: RefundCreateParams = {
        "amount": to_stripe(ask.amount, ask.currency),
        "metadata": dict(list(facts.items())[:48]) | marks,
    }
    if _param(ask.payment_reference) == "charge":
        params["charge"] = ask.payment_reference
    else:
        params["payment_intent"] = ask.payment_reference
    return params


def _param(payment_reference: str) -> str:
    try:
        return PARAM_OF[payment_reference[:3]]
    except KeyError:
        raise LookupError(f"{payment_reference!r} is no payment of Stripe (pi_, ch_ or py_).") from None


def _paid(ask: RefundAsk, made: stripe.Refund) -> Outcome:
    try:
        outcome = outcome_of(ask, [_read(made)])
    except (AmountError, LookupError, TypeError, ValueError):
        return Unknown("Stripe said yes in a way that can not be read")
    return Unknown("Stripe named another refund") if isinstance(outcome, Absent) else outcome


def _read(refund: stripe.Refund) -> ProviderRefund:
    fields: dict[str, Any] = refund.to_dict()  # a StripeObject is no dict: it has no .get()
    metadata = fields.get("metadata") or {}
    currency = str(fields["currency"]).upper()
    status = STATUSES.get(str(fields.get("status")), ProviderStatus.PENDING)
    return ProviderRefund(
        provider_refund_id=fields["id"],
        payment_reference=_id(fields.get("payment_intent")) or _id(fields.get("charge")),
        amount=from_stripe(fields["amount"], currency),
        currency=currency,
        status=status,
        created_at=datetime.fromtimestamp(fields["created"], UTC),
        key=str(metadata.get(KEY_MARK) or ""),
        refund_public_id=str(metadata.get(REFUND_MARK) or ""),
        failure_reason=_reason(fields, status),
    )


def _reason(fields: dict[str, Any], status: ProviderStatus) -> str:
    """Why it failed, or why it is still waiting."""
    if status is ProviderStatus.FAILED:
        return str(fields.get("failure_reason") or fields.get("status"))
    if status is ProviderStatus.PENDING:
        return str(fields.get("pending_reason") or fields.get("status") or "")
    return ""


def _id(reference: object) -> str:
    """An id, whether Stripe sent it plain or expanded."""
    return str(reference.get("id") if isinstance(reference, dict) else reference or "")


def _unknown(trouble: stripe.StripeError) -> Unknown:
    wait = (trouble.headers or {}).get("retry-after", "")
    return Unknown(_words(trouble), float(wait) if wait.isdigit() else None)


def _words(trouble: Exception) -> str:
    """One short line: what kind of trouble, HTTP status, and Stripe's own words."""
    said = trouble.user_message if isinstance(trouble, stripe.StripeError) else str(trouble)
    status = getattr(trouble, "http_status", None)
    return " ".join(f"{type(trouble).__name__} {status or ''}: {said or 'no words'}".split())[:300]
