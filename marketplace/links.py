"""Secrets that travel in links: 256 bits, stored as a keyed hash, resolved before any tenant is set."""

from __future__ import annotations

import secrets
from dataclasses import dataclass

from marketplace.models import Route
from marketplace.prepared import OneOf, Prepared, given
from marketplace.tenancy import key_hash, key_hashes


@dataclass(frozen=True, slots=True)
class Target:
    seller_id: int
    object_id: int


def new_secret() -> str:
    return secrets.token_urlsafe(32)


def register(kind: str, *, seller_id: int, object_id: int = 0, secret: str = "") -> str:
    """Store the way from a secret to (seller, object); returns the secret, which is kept nowhere else."""
    secret = secret or new_secret()
    Route.objects.update_or_create(
        kind=kind, key_hash=key_hash(kind, secret), defaults={"seller_id": seller_id, "object_id": object_id}
    )
    return secret


_route: Prepared[Route] = Prepared(
    lambda: Route.objects.select_related("seller").filter(OneOf("key_hash", "hashes"), kind=given("kind"))
)


def route_of(kind: str, secret: str) -> Route | None:
    """The way from a secret, with the seller at hand; None if unknown."""
    found: Route | None = _route.first(kind=kind, hashes=key_hashes(kind, secret))
    return found


def find(kind: str, secret: str) -> Target | None:
    route = route_of(kind, secret)
    return Target(route.seller_id, route.object_id) if route else None


def revoke(kind: str, *, seller_id: int, object_id: int) -> None:
    Route.objects.filter(kind=kind, seller_id=seller_id, object_id=object_id).delete()
