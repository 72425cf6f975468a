"""What this app does when an event has happened (see marketplace/events.py)."""

from __future__ import annotations

from marketplace import events
from marketplace.events import handles
from marketplace.models import OutboxEvent
from refunds import mail_handlers  # noqa: F401  (registers its handlers)
from refunds.services.asking import EXECUTE


@handles("refund.reserved", "refund.released", "refund.reviewed")
def execute_on_refund_ready(event: OutboxEvent) -> None:
    """Wake the executor, in case the service's own bell was not heard."""
    events.ring_after_commit(EXECUTE)
