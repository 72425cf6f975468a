"""What the mails about a return say: the facts of the case in the reader's language and zone."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from babel import Locale
from django.utils.translation import get_language
from django.utils.translation import gettext as _

from marketplace.buyers import buyer_link, gift_recipient
from marketplace.models import Buyer, Order, Seller
from marketplace.notifications import Recipient, absolute_url, buyer_recipient
from marketplace.times import written, written_date
from returns.models import ReturnLine, ReturnRequest
from returns.reasons import reason_words

Facts = dict[str, Any]


def asker_of(request: ReturnRequest) -> Buyer | None:
    """Who asked, and so who is written to: the person who got the gift, else the buyer of the order."""
    return gift_recipient(request.public_id) or request.buyer or request.order.buyer


def to_asker(request: ReturnRequest) -> list[Recipient]:
    return buyer_recipient(asker_of(request))


def for_buyer(request: ReturnRequest, **more: Any) -> Facts:
    """The common words of every mail to the buyer, with a link of its own to the status page."""
    buyer = asker_of(request)
    if buyer is None:
        raise ValueError("Nobody to write to.")
    return {
        **_case(request),
        "button_url": buyer_link(
            request.order,
            buyer=buyer,
            landing=request.public_id,
            is_gift=gift_recipient(request.public_id) is not None,
        ),
        "button_label": _("Show my return"),
        "why_text": _("You get this mail because of your return of order %(number)s.")
        % {"number": request.order_number},
        **more,
    }


def for_people(request: ReturnRequest, **more: Any) -> Facts:
    """The common words of every mail to the seller's people; the link needs a sign-in."""
    return {
        **_case(request),
        "button_url": absolute_url("returns:detail", request.public_id),
        "button_label": _("Open the return"),
        "why_text": _("You get this mail because you decide about returns."),
        **more,
    }


def promise(request: ReturnRequest) -> Facts:
    """Where to, under which number, by when."""
    return {
        "rma": request.rma,
        "return_address_lines": address_lines(request.return_address),
        "return_by_text": written_date(request.return_by) if request.return_by else "",
        "due_text": written(request.return_by) if request.return_by else "",
        "instructions": request.channel.return_instructions,
    }


def quick_links(request: ReturnRequest, seller: Seller) -> list[tuple[str, str]]:
    """Authorise, deny, reply: they only choose the page, behind the sign-in (rulings 27)."""
    if not seller.quick_links_in_mail:
        return []
    return [
        (_("Authorise"), absolute_url("returns:authorise", request.public_id)),
        (_("Deny"), absolute_url("returns:deny", request.public_id)),
        (_("Reply to the buyer"), absolute_url("returns:contact", request.public_id)),
    ]


def claim_route(order: Order) -> str:
    """Where a buyer can turn beside the seller: the marketplace's guarantee."""
    if order.channel.code.lower().startswith("amazon."):
        return _("In your orders at %(channel)s, choose “Problem with order” to file an A-to-z Guarantee claim.") % {
            "channel": order.channel.name
        }
    return _("Answer the seller's mail, or turn to %(channel)s.") % {"channel": order.channel.name}


def claim_text(order: Order) -> str:
    return _("You do not agree?") + " " + claim_route(order)


# Where the postcode stands after the city; elsewhere it stands before it.
_CITY_FIRST = frozenset({"AU", "BR", "CA", "GB", "IE", "IN", "JP", "NZ", "SG", "US", "ZA"})


def address_lines(address: dict[str, str]) -> list[str]:
    """The address as it stands on a parcel, the country written out in the reader's language."""
    city, postcode = " ".join(filter(None, (address.get("city"), address.get("region")))), address.get("postcode", "")
    place = f"{city} {postcode}" if address.get("country") in _CITY_FIRST else f"{postcode} {city}"
    lines = [address.get("name"), address.get("line1"), address.get("line2"), place.strip()]
    lines += [country_name(address.get("country", "")), address.get("phone")]
    return [line for line in lines if line]


def country_name(code: str) -> str:
    if not code:
        return ""
    names = Locale.parse(get_language() or "en", sep="-").territories
    return str(names.get(code, code))


def due(moment: datetime | None) -> str:
    return written(moment) if moment else ""


def _case(request: ReturnRequest) -> Facts:
    lines: list[ReturnLine] = list(request.lines.select_related("order_line").order_by("id"))
    return {
        "order_number": request.order_number,
        "buyer_name": request.buyer_name or _("The buyer"),
        "items": [
            {
                "title": line.order_line.title or line.order_line.sku,
                "sku": line.order_line.sku,
                "quantity": line.quantity,
                "reason": reason_words(line.reason_code),
            }
            for line in lines
        ],
        "comment": "\n".join(line.comment for line in lines if line.comment),
        "rma": request.rma,
        "is_out_of_policy": request.is_out_of_policy,
        "return_by_text": written_date(request.return_by) if request.return_by else "",
    }
