"""The clock's door to returns."""

from __future__ import annotations

from celery import shared_task

from returns import sweeping


@shared_task(name="returns.tasks.sweep_deadlines")
def sweep_deadlines() -> int:
    return sweeping.sweep_due()
