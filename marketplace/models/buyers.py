"""How a buyer without an account shows who they are: codes, links, and how often one may try."""

from __future__ import annotations

from typing import ClassVar

from django.db import models

from marketplace.ids import new_public_id
from marketplace.models.trade import Buyer, Order
from marketplace.tenancy import Reach, TenantForeignKey, TenantModel


def _code_id() -> str:
    return new_public_id("ask")


class BuyerCode(TenantModel):
    """Somebody asked to be let in. The same row for a right and a wrong pair, so that both take the same way.

    `order` is empty where nothing matched; `buyer` is empty where the order has no address to write to.
    The code is stored as a keyed hash, and empty until the mail with it is written.
    """

    public_id = models.CharField(max_length=40, default=_code_id, editable=False)
    order = TenantForeignKey(Order, on_delete=models.CASCADE, related_name="+", null=True, blank=True)
    buyer = TenantForeignKey(Buyer, on_delete=models.CASCADE, related_name="+", null=True, blank=True)
    is_gift = models.BooleanField(default=False)
    language = models.CharField(max_length=10, blank=True)
    code_hash = models.CharField(max_length=64, blank=True)
    tries = models.PositiveSmallIntegerField(default=0)
    created_at = models.DateTimeField()
    expires_at = models.DateTimeField()
    used_at = models.DateTimeField(null=True, blank=True)

    reach = Reach(system="SELECT, DELETE")

    class Meta:
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["public_id", "seller"], name="code_public_id_once"),
        ]
        indexes: ClassVar = [
            models.Index(fields=["seller", "order"], name="code_of_order"),
            models.Index(fields=["created_at"], name="code_age"),
        ]

    def __str__(self) -> str:
        return self.public_id


class BuyerLink(TenantModel):
    """A link in a mail to a buyer: opens one order, for the address it was sent to, for a time."""

    order = TenantForeignKey(Order, on_delete=models.CASCADE, related_name="+")
    buyer = TenantForeignKey(Buyer, on_delete=models.CASCADE, related_name="+")
    landing = models.CharField(max_length=40, blank=True)  # public id of the return it opens; "" = the order
    is_gift = models.BooleanField(default=False)
    email_hash = models.CharField(max_length=64)  # a new address on the order makes older links worthless
    created_at = models.DateTimeField()
    expires_at = models.DateTimeField()
    revoked_at = models.DateTimeField(null=True, blank=True)

    reach = Reach()

    class Meta:
        indexes: ClassVar = [models.Index(fields=["seller", "order"], name="link_of_order")]

    def __str__(self) -> str:
        return f"{self.order_id} {self.landing}"


class RateWindow(models.Model):
    """How often something was tried in one window of time, over all sellers; keys are keyed hashes."""

    kind = models.CharField(max_length=30)
    key_hash = models.CharField(max_length=64)
    starts_at = models.DateTimeField(db_index=True)
    count = models.PositiveIntegerField(default=0)

    class Meta:
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["kind", "key_hash", "starts_at"], name="rate_window_once")
        ]

    def __str__(self) -> str:
        return f"{self.kind} {self.count}"
