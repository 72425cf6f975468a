"""What every verb of a return asks first: may this actor, is the text in order, and why not any more."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator

from django.utils.translation import gettext as _

from marketplace import clock, times
from marketplace.actors import Actor, ActorKind, Permission
from marketplace.errors import NotFound, Refused, WrongState
from marketplace.models import BuyerLink, Order, StateTransition
from marketplace.tenancy import current_seller_id
from returns.models import ReturnRequest


def allow(by: Actor, permission: Permission, *, reason: str | None = None) -> None:
    """May this actor? Support must say why, each time (`reason`; None = not asked for here)."""
    of_this_seller(by)
    by.require(permission)
    if by.kind == ActorKind.SUPPORT and reason is not None and not reason.strip():
        raise Refused(_("Support gives a reason for everything it does."), code="reason_needed")


def of_this_seller(by: Actor) -> None:
    if by.seller_id is not None and by.seller_id != current_seller_id():
        raise NotFound


def own_order(order: Order, by: Actor) -> None:
    """A buyer sees their own orders, and one that came to them as a gift; any other is not there."""
    of_this_seller(by)
    if by.kind != ActorKind.BUYER:
        return
    if by.buyer_id is None or (order.buyer_id != by.buyer_id and not _has_gift_link(order, by.buyer_id)):
        raise NotFound


def own_return(request: ReturnRequest, by: Actor) -> None:
    """A buyer's return is theirs who asked for it: the giver does not learn of a gift's."""
    of_this_seller(by)
    if by.kind != ActorKind.BUYER:
        return
    if request.buyer_id is None:
        own_order(request.order, by)
    elif request.buyer_id != by.buyer_id:
        raise NotFound


def _has_gift_link(order: Order, buyer_id: int) -> bool:
    links = BuyerLink.objects.filter(order=order, buyer_id=buyer_id, is_gift=True, revoked_at=None)
    return bool(links.filter(expires_at__gt=clock.now()).exists())


def plain(text: str) -> str:
    """Text as it is kept: line breaks as one character, no NUL, trimmed."""
    return text.replace("\r\n", "\n").replace("\r", "\n").replace("\0", "").strip()


def said(text: str, *, limit: int, code: str, empty: str) -> str:
    """A text that must be there and fit."""
    kept = plain(text)
    if not kept:
        raise Refused(empty, code=f"{code}_missing")
    if len(kept) > limit:
        raise Refused(
            _("The text has %(n)s characters; %(limit)s fit.") % {"n": len(kept), "limit": limit},
            code=f"{code}_too_long",
        )
    return kept


def _already(move: str) -> str:
    words = {
        "authorise": _("This return was already authorised by %(who)s, %(when)s. Nothing was changed."),
        "deny": _("This return was already denied by %(who)s, %(when)s. Nothing was changed."),
        "withdraw": _("This return was already withdrawn by %(who)s, %(when)s. Nothing was changed."),
        "ship": _("This return is on its way already, as %(who)s said, %(when)s. Nothing was changed."),
        "receive": _("Units of this return were already received by %(who)s, %(when)s. Nothing was changed."),
        "close": _("This return was already closed by %(who)s, %(when)s. Nothing was changed."),
        "expire": _("This return expired, %(when)s. Nothing was changed."),
        "reinstate": _("This return was reinstated by %(who)s, %(when)s. Nothing was changed."),
    }
    words["auto_authorise"] = words["authorise"]
    return words.get(move, "")


@contextlib.contextmanager
def explained(request: ReturnRequest, by: Actor) -> Iterator[None]:
    """A wrong state is refused with who did what, and when."""
    try:
        yield
    except WrongState as refusal:
        last = StateTransition.objects.filter(machine="return", object_id=request.pk).order_by("-version").first()
        sentence = _already(last.move) if last else ""
        if last is None or not sentence:
            raise
        is_hidden = by.kind == ActorKind.BUYER and last.actor_kind != ActorKind.BUYER
        who = _("the seller") if is_hidden else last.actor_label
        raise WrongState(sentence % {"who": who, "when": times.written(last.at)}, **refusal.details) from refusal
