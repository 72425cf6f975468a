"""Makes things that the tests start from; states are reached through the services, never set here."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any, TypeVar

import factory
from factory.django import DjangoModelFactory

from marketplace.actors import MemberRole
from marketplace.models import Buyer, Membership, Order, OrderLine, SalesChannel, Seller, User

M = TypeVar("M")

if TYPE_CHECKING:

    class Makes(DjangoModelFactory[M]):
        """A factory that is called gives its model."""

        def __new__(cls, **kwargs: Any) -> M: ...  # type: ignore[misc]

else:
    Makes = DjangoModelFactory

ADDRESS = {
    "name": "Acme Returns",
    "line1": "1 Mill Lane",
    "line2": "",
    "city": "Leeds",
    "region": "",
    "postcode": "LS1 4AB",
    "country": "GB",
    "phone": "+44 113 496 0000",
}
PURCHASED = datetime(2026, 11, 1, 9, 0, tzinfo=UTC)


class SellerFactory(Makes[Seller]):
    class Meta:
        model = Seller
        django_get_or_create = ("slug",)

    slug = factory.Sequence(lambda n: f"seller-{n}")
    name = factory.LazyAttribute(lambda o: o.slug.title())
    contact_email = factory.LazyAttribute(lambda o: f"contact@{o.slug}.example")
    requires_second_factor = False


class UserFactory(Makes[User]):
    class Meta:
        model = User
        skip_postgeneration_save = True

    email = factory.Sequence(lambda n: f"person{n}@example.com")
    name = factory.Sequence(lambda n: f"Person {n}")

    @factory.post_generation
    def password(self: Any, create: bool, extracted: str | None, **kwargs: Any) -> None:
        if extracted:
            self.set_password(extracted)
            self.save(update_fields=["password"])


class MembershipFactory(Makes[Membership]):
    class Meta:
        model = Membership

    seller = factory.SubFactory(SellerFactory)
    user = factory.SubFactory(UserFactory)
    role = MemberRole.OWNER


# The factories below need the scope of their seller: with tenancy.scope(seller.pk): ...


class SalesChannelFactory(Makes[SalesChannel]):
    class Meta:
        model = SalesChannel
        django_get_or_create = ("code",)

    code = "amazon.co.uk"
    name = "Amazon.co.uk"
    currency = "GBP"
    zone = "Europe/London"
    gateway = "sandbox"
    return_address = factory.LazyFunction(lambda: dict(ADDRESS))


class BuyerFactory(Makes[Buyer]):
    class Meta:
        model = Buyer

    name = "Lena Buyer"
    email = factory.Sequence(lambda n: f"lena{n}@buyers.example")
    zone = "Europe/London"


class OrderFactory(Makes[Order]):
    """An order of 100.00 with one line of two shipped units, unless `lines` says otherwise.

    `lines=[{"sku": "A", "quantity": 1, "item_minor": 1000}, ...]`; paid_minor of a line and the order follow.
    """

    class Meta:
        model = Order
        skip_postgeneration_save = True

    channel = factory.SubFactory(SalesChannelFactory)
    buyer = factory.SubFactory(BuyerFactory)
    number = factory.Sequence(lambda n: f"202-{n:07d}-0000001")
    status = "Shipped"
    purchased_at = PURCHASED
    shipped_at = factory.LazyAttribute(lambda o: o.purchased_at + timedelta(days=1))
    delivered_at = factory.LazyAttribute(lambda o: o.purchased_at + timedelta(days=3))
    currency = factory.LazyAttribute(lambda o: o.channel.currency)
    payment_reference = factory.LazyAttribute(lambda o: f"pay_{o.number}")

    @factory.post_generation
    def lines(self: Any, create: bool, extracted: list[dict[str, Any]] | None, **kwargs: Any) -> None:
        specs = extracted if extracted is not None else [{"sku": "LAMP-1", "quantity": 2, "item_minor": 10_000}]
        paid = shipping = 0
        for position, spec in enumerate(specs, start=1):
            line = {
                "position": position,
                "title": spec.get("title", f"Thing {spec['sku']}"),
                "asin": "B09KXVBD7Z",
                "quantity_shipped": spec.get("quantity_shipped", spec["quantity"]),
                **spec,
            }
            amounts = ("item_minor", "tax_minor", "shipping_minor", "shipping_tax_minor", "gift_wrap_minor")
            line.setdefault("paid_minor", sum(line.get(a, 0) for a in amounts) - line.get("discount_minor", 0))
            OrderLine.objects.create(order=self, seller_id=self.seller_id, **line)
            paid += line["paid_minor"]
            shipping += line.get("shipping_minor", 0)
        self.paid_minor, self.shipping_minor = paid, shipping
        self.save(update_fields=["paid_minor", "shipping_minor"])
