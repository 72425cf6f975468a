"""The sandbox's own JSON API, for ``refunds.gateways.sandbox``.

- ``POST /refunds`` {key, payment_reference, amount, currency, reference, metadata{paid?}} -> 201 refund
- ``GET /refunds?key=`` or ``?payment_reference=`` -> {"refunds": [...]}, oldest first
- ``POST /payments`` {reference, amount, currency} -> 201 payment;  ``GET /payments/{reference}``

Amounts are whole minor units of ISO 4217. ``Authorization: Bearer NAME`` names the account, else "default".
Errors: {"error": {"code", "message"}} with 400, 402, 404, 409, 422, 429 or 500.
"""

from __future__ import annotations

import hashlib
import json
import time
from urllib.parse import unquote

from refunds.sandbox.book import Payment, Payout, new_id
from refunds.sandbox.till import Ask, Json, Refusal, Till, Why
from refunds.sandbox.wire import Request, Response, answered, as_json

STATUS_OF = {
    Why.NO_SUCH_PAYMENT: 404,
    Why.CURRENCY_DIFFERS: 422,
    Why.ALREADY_REFUNDED: 422,
    Why.TOO_MUCH: 422,
    Why.DECLINED: 402,
    Why.KEY_IN_USE: 409,
    Why.KEY_DIFFERS: 422,
    Why.RATE_LIMIT: 429,
    Why.SERVER_ERROR: 500,
}


class NativeDoor:
    """Says yes and no in plain JSON."""

    def paid(self, payout: Payout, payment: Payment) -> tuple[int, Json]:
        return 201, refund_json(payout)

    def refused(self, refusal: Refusal) -> tuple[int, Json]:
        return STATUS_OF[refusal.why], error_json(refusal.why.value, _sentence(refusal))


def serve(request: Request, till: Till) -> Response | None:
    """Answer a call to ``/refunds`` or ``/payments``; None if the path is somebody else's."""
    head, _, rest = request.path.strip("/").partition("/")
    try:
        match request.method, head, bool(rest):
            case "POST", "refunds", False:
                return _refund(request, till)
            case "GET", "refunds", False:
                return _list(request, till)
            case "POST", "payments", False:
                return _new_payment(request, till)
            case "GET", "payments", True:
                return _show_payment(request, till, unquote(rest))
    except (ValueError, TypeError) as wrong:
        return as_json(400, error_json("invalid", str(wrong)))
    return None


def _refund(request: Request, till: Till) -> Response:
    asked = request.json()
    key, reference = _text(asked, "key"), _text(asked, "payment_reference")
    metadata = {str(name): str(value) for name, value in dict(asked.get("metadata") or {}).items()}
    ask = Ask(
        account=_account(request),
        door="native",
        payment_reference=reference,
        amount=_minor(asked, "amount"),
        currency=_currency(asked),
        key=key,
        fingerprint=_fingerprint(asked),
        reference=str(asked.get("reference") or ""),
        metadata=metadata,
        paid=int(metadata.get("paid") or 0),
    )
    return answered(till.refund(ask, NativeDoor(), request.caller), {})


def _list(request: Request, till: Till) -> Response:
    wanted = {name: request.query[name] for name in ("key", "payment_reference") if request.query.get(name)}
    if not wanted:
        raise ValueError("name a key or a payment_reference")
    if why := till.read_fault(frozenset(wanted.values()), request.caller):
        return as_json(STATUS_OF[why], error_json(why.value, f"The sandbox was told to: {why}."))
    with till.book.writing() as book:
        payouts = book.payouts(account=_account(request), **wanted)
    return as_json(200, {"refunds": [refund_json(payout) for payout in payouts]})


def _new_payment(request: Request, till: Till) -> Response:
    asked = request.json()
    payment = Payment(
        account=_account(request),
        reference=_text(asked, "reference"),
        charge=new_id("ch_"),
        amount=_minor(asked, "amount"),
        currency=_currency(asked),
        is_auto=False,
        created_at=time.time(),
    )
    with till.book.writing() as book:
        if book.payment(payment.account, payment.reference):
            return as_json(409, error_json("payment_exists", "There is a payment with that reference already."))
        book.keep_payment(payment)
        return as_json(201, payment_json(payment, 0))


def _show_payment(request: Request, till: Till, reference: str) -> Response:
    with till.book.writing() as book:
        payment = book.payment(_account(request), reference)
        if payment is None:
            return as_json(404, error_json(Why.NO_SUCH_PAYMENT.value, "There is no such payment."))
        return as_json(200, payment_json(payment, book.paid_back(payment)))


def refund_json(payout: Payout) -> Json:
    return {
        "id": payout.id,
        "account": payout.account,
        "door": payout.door,
        "payment_reference": payout.payment_reference,
        "amount": payout.amount,
        "currency": payout.currency,
        "key": payout.key,
        "reference": payout.reference,
        "status": payout.status,
        "failure_reason": payout.failure_reason if payout.status == "failed" else "",
        "metadata": payout.metadata,
        "created_at": payout.created_at,
    }


def payment_json(payment: Payment, refunded: int) -> Json:
    return {
        "reference": payment.reference,
        "charge": payment.charge,
        "account": payment.account,
        "amount": payment.amount,
        "refunded": refunded,
        "currency": payment.currency,
        "is_auto": payment.is_auto,
        "created_at": payment.created_at,
    }


def error_json(code: str, message: str) -> Json:
    return {"error": {"code": code, "message": message}}


def _sentence(refusal: Refusal) -> str:
    asked = f"{refusal.amount} {refusal.ask.currency}"
    return {
        Why.NO_SUCH_PAYMENT: "There is no such payment.",
        Why.CURRENCY_DIFFERS: "The payment is in another currency.",
        Why.ALREADY_REFUNDED: "The payment has already been refunded in full.",
        Why.TOO_MUCH: f"{asked} were asked, {refusal.left} are left on the payment (minor units).",
        Why.DECLINED: "The buyer's bank refused the refund.",
        Why.KEY_IN_USE: "Another call with this key is still running.",
        Why.KEY_DIFFERS: "This key was first used with other parameters.",
        Why.RATE_LIMIT: "Too many calls; nothing was done.",
        Why.SERVER_ERROR: "Something went wrong in the gateway.",
    }[refusal.why]


def _account(request: Request) -> str:
    return request.bearer or "default"


def _fingerprint(asked: Json) -> str:
    """What must not change under one key; metadata may (a later import may know more of what was paid)."""
    fixed = [asked.get(name) for name in ("payment_reference", "amount", "currency", "reference")]
    return hashlib.sha256(json.dumps(fixed).encode()).hexdigest()


def _text(asked: Json, name: str) -> str:
    if not (text := str(asked.get(name) or "").strip()):
        raise ValueError(f"{name} is missing")
    return text


def _minor(asked: Json, name: str) -> int:
    amount = asked.get(name)
    if not isinstance(amount, int) or isinstance(amount, bool) or amount < 1:
        raise ValueError(f"{name} must be a whole number of minor units, 1 or more")
    return amount


def _currency(asked: Json) -> str:
    code = _text(asked, "currency").upper()
    if len(code) != 3 or not code.isalpha():
        raise ValueError("currency must be an ISO 4217 code")
    return code
