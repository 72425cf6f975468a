"""How somebody without an account is let in: they name an order, and a code goes to the address known for it."""

from __future__ import annotations

import hmac
import secrets
from datetime import datetime, timedelta
from typing import Any

from django.conf import settings
from django.db.models import Q
from django.utils.translation import gettext as _

from marketplace import clock, events
from marketplace.imports.values import plain_postcode
from marketplace.limits import take
from marketplace.models import Buyer, BuyerCode, Order
from marketplace.notifications import Recipient, buyer_recipient, notify, shop_path
from marketplace.tenancy import current_seller_id, key_hash, key_hashes, system_scope
from marketplace.times import written

CODE_ALPHABET = "23456789ABCDEFGHJKMNPQRSTUVWXYZ"  # no 0 O 1 I L: 31 signs, so 8 of them are 39.6 bits
CODE_LENGTH = 8
CODE_LIVES = timedelta(minutes=10)  # OWASP ASVS 5.0 6.5.5
CODE_TRIES = 5
CODES_PER_ADDRESS = 3  # an hour, over all sellers (reliability.md 3.3)
CODES_PER_ORDER = 6  # an hour
CODES_KEPT = timedelta(days=1)
UNMET_ASKS_KEPT = timedelta(days=30)  # the seller's task: somebody wants to return, and has no address here
CODE_WANTED = "buyer.code_wanted"
GIFT_WANTED = "buyer.gift_wanted"
MOST_SAME_NUMBER = 5  # orders of one number, on different channels


# --- asking for a code -------------------------------------------------------------------------------


def ask_for_code(*, number: str, email: str, language: str) -> BuyerCode:
    """Somebody says: this order, this address. The same work is done for right and wrong pairs.

    What is right is found out here, but told to nobody: the worker writes the mail, or does not.
    """
    orders = _orders_numbered(number)
    key = email.strip().lower()
    order = next((o for o in orders if o.buyer is not None and o.buyer.email_key == key != ""), None)
    without_address = next((o for o in orders if o.buyer is None or not o.buyer.email_key), None)
    found = order or without_address
    return _ask(found, order.buyer if order else None, language, event=CODE_WANTED, payload={})


def ask_for_gift(*, number: str, postcode: str, email: str, language: str) -> BuyerCode:
    """The person who got it as a gift has no account with us and no address on the order: the delivery
    postcode beside the order number shows that the parcel came to them. The link goes to their own address."""
    wanted = key_hashes("postcode", f"{current_seller_id()}:{plain_postcode(postcode)}")
    orders = [order for order in _orders_numbered(number) if order.postcode_hash in wanted]
    found = orders[0] if orders and plain_postcode(postcode) else None
    return _ask(
        found, None, language, event=GIFT_WANTED, payload={"email": email.strip() if found else ""}, is_gift=True
    )


def _orders_numbered(number: str) -> list[Order]:
    return list(
        Order.objects.filter(number_key=number.strip().lower())
        .select_related("buyer")
        .order_by("id")[:MOST_SAME_NUMBER]
    )


def _ask(
    order: Order | None,
    buyer: Buyer | None,
    language: str,
    *,
    event: str,
    payload: dict[str, Any],
    is_gift: bool = False,
) -> BuyerCode:
    now = clock.now()
    ask: BuyerCode = BuyerCode.objects.create(
        order=order,
        buyer=buyer,
        is_gift=is_gift,
        language=language[:10],
        created_at=now,
        expires_at=now + CODE_LIVES,
    )
    events.announce(event, ask, payload)
    return ask


# --- the code ----------------------------------------------------------------------------------------


def send_code(ask: BuyerCode, *, dedupe: str) -> bool:
    """Make the code and write its mail, unless nothing matched or too many went out; called by the worker."""
    if ask.order is None or ask.buyer is None or not ask.buyer.email:
        return False
    per_hour = timedelta(hours=1)
    if not take("code.order", str(ask.order_id), most=CODES_PER_ORDER, per=per_hour):
        return False
    if not take("mail.address", ask.buyer.email_key, most=CODES_PER_ADDRESS, per=per_hour):
        return False
    code = "".join(secrets.choice(CODE_ALPHABET) for _sign in range(CODE_LENGTH))
    ask.code_hash = _code_hash(ask, code)
    ask.save(update_fields=["code_hash"])
    order = ask.order

    def words(recipient: Recipient) -> dict[str, Any]:
        return {
            "code": f"{code[:4]}-{code[4:]}",
            "due_text": written(ask.expires_at),
            "order_number": order.number,
            "button_url": f"{settings.BASE_URL}{shop_path('buyer:code')}",
            "button_label": _("Type the code"),
            "why_text": _("You get this mail because somebody typed your address and an order number of yours."),
        }

    recipients = [
        Recipient(r.email, r.name, r.side, ask.language or r.language, r.zone) for r in buyer_recipient(ask.buyer)
    ]
    notify(dedupe, to=recipients, template="buyer_code", words=words, about=order, answers=True)
    return True


def check_code(ask_public_id: str, typed: str) -> BuyerCode | None:
    """The ask, when this is its code, in time and within five tries; None otherwise, without saying why.

    The try is counted in this transaction, which must be committed: so a wrong code is no exception.
    """
    ask: BuyerCode | None = BuyerCode.objects.select_for_update().filter(public_id=ask_public_id).first()
    if ask is None:
        return None
    code = "".join(sign for sign in typed.upper() if sign.isalnum())[:40]
    is_right = hmac.compare_digest(_code_hash(ask, code), ask.code_hash or "-" * 64)
    is_open = ask.used_at is None and ask.tries < CODE_TRIES and clock.now() < ask.expires_at
    ask.tries = min(ask.tries + 1, CODE_TRIES)
    if not (is_right and is_open and ask.buyer_id):
        ask.save(update_fields=["tries"])
        return None
    ask.used_at = clock.now()
    ask.save(update_fields=["tries", "used_at"])
    return ask


def orders_without_address() -> list[tuple[Order, datetime]]:
    """Orders whose buyer asked to be let in but has no address here, with the newest ask; that one first."""
    asked = BuyerCode.objects.filter(
        order__isnull=False, buyer=None, is_gift=False, created_at__gt=clock.now() - UNMET_ASKS_KEPT
    )
    newest = dict(asked.order_by("created_at").values_list("order_id", "created_at"))
    orders = Order.objects.filter(pk__in=list(newest)).filter(Q(buyer=None) | Q(buyer__email_key=""))
    return sorted(((order, newest[order.pk]) for order in orders), key=lambda pair: pair[1], reverse=True)


def forget_old_codes() -> int:
    """Drop what nobody can use any more; returns how many rows."""
    with system_scope():
        now = clock.now()
        is_task = Q(order__isnull=False, buyer=None, created_at__gt=now - UNMET_ASKS_KEPT)
        old = BuyerCode.across_sellers.filter(created_at__lt=now - CODES_KEPT).exclude(is_task)
        count, _per_model = old.delete()
    return count


def _code_hash(ask: BuyerCode, code: str) -> str:
    return key_hash("buyer_code", f"{ask.public_id}:{code}")
