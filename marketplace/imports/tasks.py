"""The worker's and the clock's way into imports; tasks carry ids only."""

from __future__ import annotations

from celery import shared_task

from marketplace.imports import running, services


@shared_task(name="marketplace.imports.tasks.run")
def run(seller_id: int, job_id: int) -> None:
    """Work on one job; what is left when the time is up goes to the next free worker."""
    if not running.work_on(seller_id, job_id):
        run.apply_async((seller_id, job_id), retry=False)


@shared_task(name="marketplace.imports.tasks.resume")
def resume() -> None:
    """Jobs that nobody works on: never begun, or left by a worker that died."""
    for seller_id, job_id in running.due_jobs():
        run.apply_async((seller_id, job_id), retry=False)
    services.forget_unused_files()
