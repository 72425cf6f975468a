"""The clock's and the doorbell's way into the kernel: drain the outbox, send the mail."""

from __future__ import annotations

from celery import shared_task

from marketplace import events


@shared_task(name="marketplace.tasks.drain_outbox")
def drain_outbox() -> int:
    return events.drain_all(rounds=20)


@shared_task(name="marketplace.tasks.send_mail")
def send_mail() -> int:
    from marketplace import account_mail, mail

    return mail.send_due() + account_mail.send_due()


@shared_task(name="marketplace.tasks.forget_old")
def forget_old() -> int:
    """Codes that ran out and counters nobody asks for."""
    from marketplace import buyer_codes, limits

    return limits.forget_old() + buyer_codes.forget_old_codes()
