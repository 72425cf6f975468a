"""Paying back for a return: what is proposed, the cap, the sum on the button, the typed total, the second person."""

from __future__ import annotations

from typing import Any

import pytest

from marketplace.models import Order
from marketplace.tenancy import scope
from refunds.models import RefundBudget, RefundLine
from returns import services
from returns.models import ReturnRequest
from tests.cast import Shop
from tests.returns import stories
from tests.returns.portal import desk
from tests.visitor import Visitor, form_in, text_of

pytestmark = pytest.mark.django_db
LINES = [
    {"sku": "LAN-40", "quantity": 1, "item_minor": 1000, "tax_minor": 200, "shipping_minor": 339, "title": "Lantern"}
]


def lantern(acme: Shop, **more: Any) -> ReturnRequest:
    """A received lantern: 10.00 and 2.00 tax, 3.39 shipping; the seller pays shipping, because it is defective."""
    with scope(acme.seller.pk):
        order = stories.order_of(acme, lines=LINES, **more)
        request = stories.authorised(acme, order=order)
        return stories.receive(request, acme.actor(), 1)


def line_of(acme: Shop, request: ReturnRequest) -> int:
    with scope(acme.seller.pk):
        return stories.first_line(Order.objects.get(pk=request.order_id)).pk


def parts(acme: Shop) -> list[tuple[str, int]]:
    with scope(acme.seller.pk):
        return list(RefundLine.objects.order_by("id").values_list("component", "amount_minor"))


def reserved(acme: Shop) -> int:
    with scope(acme.seller.pk):
        return sum(RefundBudget.objects.values_list("reserved_minor", flat=True))


def test_what_came_back_is_proposed_and_the_button_says_the_sum(acme: Shop, anna: Visitor) -> None:
    request = lantern(acme)
    pk = line_of(acme, request)

    form = anna.form(desk.page(request, "refund"))

    assert form.data[f"line_{pk}"] == ["12.00"]
    assert form.data[f"ship_{pk}"] == ["3.39"]
    assert form.data["seen_total"] == ["1539"]
    assert "Refund 15.39 GBP" in [text.replace("\u00a0", " ") for _name, _value, text in form.buttons]
    page = text_of(anna.get(desk.page(request, "refund")))
    assert "paid 15.39 GBP" in page
    assert "this refund 15.39 GBP" in page


def test_in_full(acme: Shop, anna: Visitor) -> None:
    request = lantern(acme)

    response = anna.press(desk.page(request, "refund"))

    assert (response.status_code, response.url) == (302, desk.page(request))
    assert anna.said(response) == ["15.39\u00a0GBP is on its way to the buyer."]
    assert desk.refunds(acme, request) == [(1539, "RESERVED")]
    assert sorted(parts(acme)) == [("ITEM", 1000), ("SHIPPING", 339), ("TAX", 200)]
    assert reserved(acme) == 1539


def test_a_part_a_fee_and_goodwill(acme: Shop, anna: Visitor) -> None:
    request = lantern(acme)
    pk = line_of(acme, request)
    typed = {f"line_{pk}": "6,00", f"ship_{pk}": "", "goodwill": "2.00", "fee": "1.50"}

    response = anna.press(desk.page(request, "refund"), **typed, seen_total="650", reason_text="Scratched.")

    assert response.status_code == 302
    assert desk.refunds(acme, request) == [(650, "RESERVED")]
    assert sorted(parts(acme)) == [("GOODWILL", 200), ("ITEM", 500), ("RESTOCKING_FEE", -150), ("TAX", 100)]


def test_what_is_paid_is_what_the_button_said(acme: Shop, anna: Visitor) -> None:
    """Without script the button still names the old sum: then it is shown again and nothing is paid."""
    request = lantern(acme)
    pk, form = line_of(acme, request), anna.form(desk.page(request, "refund"))

    response = anna.send(form, **{f"line_{pk}": "6.00"})

    assert response.status_code == 422
    assert "The amounts changed: together it is 9.39 GBP now." in text_of(response)
    assert desk.refunds(acme, request) == []
    again = form_in(response, desk.page(request, "refund"))
    assert again.data["seen_total"] == ["939"]
    assert anna.send(again).status_code == 302
    assert desk.refunds(acme, request) == [(939, "RESERVED")]


def test_enter_adds_up_and_never_pays(acme: Shop, anna: Visitor) -> None:
    """The first button of the form is what Enter presses: it only counts."""
    request = lantern(acme)
    pk, form = line_of(acme, request), anna.form(desk.page(request, "refund"))
    assert form.buttons[0][0] == "recount"

    response = anna.send(form, **{f"line_{pk}": "6.00"}, recount="1")

    assert response.status_code == 200
    assert "Refund 9.39 GBP" in text_of(response)
    assert "left 6.00 GBP" in text_of(response)
    assert desk.refunds(acme, request) == []


@pytest.mark.parametrize(
    ("typed", "problem"),
    [
        ({"line": "x"}, "Write an amount in GBP, such as 12.50."),
        ({"line": "1.234"}, "Write an amount in GBP, such as 12.50."),
        ({"line": "-5"}, "An amount is not below zero."),
        ({"line": "0", "ship": "0"}, "What is refunded must come to more than nothing."),
        ({"line": "12", "goodwill": "10"}, "no more than 15.39 GBP is left on this order."),
        ({"line": "0", "ship": "4.00", "seen_total": "400"}, "No more than 3.39 GBP can be refunded on LAN-40"),
        ({"line": "1", "ship": "0", "fee": "2"}, "What is refunded must come to more than nothing."),
    ],
)
def test_problems_are_named_and_nothing_is_reserved(
    acme: Shop, anna: Visitor, typed: dict[str, str], problem: str
) -> None:
    request = lantern(acme)
    pk = line_of(acme, request)
    named = {f"{name}_{pk}" if name in {"line", "ship"} else name: value for name, value in typed.items()}

    response = anna.press(desk.page(request, "refund"), **named)

    assert response.status_code == 422
    assert problem in text_of(response)
    assert named.get(f"line_{pk}", "12.00") in response.content.decode()
    assert desk.refunds(acme, request) == []
    assert reserved(acme) == 0


def test_pressed_twice_pays_once(acme: Shop, anna: Visitor) -> None:
    request = lantern(acme)
    pk, form = line_of(acme, request), anna.form(desk.page(request, "refund"))
    small = {f"line_{pk}": "2.00", f"ship_{pk}": "0", "seen_total": "200"}

    anna.send(form, **small)
    again = anna.send(form, **small)

    assert again.status_code == 302
    assert anna.said(again)[-1] == "This was done already, by your first press. Nothing was done twice."
    assert desk.refunds(acme, request) == [(200, "RESERVED")]
    assert reserved(acme) == 200


def test_back_and_another_amount_with_the_same_form_is_refused(acme: Shop, anna: Visitor) -> None:
    request = lantern(acme)
    pk, form = line_of(acme, request), anna.form(desk.page(request, "refund"))
    anna.send(form, **{f"line_{pk}": "2.00", f"ship_{pk}": "0", "seen_total": "200"})

    response = anna.send(form, **{f"line_{pk}": "3.00", f"ship_{pk}": "0", "seen_total": "300"})

    assert response.status_code == 409
    assert desk.refunds(acme, request) == [(200, "RESERVED")]


def test_two_tabs_never_pay_more_than_was_paid(acme: Shop, anna: Visitor) -> None:
    request = lantern(acme)
    one, two = anna.form(desk.page(request, "refund")), anna.form(desk.page(request, "refund"))

    assert anna.send(one).status_code == 302
    response = anna.send(two)

    assert response.status_code == 422
    assert "Together it is 15.39 GBP, and no more than 0.00 GBP is left on this order." in text_of(response)
    assert reserved(acme) == 1539


def test_above_the_limit_the_total_is_typed_and_a_second_person_agrees(acme: Shop, anna: Visitor) -> None:
    acme.seller.review_above_minor = 1000
    acme.seller.save()
    request = lantern(acme)
    form = anna.form(desk.page(request, "refund"))
    assert "Only above 10.00 GBP." in text_of(anna.get(desk.page(request, "refund")))

    untyped = anna.send(form)
    assert untyped.status_code == 422
    assert "Type 15.39: it is above your limit." in text_of(untyped)
    wrong = anna.send(form, typed_total="15.00")
    assert wrong.status_code == 422
    right = anna.send(form, typed_total="15.39")

    assert right.status_code == 302
    assert "A second person has to agree before it is sent." in anna.said(right)[0]
    assert desk.refunds(acme, request) == [(1539, "REVIEW")]


def test_below_the_limit_nothing_needs_typing(acme: Shop, anna: Visitor) -> None:
    acme.seller.review_above_minor = 1539
    acme.seller.save()
    request = lantern(acme)

    assert "typed_total" not in anna.form(desk.page(request, "refund")).data
    assert anna.press(desk.page(request, "refund")).status_code == 302


def test_an_order_of_unknown_amount_needs_amount_and_reason(acme: Shop, anna: Visitor) -> None:
    with scope(acme.seller.pk):
        order = stories.order_of(acme, lines=[{"sku": "A", "quantity": 1, "item_minor": 0}])
        request = stories.authorised(acme, order=order)
    pk = line_of(acme, request)
    form = anna.form(desk.page(request, "refund"))
    typed = {f"line_{pk}": "5.00", "seen_total": "500"}

    unexplained = anna.send(form, **typed)
    assert unexplained.status_code == 422
    assert "Fill in: Explanation." in text_of(unexplained)
    assert "No paid amount is known for this order." in text_of(unexplained)
    assert anna.send(form, **typed, reason_text="Read from the invoice.").status_code == 302
    assert desk.refunds(acme, request) == [(500, "RESERVED")]


def test_by_hand_the_page_says_that_nothing_is_sent(acme: Shop, anna: Visitor) -> None:
    with scope(acme.seller.pk):
        stories.pays_by_hand(acme)
    request = lantern(acme)

    assert "Nothing is sent from here" in text_of(anna.get(desk.page(request, "refund")))
    response = anna.press(desk.page(request, "refund"))
    assert "Pay it outside, then confirm it with your reference." in anna.said(response)[0]


def test_a_currency_without_decimals(acme: Shop, anna: Visitor) -> None:
    with scope(acme.seller.pk):
        order = stories.order_of(acme, lines=[{"sku": "A", "quantity": 1, "item_minor": 4800}], currency="JPY")
        request = stories.authorised(acme, order=order)
    pk = line_of(acme, request)

    form = anna.form(desk.page(request, "refund"))
    assert form.data[f"line_{pk}"] == ["4800"]
    assert anna.send(form, **{f"line_{pk}": "480.5"}).status_code == 422
    assert anna.send(form).status_code == 302
    assert desk.refunds(acme, request) == [(4800, "RESERVED")]


@pytest.mark.parametrize("story", [stories.denied, stories.closed, stories.asked])
def test_also_after_an_end_and_before_an_answer(acme: Shop, anna: Visitor, story: Any) -> None:
    request = desk.have(acme, story)

    assert anna.press(desk.page(request, "refund")).status_code == 302
    assert desk.refunds(acme, request) == [(5000, "RESERVED")]


def test_after_the_money_is_gone_the_form_says_so(acme: Shop, anna: Visitor) -> None:
    request = lantern(acme)
    with scope(acme.seller.pk):
        services.refund_return(request.public_id, by=acme.actor())

    page = text_of(anna.get(desk.page(request, "refund")))

    assert "reserved 15.39 GBP" in page
