"""The clock's and the doorbell's way into refunds; every task finds its work itself and may run twice."""

from __future__ import annotations

from celery import shared_task

from refunds import executor, invariants, reconciling, sweeping


@shared_task(name="refunds.tasks.execute_due")
def execute_due() -> int:
    return executor.execute_due()


@shared_task(name="refunds.tasks.reconcile")
def reconcile() -> int:
    return reconciling.reconcile_due()


@shared_task(name="refunds.tasks.sweep_deadlines")
def sweep_deadlines() -> int:
    return sweeping.sweep_review_reminders()


@shared_task(name="refunds.tasks.recompute_budgets")
def recompute_budgets() -> int:
    return sweeping.recompute_budgets()


@shared_task(name="refunds.tasks.check_invariants")
def check_invariants() -> int:
    return invariants.guard_all_sellers()
