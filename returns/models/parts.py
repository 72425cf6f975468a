"""What belongs to a return: its lines, what came back of them, and the words under which it is found."""

from __future__ import annotations

from typing import ClassVar

from django.db import models
from django.utils.translation import gettext_lazy as _

from marketplace.tenancy import Reach, TenantForeignKey, TenantModel
from returns.models.request import ReturnRequest


class ReturnLine(TenantModel):
    """Units of one order line that are to come back, and why."""

    return_request = TenantForeignKey(ReturnRequest, on_delete=models.CASCADE, related_name="lines", db_index=False)
    order_line = TenantForeignKey(
        "marketplace.OrderLine", on_delete=models.PROTECT, related_name="return_lines", db_index=False
    )
    quantity = models.PositiveIntegerField()
    reason_code = models.CharField(max_length=40)
    comment = models.CharField(max_length=200, blank=True)
    received_quantity = models.PositiveIntegerField(default=0)  # accounted for, missing ones included

    reach = Reach(buyer="return_request_id IN (SELECT r.id FROM returns_returnrequest r)")

    class Meta:
        constraints: ClassVar = [
            models.CheckConstraint(condition=models.Q(quantity__gt=0), name="return_line_quantity_positive"),
            models.CheckConstraint(
                condition=models.Q(received_quantity__lte=models.F("quantity")), name="received_at_most_asked"
            ),
        ]
        indexes: ClassVar = [
            models.Index(fields=["seller", "return_request"], name="line_of_return"),
            models.Index(fields=["seller", "order_line"], name="return_line_of_order_line"),
        ]

    def __str__(self) -> str:
        return f"{self.quantity} × {self.order_line}"


class ReceivedUnits(TenantModel):
    """Units that came back, in one condition; append-only."""

    class Condition(models.TextChoices):
        SELLABLE = "SELLABLE", _("Sellable")
        DAMAGED = "DAMAGED", _("Damaged")
        WRONG_ITEM = "WRONG_ITEM", _("Wrong item")
        MISSING = "MISSING", _("Missing from the parcel")

    return_line = TenantForeignKey(ReturnLine, on_delete=models.CASCADE, related_name="received", db_index=False)
    condition = models.CharField(max_length=12, choices=Condition.choices)
    quantity = models.PositiveIntegerField()
    note = models.CharField(max_length=300, blank=True)
    at = models.DateTimeField()

    reach = Reach(app="SELECT, INSERT")

    class Meta:
        verbose_name_plural = "received units"
        constraints: ClassVar = [
            models.CheckConstraint(condition=models.Q(quantity__gt=0), name="received_quantity_positive")
        ]
        indexes: ClassVar = [models.Index(fields=["seller", "return_line"], name="received_of_line")]

    def __str__(self) -> str:
        return f"{self.quantity} {self.condition}"


class ReturnSearchKey(TenantModel):
    """One word beginning under which a return is found; text in the database's byte order.

    `lower()` and LIKE would switch indexes off under row-level security (rulings 7), so the words are
    normalised when they are written, and a search is a range: key >= "lena" and key < "lenb".
    """

    key = models.CharField(max_length=80, db_collation="C")
    return_request = TenantForeignKey(
        ReturnRequest, on_delete=models.CASCADE, related_name="search_keys", db_index=False
    )

    class Meta:
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["seller", "key", "return_request"], name="return_search_key_once")
        ]
        indexes: ClassVar = [models.Index(fields=["seller", "return_request", "key"], name="search_keys_of_return")]

    def __str__(self) -> str:
        return self.key


class ReturnRules(TenantModel):
    """What a seller asks of buyers on one channel; no row means these defaults."""

    channel = TenantForeignKey("marketplace.SalesChannel", on_delete=models.CASCADE, related_name="+", db_index=False)
    # The marketplace's page demands a comment for 12 of the 14 reasons ([AMZHTML]).
    are_comments_required = models.BooleanField(default=True)

    reach = Reach(buyer="true")

    class Meta:
        verbose_name_plural = "return rules"
        constraints: ClassVar = [models.UniqueConstraint(fields=["seller", "channel"], name="rules_once_per_channel")]

    def __str__(self) -> str:
        return f"rules of {self.channel}"
