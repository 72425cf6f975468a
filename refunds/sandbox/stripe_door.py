"""The slice of Stripe's REST API (v1) that the Stripe adapter needs, form-encoded, with a Bearer key.

- ``POST /v1/payment_intents`` (confirmed at once, to prepare tests), ``GET /v1/payment_intents/{id}``
- ``GET /v1/charges/{id}``
- ``POST /v1/refunds``, ``GET /v1/refunds/{id}``,
  ``GET /v1/refunds?payment_intent=|charge=&limit=&starting_after=``

An account is an API key (with the ``Stripe-Account`` header, where sent): payments and idempotency keys of
one account do not exist for another. As with Stripe, an answer is stored under its ``Idempotency-Key`` only
once execution has begun, so a request that fails validation may be mended and sent again.
"""

from __future__ import annotations

import hashlib
import json
import re
import time
from collections.abc import Iterable

from refunds.sandbox import stripe_shapes as shapes
from refunds.sandbox.book import Payment, Payout, new_id
from refunds.sandbox.till import Ask, Json, Till
from refunds.sandbox.wire import Request, Response, answered, as_json

REFUND_PARAMS = frozenset({"amount", "charge", "payment_intent", "reason"})
REASONS = frozenset({"duplicate", "fraudulent", "requested_by_customer"})
METADATA = re.compile(r"metadata\[([^\[\]]+)\]")


class InvalidCallError(Exception):
    """Refused before execution began: (HTTP status, Stripe's error object)."""

    def __init__(self, body: Json, status: int = 400) -> None:
        super().__init__(status, body)
        self.status, self.body = status, body


def serve(request: Request, till: Till) -> Response | None:
    """Answer a call below ``/v1/``; None if the path is somebody else's."""
    parts = request.path.strip("/").split("/")
    if parts[0] != "v1":
        return None
    headers = {"Request-Id": new_id("req_"), "Stripe-Version": request.headers.get("Stripe-Version") or ""}
    try:
        response = _route(request, till, _account(request), parts[1:])
    except InvalidCallError as refused:
        response = as_json(refused.status, refused.body)
    except UnicodeDecodeError:
        response = as_json(400, shapes.invalid("Invalid string: expected UTF-8."))
    should_retry = {409: "true", 429: "true", 500: "false"}.get(response.status)
    if should_retry:  # our own client must not heed it: repeating is the executor's business
        headers["Stripe-Should-Retry"] = should_retry
    if key := request.headers.get("Idempotency-Key"):
        headers["Idempotency-Key"] = key
    return Response(response.status, response.body, headers=headers | response.headers)


def _route(request: Request, till: Till, account: str, parts: list[str]) -> Response:
    match request.method, parts:
        case "POST", ["refunds"]:
            return _refund(request, till, account)
        case "GET", ["refunds"]:
            return _list(request, till, account)
        case "GET", ["refunds", refund_id]:
            return _show_refund(till, account, refund_id)
        case "POST", ["payment_intents"]:
            return _new_payment_intent(request, till, account)
        case "GET", ["payment_intents" | "charges" as kind, reference]:
            return _show_payment(till, account, kind.removesuffix("s"), reference)
    unknown = f"Unrecognized request URL ({request.method}: {request.path})."
    raise InvalidCallError(shapes.invalid(unknown), 404)


def _account(request: Request) -> str:
    key = request.bearer
    if not key:
        raise InvalidCallError(shapes.invalid("You did not provide an API key."), 401)
    if not key.startswith(("sk_", "rk_")):
        raise InvalidCallError(shapes.invalid(f"Invalid API Key provided: {key[:4]}****"), 401)
    account = key + "|" + (request.headers.get("Stripe-Account") or "")
    return "stripe-" + hashlib.sha256(account.encode()).hexdigest()[:12]


def _refund(request: Request, till: Till, account: str) -> Response:
    form = request.form()
    metadata = _metadata(form)
    _refuse_unknown(form, REFUND_PARAMS)
    named = [name for name in ("payment_intent", "charge") if form.get(name)]
    if len(named) != 1:
        said = "One of the following params should be provided for this request: payment_intent or charge."
        raise InvalidCallError(shapes.invalid(said, code="parameter_missing"))
    if form.get("reason") and form["reason"] not in REASONS:
        said = "Invalid reason: must be one of duplicate, fraudulent, or requested_by_customer"
        raise InvalidCallError(shapes.invalid(said, param="reason"))
    amount = _whole(form, "amount") if "amount" in form else None
    with till.book.writing() as book:
        payment = book.payment(account, form[named[0]])
    if payment and amount is not None:
        _refuse_fractions(amount, payment.currency)
    ask = Ask(
        account=account,
        door="stripe",
        payment_reference=form[named[0]],
        amount=amount,
        currency="",
        key=request.headers.get("Idempotency-Key") or "",
        fingerprint=_fingerprint(request.path, form),
        reference=metadata.get("redress_refund", ""),
        reason=form.get("reason", ""),
        metadata=metadata,
    )
    return answered(till.refund(ask, shapes.StripeDoor(named[0]), request.caller), {})


def _list(request: Request, till: Till, account: str) -> Response:
    """Newest first, ``limit`` 1 to 100 (10), after the refund ``starting_after``."""
    param = "charge" if request.query.get("charge") else "payment_intent"
    reference = request.query.get(param, "")
    if why := till.read_fault(frozenset({reference}), request.caller):
        return as_json(*shapes.trouble(why))
    with till.book.writing() as book:
        payment = book.payment(account, reference)
        if reference and payment is None:
            raise InvalidCallError(shapes.no_such(param, reference, param), 404)
        equal = {"payment_reference": payment.reference} if payment else {}
        payouts = book.payouts(account=account, **equal)[::-1]
        page, has_more = _page(payouts, request.query)
        data = [_as_refund(book.payment(account, payout.payment_reference), payout) for payout in page]
    return as_json(200, {"object": "list", "url": "/v1/refunds", "has_more": has_more, "data": data})


def _page(payouts: list[Payout], query: dict[str, str]) -> tuple[list[Payout], bool]:
    limit = _whole(query, "limit") if "limit" in query else 10
    if limit > 100:
        raise InvalidCallError(shapes.invalid("This value must be less than or equal to 100.", param="limit"))
    ids = [payout.id for payout in payouts]
    after = query.get("starting_after", "")
    if after and after not in ids:
        raise InvalidCallError(shapes.no_such("refund", after, "starting_after"))
    start = ids.index(after) + 1 if after else 0
    return payouts[start : start + limit], len(payouts) > start + limit


def _show_refund(till: Till, account: str, refund_id: str) -> Response:
    with till.book.writing() as book:
        for payout in book.payouts(account=account, id=refund_id):
            return as_json(200, _as_refund(book.payment(account, payout.payment_reference), payout))
    raise InvalidCallError(shapes.no_such("refund", refund_id, "id"), 404)


def _new_payment_intent(request: Request, till: Till, account: str) -> Response:
    """A paid intent with its charge. ``confirm`` must be true: the sandbox knows no card that waits."""
    form = request.form()
    if form.get("confirm") != "true":
        raise InvalidCallError(shapes.invalid("The sandbox only makes confirmed payments.", param="confirm"))
    currency = form.get("currency", "").upper()
    if len(currency) != 3 or not currency.isalpha():
        raise InvalidCallError(shapes.invalid(f"Invalid currency: {currency.lower()}.", param="currency"))
    amount = _whole(form, "amount")
    _refuse_fractions(amount, currency)
    made = Payment(account, new_id("pi_"), new_id("ch_"), amount, currency, False, time.time(), _metadata(form))
    with till.book.writing() as book:
        book.keep_payment(made)
    return as_json(200, shapes.payment_intent(made))


def _show_payment(till: Till, account: str, kind: str, reference: str) -> Response:
    with till.book.writing() as book:
        payment = book.payment(account, reference)
        refunded = book.paid_back(payment) if payment else 0
    if payment is None or reference != (payment.charge if kind == "charge" else payment.reference):
        raise InvalidCallError(shapes.no_such(kind, reference, "intent" if kind == "payment_intent" else "id"), 404)
    return as_json(200, shapes.charge(payment, refunded) if kind == "charge" else shapes.payment_intent(payment))


def _as_refund(payment: Payment | None, payout: Payout) -> Json:
    if payment is None:
        raise LookupError("a payout always has its payment")
    return shapes.refund(payout, payment)


def _metadata(form: dict[str, str]) -> dict[str, str]:
    """The ``metadata[name]`` fields; Stripe allows 50, with names of 40 and values of 500 characters."""
    found = {match[1]: value for name, value in form.items() if (match := METADATA.fullmatch(name))}
    if len(found) > 50:
        raise InvalidCallError(shapes.invalid("Metadata can have up to 50 keys.", param="metadata"))
    for name, value in found.items():
        if len(name) > 40:
            raise InvalidCallError(shapes.invalid("Metadata keys can have up to 40 characters.", param="metadata"))
        if len(value) > 500:
            raise InvalidCallError(shapes.invalid("Metadata values can have up to 500 characters.", param="metadata"))
    return found


def _refuse_unknown(form: dict[str, str], known: Iterable[str]) -> None:
    for name in form:
        if name not in known and not METADATA.fullmatch(name) and not name.startswith("expand["):
            raise InvalidCallError(
                shapes.invalid(f"Received unknown parameter: {name}", code="parameter_unknown", param=name)
            )


def _whole(fields: dict[str, str], name: str) -> int:
    text = fields.get(name, "")
    if not text:
        raise InvalidCallError(shapes.invalid(f"Missing required param: {name}.", code="parameter_missing", param=name))
    if not re.fullmatch(r"-?[0-9]{1,15}", text):
        raise InvalidCallError(shapes.invalid(f"Invalid integer: {text}", code="parameter_invalid_integer", param=name))
    if int(text) < 1:
        said = "This value must be greater than or equal to 1."
        raise InvalidCallError(shapes.invalid(said, code="parameter_invalid_integer", param=name))
    return int(text)


def _refuse_fractions(amount: int, currency: str) -> None:
    """Three-decimal amounts must end in 0; ISK and UGX travel with two decimals that must be 00."""
    step = 10 if currency in shapes.THREE_DECIMAL else 100 if currency in shapes.WHOLE_ONLY else 1
    if amount % step:
        said = f"Amounts in {currency.lower()} must be evenly divisible by {step}."
        raise InvalidCallError(shapes.invalid(said, param="amount"))


def _fingerprint(path: str, form: dict[str, str]) -> str:
    return hashlib.sha256(json.dumps([path, sorted(form.items())]).encode()).hexdigest()
