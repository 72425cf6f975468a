"""Manage returns: six filters with counts, search, dates, and what is to be done."""

from __future__ import annotations

from datetime import timedelta

import pytest
from pytest_django import DjangoAssertNumQueries

from marketplace import clock
from marketplace.actors import Actor
from marketplace.errors import NotFound
from marketplace.models import SalesChannel
from refunds.services import RefundLineAsk
from returns import searching, selectors, services
from returns.models import ReturnRequest
from returns.selectors import ReturnFilters
from tests.cast import Shop
from tests.factories import BuyerFactory, OrderFactory, SalesChannelFactory
from tests.returns import stories
from tests.returns.stories import NOON

pytestmark = pytest.mark.usefixtures("noon")


@pytest.fixture
def one_of_each(in_acme: Shop) -> dict[str, ReturnRequest]:
    """A return in every state, each of an order of its own, an hour apart."""
    made = {}
    for hours, (state, story) in enumerate(stories.STATES.items()):
        in_acme.order = stories.order_of(in_acme)
        with clock.override(NOON + timedelta(hours=hours)):
            made[state] = story(in_acme) if state != "IN_TRANSIT" else stories.shipped(in_acme, tracking="RM9")
    return made


def listed(**filters: object) -> list[int]:
    return [row.pk for row in selectors.list_returns(ReturnFilters(**filters)).items]  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("bucket", "states"),
    [
        ("required", ["PENDING_RESPONSE"]),
        ("authorised", ["AUTHORISED", "IN_TRANSIT", "PARTIALLY_RECEIVED", "RECEIVED"]),
        ("not_authorised", ["DENIED", "EXPIRED"]),
        ("withdrawn", ["WITHDRAWN"]),
        ("denied", ["DENIED"]),
        ("closed", ["DENIED", "WITHDRAWN", "EXPIRED", "CLOSED"]),
        ("all", list(stories.STATES)),
    ],
)
def test_the_filters_of_the_webinar(one_of_each: dict[str, ReturnRequest], bucket: str, states: list[str]) -> None:
    expected = [one_of_each[state].pk for state in stories.STATES if state in states]
    assert listed(bucket=bucket, sort="oldest") == expected
    assert listed(bucket=bucket) == expected[::-1]
    assert selectors.bucket_counts()[bucket].value == len(states)


def test_view_all_is_the_sum(one_of_each: dict[str, ReturnRequest]) -> None:
    counts = {key: count.value for key, count in selectors.bucket_counts().items()}
    assert counts["all"] == counts["required"] + counts["authorised"] + counts["closed"] == 9
    assert list(selectors.BUCKETS) == [
        "required",
        "authorised",
        "not_authorised",
        "withdrawn",
        "denied",
        "closed",
        "all",
    ]


def test_another_sellers_returns_are_not_there(one_of_each: dict[str, ReturnRequest], in_acme: Shop) -> None:
    assert listed(bucket="nosuchbucket") == []
    assert selectors.return_named(one_of_each["CLOSED"].public_id).pk == one_of_each["CLOSED"].pk
    with pytest.raises(NotFound):
        selectors.return_named("ret-nosuchthing")


def test_not_even_by_name(globex: Shop, in_acme: Shop) -> None:
    mine = stories.asked(in_acme)
    assert selectors.return_named(mine.public_id).order.number == in_acme.order.number
    assert ReturnRequest.objects.filter(seller_id=globex.seller.pk).count() == 0


def test_by_deadline(one_of_each: dict[str, ReturnRequest]) -> None:
    """Those that wait for somebody, the most urgent first."""
    states = [str(row.status) for row in selectors.list_returns(ReturnFilters(bucket="all", sort="deadline")).items]
    assert states == ["PENDING_RESPONSE", "PARTIALLY_RECEIVED", "RECEIVED", "AUTHORISED", "IN_TRANSIT"]


def test_dates_channel_and_reason(in_acme: Shop) -> None:
    other = SalesChannelFactory(code="amazon.de", name="Amazon.de", currency="EUR")
    order = OrderFactory(channel=other, buyer=in_acme.buyer)
    here = stories.asked(in_acme)
    with clock.override(NOON + timedelta(days=1)):
        there = services.submit_return(
            order.public_id, by=in_acme.buyer_actor, lines=[stories.line_ask(order, reason_code="CR-SWITCHEROO")]
        )
    assert listed(channel="amazon.de") == [there.pk]
    assert listed(reason_code="CR-DEFECTIVE") == [here.pk]
    assert listed(requested_from=NOON + timedelta(seconds=1)) == [there.pk]
    assert listed(requested_to=NOON) == []
    assert listed(requested_from=NOON, requested_to=NOON + timedelta(days=1)) == [here.pk]
    assert listed(channel="ebay.com") == []
    counts = selectors.bucket_counts(ReturnFilters(bucket="denied", channel="amazon.de"))
    assert (counts["required"].value, counts["all"].value, counts["denied"].value) == (1, 1, 0)
    assert SalesChannel.objects.count() == 2


def test_by_order_number_and_overdue(in_acme: Shop) -> None:
    request = stories.asked(in_acme)
    everything = ReturnRequest.objects.all()
    number = in_acme.order.number
    assert [row.pk for row in selectors.of_order_number(everything, number)] == [request.pk]
    assert not selectors.of_order_number(everything, number[:-1]).exists()
    assert not selectors.of_order_number(everything, number.lower() + "x").exists()
    assert listed(is_overdue=True) == []
    assert listed(is_overdue=False) == [request.pk]
    with clock.override(request.respond_by + timedelta(minutes=1)):
        services.mark_overdue([request.pk])
    assert listed(is_overdue=True) == [request.pk]


# --- search ---


@pytest.fixture
def needle(in_acme: Shop, owner: Actor) -> ReturnRequest:
    """A return among others whose words are known."""
    in_acme.order = stories.order_of(in_acme)
    stories.asked(in_acme)
    buyer = BuyerFactory(name="Ömür  STRAẞE-Müller", email="omur@buyers.example")
    order = OrderFactory(
        channel=in_acme.channel,
        buyer=buyer,
        number="303-7654321-1234567",
        lines=[{"sku": "Kettle_RED/2", "quantity": 1, "item_minor": 2_000}],
    )
    asking = Actor(in_acme.buyer_actor.kind, buyer.public_id, str(buyer), in_acme.seller.pk, buyer_id=buyer.pk)
    made = services.submit_return(order.public_id, by=asking, lines=[stories.line_ask(order)])
    return services.authorise_return(made.public_id, by=owner, merchant_rma="ACME-77/2026")


@pytest.mark.parametrize(
    "words",
    [
        "303-7654321-1234567",
        "303-76",
        "  303-7654321 ",
        "7654321-1234567",
        "1234567",
        "kettle",
        "KETTLE_red/2",
        "red/2",
        "ömür",
        "ömür straße",
        "ÖMÜR STRASSE",
        "strasse-mü",
        "müller",
        "ACME-77",
        "77/2026",
    ],
)
def test_found_by_the_beginnings_of_words(needle: ReturnRequest, words: str) -> None:
    assert listed(search=words) == [needle.pk]
    assert [hit.pk for hit in selectors.search_returns(words)] == [needle.pk]


def test_found_by_rma_and_id(needle: ReturnRequest) -> None:
    for words in (needle.rma, needle.rma.lower(), needle.rma[:5], needle.public_id, needle.public_id[:12]):
        assert needle.pk in listed(search=words)


@pytest.mark.parametrize("words", ["654321", "ettle", "zzz", "%", "_", "303%", "'; DROP TABLE x; --", "\U0010ffff"])
def test_not_found(needle: ReturnRequest, words: str) -> None:
    assert listed(search=words) == []


def test_an_empty_search_is_no_search(needle: ReturnRequest) -> None:
    assert len(listed(search="  ")) == 2
    assert list(selectors.search_returns("3")) == []


def test_the_text_after_all_that_begin_with_it() -> None:
    assert searching.after("ab") == "ac"
    assert searching.after("a\U0010ffff") == "b"
    assert searching.after("\U0010ffff") == ""
    assert searching.after("a\ud7ff") == "a\ue000"
    assert len(searching.keys_of("-".join("abcdefghijklm"))) == searching.MOST_PER_VALUE


# --- what the buyer can choose ---


def test_what_can_still_come_back(in_acme: Shop) -> None:
    order = stories.order_of(
        in_acme,
        lines=[
            {"sku": "A", "quantity": 3, "item_minor": 300},
            {"sku": "B", "quantity": 1, "item_minor": 100},
            {"sku": "C", "quantity": 1, "quantity_shipped": 0, "item_minor": 100},
        ],
    )
    request = stories.asked(in_acme, order=order)
    first, second, third = selectors.returnable_lines(order)
    assert (first.left, first.problem, first.open_request_public_ids) == (2, "", [request.public_id])
    assert (second.left, second.problem, second.open_request_public_ids) == (1, "", [])
    assert (third.left, third.problem) == (0, "not_shipped")
    stories.asked(in_acme, order=order, quantity=2, confirm_duplicate=True)
    assert selectors.returnable_lines(order)[0].problem == "no_returnable_quantity"
    with clock.override(first.window.ends_at + timedelta(seconds=1)):
        assert {line.problem for line in selectors.returnable_lines(order)} == {"window_closed", "not_shipped"}


def test_the_buyers_own_list(in_acme: Shop) -> None:
    open_one = stories.asked(in_acme)
    ended = stories.denied(in_acme, confirm_duplicate=True)
    other = BuyerFactory(email="other@buyers.example")
    assert selectors.returns_of_buyer(other.pk, now=NOON) == []
    found = selectors.returns_of_buyer(in_acme.buyer.pk, now=NOON + timedelta(days=61))
    assert [request.pk for request in found] == [ended.pk, open_one.pk]
    found = selectors.returns_of_buyer(in_acme.buyer.pk, now=NOON + timedelta(days=61, seconds=1))
    assert [request.pk for request in found] == [open_one.pk]


# --- what is to be done ---


def test_late_today_and_waiting(in_acme: Shop, owner: Actor) -> None:
    stories.pays_by_hand(in_acme)
    pending = stories.asked(in_acme)
    in_acme.order = stories.order_of(in_acme)
    allowed = stories.authorised(in_acme)
    in_acme.order = stories.order_of(in_acme)
    back = stories.received(in_acme)

    def work(after: timedelta) -> tuple[list[int], list[int], list[int]]:
        found = selectors.returns_awaiting_seller(NOON + after, "Europe/London")
        assert found.late_count.value == len(found.late)
        assert found.today_count.value == len(found.today)
        assert found.waiting_count.value == len(found.waiting)
        return tuple([row.pk for row in rows] for rows in (found.late, found.today, found.waiting))  # type: ignore[return-value]

    # The answer is due on 12 Nov at noon, the refund on 14 Nov at noon.
    assert work(timedelta(hours=1)) == ([], [], [allowed.pk])
    assert work(timedelta(hours=36, seconds=-1)) == ([], [], [allowed.pk])
    assert work(timedelta(hours=36)) == ([], [pending.pk], [allowed.pk])
    assert work(timedelta(hours=48)) == ([], [pending.pk], [allowed.pk])
    assert work(timedelta(hours=48, seconds=1)) == ([pending.pk], [], [allowed.pk])
    assert work(timedelta(days=3, hours=13)) == ([pending.pk], [back.pk], [allowed.pk])
    assert work(timedelta(days=4, seconds=1)) == ([pending.pk, back.pk], [], [allowed.pk])
    assert selectors.waiting_for_seller_count().value == 2

    services.refund_return(back.public_id, by=owner, lines=[RefundLineAsk(None, "GOODWILL", 100)])
    assert work(timedelta(days=4, seconds=1)) == ([pending.pk], [], [allowed.pk])


def test_the_day_ends_where_the_seller_is() -> None:
    assert selectors.end_of_day(NOON, "Europe/London") == NOON.replace(hour=0) + timedelta(days=1)
    assert selectors.end_of_day(NOON, "Asia/Tokyo") == NOON + timedelta(hours=3)
    assert selectors.end_of_day(NOON, "America/Los_Angeles") == NOON + timedelta(hours=20)


def test_one_query_for_all_counts(
    one_of_each: dict[str, ReturnRequest], django_assert_num_queries: DjangoAssertNumQueries
) -> None:
    with django_assert_num_queries(1):
        selectors.bucket_counts()
    with django_assert_num_queries(1):
        selectors.list_returns(ReturnFilters(search="20"), size=5)
    with django_assert_num_queries(3):  # the counts, then each list that is not empty
        selectors.returns_awaiting_seller(NOON + timedelta(days=5))
