"""What caps a refund: the budget of a charge with its CHECK, the double-entry lines behind it, and what differs."""

from __future__ import annotations

from typing import ClassVar

from django.db import models
from django.utils.translation import gettext_lazy as _

from marketplace.models.trade import GatewayName
from marketplace.money import Money
from marketplace.tenancy import Reach, TenantForeignKey, TenantModel

_OUT = models.F("reserved_minor") + models.F("refunded_minor") + models.F("disputed_minor")


class RefundBudget(TenantModel):
    """What may still go back on one charge; every path draws from this row, and the database has the last word.

    All amounts in minor units, each column the balance of its ledger account. `cap_minor` is what the buyer
    paid; while that is not known, a refund raises it by its stated amount. What we decide (`reserved_minor`)
    never goes beyond the cap. Facts are recorded even so (a refund made at the provider, a chargeback, a later
    file that says less was paid): the excess, and exactly the excess, stands in `over_recovery_minor`.
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
    reconcile_at = models.DateTimeField(null=True, blank=True)  # when the provider's own list is compared next

    reach = Reach(system="SELECT, UPDATE (reconcile_at)")

    class Meta:
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["seller", "order"], name="one_budget_per_order"),
            models.CheckConstraint(
                condition=models.Q(cap_minor__gte=_OUT - models.F("over_recovery_minor")),
                name="never_more_than_paid",
            ),
            models.CheckConstraint(
                condition=models.Q(over_recovery_minor=0) | models.Q(over_recovery_minor=_OUT - models.F("cap_minor")),
                name="over_recovery_is_the_excess",
            ),
            models.CheckConstraint(
                condition=models.Q(
                    cap_minor__gte=0,
                    reserved_minor__gte=0,
                    refunded_minor__gte=0,
                    disputed_minor__gte=0,
                    over_recovery_minor__gte=0,
                ),
                name="no_negative_budget",
            ),
        ]
        indexes: ClassVar = [
            models.Index(
                fields=["reconcile_at", "id"],
                condition=models.Q(reconcile_at__isnull=False),
                name="budget_reconcile_due",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.left} left of {self.cap}"

    @property
    def cap(self) -> Money:
        return Money(self.cap_minor, self.currency)

    @property
    def out_minor(self) -> int:
        return self.reserved_minor + self.refunded_minor + self.disputed_minor

    @property
    def left_minor(self) -> int:
        return max(0, self.cap_minor - self.out_minor)

    @property
    def left(self) -> Money:
        return Money(self.left_minor, self.currency)


class LedgerLine(TenantModel):
    """Double entry, append-only: the lines of one `posting` add up to zero, per currency."""

    class Account(models.TextChoices):
        CAPTURED = "CAPTURED", _("Paid by the buyer and still here")
        RESERVED = "RESERVED", _("Reserved for refunds")
        REFUNDED = "REFUNDED", _("Refunded")
        DISPUTED = "DISPUTED", _("Disputed")
        OVER_RECOVERY = "OVER_RECOVERY", _("Gone out beyond what was paid")
        OUTSIDE = "OUTSIDE", _("The buyer's payment, as it came in")

    posting = models.UUIDField()
    budget = TenantForeignKey(RefundBudget, on_delete=models.PROTECT, related_name="ledger_lines")
    refund = TenantForeignKey(
        "refunds.RefundRequest",
        on_delete=models.PROTECT,
        related_name="ledger_lines",
        null=True,
        blank=True,
    )
    account = models.CharField(max_length=16, choices=Account.choices)
    amount_minor = models.BigIntegerField()  # debit positive, credit negative
    currency = models.CharField(max_length=3)
    at = models.DateTimeField()

    reach = Reach(app="SELECT, INSERT", system="SELECT", guard=True)

    class Meta:
        indexes: ClassVar = [
            models.Index(fields=["seller", "budget", "id"], name="ledger_of_budget"),
            models.Index(fields=["seller", "posting"], name="ledger_posting"),
        ]

    def __str__(self) -> str:
        return f"{self.account} {self.amount_minor} {self.currency}"


class Discrepancy(TenantModel):
    """Our books and the provider's, or a later file, do not agree: it stays open until a person closes it."""

    class Kind(models.TextChoices):
        EXTERNAL = "EXTERNAL", _("Refunded at the provider, not asked for here")
        DOUBLE = "DOUBLE", _("Paid twice by the provider for one refund")
        LATE = "LATE", _("Paid by the provider after it had ended here")
        AMOUNT = "AMOUNT", _("The provider paid another amount")
        MISSING = "MISSING", _("Completed here, not in the provider's list")
        OVER_RECOVERY = "OVER_RECOVERY", _("More has gone out than was paid")
        BOOKS = "BOOKS", _("The budget differed from the ledger and was put right")

    kind = models.CharField(max_length=16, choices=Kind.choices)
    budget = TenantForeignKey(RefundBudget, on_delete=models.PROTECT, related_name="discrepancies")
    refund = TenantForeignKey(
        "refunds.RefundRequest",
        on_delete=models.PROTECT,
        related_name="discrepancies",
        null=True,
        blank=True,
    )
    provider_refund_id = models.CharField(max_length=120, blank=True)
    amount_minor = models.BigIntegerField(default=0)
    currency = models.CharField(max_length=3)
    text = models.CharField(max_length=500)
    found_at = models.DateTimeField()
    closed_at = models.DateTimeField(null=True, blank=True)
    closed_by = models.CharField(max_length=160, blank=True)
    closing_note = models.CharField(max_length=500, blank=True)

    class Meta:
        verbose_name_plural = "discrepancies"
        constraints: ClassVar = [
            models.UniqueConstraint(
                fields=["seller", "kind", "budget", "refund", "provider_refund_id"],
                condition=models.Q(closed_at=None),
                nulls_distinct=False,
                name="discrepancy_open_once",
            )
        ]

    def __str__(self) -> str:
        return f"{self.kind}: {self.text}"


GUARD_SQL = [
    # The sum of a posting is zero, whoever writes it; checked at commit.
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
    # Facts may exceed the cap and are recorded; a decision, which is to reserve, may not, whoever makes it.
    """CREATE OR REPLACE FUNCTION budget_decision_within_cap() RETURNS trigger LANGUAGE plpgsql
SECURITY DEFINER SET search_path = public AS $$
BEGIN
    IF NEW.reserved_minor > (CASE WHEN TG_OP = 'INSERT' THEN 0 ELSE OLD.reserved_minor END)
       AND NEW.reserved_minor + NEW.refunded_minor + NEW.disputed_minor > NEW.cap_minor THEN
        RAISE EXCEPTION 'Budget %: nothing can be reserved beyond the cap.', NEW.id USING ERRCODE = 'RD005';
    END IF;
    RETURN NEW;
END $$;""",
    "DROP TRIGGER IF EXISTS budget_decision_within_cap ON refunds_refundbudget;"
    " CREATE TRIGGER budget_decision_within_cap BEFORE INSERT OR UPDATE ON refunds_refundbudget FOR EACH ROW"
    " EXECUTE FUNCTION budget_decision_within_cap();",
]
