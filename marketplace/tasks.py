"""The clock's and the doorbell's way into the kernel: drain the outbox, send the mail."""

from __future__ import annotations

from celery import shared_task

from marketplace import events


@shared_task(name="marketplace.tasks.drain_outbox")
def drain_outbox() -> int:
    return events.drain_all(rounds=20)


@shared_task(name="marketplace.tasks.send_mail")
def send_mail() -> int:
    from marketplace.mail import send_due

    return send_due()
