"""API keys: made once, shown once, stored as a keyed hash; what a key may do."""

from __future__ import annotations

import json
from datetime import datetime
from typing import Any

from django.db import connection
from django.utils.translation import gettext as _

from marketplace import clock, links, times
from marketplace.actors import SCOPES, Actor, ActorKind, Permission
from marketplace.deadlines import KEY_OVERLAP
from marketplace.errors import Conflict, Forbidden, NotFound, Refused
from marketplace.ids import random_base62
from marketplace.models import ApiKey
from marketplace.settings_log import Change, record_change
from marketplace.tenancy import Reading, current, current_seller_id

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
    record_change("key", str(key), [Change(_("Scopes"), "–", ", ".join(key.scopes))], by=by)
    return key, secret


def rotate_api_key(public_id: str, *, by: Actor) -> tuple[ApiKey, str]:
    """A successor with the same name and scopes; the old key works for a day more, then ends by itself."""
    by.require(Permission.KEYS)
    key = _locked_key(public_id)
    now = clock.now()
    if key.revoked_at is not None or (key.expires_at is not None and key.expires_at <= now):
        raise Conflict(_("This key has ended already. Make a new one."), code="key_not_valid")
    overlap_ends = now + KEY_OVERLAP
    successor, secret = create_api_key(key.name, by=by, scopes=list(key.scopes), expires_at=key.expires_at)
    key.expires_at = min(key.expires_at or overlap_ends, overlap_ends)
    key.save(update_fields=["expires_at"])
    record_change("key", str(key), [Change(_("Ends"), "–", times.written(key.expires_at))], by=by)
    return successor, secret


def revoke_api_key(public_id: str, *, by: Actor) -> ApiKey:
    """The key stops working at once."""
    by.require(Permission.KEYS)
    key = _locked_key(public_id)
    if key.revoked_at is None:
        key.revoked_at = clock.now()
        key.save(update_fields=["revoked_at"])
        links.revoke("api_key", seller_id=current_seller_id(), object_id=key.pk)
        record_change("key", str(key), [Change(_("Key"), _("working"), _("revoked"))], by=by)
    return key


def _locked_key(public_id: str) -> ApiKey:
    key: ApiKey | None = ApiKey.objects.select_for_update().filter(public_id=public_id).first()
    if key is None:
        raise NotFound
    return key


_KEY_SQL = """
SELECT k.id, k.public_id, k.name, k.scopes, k.last_used_on, k.expires_at, k.revoked_at
FROM marketplace_apikey k WHERE k.seller_id = %s AND k.id = %s
"""


def reading_of_key(seller_id: int, key_id: int) -> Reading:
    """A program's request opens its seller's scope and reads its key in one round trip."""
    return Reading(_KEY_SQL, (seller_id, key_id))


def actor_of_opening() -> Actor:
    """The program behind the key that was read with the scope; Forbidden when it is revoked or has expired."""
    opened = current()
    return _actor_of(opened.opening if opened else None)


def actor_of_key(secret: str) -> Actor:
    """The same for a secret, inside its seller's scope."""
    target = links.find("api_key", secret)
    with connection.cursor() as cursor:
        cursor.execute(_KEY_SQL, [current_seller_id(), target.object_id if target else 0])
        return _actor_of(cursor.fetchone())


def _actor_of(key: tuple[Any, ...] | None) -> Actor:
    pk, public_id, name, scopes, last_used_on, expires_at, revoked_at = key or (None,) * 7
    now = clock.now()
    if pk is None or revoked_at is not None or (expires_at is not None and expires_at <= now):
        raise Forbidden(_("This API key is not valid any more."), code="key_not_valid")
    if last_used_on != now.date():
        ApiKey.objects.filter(pk=pk).update(last_used_on=now.date())
    return Actor(
        kind=ActorKind.API,
        id=public_id,
        label=name,
        seller_id=current_seller_id(),
        scopes=frozenset(json.loads(scopes)),
    )
