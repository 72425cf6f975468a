"""Which move of a refund is legal, for whom; and the budget whose CHECK caps what may go out."""

from __future__ import annotations

import uuid
from datetime import datetime
from typing import ClassVar

from django.db import models
from django.utils.translation import gettext_lazy as _

from marketplace.actors import ActorKind
from marketplace.fsm import StatusModel, creation, status_field, transition
from marketplace.ids import new_public_id
from marketplace.models.trade import GatewayName
from marketplace.money import Money
from marketplace.tenancy import Reach, TenantForeignKey, TenantModel

ASKERS = (ActorKind.SELLER, ActorKind.API, ActorKind.SYSTEM, ActorKind.SUPPORT)


def _refund_id() -> str:
    return new_public_id("ba")


class RefundBudget(TenantModel):
    """What may still go back on one charge; every path draws from this row, and the CHECK is the last word.

    All amounts in minor units. `cap_minor` is what the buyer paid (0 = unknown: a refund then raises the cap
    by its stated amount). `over_recovery_minor` is what went out beyond the cap outside our decisions.
    """

    order = TenantForeignKey("marketplace.Order", on_delete=models.PROTECT, related_name="budgets")
    currency = models.CharField(max_length=3)
    cap_minor = models.BigIntegerField()
    is_cap_known = models.BooleanField(default=True)
    reserved_minor = models.BigIntegerField(default=0)
    refunded_minor = models.BigIntegerField(default=0)
    disputed_minor = models.BigIntegerField(default=0)
    over_recovery_minor = models.BigIntegerField(default=0)
    gateway = models.CharField(max_length=10, choices=GatewayName.choices)
    payment_reference = models.CharField(max_length=120, blank=True)

    reach = Reach(system="SELECT")

    class Meta:
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["seller", "order"], name="one_budget_per_order"),
            models.CheckConstraint(
                condition=models.Q(
                    cap_minor__gte=models.F("reserved_minor") + models.F("refunded_minor") + models.F("disputed_minor")
                ),
                name="never_more_than_paid",
            ),
            models.CheckConstraint(
                condition=models.Q(
                    reserved_minor__gte=0,
                    refunded_minor__gte=0,
                    disputed_minor__gte=0,
                    over_recovery_minor__gte=0,
                ),
                name="no_negative_budget",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.left} left of {self.cap}"

    @property
    def cap(self) -> Money:
        return Money(self.cap_minor, self.currency)

    @property
    def left_minor(self) -> int:
        return self.cap_minor - self.reserved_minor - self.refunded_minor - self.disputed_minor

    @property
    def left(self) -> Money:
        return Money(self.left_minor, self.currency)


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

    public_id = models.CharField(max_length=40, unique=True, default=_refund_id, editable=False)
    status = status_field(Status, Status.VALIDATING)
    order = TenantForeignKey("marketplace.Order", on_delete=models.PROTECT, related_name="refunds")
    budget = TenantForeignKey(RefundBudget, on_delete=models.PROTECT, related_name="refunds")
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
    hold_reason = models.CharField(max_length=60, blank=True)
    attempts = models.PositiveIntegerField(default=0)
    fence = models.BigIntegerField(default=0)  # raised by every claim; an older claim can not settle
    leased_until = models.DateTimeField(null=True, blank=True)
    next_attempt_at = models.DateTimeField(null=True, blank=True)
    first_called_at = models.DateTimeField(null=True, blank=True)
    created_by_kind = models.CharField(max_length=10, choices=ActorKind.choices)
    created_by_id = models.CharField(max_length=60, blank=True)
    created_by_label = models.CharField(max_length=160, blank=True)
    reviewed_by_id = models.CharField(max_length=60, blank=True)
    reviewed_by_label = models.CharField(max_length=160, blank=True)
    credit_note_number = models.CharField(max_length=40, blank=True)
    created_at = models.DateTimeField()
    settled_at = models.DateTimeField(null=True, blank=True)

    reach = Reach(
        system="SELECT, UPDATE, INSERT",
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
            models.CheckConstraint(condition=models.Q(amount_minor__gt=0), name="refund_amount_positive"),
            models.UniqueConstraint(
                fields=["seller", "gateway", "provider_refund_id"],
                condition=~models.Q(provider_refund_id=""),
                name="provider_refund_once",
            ),
            models.CheckConstraint(
                condition=models.Q(reviewed_by_id="") | ~models.Q(reviewed_by_id=models.F("created_by_id")),
                name="second_person_is_second",
            ),
        ]
        indexes: ClassVar = [
            models.Index(fields=["seller", "-id"], name="refund_recent"),
            models.Index(fields=["seller", "status", "-id"], name="refund_by_status"),
            models.Index(fields=["seller", "order"], name="refund_of_order"),
            models.Index(fields=["seller", "asker_public_id"], name="refund_of_asker"),
            models.Index(
                fields=["next_attempt_at", "id"],
                condition=models.Q(status__in=["RESERVED", "SUBMITTED", "UNKNOWN"]),
                name="refund_due",
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

    # --- the machine, in life-cycle order (state-machines.md 2.4, rulings 12) ---

    @transition(source=Status.VALIDATING, target=Status.RESERVED, actors=ASKERS, event="refund.reserved")
    def reserve(self, *, at: datetime) -> None:
        self.next_attempt_at = at

    @transition(source=Status.VALIDATING, target=Status.REVIEW, actors=ASKERS, event="refund.review_asked")
    def ask_review(self) -> None:
        pass

    @transition(
        source=Status.VALIDATING,
        target=Status.VALIDATION_FAILED,
        actors=[*ASKERS, ActorKind.CLOCK],
        event="refund.validation_failed",
    )
    def refuse(self, *, message: str, at: datetime) -> None:
        self.provider_message, self.settled_at, self.next_attempt_at = message[:500], at, None

    @transition(
        source=Status.REVIEW,
        target=Status.RESERVED,
        actors=[ActorKind.SELLER, ActorKind.SUPPORT],
        event="refund.reviewed",
    )
    def review(self, *, reviewer_id: str, reviewer_label: str, at: datetime) -> None:
        self.reviewed_by_id, self.reviewed_by_label, self.next_attempt_at = reviewer_id, reviewer_label, at

    @transition(
        source=[Status.VALIDATING, Status.RESERVED],
        target=Status.ON_HOLD,
        actors=[ActorKind.SYSTEM, ActorKind.SUPPORT, ActorKind.SELLER, ActorKind.API],
        event="refund.on_hold",
    )
    def hold(self, *, reason: str) -> None:
        self.hold_reason, self.next_attempt_at = reason[:60], None

    @transition(
        source=Status.ON_HOLD,
        target=Status.RESERVED,
        actors=[ActorKind.SYSTEM, ActorKind.SUPPORT],
        event="refund.released",
    )
    def release(self, *, at: datetime) -> None:
        self.hold_reason, self.next_attempt_at = "", at

    @transition(source=Status.RESERVED, target=Status.SUBMITTED, actors=[ActorKind.SYSTEM], event="refund.submitted")
    def submit(self, *, at: datetime) -> None:
        self.first_called_at = self.first_called_at or at

    @transition(source=Status.SUBMITTED, target=Status.UNKNOWN, actors=[ActorKind.SYSTEM], event="refund.unknown")
    def lose_track(self, *, why: str) -> None:
        self.provider_message = why[:500]

    @transition(
        source=[Status.SUBMITTED, Status.UNKNOWN],
        target=Status.COMPLETED,
        actors=[ActorKind.SYSTEM, ActorKind.PROVIDER],
        event="refund.completed",
    )
    def settle(self, *, provider_refund_id: str, at: datetime) -> None:
        self.provider_refund_id, self.settled_at, self.next_attempt_at = provider_refund_id, at, None
        self.leased_until = None

    @transition(
        source=Status.SUBMITTED,
        target=Status.COMPLETED,
        actors=[ActorKind.SELLER, ActorKind.API, ActorKind.SUPPORT],
        event="refund.completed",
    )
    def confirm(self, *, reference: str, at: datetime) -> None:
        self.provider_refund_id, self.settled_at, self.next_attempt_at = reference, at, None

    @transition(
        source=[Status.SUBMITTED, Status.UNKNOWN],
        target=Status.FAILED,
        actors=[ActorKind.SYSTEM, ActorKind.PROVIDER],
        event="refund.failed",
    )
    def fail(self, *, message: str, at: datetime) -> None:
        self.provider_message, self.settled_at, self.next_attempt_at = message[:500], at, None
        self.leased_until = None

    @transition(
        source=Status.COMPLETED,
        target=Status.FAILED,
        actors=[ActorKind.SYSTEM, ActorKind.PROVIDER],
        event="refund.reversed",
    )
    def reverse(self, *, message: str, at: datetime) -> None:
        self.provider_message, self.settled_at = message[:500], at

    @transition(
        source=[Status.VALIDATING, Status.REVIEW, Status.ON_HOLD, Status.RESERVED],
        target=Status.CANCELLED,
        actors=[ActorKind.SELLER, ActorKind.API, ActorKind.SUPPORT],
        event="refund.cancelled",
    )
    def cancel(self, *, at: datetime) -> None:
        self.settled_at, self.next_attempt_at = at, None


class PublicStatus(models.TextChoices):
    PENDING = "PENDING", _("Pending")
    COMPLETED = "COMPLETED", _("Completed")
    VALIDATION_FAILED = "VALIDATION_FAILED", _("Validation failed")
    FAILED = "FAILED", _("Failed")
    CANCELLED = "CANCELLED", _("Cancelled")


PUBLIC_STATUS: dict[str, str] = {
    **dict.fromkeys(("VALIDATING", "REVIEW", "ON_HOLD", "RESERVED", "SUBMITTED", "UNKNOWN"), "PENDING"),
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

    def __str__(self) -> str:
        return f"{self.component} {self.amount_minor}"


class LedgerLine(TenantModel):
    """Double entry, append-only: the lines of one `posting` add up to zero, per currency."""

    class Account(models.TextChoices):
        CAPTURED = "CAPTURED", _("Paid by the buyer")
        RESERVED = "RESERVED", _("Reserved for refunds")
        REFUNDED = "REFUNDED", _("Refunded")
        DISPUTED = "DISPUTED", _("Disputed")
        OVER_RECOVERY = "OVER_RECOVERY", _("Gone out beyond what was paid")
        OUTSIDE = "OUTSIDE", _("At the payment provider")

    posting = models.UUIDField()
    budget = TenantForeignKey(RefundBudget, on_delete=models.PROTECT, related_name="ledger_lines")
    refund = TenantForeignKey(
        RefundRequest, on_delete=models.PROTECT, related_name="ledger_lines", null=True, blank=True
    )
    account = models.CharField(max_length=16, choices=Account.choices)
    amount_minor = models.BigIntegerField()  # debit positive, credit negative
    currency = models.CharField(max_length=3)
    at = models.DateTimeField()

    reach = Reach(app="SELECT, INSERT", system="SELECT, INSERT", guard=True)

    class Meta:
        indexes: ClassVar = [
            models.Index(fields=["seller", "budget", "id"], name="ledger_of_budget"),
            models.Index(fields=["seller", "posting"], name="ledger_posting"),
        ]

    def __str__(self) -> str:
        return f"{self.account} {self.amount_minor} {self.currency}"


# The sum of a posting is zero, whoever writes it; checked at commit.
GUARD_SQL = [
    """CREATE OR REPLACE FUNCTION ledger_balances() RETURNS trigger LANGUAGE plpgsql
SECURITY DEFINER SET search_path = public AS $$
BEGIN
    IF EXISTS (SELECT 1 FROM refunds_ledgerline l WHERE l.seller_id = NEW.seller_id AND l.posting = NEW.posting
               GROUP BY l.currency HAVING sum(l.amount_minor) <> 0) THEN
        RAISE EXCEPTION 'Posting % does not add up to zero.', NEW.posting USING ERRCODE = 'RD004';
    END IF;
    RETURN NULL;
END $$;""",
    "DROP TRIGGER IF EXISTS ledger_balances ON refunds_ledgerline;"
    " CREATE CONSTRAINT TRIGGER ledger_balances AFTER INSERT ON refunds_ledgerline DEFERRABLE INITIALLY DEFERRED"
    " FOR EACH ROW EXECUTE FUNCTION ledger_balances();",
    "DROP TRIGGER IF EXISTS ledger_is_append_only ON refunds_ledgerline;"
    " CREATE TRIGGER ledger_is_append_only BEFORE UPDATE OR DELETE ON refunds_ledgerline FOR EACH ROW"
    " EXECUTE FUNCTION fsm_refuse();",
]
