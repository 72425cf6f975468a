"""What came back, per unit and condition."""

from __future__ import annotations

import pytest

from marketplace.tenancy import scope
from returns import services
from returns.models import ReceivedUnits, ReturnLine, ReturnRequest
from tests.cast import Shop
from tests.returns import stories
from tests.returns.portal import desk
from tests.visitor import Visitor, text_of

pytestmark = pytest.mark.django_db


def line(shop: Shop, request: ReturnRequest) -> int:
    with scope(shop.seller.pk):
        return int(ReturnLine.objects.get(return_request=request).pk)


def counted(shop: Shop) -> list[tuple[str, int, str]]:
    with scope(shop.seller.pk):
        return list(ReceivedUnits.objects.order_by("id").values_list("condition", "quantity", "note"))


def test_it_is_filled_in_as_all_sellable(acme: Shop, anna: Visitor) -> None:
    request = desk.have(acme, stories.authorised, quantity=2)
    pk = line(acme, request)

    form = anna.form(desk.page(request, "receive"))

    assert form.data[f"sellable_{pk}"] == ["2"]
    assert form.data[f"missing_{pk}"] == ["0"]


def test_each_unit_in_its_condition(acme: Shop, anna: Visitor) -> None:
    request = desk.have(acme, stories.authorised, quantity=2)
    pk = line(acme, request)

    response = anna.press(
        desk.page(request, "receive"),
        **{f"sellable_{pk}": "1", f"damaged_{pk}": "1", f"note_{pk}": "Scratched."},
    )

    assert response.status_code == 302
    assert "Everything is noted as received. Refund the buyer by" in anna.said(response)[0]
    assert counted(acme) == [("SELLABLE", 1, "Scratched."), ("DAMAGED", 1, "Scratched.")]
    assert desk.now(acme, request).status == "RECEIVED"


def test_a_part_now_and_the_rest_later(acme: Shop, anna: Visitor) -> None:
    request = desk.have(acme, stories.authorised, quantity=2)
    pk, path = line(acme, request), desk.page(request, "receive")

    first = anna.press(path, **{f"sellable_{pk}": "1"})
    assert "the rest is still to come" in anna.said(first)[0]
    assert desk.now(acme, request).status == "PARTIALLY_RECEIVED"
    assert anna.form(path).data[f"sellable_{pk}"] == ["1"]

    anna.press(path, **{f"sellable_{pk}": "0", f"missing_{pk}": "1"})
    assert desk.now(acme, request).status == "RECEIVED"


@pytest.mark.parametrize(
    ("typed", "problem"),
    [
        ({"sellable": "0"}, "Say how many units came back, in which condition."),
        ({"sellable": "3"}, "at most 2 still to come."),
        ({"sellable": "-1"}, "A quantity is not below zero."),
        ({"sellable": "two"}, "Write a whole number."),
        ({"sellable": "2", "damaged": "1"}, "units are still to come, not"),
    ],
)
def test_problems_are_named_and_nothing_is_counted(
    acme: Shop, anna: Visitor, typed: dict[str, str], problem: str
) -> None:
    request = desk.have(acme, stories.authorised, quantity=2)
    pk = line(acme, request)

    response = anna.press(desk.page(request, "receive"), **{f"{name}_{pk}": value for name, value in typed.items()})

    assert response.status_code == 422
    assert problem in text_of(response)
    assert counted(acme) == []
    assert desk.now(acme, request).status == "AUTHORISED"


def test_pressed_twice_counts_once(acme: Shop, anna: Visitor) -> None:
    request = desk.have(acme, stories.authorised, quantity=2)
    pk, form = line(acme, request), anna.form(desk.page(request, "receive"))

    anna.send(form, **{f"sellable_{pk}": "1"})
    again = anna.send(form, **{f"sellable_{pk}": "1"})

    assert again.status_code == 302
    assert counted(acme) == [("SELLABLE", 1, "")]


def test_two_tabs_of_the_same_form(acme: Shop, anna: Visitor) -> None:
    request = desk.have(acme, stories.authorised)
    path = desk.page(request, "receive")
    one, two = anna.form(path), anna.form(path)

    anna.send(one)
    response = anna.send(two)

    assert response.status_code == 409
    assert "Units of this return were already received by" in text_of(response)
    assert len(counted(acme)) == 1


def test_too_early_and_too_late(acme: Shop, anna: Visitor) -> None:
    early = desk.have(acme)
    response = anna.get(desk.page(early, "receive"))
    assert response.status_code == 409
    assert "Authorise the return first." in text_of(response)

    with scope(acme.seller.pk):
        late = stories.authorised(acme, order=stories.order_of(acme))
    form = anna.form(desk.page(late, "receive"))
    with scope(acme.seller.pk):
        services.close_return(late.public_id, by=acme.actor(), close_reason="RESOLVED_OTHERWISE")
    assert anna.send(form).status_code == 409
    assert counted(acme) == []
