"""The fixed cast of the tests: the owner, the read-only mate, the stranger of another seller, the buyer, support.

Actors are plain values; the world is two sellers with one order each, made in their own scopes.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import pytest

from marketplace.actors import Actor, ActorKind, MemberRole
from marketplace.middleware import actor_of_member
from marketplace.models import Buyer, Membership, Order, SalesChannel, Seller, User
from marketplace.tenancy import scope
from tests.factories import (
    BuyerFactory,
    MembershipFactory,
    OrderFactory,
    SalesChannelFactory,
    SellerFactory,
    UserFactory,
)


@dataclass
class Shop:
    """One seller with people, a channel, a buyer and an order of 100.00 (two shipped units)."""

    seller: Seller
    channel: SalesChannel
    buyer: Buyer
    order: Order
    people: dict[MemberRole, Membership]

    def actor(self, role: MemberRole = MemberRole.OWNER) -> Actor:
        return actor_of_member(self.people[role], has_second_factor=True)

    @property
    def buyer_actor(self) -> Actor:
        return Actor(
            kind=ActorKind.BUYER,
            id=self.buyer.public_id,
            label=str(self.buyer),
            seller_id=self.seller.pk,
            buyer_id=self.buyer.pk,
        )


def open_shop(slug: str) -> Shop:
    seller = SellerFactory(slug=slug, name=slug.title())
    people = {
        role: MembershipFactory(seller=seller, user=UserFactory(email=f"{role.value}@{slug}.example"), role=role.value)
        for role in MemberRole
    }
    with scope(seller.pk):
        channel = SalesChannelFactory()
        buyer = BuyerFactory(email=f"lena@{slug}-buyers.example")
        order = OrderFactory(channel=channel, buyer=buyer)
    return Shop(seller, channel, buyer, order, people)


@pytest.fixture
def acme(db: None) -> Shop:
    return open_shop("acme")


@pytest.fixture
def globex(db: None) -> Shop:
    return open_shop("globex")


@pytest.fixture
def in_acme(acme: Shop) -> Iterator[Shop]:
    """Inside acme's scope for the whole test."""
    with scope(acme.seller.pk):
        yield acme


@pytest.fixture
def owner(acme: Shop) -> Actor:
    return acme.actor(MemberRole.OWNER)


@pytest.fixture
def mate(acme: Shop) -> Actor:
    """May read, may not act."""
    return acme.actor(MemberRole.READONLY)


@pytest.fixture
def stranger(globex: Shop) -> Actor:
    """The owner of another seller."""
    return globex.actor(MemberRole.OWNER)


@pytest.fixture
def buyer(acme: Shop) -> Actor:
    return acme.buyer_actor


@pytest.fixture
def program(acme: Shop) -> Actor:
    scopes = frozenset({"orders:read", "orders:write", "returns:read", "returns:write", "refunds:read"})
    return Actor(ActorKind.API, "key-test", "Test key", acme.seller.pk, scopes=scopes | {"refunds:write"})


@pytest.fixture
def support_agent(db: None) -> User:
    user: User = UserFactory(email="support@redress.example", is_staff=True)
    return user


@pytest.fixture
def support(support_agent: User, acme: Shop) -> Actor:
    return Actor(
        ActorKind.SUPPORT,
        f"user:{support_agent.pk}",
        str(support_agent),
        acme.seller.pk,
        user_id=support_agent.pk,
    )
