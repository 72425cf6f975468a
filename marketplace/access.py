"""API keys: made once, shown once, stored as a keyed hash; what a key may do."""

from __future__ import annotations

from datetime import datetime

from django.utils.translation import gettext as _

from marketplace import clock, links
from marketplace.actors import SCOPES, Actor, ActorKind, Permission
from marketplace.errors import Forbidden, NotFound, Refused
from marketplace.ids import random_base62
from marketplace.models import ApiKey
from marketplace.tenancy import current_seller_id

PREFIX = "rk_"


def create_api_key(
    name: str, *, by: Actor, scopes: list[str], expires_at: datetime | None = None
) -> tuple[ApiKey, str]:
    """A new key of the current seller and its secret, which can not be read again."""
    by.require(Permission.KEYS)
    unknown = sorted(set(scopes) - set(SCOPES))
    if unknown or not scopes:
        raise Refused(_("Choose one or more of these scopes: %(scopes)s.") % {"scopes": ", ".join(SCOPES)})
    secret = PREFIX + random_base62(43)
    key = ApiKey.objects.create(
        name=name[:80],
        prefix=secret[:10],
        scopes=sorted(set(scopes)),
        created_by=by.label,
        expires_at=expires_at,
    )
    links.register("api_key", seller_id=current_seller_id(), object_id=key.pk, secret=secret)
    return key, secret


def revoke_api_key(public_id: str, *, by: Actor) -> ApiKey:
    """The key stops working at once."""
    by.require(Permission.KEYS)
    key: ApiKey | None = ApiKey.objects.select_for_update().filter(public_id=public_id).first()
    if key is None:
        raise NotFound
    if key.revoked_at is None:
        key.revoked_at = clock.now()
        key.save(update_fields=["revoked_at"])
        links.revoke("api_key", seller_id=current_seller_id(), object_id=key.pk)
    return key


def actor_of_key(secret: str) -> Actor:
    """The program behind a secret, inside its seller's scope; Forbidden when revoked or expired."""
    target = links.find("api_key", secret)
    key = ApiKey.objects.filter(pk=target.object_id).first() if target else None
    now = clock.now()
    if key is None or key.revoked_at is not None or (key.expires_at is not None and key.expires_at <= now):
        raise Forbidden(_("This API key is not valid any more."), code="key_not_valid")
    if key.last_used_on != now.date():
        ApiKey.objects.filter(pk=key.pk).update(last_used_on=now.date())
    return Actor(
        kind=ActorKind.API,
        id=key.public_id,
        label=key.name,
        seller_id=current_seller_id(),
        scopes=frozenset(key.scopes),
    )
