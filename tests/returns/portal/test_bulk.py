"""Many returns authorised with one press: the result of each row, one effect however often it is pressed."""

from __future__ import annotations

from typing import Any

import pytest

from marketplace.tenancy import scope
from returns import services
from tests.cast import Shop
from tests.returns import stories
from tests.returns.portal import desk
from tests.visitor import Visitor, text_of

pytestmark = pytest.mark.django_db


def several(acme: Shop, n: int = 3) -> list[Any]:
    with scope(acme.seller.pk):
        return [stories.asked(acme, order=stories.order_of(acme)) for _ in range(n)]


def test_each_row_by_itself_with_its_result(acme: Shop, anna: Visitor) -> None:
    requests = several(acme)
    form = anna.form("/returns/", "/returns/bulk/")
    with scope(acme.seller.pk):
        services.deny_return(requests[1].public_id, by=acme.actor(), reason_code="OTHER", message="No.")

    response = anna.send(form, id=[request.public_id for request in requests])

    assert response.status_code == 302
    result = anna.get(response.url)
    page = text_of(result)
    assert "2 returns authorised, 1 not" in page
    assert page.count("Authorised under the RMA number") == 2
    assert "This return was already denied by" in page
    assert [desk.now(acme, request).status for request in requests] == ["AUTHORISED", "DENIED", "AUTHORISED"]


def test_pressed_twice_it_has_one_effect_and_one_result(acme: Shop, anna: Visitor) -> None:
    requests = several(acme)
    form = anna.form("/returns/", "/returns/bulk/")
    ids = [request.public_id for request in requests]

    first, again = anna.send(form, id=ids), anna.send(form, id=ids)

    assert first.url == again.url
    assert "3 returns authorised" in text_of(anna.get(again.url))
    assert [desk.now(acme, request).version for request in requests] == [2, 2, 2]


def test_another_sellers_ids_are_not_touched(acme: Shop, globex: Shop, anna: Visitor) -> None:
    theirs = desk.have(globex)
    form = anna.form("/returns/", "/returns/bulk/")

    response = anna.send(form, id=[theirs.public_id])

    assert "1 of those that were selected is not here any more." in text_of(anna.get(response.url))
    assert desk.now(globex, theirs).status == "PENDING_RESPONSE"
    assert Visitor(globex).get(response.url).status_code == 404


def test_nothing_selected(anna: Visitor) -> None:
    form = anna.form("/returns/", "/returns/bulk/")

    assert "Nothing was selected" in text_of(anna.get(anna.send(form).url))


def test_the_read_only_mate_is_refused(acme: Shop, mary: Visitor, anna: Visitor) -> None:
    requests = several(acme, 1)
    form = anna.form("/returns/", "/returns/bulk/")

    assert mary.send(form, id=[requests[0].public_id]).status_code == 403
    assert desk.now(acme, requests[0]).status == "PENDING_RESPONSE"


def test_a_link_to_it_does_nothing(anna: Visitor) -> None:
    assert anna.get("/returns/bulk/").status_code == 405


def test_a_channel_without_an_address_says_so_per_row(acme: Shop, anna: Visitor) -> None:
    requests = several(acme, 1)
    with scope(acme.seller.pk):
        acme.channel.return_address = {}
        acme.channel.save()
    form = anna.form("/returns/", "/returns/bulk/")

    page = text_of(anna.get(anna.send(form, id=[requests[0].public_id]).url))

    assert "has no complete return address" in page
    assert desk.now(acme, requests[0]).status == "PENDING_RESPONSE"
