"""The verbs of refunds, one module per flow; every door calls these and nothing else.

A request that must happen once: a door that has no answer of its own to store (the portal's form, a return's
refund) gives `client_token` to `create_refund`, which stores it under the operation CREATE_REFUND. A door that
stores its whole answer (the API) wraps the call in `idempotency.once` itself and gives no token. Never both.
"""

from refunds.services.asking import CREATE_REFUND, Charge, RefundLineAsk, charge_of, create_refund
from refunds.services.deciding import (
    cancel_refund,
    confirm_manual_refund,
    decline_refund,
    hold_refund,
    release_refund,
    resolve_refund_as_paid,
    resolve_refund_as_unpaid,
    review_refund,
)
from refunds.services.guarding import close_discrepancy, resume_payouts, stop_payouts
from refunds.services.hearing import handle_provider_event, look_up_refund, record_external_refund

__all__ = [
    "CREATE_REFUND",
    "Charge",
    "RefundLineAsk",
    "cancel_refund",
    "charge_of",
    "close_discrepancy",
    "confirm_manual_refund",
    "create_refund",
    "decline_refund",
    "handle_provider_event",
    "hold_refund",
    "look_up_refund",
    "record_external_refund",
    "release_refund",
    "resolve_refund_as_paid",
    "resolve_refund_as_unpaid",
    "resume_payouts",
    "review_refund",
    "stop_payouts",
]
