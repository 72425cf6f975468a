"""Who is looking at a buyer's page: a signed cookie made by a code or a link, and checked against the database."""

from __future__ import annotations

import contextlib
import json
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from django.conf import settings
from django.core.signing import BadSignature, Signer
from django.http import HttpRequest
from django.http.response import HttpResponseBase

from marketplace import clock
from marketplace.actors import Actor, ActorKind
from marketplace.buyers import link_is_valid
from marketplace.models import Buyer, BuyerCode, BuyerLink, Seller
from marketplace.tenancy import Role, current_seller_id, key_hash, key_hashes, scope

CODE_SESSION = timedelta(hours=1)  # opens all orders of the buyer at this seller
LINK_SESSION = timedelta(hours=12)  # opens one order
ASK_LIVES = timedelta(minutes=15)  # how long the page that takes the code remembers what was asked


@dataclass(frozen=True, slots=True)
class BuyerSession:
    """`order_id` None = all orders of this buyer: a code proves the address, a link may have been passed on."""

    buyer: Buyer
    order_id: int | None
    is_gift: bool
    until: datetime
    link: BuyerLink | None = None

    @property
    def actor(self) -> Actor:
        return Actor(
            kind=ActorKind.BUYER,
            id=self.buyer.public_id,
            label=str(self.buyer),
            seller_id=self.buyer.seller_id,
            buyer_id=self.buyer.pk,
        )

    def may_open(self, order_id: int) -> bool:
        return self.order_id in {None, order_id}

    @contextlib.contextmanager
    def reading(self) -> Iterator[None]:
        """As redress_buyer, who sees this buyer's few rows only. A gift's order is not the reader's own:
        it is read in the seller's scope, by the one order that the link names."""
        if self.is_gift:
            yield
            return
        with scope(current_seller_id(), role=Role.BUYER, buyer_id=self.buyer.pk):
            yield

    @property
    def masked_email(self) -> str:
        """ "l•••@buyers.example": enough to know which of one's addresses it is."""
        local, _at, domain = self.buyer.email.rpartition("@")
        return f"{local[:1]}•••@{domain}"


# --- the cookie --------------------------------------------------------------------------------------


def open_by_code(response: HttpResponseBase, buyer: Buyer, *, seller: Seller) -> None:
    _set(response, seller, buyer, lives=CODE_SESSION)


def open_by_link(response: HttpResponseBase, link: BuyerLink, *, seller: Seller) -> None:
    _set(response, seller, link.buyer, lives=LINK_SESSION, link=link)


def close(response: HttpResponseBase, *, seller: Seller) -> None:
    response.delete_cookie(_name("buyer", seller), path="/")
    response.delete_cookie(_name("ask", seller), path="/")


def session_of(request: HttpRequest, *, seller: Seller) -> BuyerSession | None:
    """The session behind the cookie, if it is ours, in time, and the address is still the buyer's."""
    found = _read(request, "buyer", seller)
    if found is None:
        return None
    until = datetime.fromtimestamp(float(found["until"]), UTC)
    buyer: Buyer | None = Buyer.objects.filter(pk=found["buyer"]).first()
    if buyer is None or clock.now() >= until or found["email"] not in _hashes(buyer):
        return None
    if not found["link"]:
        return BuyerSession(buyer, None, is_gift=False, until=until)
    link: BuyerLink | None = (
        BuyerLink.objects.select_related("buyer", "order").filter(pk=found["link"], buyer=buyer).first()
    )
    if link is None or not link_is_valid(link):
        return None
    return BuyerSession(buyer, link.order_id, is_gift=link.is_gift, until=until, link=link)


def remember_ask(response: HttpResponseBase, ask: BuyerCode, *, seller: Seller) -> None:
    _write(response, "ask", seller, {"ask": ask.public_id}, ASK_LIVES)


def asked(request: HttpRequest, *, seller: Seller) -> str:
    """The public id of what this browser asked for last, or an empty text."""
    found = _read(request, "ask", seller)
    return str(found["ask"]) if found else ""


def _set(
    response: HttpResponseBase, seller: Seller, buyer: Buyer, *, lives: timedelta, link: BuyerLink | None = None
) -> None:
    content = {
        "buyer": buyer.pk,
        "email": key_hash("buyer_email", buyer.email_key),
        "link": link.pk if link else 0,
        "until": int((clock.now() + lives).timestamp()),
    }
    _write(response, "buyer", seller, content, lives)


def _hashes(buyer: Buyer) -> list[str]:
    return key_hashes("buyer_email", buyer.email_key)


def _name(kind: str, seller: Seller) -> str:
    return f"{'__Host-' if settings.IS_HTTPS else ''}redress_{kind}_{seller.pk}"


def _signer(kind: str, seller: Seller) -> Signer:
    return Signer(salt=f"redress.{kind}.{seller.pk}")


def _write(response: HttpResponseBase, kind: str, seller: Seller, content: dict[str, object], lives: timedelta) -> None:
    response.set_cookie(
        _name(kind, seller),
        _signer(kind, seller).sign_object(content),
        max_age=int(lives.total_seconds()),
        path="/",
        secure=settings.IS_HTTPS,
        httponly=True,
        samesite="Lax",
    )


def _read(request: HttpRequest, kind: str, seller: Seller) -> dict[str, int | str] | None:
    try:
        found = _signer(kind, seller).unsign_object(request.COOKIES.get(_name(kind, seller), ""))
    except (BadSignature, json.JSONDecodeError, ValueError):
        return None
    return found if isinstance(found, dict) else None
