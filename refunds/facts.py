"""What every event of a refund says about it, so that who listens need not ask."""

from __future__ import annotations

from typing import Any

from refunds.models import RefundRequest


def facts_of(refund: RefundRequest, **more: Any) -> dict[str, Any]:
    return {
        "amount_minor": refund.amount_minor,
        "currency": refund.currency,
        "order_number": refund.order_number,
        "asker": refund.asker,
        "asker_public_id": refund.asker_public_id,
        **more,
    }
