"""Which move of a refund is legal, for whom; what a refund is made of."""

from __future__ import annotations

import uuid
from datetime import datetime
from typing import ClassVar

from django.db import models
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from marketplace.actors import ActorKind
from marketplace.errors import Conflict
from marketplace.fsm import StatusModel, creation, status_field, transition
from marketplace.ids import new_public_id
from marketplace.models.trade import GatewayName
from marketplace.money import Money
from marketplace.tenancy import Reach, TenantForeignKey, TenantModel

ASKERS = (ActorKind.SELLER, ActorKind.API, ActorKind.SYSTEM, ActorKind.SUPPORT)
PEOPLE = (ActorKind.SELLER, ActorKind.SUPPORT)
PENDING_STAGES = ["VALIDATING", "REVIEW", "ON_HOLD", "RESERVED", "SUBMITTED", "UNKNOWN"]


def _refund_id() -> str:
    return new_public_id("ba")


def _is_manual(refund: RefundRequest) -> None:
    if refund.gateway != GatewayName.MANUAL:
        raise Conflict(gettext("The payment provider sends this refund and says when it is done."), code="not_manual")


def _person_was_asked(refund: RefundRequest) -> None:
    if refund.person_asked_at is None:
        raise Conflict(
            gettext("We are still asking the payment provider. A person decides once that has led nowhere for a day."),
            code="still_looking",
        )


class HoldReason(models.TextChoices):
    BY_SELLER = "BY_SELLER", _("Held by your team")
    BY_SUPPORT = "BY_SUPPORT", _("Held by support")
    MONEY_STOP = "MONEY_STOP", _("Payouts are stopped")
    CLAIM = "CLAIM", _("A claim or chargeback is open")


class RefundRequest(StatusModel):
    """A request that money goes back; its amount is reserved from the budget the moment it is made."""

    machine = "refund"

    class Status(models.TextChoices):
        VALIDATING = "VALIDATING", _("Being checked")
        REVIEW = "REVIEW", _("Waits for a second person")
        ON_HOLD = "ON_HOLD", _("On hold")
        RESERVED = "RESERVED", _("Waiting to be sent")
        SUBMITTED = "SUBMITTED", _("Sent to the payment provider")
        UNKNOWN = "UNKNOWN", _("Being confirmed with the payment provider")
        COMPLETED = "COMPLETED", _("Refunded")
        VALIDATION_FAILED = "VALIDATION_FAILED", _("Did not pass the checks")
        FAILED = "FAILED", _("Refused by the payment provider")
        CANCELLED = "CANCELLED", _("Cancelled")

    class Source(models.TextChoices):
        REQUEST = "REQUEST", _("Asked for here")
        EXTERNAL = "EXTERNAL", _("Found at the payment provider")

    public_id = models.CharField(max_length=40, default=_refund_id, editable=False)
    status = status_field(Status, Status.VALIDATING)
    order = TenantForeignKey("marketplace.Order", on_delete=models.PROTECT, related_name="refunds")
    channel = TenantForeignKey("marketplace.SalesChannel", on_delete=models.PROTECT, related_name="+")
    order_number = models.CharField(max_length=64)  # copied, so that a list and its search are one index scan
    order_number_key = models.CharField(max_length=64, editable=False)
    budget = TenantForeignKey("refunds.RefundBudget", on_delete=models.PROTECT, related_name="refunds")
    amount_minor = models.BigIntegerField()
    currency = models.CharField(max_length=3)
    reason_code = models.CharField(max_length=40)
    reason_text = models.CharField(max_length=2000, blank=True)
    source = models.CharField(max_length=8, choices=Source.choices, default=Source.REQUEST)
    asker = models.CharField(max_length=20, blank=True)  # "return": refunds knows no asker by import
    asker_public_id = models.CharField(max_length=40, blank=True)
    gateway = models.CharField(max_length=10, choices=GatewayName.choices)
    payment_reference = models.CharField(max_length=120, blank=True)
    provider_key = models.UUIDField(default=uuid.uuid4, editable=False)  # the idempotency key; never changes
    provider_refund_id = models.CharField(max_length=120, blank=True)
    provider_message = models.CharField(max_length=500, blank=True)
    refusal_code = models.CharField(max_length=60, blank=True)
    hold_reason = models.CharField(max_length=20, choices=HoldReason.choices, blank=True)
    attempts = models.PositiveIntegerField(default=0)  # calls that may have gone out
    fence = models.BigIntegerField(default=0)  # raised by every claim; an older claim can not settle
    leased_until = models.DateTimeField(null=True, blank=True)
    next_attempt_at = models.DateTimeField(null=True, blank=True)
    first_called_at = models.DateTimeField(null=True, blank=True)
    remind_at = models.DateTimeField(null=True, blank=True)  # of a review that nobody gave yet
    person_asked_at = models.DateTimeField(null=True, blank=True)  # the end stayed open: a person looks
    created_by_kind = models.CharField(max_length=10, choices=ActorKind.choices)
    created_by_id = models.CharField(max_length=60, blank=True)
    created_by_label = models.CharField(max_length=160, blank=True)
    reviewed_by_id = models.CharField(max_length=60, blank=True)
    reviewed_by_label = models.CharField(max_length=160, blank=True)
    credit_note_no = models.PositiveIntegerField(null=True, blank=True)  # 1, 2, 3 ... per seller, no gaps
    created_at = models.DateTimeField()
    settled_at = models.DateTimeField(null=True, blank=True)

    lines_at_hand: list[RefundLine] | None = None  # set by who has just written them

    reach = Reach(
        system="SELECT, UPDATE (fence, leased_until, next_attempt_at, remind_at)",
        support="id, seller_id, public_id, status, version, gateway, created_at, settled_at, attempts",
        buyer="order_id IN (SELECT o.id FROM marketplace_order o WHERE o.buyer_id = {buyer})",
    )
    creations = (
        creation("create", target=Status.VALIDATING, actors=ASKERS, event="refund.requested"),
        creation(
            "record_external",
            target=Status.COMPLETED,
            actors=[ActorKind.PROVIDER, ActorKind.SYSTEM],
            event="refund.recorded_external",
        ),
    )

    class Meta:
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["public_id", "seller"], name="refund_public_id_once"),
            models.CheckConstraint(condition=models.Q(amount_minor__gt=0), name="refund_amount_positive"),
            models.UniqueConstraint(fields=["seller", "provider_key"], name="provider_key_once"),
            models.UniqueConstraint(
                fields=["seller", "gateway", "provider_refund_id"],
                condition=~models.Q(provider_refund_id=""),
                name="provider_refund_once",
            ),
            models.UniqueConstraint(
                fields=["seller", "credit_note_no"],
                condition=models.Q(credit_note_no__isnull=False),
                name="credit_note_once",
            ),
            models.CheckConstraint(
                condition=models.Q(reviewed_by_id="") | ~models.Q(reviewed_by_id=models.F("created_by_id")),
                name="second_person_is_second",
            ),
            models.CheckConstraint(
                condition=~models.Q(status__in=["SUBMITTED", "UNKNOWN"])
                | (models.Q(attempts__gt=0) & ~models.Q(gateway="manual")),
                name="what_is_sent_was_called",
            ),
            models.CheckConstraint(
                condition=~models.Q(status="COMPLETED")
                | models.Q(source="EXTERNAL")
                | models.Q(gateway="manual")
                | models.Q(attempts__gt=0),
                name="what_is_done_was_called",
            ),
        ]
        indexes: ClassVar = [
            models.Index(fields=["seller", "-id"], name="refund_recent"),
            models.Index(fields=["seller", "status", "-id"], name="refund_by_status"),
            models.Index(fields=["seller", "channel", "-id"], name="refund_by_channel"),
            models.Index(fields=["seller", "-id"], condition=models.Q(status__in=PENDING_STAGES), name="refund_open"),
            models.Index(fields=["seller", "order"], name="refund_of_order"),
            models.Index(fields=["seller", "budget"], name="refund_of_budget"),
            models.Index(fields=["seller", "order_number_key"], name="refund_of_order_number"),
            models.Index(fields=["seller", "asker_public_id"], name="refund_of_asker"),
            models.Index(
                fields=["next_attempt_at", "id"],
                condition=models.Q(status__in=["RESERVED", "SUBMITTED", "UNKNOWN"]),
                name="refund_due",
            ),
            models.Index(
                fields=["id"],
                condition=models.Q(status__in=["ON_HOLD", "UNKNOWN"]),
                name="refund_stuck",
            ),
            models.Index(
                fields=["remind_at", "id"],
                condition=models.Q(remind_at__isnull=False),
                name="refund_remind_due",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.public_id} {self.amount}"

    @property
    def amount(self) -> Money:
        return Money(self.amount_minor, self.currency)

    @property
    def public_status(self) -> str:
        """AWS's five words; the stages before the end are one PENDING (rulings 12)."""
        return PUBLIC_STATUS[str(self.status)]

    @property
    def is_open(self) -> bool:
        return str(self.status) in PENDING_STAGES

    @property
    def awaits_seller(self) -> bool:
        """Nothing is sent where there is no gateway: the seller pays outside and confirms."""
        return str(self.status) == "RESERVED" and self.gateway == GatewayName.MANUAL

    @property
    def display_status(self) -> str:
        """The key of the word that pages show (portal_words): the stage, or AWAITING_SELLER."""
        return "AWAITING_SELLER" if self.awaits_seller else str(self.status)

    @property
    def credit_note_number(self) -> str:
        return f"CN-{self.credit_note_no:06d}" if self.credit_note_no else ""

    # --- the machine, in life-cycle order (state-machines.md 2.4, rulings 12) ---

    @transition(source=Status.VALIDATING, target=Status.RESERVED, actors=ASKERS, event="refund.reserved")
    def reserve(self, *, at: datetime) -> None:
        self._send_at(at)

    @transition(source=Status.VALIDATING, target=Status.REVIEW, actors=ASKERS, event="refund.review_asked")
    def ask_review(self, *, remind_at: datetime) -> None:
        self.remind_at = remind_at

    @transition(source=Status.REVIEW, target=Status.RESERVED, actors=PEOPLE, event="refund.reviewed")
    def review(self, *, reviewer_id: str, reviewer_label: str, at: datetime) -> None:
        self.reviewed_by_id, self.reviewed_by_label, self.remind_at = reviewer_id, reviewer_label, None
        self._send_at(at)

    @transition(
        source=[Status.VALIDATING, Status.RESERVED],
        target=Status.ON_HOLD,
        actors=ASKERS,
        event="refund.on_hold",
    )
    def hold(self, *, reason: str) -> None:
        self.hold_reason, self.next_attempt_at = reason, None

    @transition(
        source=Status.ON_HOLD,
        target=Status.RESERVED,
        actors=[ActorKind.SYSTEM, *PEOPLE],
        event="refund.released",
    )
    def release(self, *, at: datetime) -> None:
        self.hold_reason = ""
        self._send_at(at)

    @transition(
        source=[Status.REVIEW, Status.ON_HOLD, Status.RESERVED],
        target=Status.VALIDATION_FAILED,
        actors=[ActorKind.SYSTEM],
        event="refund.validation_failed",
    )
    def refuse(self, *, code: str, message: str, at: datetime) -> None:
        self._end(at, code, message)

    @transition(
        source=[Status.REVIEW, Status.ON_HOLD, Status.RESERVED],
        target=Status.CANCELLED,
        actors=[ActorKind.SELLER, ActorKind.API, ActorKind.SUPPORT],
        event="refund.cancelled",
    )
    def cancel(self, *, at: datetime) -> None:
        self._end(at)

    @transition(
        source=Status.RESERVED,
        target=Status.COMPLETED,
        actors=[ActorKind.SELLER, ActorKind.API, ActorKind.SUPPORT],
        event="refund.completed",
        conditions=[_is_manual],
    )
    def confirm(self, *, reference: str, at: datetime) -> None:
        self._end(at)
        self.provider_refund_id = reference

    @transition(source=Status.RESERVED, target=Status.SUBMITTED, actors=[ActorKind.SYSTEM], event="refund.submitted")
    def submit(self, *, at: datetime, leased_until: datetime) -> None:
        self.first_called_at, self.attempts = at, self.attempts + 1
        self.leased_until = self.next_attempt_at = leased_until

    @transition(source=Status.SUBMITTED, target=Status.UNKNOWN, actors=[ActorKind.SYSTEM], event="refund.unknown")
    def lose_track(self, *, why: str) -> None:
        self.provider_message = why[:500]

    @transition(source=Status.UNKNOWN, target=Status.SUBMITTED, actors=[ActorKind.SYSTEM], event="refund.found")
    def find(self, *, provider_refund_id: str, message: str) -> None:
        self.provider_refund_id, self.provider_message = provider_refund_id, message[:500]

    @transition(
        source=[Status.SUBMITTED, Status.UNKNOWN],
        target=Status.COMPLETED,
        actors=[ActorKind.SYSTEM, ActorKind.PROVIDER],
        event="refund.completed",
    )
    def settle(self, *, provider_refund_id: str, at: datetime) -> None:
        self._end(at)
        self.provider_refund_id = provider_refund_id

    @transition(
        source=[Status.SUBMITTED, Status.UNKNOWN],
        target=Status.FAILED,
        actors=[ActorKind.SYSTEM, ActorKind.PROVIDER],
        event="refund.failed",
    )
    def fail(self, *, code: str, message: str, at: datetime) -> None:
        self._end(at, code, message)

    @transition(
        source=Status.UNKNOWN,
        target=Status.COMPLETED,
        actors=PEOPLE,
        event="refund.completed",
        conditions=[_person_was_asked],
    )
    def resolve_paid(self, *, reference: str, at: datetime) -> None:
        self._end(at)
        self.provider_refund_id = reference

    @transition(
        source=Status.UNKNOWN,
        target=Status.FAILED,
        actors=PEOPLE,
        event="refund.failed",
        conditions=[_person_was_asked],
    )
    def resolve_unpaid(self, *, at: datetime) -> None:
        self._end(at, "not_paid")

    @transition(
        source=Status.COMPLETED,
        target=Status.FAILED,
        actors=[ActorKind.SYSTEM, ActorKind.PROVIDER],
        event="refund.reversed",
    )
    def reverse(self, *, code: str, message: str, at: datetime) -> None:
        self._end(at, code, message)

    def _send_at(self, at: datetime) -> None:
        self.next_attempt_at = None if self.gateway == GatewayName.MANUAL else at

    def _end(self, at: datetime, code: str = "", message: str = "") -> None:
        self.refusal_code, self.provider_message = code[:60], message[:500]
        self.settled_at, self.next_attempt_at, self.leased_until, self.remind_at = at, None, None, None


class PublicStatus(models.TextChoices):
    PENDING = "PENDING", _("Pending")
    COMPLETED = "COMPLETED", _("Completed")
    VALIDATION_FAILED = "VALIDATION_FAILED", _("Validation failed")
    FAILED = "FAILED", _("Failed")
    CANCELLED = "CANCELLED", _("Cancelled")


PUBLIC_STATUS: dict[str, str] = {
    **dict.fromkeys(PENDING_STAGES, "PENDING"),
    **{end: end for end in ("COMPLETED", "VALIDATION_FAILED", "FAILED", "CANCELLED")},
}


class Component(models.TextChoices):
    ITEM = "ITEM", _("Item")
    TAX = "TAX", _("Tax")
    SHIPPING = "SHIPPING", _("Shipping")
    GOODWILL = "GOODWILL", _("Goodwill")
    RESTOCKING_FEE = "RESTOCKING_FEE", _("Restocking fee kept back")  # negative


class RefundLine(TenantModel):
    """What the amount is made of: (order line, component); a restocking fee is negative."""

    refund = TenantForeignKey(RefundRequest, on_delete=models.PROTECT, related_name="lines")
    order_line = TenantForeignKey(
        "marketplace.OrderLine", on_delete=models.PROTECT, related_name="refund_lines", null=True, blank=True
    )
    component = models.CharField(max_length=16, choices=Component.choices)
    amount_minor = models.BigIntegerField()
    note = models.CharField(max_length=300, blank=True)

    reach = Reach(app="SELECT, INSERT", buyer="refund_id IN (SELECT r.id FROM refunds_refundrequest r)")

    class Meta:
        constraints: ClassVar = [
            models.CheckConstraint(
                condition=models.Q(component="RESTOCKING_FEE", amount_minor__lt=0)
                | (~models.Q(component="RESTOCKING_FEE") & models.Q(amount_minor__gt=0)),
                name="only_a_fee_is_negative",
            ),
        ]
        indexes: ClassVar = [
            models.Index(fields=["seller", "refund"], name="line_of_refund"),
            models.Index(fields=["seller", "order_line"], name="refund_line_of_order_line"),
        ]

    def __str__(self) -> str:
        return f"{self.component} {self.amount_minor}"
