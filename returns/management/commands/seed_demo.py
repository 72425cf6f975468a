"""Fill an empty database with two shops in the middle of their day; every step through the services."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

import requests
from django.conf import settings
from django.core.management.base import BaseCommand, CommandError

from marketplace import access, clock
from marketplace.actors import SCOPES, Actor, ActorKind, MemberRole
from marketplace.middleware import actor_of_member
from marketplace.models import Membership, Order, SalesChannel, Seller, User
from marketplace.orders.services import LineSpec, OrderSpec, create_order
from marketplace.tenancy import scope
from returns import demo_data, services
from returns.demo_data import BUYERS, PASSWORD, SHOPS, STORIES, ChannelSpec, ShopSpec, Story, Thing
from returns.models import ReturnRequest


@dataclass
class Shop:
    spec: ShopSpec
    seller: Seller
    owner: Actor
    channels: dict[str, SalesChannel] = field(default_factory=dict)


class Command(BaseCommand):
    help = __doc__ or ""

    def handle(self, *args: Any, **options: Any) -> None:
        if Seller.objects.filter(slug__in=[spec.slug for spec in SHOPS]).exists():
            raise CommandError("The demo's shops are here already. `manage.py demo --fresh` starts over.")
        logins: list[dict[str, str]] = []
        keys: dict[str, str] = {}
        both = self._person("sam@both.example", "Sam Both")
        for spec in SHOPS:
            shop = self._shop(spec, logins)
            Membership.objects.create(seller=shop.seller, user=both, role=MemberRole.MANAGER)
            with scope(shop.seller.pk):
                _key, keys[spec.slug] = access.create_api_key("Demo program", by=shop.owner, scopes=list(SCOPES))
                self._channels(shop)
            stories = STORIES if spec is demo_data.ACME else STORIES[1:14]
            for number in range(26):
                days = stories[number].hours_ago / 24 + 6 if number < len(stories) else 5 + number % 7
                self._order(shop, number, days)
            for number, story in enumerate(stories):
                self._tell(shop, number, story)
            self.stdout.write(f"{spec.name}: orders and returns are in.")
        logins.append(_login("acme and globex", "manager", both))
        agent = self._person("support@redress.example", "Robin Support", is_staff=True)
        logins.append(_login("", "support", agent))
        accounts = settings.VAR_DIR / "demo.json"
        accounts.write_text(json.dumps({"logins": logins, "api_keys": keys}, indent=2))
        accounts.chmod(0o600)

    def _person(self, email: str, name: str, **more: Any) -> User:
        return User.objects.create_user(email, PASSWORD, name=name, zone="Europe/London", **more)

    def _shop(self, spec: ShopSpec, logins: list[dict[str, str]]) -> Shop:
        seller = Seller.objects.create(
            slug=spec.slug,
            name=spec.name,
            zone=spec.zone,
            contact_email=f"hello@{spec.slug}.example",
            # So that a newcomer can walk through; the owner switches it on under Settings > Security.
            requires_second_factor=False,
        )
        owner = None
        people = (
            (MemberRole.OWNER, "owner", "Alex Owner"),
            (MemberRole.FINANCE, "finance", "Fay Finance"),
            (MemberRole.READONLY, "mate", "Maxi Mate"),
        )
        for role, word, name in people:
            user = self._person(f"{word}@{spec.slug}.example", name)
            membership = Membership.objects.create(seller=seller, user=user, role=role)
            logins.append(_login(spec.slug, role.value, user))
            owner = owner or actor_of_member(membership, has_second_factor=True)
        assert owner  # noqa: S101
        return Shop(spec, seller, owner)

    def _channels(self, shop: Shop) -> None:
        for each in shop.spec.channels:
            shop.channels[each.code] = SalesChannel.objects.create(
                code=each.code,
                name=each.name,
                currency=each.currency,
                zone=each.zone,
                language=each.language,
                gateway=each.gateway,
                auto_authorise=each.auto_authorise,
                return_address=shop.spec.address,
                return_instructions="Put the slip into the parcel and keep the receipt of the post office.",
            )

    def _order(self, shop: Shop, number: int, days_ago: float) -> None:
        """An order: one or two things, by a buyer with an address that the demo's mailbox gets."""
        channel = shop.spec.channels[number % len(shop.spec.channels)]
        things = shop.spec.things
        first, family, language = BUYERS[number % len(BUYERS)]
        with scope(shop.seller.pk):
            bought = clock.now() - timedelta(days=days_ago, hours=number % 5)
            lines = [_line(things[number % len(things)], 1 + number % 2)]
            if number % 3 == 0:
                lines.append(_line(things[(number + 3) % len(things)], 1))
            spec = OrderSpec(
                channel=channel.code,
                number=_order_number(channel, number),
                purchased_at=bought,
                shipped_at=bought + timedelta(days=1),
                delivered_at=bought + timedelta(days=3),
                currency=channel.currency,
                lines=lines,
                payment_reference=_payment(shop, channel, number, sum(line.paid_minor for line in lines)),
                ship_country="DE" if channel.code.endswith(".de") else "GB",
                buyer_email=f"{first}.{family}@buyers.example".lower(),
                buyer_name=f"{first} {family}",
                buyer_language=language,
                buyer_zone="Europe/Berlin" if language == "de" else "Europe/London",
            )
            create_order(spec, by=shop.owner)

    def _tell(self, shop: Shop, number: int, story: Story) -> None:
        with scope(shop.seller.pk):
            order = Order.objects.order_by("id")[number]
            now, buyer = clock.now(), _buyer_of(order)
        asked = now - timedelta(hours=story.hours_ago)
        with scope(shop.seller.pk), clock.override(asked):
            line = order.lines.order_by("position")[0]
            ask = services.LineAsk(line.pk, min(story.quantity, line.quantity), story.reason_code, story.comment)
            request = services.submit_return(order.public_id, by=buyer, lines=[ask])
        if story.ends == "asked":
            return
        with scope(shop.seller.pk):
            self._go_on(shop, request.public_id, story, asked, now, buyer)

    def _go_on(self, shop: Shop, public_id: str, story: Story, asked: datetime, now: datetime, buyer: Actor) -> None:
        owner = shop.owner
        is_open = ReturnRequest.objects.get(public_id=public_id).status == "PENDING_RESPONSE"
        if story.ends in {"withdrawn", "denied"} and not is_open:
            return  # this channel authorises by itself
        with clock.override(asked + timedelta(hours=5)):
            if story.ends == "withdrawn":
                services.withdraw_return(public_id, by=buyer)
            elif story.ends == "denied":
                message = "Thank you for your message. This item fits the models listed on its page; yours is another."
                services.deny_return(public_id, by=owner, reason_code="OTHER", message=message)
            elif story.ends == "returnless":
                services.refund_return(public_id, by=owner, client_token=f"demo-{public_id}", reason_text="Parts lost")
            elif is_open:
                services.authorise_return(public_id, by=owner)
        if story.ends in {"shipped", "part", "received", "refunded"}:
            with clock.override(asked + timedelta(hours=30)):
                services.ship_return(public_id, by=buyer, carrier="Royal Mail", tracking=f"RM{public_id[-9:]}GB")
        if story.ends in {"part", "received", "refunded"}:
            line = ReturnRequest.objects.get(public_id=public_id).lines.get()
            units = 1 if story.ends == "part" else line.quantity
            with clock.override(asked + timedelta(hours=min(100, story.hours_ago - 20))):
                services.receive_return(public_id, by=owner, units=[services.ReceivedAsk(line.pk, "SELLABLE", units)])
        if story.ends == "refunded":
            with clock.override(asked + timedelta(hours=min(130, story.hours_ago - 5))):
                services.refund_return(public_id, by=owner, client_token=f"demo-{public_id}")


def _login(seller: str, role: str, user: User) -> dict[str, str]:
    return {"seller": seller, "role": role, "email": user.email, "password": PASSWORD}


def _line(thing: Thing, quantity: int) -> LineSpec:
    return LineSpec(
        sku=thing.sku,
        asin=thing.asin,
        title=thing.title,
        quantity=quantity,
        item_minor=thing.minor * quantity,
        shipping_minor=395 if thing.minor < 3000 else 0,
    )


def _order_number(channel: ChannelSpec, number: int) -> str:
    if channel.code.startswith("amazon"):
        return f"{202 + number % 3}-{4841771 + number * 7919 % 999999:07d}-{1000003 + number * 104729 % 8999999:07d}"
    return f"ACME-{10400 + number}"


def _buyer_of(order: Order) -> Actor:
    buyer = order.buyer
    return Actor(ActorKind.BUYER, buyer.public_id, str(buyer), order.seller_id, buyer_id=buyer.pk)


def _payment(shop: Shop, channel: ChannelSpec, number: int, minor: int) -> str:
    """A payment that can be refunded: the sandbox knows its own, Stripe's slice gives an id."""
    if channel.gateway != "stripe" or not settings.STRIPE_API_BASE:
        return f"{shop.spec.slug}-{number:04d}"
    answer = requests.post(
        f"{settings.STRIPE_API_BASE}/v1/payment_intents",
        data={
            "amount": minor,
            "currency": channel.currency.lower(),
            "confirm": "true",
            "payment_method": "pm_card_visa",
        },
        headers={"Authorization": f"Bearer {settings.STRIPE_API_KEY}"},
        timeout=10,
    )
    answer.raise_for_status()
    return str(answer.json()["id"])
