"""The door for tests and people: make it fail, read its book, forget everything.

- ``POST /_control`` {mode, count=1 (null = until told otherwise), match="" (payment reference), delay (s),
  on="refund"|"look_up"} as JSON, or as a form from the page -> {"faults": [...]}
- ``GET /_book`` -> {"payments": [...], "payouts": [...]}: one payout for each real movement of money
- ``POST /_reset``, ``GET /healthz``, ``GET /`` (the book as a page)
"""

from __future__ import annotations

from refunds.sandbox.faults import fault_from
from refunds.sandbox.native_door import error_json, payment_json, refund_json
from refunds.sandbox.page import render
from refunds.sandbox.till import Json, Till
from refunds.sandbox.wire import Request, Response, as_json

PAGE_HEADERS = {"Content-Security-Policy": "default-src 'none'; style-src 'unsafe-inline'; form-action 'self'"}


def serve(request: Request, till: Till) -> Response | None:
    """Answer a control call; None if the path is somebody else's."""
    match request.method, request.path:
        case "POST", "/_control":
            return _control(request, till)
        case "GET", "/_book":
            return as_json(200, book_json(till))
        case "POST", "/_reset":
            till.faults.clear()
            with till.book.writing() as book:
                book.clear()
            return as_json(200, {"ok": True})
        case "GET", "/healthz":
            return as_json(200, {"ok": True})
        case "GET", "/":
            page = render(book_json(till), till.faults.listing())
            return Response(200, page, "text/html; charset=utf-8", PAGE_HEADERS)
    return None


def book_json(till: Till) -> Json:
    """The whole book, oldest first."""
    with till.book.writing() as book:
        payments = [payment_json(payment, book.paid_back(payment)) for payment in book.payments()]
        return {"payments": payments, "payouts": [refund_json(payout) for payout in book.payouts()]}


def _control(request: Request, till: Till) -> Response:
    is_form = not request.body.lstrip().startswith(b"{")  # curl -d calls JSON a form, so look at it
    try:
        fields: dict[str, object] = {**(request.form() if is_form else request.json())}
        till.faults.add(fault_from(fields))
    except ValueError as wrong:
        return as_json(400, error_json("invalid", str(wrong)))
    if is_form:
        return Response(303, "", headers={"Location": "/"})
    return as_json(200, {"faults": till.faults.listing()})
