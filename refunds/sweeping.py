"""What the clock finds about refunds: reviews that nobody gave, and budgets to be counted again."""

from __future__ import annotations

import logging

from django.db import connection

from marketplace import clock, events
from marketplace.crash import crashpoint
from marketplace.models import Seller
from marketplace.tenancy import scope, system_scope
from refunds import ledger, locks
from refunds.facts import facts_of
from refunds.models import RefundBudget, RefundRequest

log = logging.getLogger(__name__)
CHUNK = 500

_DUE_REMINDERS = """
SELECT id, seller_id FROM refunds_refundrequest WHERE remind_at <= %(now)s
ORDER BY remind_at, id LIMIT %(limit)s
"""


def sweep_review_reminders(limit: int = 200) -> int:
    """Announce `refund.review_reminder`, once, for refunds that have waited too long for a second person."""
    with system_scope(), connection.cursor() as cursor:
        cursor.execute(_DUE_REMINDERS, {"now": clock.now(), "limit": limit})
        due: list[tuple[int, int]] = cursor.fetchall()
    return sum(_remind(seller_id, pk) for pk, seller_id in due)


def _remind(seller_id: int, pk: int) -> int:
    with scope(seller_id):
        refund: RefundRequest | None = (
            RefundRequest.objects.select_for_update(skip_locked=True, no_key=True)
            .filter(pk=pk, status="REVIEW", remind_at__lte=clock.now())
            .first()
        )
        if refund is None:
            return 0
        refund.remind_at = None
        refund.save(update_fields=["remind_at"])
        events.announce("refund.review_reminder", refund, {"public_id": refund.public_id, "data": facts_of(refund)})
        crashpoint("refund.reminding")
    crashpoint("refund.reminded")
    return 1


def recompute_budgets() -> int:
    """Nightly: every budget against its ledger and its order; returns how many differed and were put right."""
    differed = 0
    for seller_id in Seller.objects.order_by("id").values_list("id", flat=True):
        last = 0
        while ids := _budget_ids(seller_id, last):
            for pk in ids:
                with scope(seller_id):
                    differed += ledger.recompute(locks.budget(pk))
            last = ids[-1]
    if differed:
        log.error("%s budgets differed from their ledger and were put right", differed)
    return differed


def _budget_ids(seller_id: int, after: int) -> list[int]:
    with scope(seller_id):
        return list(RefundBudget.objects.filter(pk__gt=after).order_by("id").values_list("id", flat=True)[:CHUNK])
