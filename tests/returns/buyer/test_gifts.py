"""A gift is returned by who got it: no prices, no giver, and the same answer for right and wrong."""

from __future__ import annotations

import uuid

import pytest
from django.test import Client

from marketplace import events
from marketplace.models import Mail
from marketplace.tenancy import key_hash, scope
from tests.cast import Shop
from tests.returns.buyer.conftest import Answer, enter_by_code, link_in, mails

pytestmark = pytest.mark.django_db


@pytest.fixture
def gift(acme: Shop) -> Shop:
    with scope(acme.seller.pk):
        acme.order.postcode_hash = key_hash("postcode", f"{acme.seller.pk}:SW1A1AA")
        acme.order.save()
    return acme


def ask_gift(shop: Shop, **changes: str) -> Answer:
    data = {"order_number": shop.order.number, "postcode": "sw1a 1aa", "email": "niece@example.com"}
    return Answer(Client().post("/r/acme/gift/", data | changes))


def test_a_gift_is_returned_without_prices_and_without_the_giver(gift: Shop, visitor: Client) -> None:
    ask_gift(gift)
    events.drain_all()
    (mail,) = mails(gift)
    assert mail.to_email == "niece@example.com"

    visitor.get(link_in(mail))
    page = visitor.get(f"/r/acme/orders/{gift.order.public_id}/").content.decode()
    assert "Thing LAMP-1" in page
    for secret in ("100.00", "GBP", gift.buyer.name, gift.buyer.email):
        assert secret not in page


def test_a_wrong_postcode_gets_the_same_answer_and_no_mail(gift: Shop) -> None:
    right, wrong, empty, nothing = (
        ask_gift(gift),
        ask_gift(gift, postcode="LS1 4AB"),
        ask_gift(gift, postcode=" - "),
        ask_gift(gift, order_number="202-0000000-0000000"),
    )
    events.drain_all()

    assert right == wrong == empty == nothing
    assert len(mails(gift)) == 1


def test_without_a_known_postcode_there_is_no_gift_door(acme: Shop) -> None:
    ask_gift(acme)
    events.drain_all()
    with scope(acme.seller.pk):
        assert not Mail.objects.exists()


def test_a_gift_goes_back_and_the_giver_does_not_see_it(gift: Shop, visitor: Client) -> None:
    ask_gift(gift)
    events.drain_all()
    visitor.get(link_in(mails(gift)[0]))
    with scope(gift.seller.pk):
        pk = gift.order.lines.get().pk
    order = f"/r/acme/orders/{gift.order.public_id}/"
    visitor.post(order, {f"quantity_{pk}": "1"})
    visitor.post(f"{order}reasons/", {f"reason_{pk}": "CR-DEFECTIVE", f"comment_{pk}": "Broken."})
    response = visitor.post(f"{order}check/", {"form_nonce": str(uuid.uuid4())})
    events.drain_all()

    assert response.status_code == 302, response.content.decode()
    page = response["Location"].removesuffix("sent/")
    assert visitor.get(page).status_code == 200
    assert "Thing LAMP-1" in visitor.get("/r/acme/returns/").content.decode()
    assert [mail.to_email for mail in mails(gift, "return_requested_buyer")] == ["niece@example.com"]
    giver = Client()
    enter_by_code(giver, gift)
    assert giver.get(page).status_code == 404
    assert giver.post(f"{page}withdraw/").status_code == 404
    assert page not in giver.get("/r/acme/returns/").content.decode()
    assert visitor.post(f"{page}withdraw/").status_code == 302
