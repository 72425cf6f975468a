"""How does Stripe write a refund, a charge, a payment intent, a list and an error?

Shapes and wording after Stripe's API reference, version 1 of the API, with the fields the SDK's callers read.
Amounts are in the units Stripe uses, which differ from ISO 4217 for ISK, UGX and MGA.
"""

from __future__ import annotations

from decimal import Decimal

from refunds.sandbox.book import Payment, Payout
from refunds.sandbox.till import Json, Refusal, Why

ZERO_DECIMAL = frozenset(
    ["BIF", "CLP", "DJF", "GNF", "JPY", "KMF", "KRW", "MGA", "PYG", "RWF", "VND", "VUV", "XAF", "XOF", "XPF"]
)
THREE_DECIMAL = frozenset(["BHD", "JOD", "KWD", "OMR", "TND"])
WHOLE_ONLY = frozenset({"ISK", "UGX"})  # two decimals on the wire, and these must be 00
SIGNS = {"USD": "$", "GBP": "£", "EUR": "€"}


def money(amount: int, currency: str) -> str:
    """For error texts: ``$12.50``, ``¥``-less for the rest: ``1250 JPY``."""
    places = 0 if currency in ZERO_DECIMAL else 3 if currency in THREE_DECIMAL else 2
    figures = f"{Decimal(amount).scaleb(-places):.{places}f}"
    return SIGNS[currency] + figures if currency in SIGNS else f"{figures} {currency}"


def error(kind: str, message: str, *, code: str = "", param: str = "") -> Json:
    """Stripe's error object; ``kind`` is its ``type``."""
    fields = {"type": kind, "message": message}
    if code:
        fields |= {"code": code, "doc_url": "https://stripe.com/docs/error-codes/" + code.replace("_", "-")}
    return {"error": fields | ({"param": param} if param else {})}


def invalid(message: str, *, code: str = "", param: str = "") -> Json:
    return error("invalid_request_error", message, code=code, param=param)


def no_such(kind: str, reference: str, param: str) -> Json:
    return invalid(f"No such {kind}: '{reference}'", code="resource_missing", param=param)


def refund(payout: Payout, payment: Payment) -> Json:
    failed = payout.status == "failed"
    return {
        "id": payout.id,
        "object": "refund",
        "amount": payout.amount,
        "balance_transaction": None,
        "charge": payment.charge,
        "created": int(payout.created_at),
        "currency": payout.currency.lower(),
        "metadata": payout.metadata,
        "payment_intent": payment.reference,
        "reason": payout.reason or None,
        "receipt_number": None,
        "source_transfer_reversal": None,
        "status": payout.status,
        "transfer_reversal": None,
    } | ({"failure_reason": payout.failure_reason} if failed else {})


def payment_intent(payment: Payment) -> Json:
    return {
        "id": payment.reference,
        "object": "payment_intent",
        "amount": payment.amount,
        "amount_received": payment.amount,
        "created": int(payment.created_at),
        "currency": payment.currency.lower(),
        "latest_charge": payment.charge,
        "livemode": False,
        "metadata": payment.metadata,
        "status": "succeeded",
    }


def charge(payment: Payment, refunded: int) -> Json:
    return {
        "id": payment.charge,
        "object": "charge",
        "amount": payment.amount,
        "amount_captured": payment.amount,
        "amount_refunded": refunded,
        "captured": True,
        "created": int(payment.created_at),
        "currency": payment.currency.lower(),
        "disputed": False,
        "livemode": False,
        "metadata": payment.metadata,
        "paid": True,
        "payment_intent": payment.reference,
        "refunded": refunded >= payment.amount,
        "status": "succeeded",
    }


class StripeDoor:
    """Says yes and no as Stripe does; ``param`` is how the caller named the payment."""

    def __init__(self, param: str = "payment_intent") -> None:
        self.param = param

    def paid(self, payout: Payout, payment: Payment) -> tuple[int, Json]:
        return 200, refund(payout, payment)

    def refused(self, refusal: Refusal) -> tuple[int, Json]:
        key, reference = refusal.ask.key, refusal.ask.payment_reference
        charge_id = refusal.payment.charge if refusal.payment else reference
        currency = refusal.payment.currency if refusal.payment else refusal.ask.currency
        match refusal.why:
            case Why.NO_SUCH_PAYMENT:
                return 404, no_such(self.param, reference, self.param)
            case Why.ALREADY_REFUNDED:
                said = f"Charge {charge_id} has already been refunded."
                return 400, invalid(said, code="charge_already_refunded")
            case Why.TOO_MUCH:
                said = (
                    f"Refund amount ({money(refusal.amount, currency)}) is greater than unrefunded amount"
                    f" on charge ({money(refusal.left, currency)})"
                )
                return 400, invalid(said, param="amount")
            case Why.DECLINED:
                said = f"Charge {charge_id} has been charged back; cannot issue a refund."
                return 400, invalid(said, code="charge_disputed")
            case Why.KEY_IN_USE:
                said = (
                    "There is currently another in-progress request using this Idempotent Key (that probably"
                    " means you submitted twice, and the other request is still going through):"
                    f" {key}. Please try again later."
                )
                return 409, error("idempotency_error", said, code="idempotency_key_in_use")
            case Why.KEY_DIFFERS:
                said = (
                    "Keys for idempotent requests can only be used with the same parameters they were first"
                    " used with. Try using a key other than"
                    f" '{key}' if you meant to execute a different request."
                )
                return 400, error("idempotency_error", said)
        return trouble(refusal.why)


def trouble(why: Why) -> tuple[int, Json]:
    """The answers that have nothing to do with what was asked: 429 and 500."""
    if why is Why.RATE_LIMIT:
        return 429, invalid("Request rate limit exceeded.", code="rate_limit")
    return 500, error("api_error", "An unknown error occurred.")
