"""The refund machine and its lines, the budget that caps it, the books, and what did not agree with them."""

from refunds.models.budget import GUARD_SQL, Discrepancy, LedgerLine, RefundBudget
from refunds.models.request import (
    PENDING_STAGES,
    PUBLIC_STATUS,
    Component,
    HoldReason,
    PublicStatus,
    RefundLine,
    RefundRequest,
)

__all__ = [
    "GUARD_SQL",
    "PENDING_STAGES",
    "PUBLIC_STATUS",
    "Component",
    "Discrepancy",
    "HoldReason",
    "LedgerLine",
    "PublicStatus",
    "RefundBudget",
    "RefundLine",
    "RefundRequest",
]
