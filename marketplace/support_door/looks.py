"""Who may look into which seller's data right now: a reason, thirty minutes, and a row for every page."""

from __future__ import annotations

from datetime import datetime

from django.db import transaction
from django.utils.translation import gettext as _

from marketplace import clock
from marketplace.actors import Actor, ActorKind
from marketplace.deadlines import SUPPORT_LOOK_FOR
from marketplace.errors import Refused
from marketplace.models import Seller, SupportAccess, User

ENDED = "(ended)"
REASON_AT_LEAST = 8


def open_look(user: User, seller: Seller, *, reason: str, path: str = "") -> SupportAccess:
    """Write the reason down, in a commit of its own, before anything is seen."""
    reason = " ".join(reason.split())
    if len(reason) < REASON_AT_LEAST:
        raise Refused(_("Say in a few words why you look into this seller's data."), code="reason_missing")
    now = clock.now()
    return _write(user, seller.pk, reason, path, now, now + SUPPORT_LOOK_FOR)


def current_look(user: User, seller_id: int) -> SupportAccess | None:
    """The look that is open now, or None: none was asked for, it ran out, or it was ended."""
    newest = SupportAccess.objects.filter(user=user, seller_id=seller_id).order_by("-id").first()
    return newest if newest is not None and newest.until > clock.now() else None


def note_page(look: SupportAccess, path: str) -> SupportAccess:
    """One more page of this look, written before it is shown; the end of the look does not move."""
    return _write(look.user, look.seller_id, look.reason, path, clock.now(), look.until)


def end_look(look: SupportAccess) -> SupportAccess:
    now = clock.now()
    return _write(look.user, look.seller_id, look.reason, ENDED, now, now)


def actor_for(user: User, seller_id: int) -> Actor:
    """The support agent as the services and the history know them."""
    return Actor(ActorKind.SUPPORT, f"user:{user.pk}", str(user), seller_id, user_id=user.pk)


def _write(user: User, seller_id: int, reason: str, path: str, at: datetime, until: datetime) -> SupportAccess:
    with transaction.atomic(durable=True):  # inside another transaction it could be rolled back: refuse that
        return SupportAccess.objects.create(
            user=user, seller_id=seller_id, reason=reason[:500], path=path[:300], at=at, until=until
        )
