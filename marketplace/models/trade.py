"""What was sold: channels, buyers, orders and their lines."""

from __future__ import annotations

from typing import Any, ClassVar

from django.db import models
from django.utils.translation import gettext_lazy as _

from marketplace.ids import new_public_id
from marketplace.money import Money
from marketplace.tenancy import Reach, TenantForeignKey, TenantModel


def _order_id() -> str:
    return new_public_id("ord")


def _buyer_id() -> str:
    return new_public_id("buy")


class AutoAuthorise(models.TextChoices):
    """The marketplace's three choices (seed 001): by hand, all, or all that meet the policy."""

    MANUAL = "manual", _("By hand")
    ALL = "all", _("All requests")
    POLICY = "policy", _("Requests that meet the policy")


class GatewayName(models.TextChoices):
    MANUAL = "manual", _("By hand: you pay outside and confirm")
    SANDBOX = "sandbox", _("Sandbox")
    STRIPE = "stripe", _("Stripe")


class SalesChannel(TenantModel):
    """Where the seller sells, and the promises that hold there."""

    code = models.CharField(max_length=40)
    name = models.CharField(max_length=80)
    currency = models.CharField(max_length=3)
    zone = models.CharField(max_length=64, default="UTC")
    language = models.CharField(max_length=10, default="en")
    gateway = models.CharField(max_length=10, choices=GatewayName.choices, default=GatewayName.MANUAL)
    # {name, line1, line2, city, region, postcode, country, phone}
    return_address = models.JSONField(default=dict, blank=True)
    return_instructions = models.CharField(max_length=2000, blank=True)
    return_window_days = models.PositiveSmallIntegerField(default=30)
    auto_authorise = models.CharField(max_length=8, choices=AutoAuthorise.choices, default=AutoAuthorise.MANUAL)
    auto_authorise_days = models.PositiveSmallIntegerField(default=30)

    reach = Reach(system="SELECT", buyer="true")

    class Meta:
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["seller", "code"], name="channel_code_once"),
            models.CheckConstraint(condition=models.Q(auto_authorise_days__lte=30), name="auto_days_at_most_30"),
        ]
        ordering: ClassVar = ["code"]

    def __str__(self) -> str:
        return self.name


class Buyer(TenantModel):
    """Somebody who bought from this seller; the same person at two sellers is two rows."""

    public_id = models.CharField(max_length=40, default=_buyer_id, editable=False)
    alias = models.CharField(max_length=40, blank=True)
    name = models.CharField(max_length=120, blank=True)
    email = models.EmailField(max_length=254, blank=True)
    email_key = models.CharField(max_length=254, blank=True, editable=False)
    language = models.CharField(max_length=10, default="en")
    zone = models.CharField(max_length=64, default="UTC")
    created_at = models.DateTimeField(auto_now_add=True)

    reach = Reach(buyer="id = {buyer}")

    class Meta:
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["public_id", "seller"], name="buyer_public_id_once"),
            models.UniqueConstraint(
                fields=["seller", "email_key"], condition=~models.Q(email_key=""), name="buyer_email_once"
            ),
        ]

    def __str__(self) -> str:
        return self.name or self.alias or self.public_id

    def save(self, *args: Any, **kwargs: Any) -> None:
        self.email_key = self.email.strip().lower()
        super().save(*args, **kwargs)


class Order(TenantModel):
    """One sale. `paid_minor` is everything the buyer paid, in minor units; 0 = not known."""

    public_id = models.CharField(max_length=40, default=_order_id, editable=False)
    channel = TenantForeignKey(SalesChannel, on_delete=models.PROTECT, related_name="orders")
    number = models.CharField(max_length=64)
    number_key = models.CharField(max_length=64, editable=False)
    buyer = TenantForeignKey(Buyer, on_delete=models.PROTECT, related_name="orders", null=True, blank=True)
    status = models.CharField(max_length=40, blank=True)
    purchased_at = models.DateTimeField()
    shipped_at = models.DateTimeField(null=True, blank=True)
    delivered_at = models.DateTimeField(null=True, blank=True)
    currency = models.CharField(max_length=3)
    paid_minor = models.BigIntegerField(default=0)
    shipping_minor = models.BigIntegerField(default=0)
    gateway = models.CharField(max_length=10, choices=GatewayName.choices, blank=True)
    payment_reference = models.CharField(max_length=120, blank=True)
    ship_country = models.CharField(max_length=2, blank=True)
    postcode_hash = models.CharField(max_length=64, blank=True)
    imported_by = TenantForeignKey(
        "marketplace.ImportJob", on_delete=models.PROTECT, related_name="orders", null=True, blank=True
    )
    created_at = models.DateTimeField(auto_now_add=True)
    updated_at = models.DateTimeField(auto_now=True)

    reach = Reach(support="id, seller_id, public_id, number, number_key, created_at", buyer="buyer_id = {buyer}")

    class Meta:
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["public_id", "seller"], name="order_public_id_once"),
            models.UniqueConstraint(fields=["seller", "channel", "number"], name="order_number_once"),
            models.CheckConstraint(condition=models.Q(paid_minor__gte=0), name="order_paid_not_negative"),
        ]
        indexes: ClassVar = [
            models.Index(fields=["seller", "number_key"], name="order_number_key"),
            models.Index(fields=["seller", "-purchased_at", "-id"], name="order_recent"),
            models.Index(fields=["seller", "buyer"], name="order_buyer"),
        ]

    def __str__(self) -> str:
        return self.number

    def save(self, *args: Any, **kwargs: Any) -> None:
        self.number_key = self.number.strip().lower()
        super().save(*args, **kwargs)

    @property
    def paid(self) -> Money:
        return Money(self.paid_minor, self.currency)

    @property
    def gateway_name(self) -> str:
        return self.gateway or self.channel.gateway


class OrderLine(TenantModel):
    """One line of an order; all amounts are for the whole line, in minor units of the order's currency."""

    order = TenantForeignKey(Order, on_delete=models.CASCADE, related_name="lines")
    position = models.PositiveIntegerField(default=1)
    sku = models.CharField(max_length=80)
    asin = models.CharField(max_length=20, blank=True)
    title = models.CharField(max_length=500, blank=True)
    quantity = models.PositiveIntegerField()
    quantity_shipped = models.PositiveIntegerField(default=0)
    item_minor = models.BigIntegerField(default=0)
    tax_minor = models.BigIntegerField(default=0)
    shipping_minor = models.BigIntegerField(default=0)
    shipping_tax_minor = models.BigIntegerField(default=0)
    gift_wrap_minor = models.BigIntegerField(default=0)
    discount_minor = models.BigIntegerField(default=0)  # as a positive figure
    paid_minor = models.BigIntegerField(default=0)
    status = models.CharField(max_length=40, blank=True)
    nth = models.PositiveIntegerField(default=1)  # the nth equal (order, SKU) line of the file
    imported_by = TenantForeignKey(
        "marketplace.ImportJob", on_delete=models.PROTECT, related_name="lines", null=True, blank=True
    )

    reach = Reach(
        buyer="order_id IN (SELECT o.id FROM marketplace_order o WHERE o.buyer_id = {buyer})",
    )

    class Meta:
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["seller", "order", "sku", "nth"], name="order_line_once"),
        ]
        ordering: ClassVar = ["position", "id"]

    def __str__(self) -> str:
        return f"{self.quantity} × {self.title or self.sku}"
