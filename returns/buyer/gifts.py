"""A return of a gift belongs to the person who got it: their link remembers it, so that mails go to them."""

from __future__ import annotations

from returns.buyer.sessions import BuyerSession
from returns.models import ReturnRequest


def remember_gift_return(session: BuyerSession, made: ReturnRequest) -> None:
    link = session.link
    if session.is_gift and link is not None and link.landing != made.public_id:
        link.landing = made.public_id
        link.save(update_fields=["landing"])
