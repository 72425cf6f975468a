"""What happens when a program makes an order, or a seller names its buyer."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime

from django.db import IntegrityError, transaction
from django.utils.translation import gettext as _

from marketplace import clock
from marketplace.actors import Actor, Permission
from marketplace.errors import Conflict, NotFound, Refused
from marketplace.models import Buyer, Order, OrderLine, SalesChannel
from marketplace.money import LARGEST, MoneyError, exponent


@dataclass(frozen=True, slots=True)
class LineSpec:
    """One line; amounts in minor units for the whole line, `discount_minor` positive."""

    sku: str
    quantity: int
    title: str = ""
    asin: str = ""
    quantity_shipped: int | None = None
    item_minor: int = 0
    tax_minor: int = 0
    shipping_minor: int = 0
    discount_minor: int = 0

    @property
    def paid_minor(self) -> int:
        return self.item_minor + self.tax_minor + self.shipping_minor - self.discount_minor


@dataclass(frozen=True, slots=True)
class OrderSpec:
    channel: str
    number: str
    purchased_at: datetime
    currency: str
    lines: list[LineSpec] = field(default_factory=list)
    status: str = "Shipped"
    shipped_at: datetime | None = None
    delivered_at: datetime | None = None
    payment_reference: str = ""
    ship_country: str = ""
    buyer_email: str = ""
    buyer_name: str = ""
    buyer_language: str = "en"
    buyer_zone: str = "UTC"


def create_order(spec: OrderSpec, *, by: Actor) -> Order:
    """An order with its lines, once per (channel, number); what the buyer paid is the sum of the lines."""
    by.require(Permission.IMPORT)
    channel = SalesChannel.objects.filter(code=spec.channel).first()
    if channel is None:
        raise Refused(_("There is no sales channel %(code)s.") % {"code": spec.channel}, code="unknown_channel")
    _check(spec)
    order = Order(
        channel=channel,
        number=spec.number,
        buyer=buyer_for(spec.buyer_email, spec.buyer_name, spec.buyer_language, spec.buyer_zone),
        status=spec.status,
        purchased_at=spec.purchased_at,
        shipped_at=spec.shipped_at,
        delivered_at=spec.delivered_at,
        currency=spec.currency,
        paid_minor=sum(line.paid_minor for line in spec.lines),
        shipping_minor=sum(line.shipping_minor for line in spec.lines),
        payment_reference=spec.payment_reference,
        ship_country=spec.ship_country,
    )
    try:
        with transaction.atomic():
            order.save()
    except IntegrityError as error:
        raise Conflict(
            _("Order %(number)s of this channel is here already.") % {"number": spec.number}, code="order_exists"
        ) from error
    seen: dict[str, int] = {}
    for position, line in enumerate(spec.lines, start=1):
        seen[line.sku] = seen.get(line.sku, 0) + 1
        shipped = line.quantity if line.quantity_shipped is None else line.quantity_shipped
        OrderLine.objects.create(
            order=order,
            position=position,
            sku=line.sku,
            asin=line.asin,
            title=line.title,
            quantity=line.quantity,
            quantity_shipped=shipped if spec.shipped_at or spec.delivered_at else 0,
            item_minor=line.item_minor,
            tax_minor=line.tax_minor,
            shipping_minor=line.shipping_minor,
            discount_minor=line.discount_minor,
            paid_minor=line.paid_minor,
            status=spec.status,
            nth=seen[line.sku],
        )
    return order


def _check(spec: OrderSpec) -> None:
    try:
        exponent(spec.currency)
    except MoneyError as error:
        raise Refused(str(error), code="unknown_currency") from error
    if not spec.lines:
        raise Refused(_("An order has at least one line."), code="no_lines")
    for line in spec.lines:
        if line.paid_minor < 0 or line.paid_minor > LARGEST // 1000:
            raise Refused(
                _("Line %(sku)s: the discount is larger than what was paid, or the amount is too large.")
                % {"sku": line.sku},
                code="line_amount",
            )
        if (line.quantity_shipped or 0) > line.quantity:
            raise Refused(_("Line %(sku)s: more units shipped than bought.") % {"sku": line.sku}, code="line_quantity")


def buyer_for(email: str, name: str = "", language: str = "en", zone: str = "UTC") -> Buyer | None:
    """This seller's buyer with that address, made if there is none; None without an address."""
    key = email.strip().lower()
    if not key:
        return None
    buyer: Buyer | None = Buyer.objects.filter(email_key=key).first()
    if buyer is None:
        buyer, _made = Buyer.objects.get_or_create(
            email_key=key, defaults={"email": email.strip(), "name": name, "language": language, "zone": zone}
        )
    return buyer


def order_named(public_id: str) -> Order:
    """One order of the current seller; NotFound otherwise."""
    order: Order | None = (
        Order.objects.select_related("channel", "buyer").prefetch_related("lines").filter(public_id=public_id).first()
    )
    if order is None:
        raise NotFound
    return order


def mark_shipped(public_id: str, *, by: Actor, shipped_at: datetime | None = None) -> Order:
    """All units of the order have left; its items can be returned from now on."""
    by.require(Permission.IMPORT)
    order: Order | None = Order.objects.select_for_update().filter(public_id=public_id).first()
    if order is None:
        raise NotFound
    if order.shipped_at is None:
        order.shipped_at = shipped_at or clock.now()
        order.status = "Shipped"
        order.save(update_fields=["shipped_at", "status", "updated_at"])
        for line in order.lines.all():
            line.quantity_shipped = line.quantity
            line.save(update_fields=["quantity_shipped"])
    return order
