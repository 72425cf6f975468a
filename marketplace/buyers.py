"""How a buyer is reached: the links in their mails, and how a seller names the buyer of an order."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from django.conf import settings
from django.utils.translation import gettext as _

from marketplace import clock, events, links
from marketplace.actors import Actor, Permission
from marketplace.buyer_codes import CODES_PER_ADDRESS, CODES_PER_ORDER
from marketplace.errors import Conflict, NotFound, Refused
from marketplace.limits import take
from marketplace.mail_message import Unsendable, plain_address
from marketplace.models import Buyer, BuyerCode, BuyerLink, Order, Seller
from marketplace.notifications import Recipient, buyer_recipient, notify, shop_path
from marketplace.orders.services import buyer_for
from marketplace.tenancy import current_seller_id, key_hash, key_hashes

LINK_LIVES = timedelta(days=180)
LINK_KIND = "buyer_link"


# --- links -------------------------------------------------------------------------------------------


def buyer_link(order: Order, *, buyer: Buyer, landing: str = "", is_gift: bool = False) -> str:
    """A new link for a mail to this buyer: opens this order, or the return named by `landing`."""
    now = clock.now()
    link = BuyerLink.objects.create(
        order=order,
        buyer=buyer,
        landing=landing,
        is_gift=is_gift,
        email_hash=key_hash("buyer_email", buyer.email_key),
        created_at=now,
        expires_at=now + LINK_LIVES,
    )
    token = links.register(LINK_KIND, seller_id=current_seller_id(), object_id=link.pk)
    return f"{settings.BASE_URL}{shop_path('buyer:link', token)}"


def link_behind(token: str) -> BuyerLink | None:
    """The link of the current seller that a token opens, while it lives and the address is still the same."""
    target = links.find(LINK_KIND, token)
    if target is None or target.seller_id != current_seller_id():
        return None
    link: BuyerLink | None = BuyerLink.objects.select_related("buyer", "order").filter(pk=target.object_id).first()
    return link if link is not None and link_is_valid(link) else None


def link_is_valid(link: BuyerLink) -> bool:
    """Not revoked, not too old, sent to the address that the buyer still has, of an order that is still theirs."""
    return (
        link.revoked_at is None
        and clock.now() < link.expires_at
        and link.email_hash in key_hashes("buyer_email", link.buyer.email_key)
        and (link.is_gift or link.order.buyer_id == link.buyer_id)
    )


def gift_recipient(landing: str) -> Buyer | None:
    """The person who returns a gift, by the public id of what they asked for; None where it is no gift."""
    link: BuyerLink | None = (
        BuyerLink.objects.select_related("buyer").filter(is_gift=True, landing=landing).order_by("id").first()
        if landing
        else None
    )
    return link.buyer if link else None


def send_gift_link(ask: BuyerCode, email: str, *, dedupe: str) -> bool:
    """Write the link for the person who got the gift to their own address; called by the worker."""
    if ask.order is None or not email:
        return False
    per_hour = timedelta(hours=1)
    if not take("code.order", str(ask.order_id), most=CODES_PER_ORDER, per=per_hour):
        return False
    if not take("mail.address", email.lower(), most=CODES_PER_ADDRESS, per=per_hour):
        return False
    buyer = buyer_for(email, language=ask.language or "en")
    if buyer is None:
        return False
    order = ask.order

    def words(recipient: Recipient) -> dict[str, Any]:
        return {
            "order_number": order.number,
            "button_url": buyer_link(order, buyer=buyer, is_gift=True),
            "button_label": _("Choose what to return"),
            "why_text": _("You get this mail because somebody typed your address to return a gift."),
        }

    notify(dedupe, to=buyer_recipient(buyer), template="buyer_gift", words=words, about=ask, answers=True)
    return True


# --- naming the buyer of an order --------------------------------------------------------------------


def invite_buyer(order_public_id: str, *, by: Actor, email: str, name: str = "", language: str = "") -> Order:
    """Write down who bought this order and mail them a link to it (rulings 23)."""
    by.require(Permission.DECIDE)
    order: Order | None = (
        Order.objects.select_for_update(of=("self",))
        .select_related("buyer", "channel")
        .filter(public_id=order_public_id)
        .first()
    )
    if order is None:
        raise NotFound
    try:
        address = plain_address(email.strip())
    except Unsendable as error:
        raise Refused(_("This is no address that can be written to."), code="address_not_valid") from error
    if order.buyer is not None and order.buyer.email_key not in {"", address.lower()} and _has_returns(order):
        raise Conflict(
            _("A return of this order belongs to another address already. Nothing was changed."),
            code="buyer_known",
        )
    order.buyer = _named(order, address, name, language)
    order.save(update_fields=["buyer", "updated_at"])
    events.announce("order.buyer_invited", order, {"public_id": order.public_id, "by": by.label})
    return order


def send_invitation(order: Order, *, dedupe: str) -> None:
    """Mail the link; called by the worker."""
    buyer = order.buyer
    if buyer is None:
        return

    def words(recipient: Recipient) -> dict[str, Any]:
        return {
            "order_number": order.number,
            "button_url": buyer_link(order, buyer=buyer),
            "button_label": _("Open your order"),
            "why_text": _("You get this mail because %(seller)s named you as the buyer of this order.")
            % {"seller": Seller.objects.get(pk=current_seller_id()).name},
        }

    notify(dedupe, to=buyer_recipient(buyer), template="buyer_invited", words=words, about=order, answers=True)


def _named(order: Order, address: str, name: str, language: str) -> Buyer:
    """The buyer row with this address: another order's, this order's own without one, or a new one."""
    key = address.lower()
    known: Buyer | None = Buyer.objects.filter(email_key=key).first()
    own = order.buyer
    if known is None and own is not None and not own.email_key:
        known = own
    if known is None:
        known = Buyer(zone=order.channel.zone, language=order.channel.language)
    known.email = address if known.email_key != key else known.email
    known.name = name.strip()[:120] or known.name
    if language in dict(settings.LANGUAGES):
        known.language = language
    known.save()
    return known


def _has_returns(order: Any) -> bool:
    """Does an app hold something of this buyer's on the order? Asked by name: the kernel knows no app."""
    returns = getattr(order, "returns", None)
    return bool(returns is not None and returns.filter(buyer_id=order.buyer_id).exists())
