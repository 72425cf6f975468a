"""Thousands of returns at once, for sweeps and query plans: written as rows, history included."""

from __future__ import annotations

import uuid
from datetime import timedelta

from marketplace import clock
from marketplace.models import OutboxEvent, StateTransition
from returns.models import ReturnRequest
from tests.cast import Shop


def pending_returns(shop: Shop, count: int) -> None:
    """Unanswered returns of one order that were all asked for now; inside the shop's scope."""
    now = clock.now()
    made = ReturnRequest.objects.bulk_create(
        [
            ReturnRequest(
                order=shop.order,
                channel=shop.channel,
                buyer=shop.buyer,
                order_number=shop.order.number,
                currency="GBP",
                submitted_by_kind="buyer",
                requested_at=now,
                respond_by=now + timedelta(hours=48),
                due_at=now + timedelta(hours=48),
            )
            for _ in range(count)
        ],
        batch_size=500,
    )
    StateTransition.objects.bulk_create(
        [
            StateTransition(
                machine="return",
                object_id=request.pk,
                version=1,
                move="submit",
                source="",
                target="PENDING_RESPONSE",
                actor_kind="buyer",
                at=now,
            )
            for request in made
        ],
        batch_size=500,
    )
    OutboxEvent.objects.bulk_create(
        [
            OutboxEvent(
                public_id=f"evt-{uuid.uuid4().hex}",
                name="return.requested",
                machine="return",
                object_id=request.pk,
                created_at=now,
                next_at=now,
                handled_at=now,
            )
            for request in made
        ],
        batch_size=500,
    )
