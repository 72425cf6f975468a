"""A return that the seller writes down: find the order, pick units, be warned, say why when it is late."""

from __future__ import annotations

from datetime import timedelta

import pytest

from marketplace import clock
from marketplace.tenancy import scope
from returns.models import ReturnRequest
from tests.cast import Shop
from tests.factories import PURCHASED
from tests.returns import stories
from tests.returns.portal import desk
from tests.visitor import Visitor, form_in, text_of

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("noon")]


def path(shop: Shop) -> str:
    return f"/returns/new/?order={shop.order.public_id}"


def line(shop: Shop) -> int:
    with scope(shop.seller.pk):
        return stories.first_line(shop.order).pk


def made(shop: Shop) -> list[ReturnRequest]:
    with scope(shop.seller.pk):
        return list(ReturnRequest.objects.order_by("id"))


def test_one_hit_goes_on_at_once(acme: Shop, anna: Visitor) -> None:
    response = anna.get("/returns/new/", q=acme.order.number)

    assert (response.status_code, response.url) == (302, path(acme))


def test_several_hits_are_listed_and_none_is_said_so(acme: Shop, anna: Visitor) -> None:
    with scope(acme.seller.pk):
        stories.order_of(acme)

    assert anna.get("/returns/new/", q="202").content.decode().count("?order=ord-") == 2
    assert "No order begins with “999”" in text_of(anna.get("/returns/new/", q="999"))


def test_it_is_written_down(acme: Shop, anna: Visitor) -> None:
    pk = line(acme)

    response = anna.press(
        path(acme), **{f"quantity_{pk}": "2", f"reason_{pk}": "CR-DEFECTIVE", f"comment_{pk}": "Told us by phone."}
    )

    (request,) = made(acme)
    assert (response.status_code, response.url) == (302, desk.page(request))
    assert (request.units, request.first_reason_code, request.submitted_by_kind) == (2, "CR-DEFECTIVE", "seller")
    assert not request.is_out_of_policy


def test_twice_is_once(acme: Shop, anna: Visitor) -> None:
    pk, form = line(acme), anna.form(path(acme))
    typed = {f"quantity_{pk}": "1", f"reason_{pk}": "CR-DEFECTIVE"}

    first, again = anna.send(form, **typed), anna.send(form, **typed)

    assert first.url == again.url
    assert len(made(acme)) == 1


@pytest.mark.parametrize(
    ("typed", "problem"),
    [
        ({}, "Choose what is to come back: one unit at least."),
        ({"quantity": "1"}, "Choose the reason for Thing LAMP-1."),
        ({"quantity": "7", "reason": "CR-DEFECTIVE"}, "Units: choose one of the list."),
        ({"quantity": "1", "reason": "CR-DEFECTIVE", "comment": "x" * 201}, "201 characters are too many, 200 fit."),
    ],
)
def test_problems_are_named(acme: Shop, anna: Visitor, typed: dict[str, str], problem: str) -> None:
    pk = line(acme)

    response = anna.press(path(acme), **{f"{name}_{pk}": value for name, value in typed.items()})

    assert response.status_code == 422
    assert problem in text_of(response)
    assert made(acme) == []


def test_an_open_request_warns_and_a_yes_goes_on(acme: Shop, anna: Visitor) -> None:
    open_one = desk.have(acme)
    pk, form = line(acme), anna.form(path(acme))
    typed = {f"quantity_{pk}": "1", f"reason_{pk}": "CR-DEFECTIVE"}

    warned = anna.send(form, **typed)

    assert warned.status_code == 422
    assert "There is an open request on this item already" in text_of(warned)
    assert desk.page(open_one) in warned.content.decode()
    assert len(made(acme)) == 1
    again = form_in(warned, path(acme))
    assert again.data[f"reason_{pk}"] == ["CR-DEFECTIVE"]
    assert anna.send(again, confirm_duplicate="on").status_code == 302
    assert len(made(acme)) == 2


def test_outside_the_window_it_needs_a_why(acme: Shop, anna: Visitor) -> None:
    pk = line(acme)
    typed = {f"quantity_{pk}": "1", f"reason_{pk}": "CR-DEFECTIVE"}
    with clock.override(PURCHASED + timedelta(days=60)):
        form = anna.form(path(acme))
        assert "The return window of this order has ended." in text_of(anna.get(path(acme)))
        assert anna.send(form, **typed).status_code == 422
        assert anna.send(form, **typed, reason="A good customer.").status_code == 302

    (request,) = made(acme)
    assert request.is_out_of_policy
    assert "A good customer." in request.policy_note


def test_units_that_are_taken_can_not_be_picked(acme: Shop, anna: Visitor) -> None:
    desk.have(acme, quantity=2)

    page = text_of(anna.get(path(acme)))

    assert "All units are in other returns already." in page
    assert "Nothing of this order can come back now." in page


def test_who_may_not(acme: Shop, globex: Shop, mary: Visitor) -> None:
    assert mary.get(path(acme)).status_code == 403
    assert mary.client.post(path(acme), {"form_nonce": "x"}).status_code == 403
    assert Visitor(globex).get(path(acme)).status_code == 404
    assert made(acme) == []
