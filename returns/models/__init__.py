"""The tables of returns: the request with its machine, and its parts."""

from returns.buyer_reach import BUYER_REACH_SQL as GRANT_SQL  # read by marketplace/database_guard.py
from returns.models.parts import ReceivedUnits, ReturnLine, ReturnRules, ReturnSearchKey
from returns.models.request import (
    ALLOWED,
    BUYERS_MOVE,
    ENDED,
    LIVE,
    NOT_ALLOWED,
    SELLERS_MOVE,
    Promise,
    ReturnRequest,
)

__all__ = [
    "ALLOWED",
    "BUYERS_MOVE",
    "ENDED",
    "GRANT_SQL",
    "LIVE",
    "NOT_ALLOWED",
    "SELLERS_MOVE",
    "Promise",
    "ReceivedUnits",
    "ReturnLine",
    "ReturnRequest",
    "ReturnRules",
    "ReturnSearchKey",
]
