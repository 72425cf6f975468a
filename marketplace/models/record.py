"""What happened and what is owed: history, outbox, mails, notes, idempotency, deadline rules."""

from __future__ import annotations

from typing import Any, ClassVar

from django.db import models
from django.utils.translation import gettext_lazy as _

from marketplace.actors import ActorKind
from marketplace.deadlines import REMEMBERED
from marketplace.ids import new_public_id
from marketplace.tenancy import Reach, TenantForeignKey, TenantModel, forget


def _event_id() -> str:
    return new_public_id("evt")


class StateTransition(TenantModel):
    """Append-only: one row per version of every object with a state; the timeline, the audit, the metrics."""

    machine = models.CharField(max_length=20)
    object_id = models.BigIntegerField()
    version = models.PositiveIntegerField()
    move = models.CharField(max_length=40)
    source = models.CharField(max_length=24, blank=True)
    target = models.CharField(max_length=24)
    actor_kind = models.CharField(max_length=10, choices=ActorKind.choices)
    actor_id = models.CharField(max_length=60, blank=True)
    actor_label = models.CharField(max_length=160, blank=True)
    reason_code = models.CharField(max_length=60, blank=True)
    reason_text = models.CharField(max_length=4000, blank=True)
    data = models.JSONField(default=dict, blank=True)
    request_id = models.CharField(max_length=40, blank=True)
    at = models.DateTimeField()

    reach = Reach(
        app="SELECT, INSERT",
        system="SELECT, INSERT",
        support="id, seller_id, machine, object_id, version, move, source, target, actor_kind, at",
        guard=True,
    )

    class Meta:
        constraints: ClassVar = [
            models.UniqueConstraint(
                fields=["seller", "machine", "object_id", "version"], name="one_history_row_per_version"
            )
        ]

    def __str__(self) -> str:
        return f"{self.machine} {self.object_id}: {self.source or '·'} → {self.target}"


class OutboxEvent(TenantModel):
    """Something happened, written in the same commit; the worker runs its handlers, in order per object."""

    public_id = models.CharField(max_length=40, default=_event_id, editable=False)
    name = models.CharField(max_length=60)
    machine = models.CharField(max_length=20)
    object_id = models.BigIntegerField()
    payload = models.JSONField(default=dict)
    request_id = models.CharField(max_length=40, blank=True)
    created_at = models.DateTimeField()
    next_at = models.DateTimeField()
    attempts = models.PositiveIntegerField(default=0)
    leased_until = models.DateTimeField(null=True, blank=True)
    handled_at = models.DateTimeField(null=True, blank=True)
    parked_at = models.DateTimeField(null=True, blank=True)
    last_error = models.CharField(max_length=1000, blank=True)

    reach = Reach(
        system="SELECT, UPDATE, INSERT",
        support="id, seller_id, name, machine, object_id, created_at, attempts, handled_at, parked_at",
    )

    class Meta:
        indexes: ClassVar = [
            models.Index(fields=["parked_at"], condition=models.Q(parked_at__isnull=False), name="outbox_parked"),
            models.Index(
                fields=["next_at", "id"],
                condition=models.Q(handled_at=None, parked_at=None),
                name="outbox_open",
            ),
            models.Index(
                fields=["seller", "machine", "object_id", "id"],
                condition=models.Q(handled_at=None, parked_at=None),
                name="outbox_open_object",
            ),
        ]

    def __str__(self) -> str:
        return self.name


class OutboxRun(TenantModel):
    """A handler has done its part for an event; written in the handler's own transaction, once."""

    event = TenantForeignKey(OutboxEvent, on_delete=models.CASCADE, related_name="runs")
    handler = models.CharField(max_length=80)
    done_at = models.DateTimeField()

    class Meta:
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["seller", "event", "handler"], name="handler_once_per_event")
        ]

    def __str__(self) -> str:
        return self.handler


class MailStatus(models.TextChoices):
    QUEUED = "QUEUED", _("Waiting to be sent")
    SENDING = "SENDING", _("Being sent")
    SENT = "SENT", _("Accepted by the mail server")
    UNCONFIRMED = "UNCONFIRMED", _("Handed over, not confirmed")
    FAILED = "FAILED", _("Refused by the mail server")
    BOUNCED = "BOUNCED", _("Bounced")


class Mail(TenantModel):
    """One mail to one person, as it will be or was sent; `dedupe_key` makes it happen once."""

    dedupe_key = models.CharField(max_length=200)
    template = models.CharField(max_length=60)
    to_email = models.EmailField(max_length=254)
    to_name = models.CharField(max_length=120, blank=True)
    side = models.CharField(max_length=10, default="buyer")  # buyer, seller
    machine = models.CharField(max_length=20, blank=True)
    object_id = models.BigIntegerField(default=0)
    from_name = models.CharField(max_length=120, blank=True)
    reply_to = models.EmailField(max_length=254, blank=True)
    subject = models.CharField(max_length=300)
    text = models.TextField()
    html = models.TextField(blank=True)
    message_id = models.CharField(max_length=200)
    # It answers what the buyer did, so it does not count towards the two a case and day (notifications.py).
    is_answer = models.BooleanField(default=False)
    not_before = models.DateTimeField()  # later than its making where two mails went out that day already
    status = models.CharField(max_length=12, choices=MailStatus.choices, default=MailStatus.QUEUED)
    attempts = models.PositiveIntegerField(default=0)
    unconfirmed = models.PositiveSmallIntegerField(default=0)  # times the server fell silent after the whole mail
    first_tried_at = models.DateTimeField(null=True, blank=True)
    next_at = models.DateTimeField()
    leased_until = models.DateTimeField(null=True, blank=True)
    fence = models.BigIntegerField(default=0)
    smtp_code = models.PositiveSmallIntegerField(null=True, blank=True)
    last_error = models.CharField(max_length=500, blank=True)
    created_at = models.DateTimeField()
    sent_at = models.DateTimeField(null=True, blank=True)

    reach = Reach(system="SELECT, UPDATE", support="id, seller_id, template, status, created_at")

    class Meta:
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["message_id", "seller"], name="mail_message_id_once"),
            models.UniqueConstraint(fields=["seller", "dedupe_key"], name="mail_once"),
        ]
        indexes: ClassVar = [
            models.Index(
                fields=["next_at", "id"],
                condition=models.Q(status__in=["QUEUED", "SENDING"]),
                name="mail_open",
            ),
            models.Index(fields=["seller", "machine", "object_id"], name="mail_about"),
            models.Index(fields=["-id"], condition=models.Q(status__in=["FAILED", "BOUNCED"]), name="mail_failed"),
        ]

    def __str__(self) -> str:
        return self.subject


class Note(TenantModel):
    """A line on a timeline that is no move: a note of the team, a message to the buyer, a fact noticed."""

    class Kind(models.TextChoices):
        NOTE = "NOTE", _("Note")
        MESSAGE = "MESSAGE", _("Message to the buyer")
        FACT = "FACT", _("Noticed")

    machine = models.CharField(max_length=20)
    object_id = models.BigIntegerField()
    kind = models.CharField(max_length=8, choices=Kind.choices, default=Kind.NOTE)
    text = models.CharField(max_length=4000)
    actor_kind = models.CharField(max_length=10, choices=ActorKind.choices)
    actor_label = models.CharField(max_length=160, blank=True)
    at = models.DateTimeField()

    reach = Reach(system="INSERT")

    class Meta:
        indexes: ClassVar = [models.Index(fields=["seller", "machine", "object_id"], name="note_about")]

    def __str__(self) -> str:
        return self.text[:60]


class IdempotencyKey(TenantModel):
    """The stored answer of a request that must happen once; kept for the life of what it made."""

    operation = models.CharField(max_length=60)
    key = models.CharField(max_length=255)
    body_hash = models.CharField(max_length=64)
    status = models.PositiveSmallIntegerField()
    answer = models.JSONField(default=dict)
    created_at = models.DateTimeField()

    reach = Reach(app="SELECT, INSERT")

    class Meta:
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["seller", "operation", "key"], name="idempotency_key_once")
        ]

    def __str__(self) -> str:
        return f"{self.operation} {self.key}"


class DeadlineRule(TenantModel):
    """A time limit of this seller, by kind, channel ("" = all) and validity; the app's constant is the default."""

    kind = models.CharField(max_length=40)
    channel = models.CharField(max_length=40, blank=True)
    seconds = models.PositiveIntegerField()
    valid_from = models.DateTimeField()
    valid_to = models.DateTimeField(null=True, blank=True)
    source = models.CharField(max_length=300)

    reach = Reach(buyer="true")  # until when something can be returned

    class Meta:
        indexes: ClassVar = [models.Index(fields=["seller", "kind", "channel", "-valid_from"], name="rule_lookup")]

    def __str__(self) -> str:
        return f"{self.kind} {self.channel} {self.seconds} s"

    def save(self, *args: Any, **kwargs: Any) -> None:
        super().save(*args, **kwargs)
        forget(REMEMBERED)

    def delete(self, *args: Any, **kwargs: Any) -> tuple[int, dict[str, int]]:
        forget(REMEMBERED)
        return super().delete(*args, **kwargs)


class NotificationPreference(TenantModel):
    """A person of the seller does, or does not, want this mail; no row means the event's default."""

    user = models.ForeignKey("marketplace.User", on_delete=models.CASCADE, related_name="+")
    event = models.CharField(max_length=60)
    wants_mail = models.BooleanField(default=True)

    class Meta:
        constraints: ClassVar = [models.UniqueConstraint(fields=["seller", "user", "event"], name="preference_once")]

    def __str__(self) -> str:
        return f"{self.user_id} {self.event} {self.wants_mail}"


class SettingsChange(TenantModel):
    """Append-only: who changed which setting of the seller, from what to what; every member may read it."""

    area = models.CharField(max_length=20)  # team, channel, key, deadline, notification, security, profile
    subject = models.CharField(max_length=200, blank=True)  # which one: the channel, the person, the key
    # [{"name": ..., "before": ..., "after": ...}], in words, as the page showed them
    changes = models.JSONField(default=list)
    actor_kind = models.CharField(max_length=10, choices=ActorKind.choices)
    actor_id = models.CharField(max_length=60, blank=True)
    actor_label = models.CharField(max_length=160, blank=True)
    at = models.DateTimeField()

    reach = Reach(app="SELECT, INSERT")

    class Meta:
        indexes: ClassVar = [models.Index(fields=["seller", "-id"], name="settings_change_recent")]

    def __str__(self) -> str:
        return f"{self.area} {self.subject}"
