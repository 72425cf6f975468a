"""Which move of a return is legal, for whom; what a return is made of."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, ClassVar

from django.db import models
from django.utils.translation import gettext_lazy as _

from marketplace.actors import ActorKind
from marketplace.fsm import StatusModel, creation, status_field, transition
from marketplace.ids import new_public_id
from marketplace.money import Money
from marketplace.tenancy import Reach, TenantForeignKey

if TYPE_CHECKING:
    from returns.models.parts import ReturnLine

DECIDERS = (ActorKind.SELLER, ActorKind.API, ActorKind.SUPPORT)
ALLOWED = ("AUTHORISED", "IN_TRANSIT", "PARTIALLY_RECEIVED", "RECEIVED")
LIVE = ("PENDING_RESPONSE", *ALLOWED)
NOT_ALLOWED = ("DENIED", "EXPIRED")
ENDED = ("CLOSED", "DENIED", "EXPIRED", "WITHDRAWN")
BUYERS_MOVE = ("AUTHORISED", "IN_TRANSIT")  # the buyer has to post, or the carrier has it
SELLERS_MOVE = ("PARTIALLY_RECEIVED", "PENDING_RESPONSE", "RECEIVED")  # the seller has to answer or to refund


def _return_id() -> str:
    return new_public_id("ret")


@dataclass(frozen=True, slots=True)
class Promise:
    """What the buyer is told when a return is authorised; `expires_at` empty = it does not expire."""

    at: datetime
    rma: str
    address: dict[str, str]
    return_by: datetime
    expires_at: datetime | None
    merchant_rma: str = ""


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

    public_id = models.CharField(max_length=40, default=_return_id, editable=False)
    status = status_field(Status, Status.PENDING_RESPONSE)
    order = TenantForeignKey("marketplace.Order", on_delete=models.PROTECT, related_name="returns", db_index=False)
    channel = TenantForeignKey("marketplace.SalesChannel", on_delete=models.PROTECT, related_name="+", db_index=False)
    buyer = TenantForeignKey(
        "marketplace.Buyer",
        on_delete=models.PROTECT,
        related_name="returns",
        null=True,
        blank=True,
        db_index=False,
    )
    rma = models.CharField(max_length=40, blank=True)
    merchant_rma = models.CharField(max_length=40, blank=True)
    # What lists show, filter and sort by, copied here so that a page is one index scan.
    order_number = models.CharField(max_length=64)
    first_title = models.CharField(max_length=300, blank=True)
    first_reason_code = models.CharField(max_length=40, blank=True)
    buyer_name = models.CharField(max_length=120, blank=True)
    units = models.PositiveIntegerField(default=0)
    value_minor = models.BigIntegerField(default=0)  # what the buyer paid for these units
    currency = models.CharField(max_length=3)
    is_out_of_policy = models.BooleanField(default=False)
    is_overdue = models.BooleanField(default=False)  # unanswered, and the time to answer has passed
    was_late = models.BooleanField(default=False)  # the answer did not come in time; stays
    policy_note = models.CharField(max_length=300, blank=True)
    submitted_by_kind = models.CharField(max_length=10, choices=ActorKind.choices)
    return_address = models.JSONField(default=dict, blank=True)
    deny_reason_code = models.CharField(max_length=40, blank=True)
    deny_message = models.CharField(max_length=3000, blank=True)
    close_reason = models.CharField(max_length=20, choices=CloseReason.choices, blank=True)
    carrier = models.CharField(max_length=40, blank=True)
    tracking = models.CharField(max_length=80, blank=True)
    requested_at = models.DateTimeField()
    respond_by = models.DateTimeField()  # frozen when asked
    answered_at = models.DateTimeField(null=True, blank=True)  # authorised, denied, closed or refund asked for
    authorised_at = models.DateTimeField(null=True, blank=True)
    return_by = models.DateTimeField(null=True, blank=True)
    expires_at = models.DateTimeField(null=True, blank=True)
    received_at = models.DateTimeField(null=True, blank=True)
    refund_by = models.DateTimeField(null=True, blank=True)
    refunded_at = models.DateTimeField(null=True, blank=True)  # the first refund that arrived
    ended_at = models.DateTimeField(null=True, blank=True)
    # The next deadline that somebody has to keep (answer, post, refund); empty when nobody has to.
    due_at = models.DateTimeField(null=True, blank=True)
    lines_at_hand: list[ReturnLine] | None = None  # set by a service that has just read or made them

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
            models.UniqueConstraint(fields=["public_id", "seller"], name="return_public_id_once"),
            models.UniqueConstraint(fields=["seller", "rma"], condition=~models.Q(rma=""), name="rma_once"),
            models.UniqueConstraint(
                fields=["seller", "carrier", "tracking"], condition=~models.Q(tracking=""), name="tracking_once"
            ),
        ]
        # Every list is one scan of one of these: the conditions are those of selectors.BUCKETS, to the letter.
        indexes: ClassVar = [
            models.Index(fields=["seller", "-requested_at", "-id"], name="return_recent"),
            models.Index(fields=["seller", "status", "-requested_at", "-id"], name="return_by_status"),
            models.Index(fields=["seller", "channel", "-requested_at", "-id"], name="return_by_channel"),
            models.Index(fields=["seller", "first_reason_code", "-requested_at", "-id"], name="return_by_reason"),
            models.Index(
                fields=["seller", "-requested_at", "-id"],
                condition=models.Q(status__in=ALLOWED),
                name="return_allowed",
            ),
            models.Index(
                fields=["seller", "-requested_at", "-id"],
                condition=models.Q(status__in=NOT_ALLOWED),
                name="return_not_allowed",
            ),
            models.Index(
                fields=["seller", "-requested_at", "-id"],
                condition=models.Q(status__in=ENDED),
                name="return_ended",
            ),
            models.Index(
                fields=["seller", "due_at", "id"], condition=models.Q(due_at__isnull=False), name="return_due"
            ),
            models.Index(
                fields=["seller", "due_at", "id"],
                condition=models.Q(status__in=SELLERS_MOVE, due_at__isnull=False),
                name="return_due_from_seller",
            ),
            models.Index(
                fields=["seller", "due_at", "id"],
                condition=models.Q(status__in=BUYERS_MOVE, due_at__isnull=False),
                name="return_due_from_buyer",
            ),
            models.Index(
                fields=["seller", "due_at", "id"],
                condition=models.Q(status__in=ALLOWED, due_at__isnull=False),
                name="return_allowed_due",
            ),
            models.Index(fields=["seller", "order"], name="return_of_order"),
            models.Index(fields=["seller", "buyer", "-requested_at"], name="return_of_buyer"),
            # The sweep, across sellers.
            models.Index(
                fields=["respond_by", "id"],
                condition=models.Q(status="PENDING_RESPONSE", is_overdue=False, answered_at=None),
                name="return_respond_due",
            ),
            models.Index(
                fields=["expires_at", "id"],
                condition=models.Q(status="AUTHORISED", expires_at__isnull=False),
                name="return_expiry_due",
            ),
            # Support's queue, across sellers.
            models.Index(
                fields=["respond_by", "id"],
                condition=models.Q(status="PENDING_RESPONSE", is_overdue=True),
                name="return_overdue",
            ),
            # The figures on Today, day by day.
            models.Index(
                fields=["seller", "answered_at"],
                condition=models.Q(answered_at__isnull=False),
                name="return_answered",
            ),
            models.Index(fields=["seller", "respond_by"], condition=models.Q(was_late=True), name="return_was_late"),
            models.Index(
                fields=["seller", "refunded_at"],
                condition=models.Q(refunded_at__isnull=False),
                name="return_refunded",
            ),
            models.Index(
                fields=["seller", "ended_at"], condition=models.Q(ended_at__isnull=False), name="return_ended_on"
            ),
        ]

    def __str__(self) -> str:
        return self.rma or self.order_number

    @property
    def value(self) -> Money:
        return Money(self.value_minor, self.currency)

    @property
    def is_live(self) -> bool:
        return str(self.status) in LIVE

    # --- the machine, in life-cycle order ---

    @transition(
        source=Status.PENDING_RESPONSE, target=Status.AUTHORISED, actors=[ActorKind.SYSTEM], event="return.authorised"
    )
    def auto_authorise(self, *, promise: Promise) -> None:
        self._answer(promise.at)
        self._promise(promise)

    @transition(source=Status.PENDING_RESPONSE, target=Status.AUTHORISED, actors=DECIDERS, event="return.authorised")
    def authorise(self, *, promise: Promise) -> None:
        self._answer(promise.at)
        self._promise(promise)

    @transition(source=Status.PENDING_RESPONSE, target=Status.DENIED, actors=DECIDERS, event="return.denied")
    def deny(self, *, reason_code: str, message: str, at: datetime) -> None:
        self._answer(at)
        self.deny_reason_code, self.deny_message = reason_code, message
        self._end(at)

    @transition(
        source=Status.PENDING_RESPONSE,
        target=Status.WITHDRAWN,
        actors=[ActorKind.BUYER, ActorKind.SUPPORT],
        event="return.withdrawn",
    )
    def withdraw(self, *, at: datetime) -> None:
        self._end(at)

    @transition(
        source=Status.PENDING_RESPONSE, target=Status.PENDING_RESPONSE, actors=[ActorKind.CLOCK], event="return.overdue"
    )
    def mark_overdue(self) -> None:
        self.is_overdue = self.was_late = True

    @transition(
        source=Status.AUTHORISED,
        target=Status.IN_TRANSIT,
        actors=[ActorKind.BUYER, ActorKind.SELLER, ActorKind.API, ActorKind.SUPPORT, ActorKind.PROVIDER],
        event="return.shipped",
    )
    def ship(self, *, carrier: str, tracking: str) -> None:
        self.carrier, self.tracking = carrier, tracking
        self.expires_at = None

    @transition(
        source=[Status.AUTHORISED, Status.IN_TRANSIT, Status.PARTIALLY_RECEIVED],
        target=[Status.PARTIALLY_RECEIVED, Status.RECEIVED],
        actors=[ActorKind.SELLER, ActorKind.API, ActorKind.SUPPORT],
        event="return.received",
    )
    def receive(self, *, is_complete: bool, at: datetime, refund_by: datetime) -> str:
        is_waited_for = self.status == self.Status.PARTIALLY_RECEIVED and self.due_at is not None
        if not is_waited_for:  # else the deadline of the first parcel stands
            self.refund_by = refund_by
        self.received_at, self.due_at, self.expires_at = at, self.refund_by, None
        return self.Status.RECEIVED if is_complete else self.Status.PARTIALLY_RECEIVED

    @transition(source=LIVE, target=Status.CLOSED, actors=[*DECIDERS, ActorKind.SYSTEM], event="return.closed")
    def close(self, *, reason: str, at: datetime) -> None:
        if self.status == self.Status.PENDING_RESPONSE:
            self._answer(at)
        self.close_reason = reason
        self._end(at)

    @transition(source=Status.AUTHORISED, target=Status.EXPIRED, actors=[ActorKind.CLOCK], event="return.expired")
    def expire(self, *, at: datetime) -> None:
        self._end(at)

    @transition(
        source=[Status.DENIED, Status.EXPIRED, Status.CLOSED],
        target=Status.AUTHORISED,
        actors=DECIDERS,
        event="return.reinstated",
    )
    def reinstate(self, *, promise: Promise) -> None:
        self.deny_reason_code = self.deny_message = self.close_reason = ""
        self.ended_at = None
        self._promise(promise)

    # --- what several moves do to their own row ---

    def _answer(self, at: datetime) -> None:
        """The seller's first answer; late once `respond_by` has passed."""
        if self.answered_at is None:
            self.answered_at, self.was_late = at, self.was_late or at > self.respond_by
        self.is_overdue = False

    def _promise(self, promise: Promise) -> None:
        self.authorised_at, self.return_by, self.due_at = promise.at, promise.return_by, promise.return_by
        self.expires_at, self.return_address = promise.expires_at, promise.address
        self.rma, self.merchant_rma = self.rma or promise.rma, promise.merchant_rma or self.merchant_rma

    def _end(self, at: datetime) -> None:
        self.ended_at, self.is_overdue = at, False
        self.due_at = self.expires_at = None
