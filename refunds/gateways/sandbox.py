"""The gateway of the demo and of most tests: speaks the native JSON API of ``refunds.sandbox``."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import requests

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

STATUSES = {
    "pending": ProviderStatus.PENDING,
    "succeeded": ProviderStatus.SETTLED,
    "failed": ProviderStatus.FAILED,
}

#: Answers with which the sandbox has refused for good (402 declined, 404 no payment, 422 amount or currency).
REFUSALS = frozenset({400, 402, 404, 422})


class SandboxGateway:
    """One sandbox, one account. A connection for each call: a kept one may be dead and blur the outcome."""

    name = "sandbox"

    def __init__(self, config: GatewayConfig) -> None:
        self._url = config.sandbox_url.rstrip("/")
        self._headers = {"Authorization": f"Bearer {config.account}"} if config.account else {}
        self._timeouts = (config.connect_timeout, config.read_timeout)

    def refund(self, ask: RefundAsk) -> Outcome:
        if not self._url:
            return Declined("not_configured", "No address of the sandbox gateway is set.")
        if not ask.payment_reference:
            return Declined("no_payment_reference", "The order names no payment that could be refunded.")
        body = {
            "key": ask.key,
            "payment_reference": ask.payment_reference,
            "amount": ask.amount,
            "currency": ask.currency,
            "reference": ask.refund_public_id,
            "metadata": {name: str(value) for name, value in ask.metadata.items()},
        }
        try:
            status, answer = self._call("POST", "/refunds", json=body)
        except requests.RequestException as trouble:
            return Unknown(f"no answer from the sandbox ({type(trouble).__name__})")
        if status == 201:
            return self._paid(ask, answer)
        if status in REFUSALS:
            return self._refused(ask, answer)
        return Unknown(f"the sandbox answered {status}: {_error(answer)[1]}")

    def look_up(self, ask: RefundAsk) -> Outcome:
        if not ask.payment_reference:
            return Absent()  # refund() never sends it
        try:
            return outcome_of(ask, self.list_refunds(ask.payment_reference))
        except GatewayUnavailableError as trouble:
            return Unknown(str(trouble))

    def list_refunds(self, payment_reference: str) -> list[ProviderRefund]:
        if not self._url:
            raise GatewayUnavailableError("no address of the sandbox gateway is set")
        try:
            status, answer = self._call("GET", "/refunds", params={"payment_reference": payment_reference})
            if status == 200:
                return [_read(refund) for refund in answer["refunds"]]
        except (requests.RequestException, LookupError, TypeError, ValueError) as trouble:
            raise GatewayUnavailableError(f"no list from the sandbox ({type(trouble).__name__})") from trouble
        raise GatewayUnavailableError(f"the sandbox answered {status}: {_error(answer)[1]}")

    def _paid(self, ask: RefundAsk, answer: dict[str, Any]) -> Outcome:
        try:
            outcome = outcome_of(ask, [_read(answer)])
        except (LookupError, TypeError, ValueError):
            return Unknown("the sandbox said yes in a way that can not be read")
        return Unknown("the sandbox named another refund") if isinstance(outcome, Absent) else outcome

    def _refused(self, ask: RefundAsk, answer: dict[str, Any]) -> Outcome:
        """A refusal counts only once the list shows that no earlier call with this key has paid."""
        code, message = _error(answer)
        found = self.look_up(ask)
        if not isinstance(found, Absent):
            return found
        return Unknown(message) if code == "key_differs" else Declined(code, message)

    def _call(self, method: str, path: str, **arguments: Any) -> tuple[int, dict[str, Any]]:
        with requests.Session() as session:
            session.trust_env = False  # the sandbox is next door, never behind a proxy
            response = session.request(
                method,
                self._url + path,
                headers=self._headers,
                timeout=self._timeouts,
                allow_redirects=False,
                **arguments,
            )
        try:
            answer = response.json()
        except requests.JSONDecodeError:
            answer = {}
        return response.status_code, answer if isinstance(answer, dict) else {}


def _read(refund: dict[str, Any]) -> ProviderRefund:
    return ProviderRefund(
        provider_refund_id=refund["id"],
        payment_reference=refund["payment_reference"],
        amount=refund["amount"],
        currency=refund["currency"],
        status=STATUSES[refund["status"]],
        created_at=datetime.fromtimestamp(refund["created_at"], UTC),
        key=refund["key"],
        refund_public_id=refund["reference"],
        failure_reason=refund["failure_reason"],
    )


def _error(answer: dict[str, Any]) -> tuple[str, str]:
    error = answer.get("error")
    error = error if isinstance(error, dict) else {}
    return str(error.get("code") or "refused"), str(error.get("message") or "no reason given")
