"""What returns does when refunds announces something; what goes out by mail stands in `mail_handlers.py`."""

from __future__ import annotations

from marketplace.events import handles
from marketplace.models import OutboxEvent
from returns import mail_handlers  # noqa: F401  (registers its handlers)
from returns.services import contact, refunding


@handles("refund.completed", "refund.recorded_external")
def close_settled_returns_on_refund(event: OutboxEvent) -> None:
    refunding.refund_arrived(event.object_id)


@handles("refund.failed", "refund.cancelled", "refund.validation_failed", "refund.reversed")
def wait_for_the_seller_on_failed_refund(event: OutboxEvent) -> None:
    refunding.refund_came_to_nothing(event.object_id)


@handles("order.buyer_invited")
def name_buyer_on_order_buyer_invited(event: OutboxEvent) -> None:
    contact.name_buyer(event.object_id)
