"""Which move of a return is legal, for whom; what a return is made of."""

from __future__ import annotations

from datetime import datetime
from typing import Any, ClassVar

from django.db import models
from django.utils.translation import gettext_lazy as _

from marketplace.actors import ActorKind
from marketplace.fsm import StatusModel, creation, status_field, transition
from marketplace.ids import new_public_id
from marketplace.money import Money
from marketplace.tenancy import Reach, TenantForeignKey, TenantModel

DECIDERS = (ActorKind.SELLER, ActorKind.API, ActorKind.SUPPORT)


def _return_id() -> str:
    return new_public_id("ret")


class ReturnRequest(StatusModel):
    """A buyer (or the seller for them) asks to send something back (state-machines.md 2.3)."""

    machine = "return"

    class Status(models.TextChoices):
        PENDING_RESPONSE = "PENDING_RESPONSE", _("Authorisation required")
        AUTHORISED = "AUTHORISED", _("Authorised")
        IN_TRANSIT = "IN_TRANSIT", _("On its way back")
        PARTIALLY_RECEIVED = "PARTIALLY_RECEIVED", _("Partly received")
        RECEIVED = "RECEIVED", _("Received")
        DENIED = "DENIED", _("Denied by seller")
        WITHDRAWN = "WITHDRAWN", _("Withdrawn by buyer")
        EXPIRED = "EXPIRED", _("Expired")
        CLOSED = "CLOSED", _("Closed")

    class CloseReason(models.TextChoices):
        REFUNDED = "REFUNDED", _("Refunded")
        REPLACED = "REPLACED", _("Replaced")
        RETURNLESS = "RETURNLESS", _("Refunded without return")
        NOT_RETURNABLE = "NOT_RETURNABLE", _("Not returnable")
        RESOLVED_OTHERWISE = "RESOLVED_OTHERWISE", _("Resolved otherwise")

    LIVE = ("PENDING_RESPONSE", "AUTHORISED", "IN_TRANSIT", "PARTIALLY_RECEIVED", "RECEIVED")

    public_id = models.CharField(max_length=40, unique=True, default=_return_id, editable=False)
    status = status_field(Status, Status.PENDING_RESPONSE)
    order = TenantForeignKey("marketplace.Order", on_delete=models.PROTECT, related_name="returns")
    channel = TenantForeignKey("marketplace.SalesChannel", on_delete=models.PROTECT, related_name="+")
    buyer = TenantForeignKey(
        "marketplace.Buyer", on_delete=models.PROTECT, related_name="returns", null=True, blank=True
    )
    rma = models.CharField(max_length=40, blank=True)
    merchant_rma = models.CharField(max_length=40, blank=True)
    # What lists show, filter and sort by, copied here so that a page is one index scan.
    order_number = models.CharField(max_length=64)
    search_key = models.CharField(max_length=600, blank=True)  # lower case: order, RMA, SKUs, buyer's name
    first_title = models.CharField(max_length=300, blank=True)
    first_reason_code = models.CharField(max_length=40, blank=True)
    buyer_name = models.CharField(max_length=120, blank=True)
    units = models.PositiveIntegerField(default=0)
    value_minor = models.BigIntegerField(default=0)
    currency = models.CharField(max_length=3)
    is_out_of_policy = models.BooleanField(default=False)
    is_overdue = models.BooleanField(default=False)
    policy_note = models.CharField(max_length=300, blank=True)
    submitted_by_kind = models.CharField(max_length=10, choices=ActorKind.choices)
    return_address = models.JSONField(default=dict, blank=True)
    deny_reason_code = models.CharField(max_length=40, blank=True)
    deny_message = models.CharField(max_length=3000, blank=True)
    close_reason = models.CharField(max_length=20, choices=CloseReason.choices, blank=True)
    carrier = models.CharField(max_length=40, blank=True)
    tracking = models.CharField(max_length=80, blank=True)
    requested_at = models.DateTimeField()
    respond_by = models.DateTimeField()
    authorised_at = models.DateTimeField(null=True, blank=True)
    return_by = models.DateTimeField(null=True, blank=True)
    expires_at = models.DateTimeField(null=True, blank=True)
    received_at = models.DateTimeField(null=True, blank=True)
    refund_by = models.DateTimeField(null=True, blank=True)
    ended_at = models.DateTimeField(null=True, blank=True)

    reach = Reach(
        system="SELECT, UPDATE",
        support="id, seller_id, public_id, status, version, order_number, rma, requested_at, respond_by, is_overdue",
        buyer="order_id IN (SELECT o.id FROM marketplace_order o WHERE o.buyer_id = {buyer})",
    )
    creations = (
        creation(
            "submit",
            target=Status.PENDING_RESPONSE,
            actors=[ActorKind.BUYER, ActorKind.SELLER, ActorKind.API, ActorKind.SUPPORT],
            event="return.requested",
        ),
    )

    class Meta:
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["seller", "rma"], condition=~models.Q(rma=""), name="rma_once"),
            models.UniqueConstraint(
                fields=["seller", "carrier", "tracking"],
                condition=~models.Q(tracking=""),
                name="tracking_once",
            ),
        ]
        indexes: ClassVar = [
            models.Index(fields=["seller", "-requested_at", "-id"], name="return_recent"),
            models.Index(fields=["seller", "status", "-requested_at", "-id"], name="return_by_status"),
            models.Index(fields=["seller", "status", "respond_by", "id"], name="return_by_deadline"),
            models.Index(fields=["seller", "order"], name="return_of_order"),
            models.Index(fields=["seller", "order_number"], name="return_order_number"),
            models.Index(
                fields=["respond_by", "id"],
                condition=models.Q(status="PENDING_RESPONSE", is_overdue=False),
                name="return_respond_due",
            ),
            models.Index(
                fields=["expires_at", "id"], condition=models.Q(status="AUTHORISED"), name="return_expiry_due"
            ),
        ]

    def __str__(self) -> str:
        return self.rma or self.order_number

    @property
    def value(self) -> Money:
        return Money(self.value_minor, self.currency)

    @property
    def is_live(self) -> bool:
        return str(self.status) in self.LIVE

    # --- the machine, in life-cycle order ---

    @transition(
        source=Status.PENDING_RESPONSE,
        target=Status.AUTHORISED,
        actors=[ActorKind.SYSTEM],
        event="return.authorised",
    )
    def auto_authorise(self, **promise: Any) -> None:
        self._promise(**promise)

    @transition(source=Status.PENDING_RESPONSE, target=Status.AUTHORISED, actors=DECIDERS, event="return.authorised")
    def authorise(self, **promise: Any) -> None:
        self._promise(**promise)

    def _promise(
        self,
        *,
        at: datetime,
        rma: str,
        merchant_rma: str,
        address: dict[str, str],
        return_by: datetime,
        expires_at: datetime,
    ) -> None:
        self.authorised_at, self.rma, self.merchant_rma, self.return_address = at, rma, merchant_rma, address
        self.return_by, self.expires_at, self.is_overdue, self.ended_at = return_by, expires_at, False, None

    @transition(source=Status.PENDING_RESPONSE, target=Status.DENIED, actors=DECIDERS, event="return.denied")
    def deny(self, *, reason_code: str, message: str, at: datetime) -> None:
        self.deny_reason_code, self.deny_message, self.ended_at, self.is_overdue = (
            reason_code,
            message,
            at,
            False,
        )

    @transition(
        source=Status.PENDING_RESPONSE,
        target=Status.WITHDRAWN,
        actors=[ActorKind.BUYER, ActorKind.SUPPORT],
        event="return.withdrawn",
    )
    def withdraw(self, *, at: datetime) -> None:
        self.ended_at, self.is_overdue = at, False

    @transition(
        source=Status.PENDING_RESPONSE,
        target=Status.PENDING_RESPONSE,
        actors=[ActorKind.CLOCK],
        event="return.overdue",
    )
    def mark_overdue(self) -> None:
        self.is_overdue = True

    @transition(
        source=Status.AUTHORISED,
        target=Status.IN_TRANSIT,
        actors=[ActorKind.BUYER, ActorKind.SELLER, ActorKind.API, ActorKind.PROVIDER],
        event="return.shipped",
    )
    def ship(self, *, carrier: str, tracking: str) -> None:
        self.carrier, self.tracking = carrier, tracking

    @transition(
        source=[Status.AUTHORISED, Status.IN_TRANSIT, Status.PARTIALLY_RECEIVED],
        target=[Status.PARTIALLY_RECEIVED, Status.RECEIVED],
        actors=[ActorKind.SELLER, ActorKind.API, ActorKind.SUPPORT],
        event="return.received",
    )
    def receive(self, *, is_complete: bool, at: datetime, refund_by: datetime) -> str:
        self.received_at, self.refund_by = at, self.refund_by or refund_by
        return self.Status.RECEIVED if is_complete else self.Status.PARTIALLY_RECEIVED

    @transition(source=LIVE, target=Status.CLOSED, actors=[*DECIDERS, ActorKind.SYSTEM], event="return.closed")
    def close(self, *, reason: str, at: datetime) -> None:
        self.close_reason, self.ended_at, self.is_overdue = reason, at, False

    @transition(source=Status.AUTHORISED, target=Status.EXPIRED, actors=[ActorKind.CLOCK], event="return.expired")
    def expire(self, *, at: datetime) -> None:
        self.ended_at = at

    @transition(
        source=[Status.DENIED, Status.EXPIRED, Status.CLOSED],
        target=Status.AUTHORISED,
        actors=DECIDERS,
        event="return.reinstated",
    )
    def reinstate(self, **promise: Any) -> None:
        self.deny_reason_code = self.deny_message = self.close_reason = ""
        self._promise(**promise)


class ReturnLine(TenantModel):
    """Units of one order line that are to come back, and why."""

    return_request = TenantForeignKey(ReturnRequest, on_delete=models.CASCADE, related_name="lines")
    order_line = TenantForeignKey("marketplace.OrderLine", on_delete=models.PROTECT, related_name="return_lines")
    quantity = models.PositiveIntegerField()
    reason_code = models.CharField(max_length=40)
    comment = models.CharField(max_length=200, blank=True)
    received_quantity = models.PositiveIntegerField(default=0)

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

    return_line = TenantForeignKey(ReturnLine, on_delete=models.CASCADE, related_name="received")
    condition = models.CharField(max_length=12, choices=Condition.choices)
    quantity = models.PositiveIntegerField()
    note = models.CharField(max_length=300, blank=True)
    at = models.DateTimeField()

    reach = Reach(app="SELECT, INSERT")

    class Meta:
        verbose_name_plural = "received units"

    def __str__(self) -> str:
        return f"{self.quantity} {self.condition}"
