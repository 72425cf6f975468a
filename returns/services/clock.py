"""What time itself does to returns, many rows in one statement."""

from __future__ import annotations

from collections.abc import Sequence

from django.db import transaction
from django.db.models import QuerySet

from marketplace import clock
from marketplace.actors import CLOCK_ACTOR
from marketplace.crash import crashpoint
from marketplace.moves import save_transitions
from returns import selectors
from returns.models import ReturnRequest


def _still_due(due: QuerySet[ReturnRequest], ids: Sequence[int]) -> list[int]:
    """Those that are due, locked; a row that somebody else is moving is left for the next sweep."""
    rows = due.filter(pk__in=ids).select_for_update(skip_locked=True, no_key=True).order_by("pk")
    return list(rows.values_list("pk", flat=True))


@transaction.atomic
def mark_overdue(ids: Sequence[int]) -> int:
    """The time to answer has passed: the seller is alerted, the state stays. Returns how many moved."""
    due = _still_due(selectors.respond_due(ReturnRequest.objects.all(), clock.now()), ids)
    moved = save_transitions(
        ReturnRequest, "mark_overdue", due, by=CLOCK_ACTOR, values={"is_overdue": True, "was_late": True}
    )
    crashpoint("return.overdue.before_commit")
    return len(moved)


@transaction.atomic
def expire_returns(ids: Sequence[int]) -> int:
    """Nothing came back in time and nothing is on its way: the units are free again."""
    now = clock.now()
    due = _still_due(selectors.expiry_due(ReturnRequest.objects.all(), now), ids)
    moved = save_transitions(
        ReturnRequest, "expire", due, by=CLOCK_ACTOR, values={"ended_at": now, "due_at": None, "expires_at": None}
    )
    crashpoint("return.expire.before_commit")
    return len(moved)
