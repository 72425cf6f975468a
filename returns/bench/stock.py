"""What the bench works on: sellers with a key each, orders to be returned, and rows by the million."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta

from marketplace import access, clock
from marketplace.actors import SCOPES, Actor, ActorKind, MemberRole
from marketplace.models import Buyer, Membership, Order, OrderLine, SalesChannel, Seller, User
from marketplace.tenancy import scope

ADDRESS = {
    "name": "Returns",
    "line1": "1 Mill Lane",
    "city": "Leeds",
    "postcode": "LS1 4AB",
    "country": "GB",
}
PRICE = 2_490


@dataclass(frozen=True, slots=True)
class Shop:
    """A seller with a program's key, the owner's account, and a channel that is paid through the sandbox."""

    seller_id: int
    slug: str
    channel_id: int
    buyer_id: int
    user_id: int
    secret: str


@dataclass(frozen=True, slots=True)
class Sale:
    """An order of one unit that somebody will want to return."""

    shop: Shop
    public_id: str
    line_id: int


def open_shop(slug: str) -> Shop:
    seller = Seller.objects.create(
        slug=slug, name=slug.title(), contact_email=f"hello@{slug}.example", requires_second_factor=False
    )
    user = User.objects.create(email=f"owner@{slug}.example", name="Owner")
    Membership.objects.create(seller=seller, user=user, role=MemberRole.OWNER)
    owner = Actor(ActorKind.SELLER, f"user:{user.pk}", "Owner", seller.pk, role=MemberRole.OWNER, user_id=user.pk)
    with scope(seller.pk):
        _key, secret = access.create_api_key("Bench", by=owner, scopes=list(SCOPES))
        channel = SalesChannel.objects.create(
            code="bench.example",
            name="Bench",
            currency="GBP",
            zone="Europe/London",
            gateway="sandbox",
            return_address=ADDRESS,
        )
        buyer = Buyer.objects.create(name="Lena Buyer", email=f"lena@{slug}-buyers.example")
    return Shop(seller.pk, slug, channel.pk, buyer.pk, user.pk, secret)


def sell(shop: Shop, count: int, *, prefix: str) -> list[Sale]:
    """So many delivered orders of one line and one unit."""
    with scope(shop.seller_id):
        now = clock.now()
        orders = Order.objects.bulk_create(
            [
                Order(
                    channel_id=shop.channel_id,
                    buyer_id=shop.buyer_id,
                    number=f"{prefix}-{number:07d}",
                    number_key=f"{prefix}-{number:07d}",
                    status="Shipped",
                    purchased_at=now - timedelta(days=9),
                    shipped_at=now - timedelta(days=8),
                    delivered_at=now - timedelta(days=6),
                    currency="GBP",
                    paid_minor=PRICE,
                    payment_reference=f"pay-{shop.slug}-{prefix}-{number}",
                )
                for number in range(count)
            ]
        )
        lines = OrderLine.objects.bulk_create(
            [
                OrderLine(
                    order=order,
                    sku="KET-17-STEEL",
                    title="Electric kettle 1.7 l, brushed steel",
                    quantity=1,
                    quantity_shipped=1,
                    item_minor=PRICE - 415,
                    tax_minor=415,
                    paid_minor=PRICE,
                )
                for order in orders
            ]
        )
    return [Sale(shop, order.public_id, line.pk) for order, line in zip(orders, lines, strict=True)]
