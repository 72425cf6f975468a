"""The verbs of a return; one module per flow. Every one runs inside the seller's scope."""

from returns.services.asking import DuplicateWarning, LineAsk, submit_return, withdraw_return
from returns.services.clock import expire_returns, mark_overdue
from returns.services.contact import add_note, contact_buyer
from returns.services.deciding import authorise_return, close_return, deny_return, reinstate_return
from returns.services.receiving import ReceivedAsk, receive_return, ship_return
from returns.services.refunding import refund_return

__all__ = [
    "DuplicateWarning",
    "LineAsk",
    "ReceivedAsk",
    "add_note",
    "authorise_return",
    "close_return",
    "contact_buyer",
    "deny_return",
    "expire_returns",
    "mark_overdue",
    "receive_return",
    "refund_return",
    "reinstate_return",
    "ship_return",
    "submit_return",
    "withdraw_return",
]
