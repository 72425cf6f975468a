"""What a file's word for a state means."""

from __future__ import annotations

import pytest

from marketplace.imports.statuses import OrderStatus, line_status, order_status, recognise

S = OrderStatus


@pytest.mark.parametrize(
    ("word", "status"),
    [
        ("Shipped", S.SHIPPED),
        ("  shipped -  delivered to buyer ", S.DELIVERED),
        ("Shipped - Returned to Seller", S.RETURNED),
        ("PartiallyShipped", S.PARTIALLY_SHIPPED),
        ("Canceled", S.CANCELLED),
        ("gone fishing", None),
    ],
)
def test_words_are_recognised_whatever_their_case(word: str, status: OrderStatus | None) -> None:
    assert recognise(word) == status


def test_every_code_of_ours_is_a_word() -> None:
    assert all(recognise(status) == status for status in OrderStatus)


def test_a_line_has_its_own_status_and_the_orders_closer_word() -> None:
    assert line_status(S.DELIVERED, S.SHIPPED) == S.DELIVERED
    assert line_status(S.PARTIALLY_SHIPPED, S.UNSHIPPED) == S.UNSHIPPED
    assert line_status(S.SHIPPED, S.CANCELLED) == S.CANCELLED
    assert line_status(S.CANCELLED, S.UNSHIPPED) == S.CANCELLED
    assert line_status(S.SHIPPED, None) == S.SHIPPED


def test_an_order_is_as_far_as_its_slowest_living_line() -> None:
    assert order_status([S.CANCELLED, S.CANCELLED]) == S.CANCELLED
    assert order_status([S.CANCELLED, S.SHIPPED]) == S.SHIPPED
    assert order_status([S.UNSHIPPED, S.SHIPPED]) == S.PARTIALLY_SHIPPED
    assert order_status([S.DELIVERED, S.RETURNED]) == S.DELIVERED
