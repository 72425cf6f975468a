"""Long lists by key: every row once, in order, forwards and backwards, also where moments are equal."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from pytest_django import DjangoAssertNumQueries

from marketplace.errors import Refused
from marketplace.models import Order
from marketplace.paging import Count, Page, Sort, capped_counts, page_of
from tests.cast import Shop
from tests.factories import OrderFactory

START = datetime(2026, 11, 1, tzinfo=UTC)
NEWEST = Sort("newest", ("purchased_at", "id"), is_descending=True)
OLDEST = Sort("oldest", ("purchased_at", "id"))


@pytest.fixture
def orders(in_acme: Shop) -> list[int]:
    """Ten orders, four of them at the same moment; their ids, newest first."""
    Order.objects.all().delete()
    moments = [START + timedelta(hours=n) for n in (1, 2, 3, 3, 3, 3, 4, 5, 6, 7)]
    made = [OrderFactory(channel=in_acme.channel, buyer=None, purchased_at=at, lines=[]) for at in moments]
    return [order.pk for order in sorted(made, key=lambda order: (order.purchased_at, order.pk), reverse=True)]


def ids(page: Page[Order]) -> list[int]:
    return [order.pk for order in page.items]


@pytest.mark.parametrize("size", [1, 2, 3, 4, 9, 10, 11])
@pytest.mark.parametrize("sort", [NEWEST, OLDEST])
def test_there_and_back(orders: list[int], size: int, sort: Sort) -> None:
    expected = orders if sort.is_descending else orders[::-1]
    pages = [page_of(Order.objects.all(), sort=sort, size=size)]
    while pages[-1].next:
        pages.append(page_of(Order.objects.all(), sort=sort, cursor=pages[-1].next, size=size))
    assert [pk for page in pages for pk in ids(page)] == expected
    assert pages[0].previous == ""

    back = pages[-1]
    for page in pages[-2::-1]:
        back = page_of(Order.objects.all(), sort=sort, cursor=back.previous, size=size)
        assert ids(back) == ids(page)
    assert back.previous == ""


def test_what_is_added_meanwhile_shifts_nothing(orders: list[int], in_acme: Shop) -> None:
    first = page_of(Order.objects.all(), sort=NEWEST, size=4)
    OrderFactory(channel=in_acme.channel, buyer=None, purchased_at=START + timedelta(days=9), lines=[])
    second = page_of(Order.objects.all(), sort=NEWEST, cursor=first.next, size=4)
    assert ids(second) == orders[4:8]


def test_an_empty_list(in_acme: Shop) -> None:
    page = page_of(Order.objects.none(), sort=NEWEST)
    assert (page.items, page.next, page.previous) == ([], "", "")


@pytest.mark.parametrize("cursor", ["x", "W10:abc:def", "../../etc/passwd", "\x00"])
def test_a_cursor_that_we_did_not_make(orders: list[int], cursor: str) -> None:
    with pytest.raises(Refused) as refusal:
        page_of(Order.objects.all(), sort=NEWEST, cursor=cursor)
    assert refusal.value.code == "cursor_not_valid"


def test_a_cursor_of_another_order_of_rows(orders: list[int]) -> None:
    cursor = page_of(Order.objects.all(), sort=NEWEST, size=2).next
    with pytest.raises(Refused):
        page_of(Order.objects.all(), sort=OLDEST, cursor=cursor)
    tampered = cursor[:-1] + ("A" if cursor[-1] != "A" else "B")
    with pytest.raises(Refused):
        page_of(Order.objects.all(), sort=NEWEST, cursor=tampered)


def test_what_is_joined_comes_with_the_page(
    orders: list[int], django_assert_num_queries: DjangoAssertNumQueries
) -> None:
    joined = Order.objects.select_related("channel").filter(purchased_at__gte=START + timedelta(hours=3))
    with django_assert_num_queries(1) as captured:
        page = page_of(joined, sort=NEWEST, size=3)
        assert [order.channel.code for order in page.items] == ["amazon.co.uk"] * 3
    assert ids(page) == orders[:3]
    inner = captured.captured_queries[0]["sql"].split("IN (SELECT", 1)[1]
    assert "JOIN" not in inner
    assert "LIMIT 4" in inner
    with django_assert_num_queries(2):
        page = page_of(joined.prefetch_related("lines"), sort=NEWEST, cursor=page.next, size=3)
        assert [list(order.lines.all()) for order in page.items] == [[], [], []]
    assert ids(page) == orders[3:6]


def test_counts_are_exact_up_to_the_cap(orders: list[int]) -> None:
    with_moment = Order.objects.filter(purchased_at=START + timedelta(hours=3))
    counts = capped_counts({"all": Order.objects.all(), "few": with_moment, "none": Order.objects.none()}, cap=9)
    assert counts == {"all": Count(9, is_capped=True), "few": Count(4), "none": Count(0)}
    assert [str(count) for count in counts.values()] == ["9+", "4", "0"]
    assert [count.shown for count in counts.values()] == ["9+", 4, 0]
    assert str(Count(1000, is_capped=True)) == "1,000+"
    assert not counts["none"]
