"""A buyer picks items, says why, checks, and sends once."""

from __future__ import annotations

import uuid
from datetime import timedelta
from typing import Any

import pytest
from django.test import Client

from marketplace import clock, events
from marketplace.models import OrderLine, SalesChannel
from marketplace.tenancy import scope
from returns.models import ReturnLine, ReturnRequest
from tests.cast import Shop
from tests.factories import OrderFactory
from tests.returns.buyer.conftest import mails

pytestmark = pytest.mark.django_db


def the_line(shop: Shop) -> OrderLine:
    with scope(shop.seller.pk):
        line: OrderLine = OrderLine.objects.get(order=shop.order)
        return line


def base(shop: Shop) -> str:
    return f"/r/{shop.seller.slug}/orders/{shop.order.public_id}/"


def pick(client: Client, shop: Shop, quantity: int = 1) -> Any:
    return client.post(base(shop), {f"quantity_{the_line(shop).pk}": str(quantity)})


def explain(client: Client, shop: Shop, reason: str = "CR-DEFECTIVE", comment: str = "The lamp stays dark.") -> Any:
    pk = the_line(shop).pk
    return client.post(f"{base(shop)}reasons/", {f"reason_{pk}": reason, f"comment_{pk}": comment})


def send(client: Client, shop: Shop, nonce: str = "", **more: str) -> Any:
    return client.post(f"{base(shop)}check/", {"form_nonce": nonce or str(uuid.uuid4()), **more})


def ask(client: Client, shop: Shop, quantity: int = 1) -> Any:
    assert pick(client, shop, quantity).status_code == 302
    assert explain(client, shop).status_code == 302
    return send(client, shop)


def requests(shop: Shop) -> list[ReturnRequest]:
    with scope(shop.seller.pk):
        return list(ReturnRequest.objects.order_by("id"))


def test_from_the_order_to_the_confirmation(acme: Shop, inside: Client) -> None:
    shown = inside.get(base(acme)).content.decode()
    assert "Thing LAMP-1" in shown
    assert "2 shipped, 2 can be returned" in shown

    response = ask(inside, acme, quantity=2)

    (made,) = requests(acme)
    assert response["Location"] == f"/r/acme/returns/{made.public_id}/sent/"
    assert made.submitted_by_kind == "buyer"
    assert made.units == 2
    with scope(acme.seller.pk):
        line = ReturnLine.objects.get()
        assert (line.reason_code, line.comment) == ("CR-DEFECTIVE", "The lamp stays dark.")
    after = inside.get(response["Location"]).content.decode()
    assert "Your request is with the seller" in after
    assert "What happens next" in after


def test_both_sides_get_their_mail(acme: Shop, inside: Client) -> None:
    ask(inside, acme)
    events.drain_all()

    (receipt,) = mails(acme, "return_requested_buyer")
    assert receipt.to_email == acme.buyer.email
    assert acme.order.number in receipt.subject
    to_people = mails(acme, "return_requested_seller")
    assert {m.to_email for m in to_people} == {f"{r}@acme.example" for r in ("owner", "manager", "agent")}
    assert all("/authorise/" in m.text for m in to_people)


def test_the_check_page_shows_what_will_be_asked(acme: Shop, inside: Client) -> None:
    pick(inside, acme)
    explain(inside, acme, comment="Line one\r\nLine <two>")

    page = inside.get(f"{base(acme)}check/").content.decode()
    assert "Item defective or doesn" in page
    assert "Line one\nLine &lt;two&gt;" in page
    assert "Ask to return 1 item" in page
    assert requests(acme) == []


def test_nothing_chosen_is_a_problem_in_words(acme: Shop, inside: Client) -> None:
    response = pick(inside, acme, quantity=0)
    assert response.status_code == 422
    assert "Choose what you want to return." in response.content.decode()


def test_more_than_is_left_is_no_choice(acme: Shop, inside: Client) -> None:
    assert pick(inside, acme, quantity=3).status_code == 422


@pytest.mark.parametrize(("length", "status"), [(199, 302), (200, 302), (201, 422)])
def test_a_comment_has_at_most_200_characters_with_line_breaks_counted_once(
    acme: Shop, inside: Client, length: int, status: int
) -> None:
    pick(inside, acme)
    comment = "a" * (length - 2) + "\r\nb"
    assert explain(inside, acme, comment=comment).status_code == status


def test_the_comment_box_counts(acme: Shop, inside: Client) -> None:
    pick(inside, acme)
    page = inside.get(f"{base(acme)}reasons/").content.decode()
    assert 'data-limit="200"' in page
    assert "data-count" in page


def test_some_reasons_need_words_and_some_do_not(acme: Shop, inside: Client) -> None:
    pick(inside, acme)
    assert explain(inside, acme, reason="CR-DEFECTIVE", comment=" ").status_code == 422
    assert explain(inside, acme, reason="CR-ORDERED_WRONG_ITEM", comment="").status_code == 302
    assert explain(inside, acme, reason="CR-NOBODY_KNOWS", comment="x").status_code == 422


def test_fourteen_reasons_are_offered(acme: Shop, inside: Client) -> None:
    pick(inside, acme)
    page = inside.get(f"{base(acme)}reasons/").content.decode()
    assert page.count("<option") == 15


def test_going_back_loses_nothing(acme: Shop, inside: Client) -> None:
    pick(inside, acme)
    explain(inside, acme)
    pick(inside, acme, quantity=2)

    assert "The lamp stays dark." in inside.get(f"{base(acme)}reasons/").content.decode()


def test_pages_out_of_turn_lead_to_the_first(acme: Shop, inside: Client) -> None:
    assert inside.get(f"{base(acme)}check/")["Location"] == base(acme)
    assert inside.get(f"{base(acme)}reasons/")["Location"] == base(acme)
    assert send(inside, acme)["Location"] == base(acme)
    assert requests(acme) == []


# --- once, and warned ---


def test_two_presses_make_one_return(acme: Shop, inside: Client) -> None:
    pick(inside, acme)
    explain(inside, acme)
    nonce = str(uuid.uuid4())

    first, second = send(inside, acme, nonce), send(inside, acme, nonce)

    assert first["Location"] == second["Location"]
    assert len(requests(acme)) == 1


def test_without_a_nonce_nothing_is_sent(acme: Shop, inside: Client) -> None:
    pick(inside, acme)
    explain(inside, acme)
    assert inside.post(f"{base(acme)}check/").status_code == 422
    assert requests(acme) == []


def test_a_second_request_on_the_same_item_is_warned_of_and_then_taken(acme: Shop, inside: Client) -> None:
    ask(inside, acme)
    assert "You have already asked to return this" in inside.get(base(acme)).content.decode()
    pick(inside, acme)
    explain(inside, acme)

    warned = send(inside, acme)
    assert warned.status_code == 409
    page = warned.content.decode()
    assert "You have asked for this before" in page
    assert 'name="confirm_duplicate" value="yes"' in page
    assert len(requests(acme)) == 1

    assert send(inside, acme, confirm_duplicate="yes").status_code == 302
    assert len(requests(acme)) == 2


def test_units_that_went_meanwhile_are_refused_in_words(acme: Shop, inside: Client) -> None:
    pick(inside, acme, quantity=2)
    explain(inside, acme)
    send(inside, acme)
    refused = send(inside, acme)

    assert refused.status_code in {409, 422}
    assert len(requests(acme)) == 1


@pytest.mark.parametrize(("days", "is_open"), [(29, True), (30, True), (31, False)])
def test_the_window_closes(acme: Shop, inside: Client, days: int, is_open: bool) -> None:
    now = clock.now()
    with scope(acme.seller.pk):
        acme.order.delivered_at = now - timedelta(days=days) + (timedelta(minutes=1) if days == 30 else timedelta())
        acme.order.save()

    page = inside.get(base(acme)).content.decode()
    assert ("The time to return it is over" not in page) is is_open
    assert pick(inside, acme).status_code == (302 if is_open else 422)


def test_what_is_not_shipped_can_not_come_back(acme: Shop, inside: Client) -> None:
    with scope(acme.seller.pk):
        OrderLine.objects.update(quantity_shipped=0)
    assert "Not shipped yet" in inside.get(base(acme)).content.decode()


def test_a_channel_that_agrees_by_itself_says_so_at_once(acme: Shop, inside: Client) -> None:
    with scope(acme.seller.pk):
        SalesChannel.objects.update(auto_authorise="all")
    with clock.override(acme.order.purchased_at + timedelta(days=5)):
        from tests.returns.buyer.conftest import enter_by_code

        enter_by_code(inside, acme)
        response = ask(inside, acme)
        page = inside.get(response["Location"]).content.decode()
        events.drain_all()

    assert "The seller agreed at once" in page
    assert len(mails(acme, "return_authorised_buyer")) == 1
    assert mails(acme, "return_requested_buyer") == []
    assert mails(acme, "return_requested_seller") == []


# --- whose ---


def test_the_orders_of_others_are_not_there(acme: Shop, globex: Shop, inside: Client) -> None:
    with scope(acme.seller.pk):
        neighbour = OrderFactory(number="202-1111111-1111111")
    for public_id in (neighbour.public_id, globex.order.public_id, "ord-nothing"):
        for step in ("", "reasons/", "check/"):
            path = f"/r/acme/orders/{public_id}/{step}"
            assert inside.get(path).status_code == 404
            assert inside.post(path, {"form_nonce": str(uuid.uuid4())}).status_code == 404
    assert neighbour.number not in inside.get("/r/acme/orders/", follow=True).content.decode()


def test_a_line_of_another_order_can_not_be_slipped_in(acme: Shop, inside: Client) -> None:
    with scope(acme.seller.pk):
        other = OrderLine.objects.get(order=OrderFactory())
    response = inside.post(base(acme), {f"quantity_{other.pk}": "1"})
    assert response.status_code == 422
    session = inside.session
    session[f"return_draft:{acme.order.public_id}"] = [
        {"line_id": other.pk, "quantity": 1, "reason_code": "CR-DEFECTIVE", "comment": "x"}
    ]
    session.save()
    assert send(inside, acme).status_code == 422
    assert requests(acme) == []


def test_a_foreign_page_can_not_send(acme: Shop, inside: Client) -> None:
    pick(inside, acme)
    explain(inside, acme)
    response = inside.post(
        f"{base(acme)}check/", {"form_nonce": str(uuid.uuid4())}, headers={"Sec-Fetch-Site": "cross-site"}
    )
    assert response.status_code == 403
    strict = Client(enforce_csrf_checks=True)
    for name, morsel in inside.cookies.items():
        strict.cookies[name] = morsel.value
    assert strict.post(f"{base(acme)}check/", {"form_nonce": str(uuid.uuid4())}).status_code == 403
    assert requests(acme) == []
