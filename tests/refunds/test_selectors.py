"""Lists, figures and what is left: what pages and the API read."""

from __future__ import annotations

from datetime import timedelta

import pytest

from marketplace import clock
from marketplace.actors import Actor
from marketplace.errors import NotFound
from marketplace.models import Order
from marketplace.money import Money
from marketplace.tenancy import scope
from refunds import ledger, selectors
from refunds.models import RefundBudget, RefundRequest
from refunds.selectors import RefundFilters
from refunds.services import RefundLineAsk, cancel_refund, confirm_manual_refund, create_refund, hold_refund
from tests.cast import Shop
from tests.factories import OrderFactory, SalesChannelFactory
from tests.refunds.steps import ask, only_changes


@pytest.fixture
def several(in_acme: Shop, owner: Actor) -> dict[str, RefundRequest]:
    """One refund of each kind that a list tells apart."""
    shop = SalesChannelFactory(code="shop", gateway="manual")
    found = {
        "reserved": ask(in_acme, owner, 100),
        "held": ask(in_acme, owner, 200),
        "cancelled": ask(in_acme, owner, 300),
        "by hand": ask(in_acme, owner, 400, order=OrderFactory(channel=shop, number="A-1")),
        "done": ask(in_acme, owner, 500, order=OrderFactory(channel=shop, number="A-2"), asker="return",
                    asker_public_id="ret-1"),
    }  # fmt: skip
    hold_refund(found["held"].public_id, by=owner, reason="")
    cancel_refund(found["cancelled"].public_id, by=owner)
    confirm_manual_refund(found["done"].public_id, by=owner, reference="SEPA 1")
    return found


def listed(several: dict[str, RefundRequest], **filters: object) -> set[str]:
    names = {refund.pk: name for name, refund in several.items()}
    return {names[row.pk] for row in selectors.refunds_list(RefundFilters(**filters))}  # type: ignore[arg-type]


def test_newest_first(several: dict[str, RefundRequest]) -> None:
    ids = [row.pk for row in selectors.refunds_list()]
    assert ids == sorted(ids, reverse=True)
    assert len(ids) == 5


@pytest.mark.parametrize(
    ("status", "names"),
    [
        ("", {"reserved", "held", "cancelled", "by hand", "done"}),
        ("PENDING", {"reserved", "held", "by hand"}),
        ("RESERVED", {"reserved", "by hand"}),
        ("AWAITING_SELLER", {"by hand"}),
        ("NEEDS_PERSON", {"held", "by hand"}),
        ("COMPLETED", {"done"}),
        ("CANCELLED", {"cancelled"}),
        ("FAILED", set()),
        ("NO_SUCH_STATUS", set()),
    ],
)
def test_by_status(several: dict[str, RefundRequest], status: str, names: set[str]) -> None:
    assert listed(several, status=status) == names


def test_by_channel_order_asker_and_date(several: dict[str, RefundRequest], in_acme: Shop) -> None:
    assert listed(several, channel="shop") == {"by hand", "done"}
    assert listed(several, order_public_id=in_acme.order.public_id) == {"reserved", "held", "cancelled"}
    assert listed(several, asker_public_id="ret-1") == {"done"}
    now = clock.now()
    assert listed(several, created_from=now + timedelta(seconds=1)) == set()
    assert len(listed(several, created_from=now, created_before=now + timedelta(seconds=1))) == 5
    assert listed(several, created_before=now) == set()


@pytest.mark.parametrize("words", ["a-2", " A-2 ", "ret-1", "SEPA 1", "CN-000001", "cn-1"])
def test_search_by_each_key(several: dict[str, RefundRequest], words: str) -> None:
    assert listed(several, search=words) == {"done"}


@pytest.mark.parametrize("words", ["A", "%", "CN-", "CN-99", "'; --", "CN-" + "9" * 40])
def test_search_takes_whole_keys_only(several: dict[str, RefundRequest], words: str) -> None:
    assert listed(several, search=words) == set()


def test_search_by_its_own_id(several: dict[str, RefundRequest]) -> None:
    assert listed(several, search=several["held"].public_id) == {"held"}


def test_a_list_asks_once(several: dict[str, RefundRequest], django_assert_num_queries: object) -> None:
    with django_assert_num_queries(1):  # type: ignore[operator]
        for row in selectors.refunds_list():
            assert row.order.number
            assert row.channel.code


def test_counts_stop_at_the_limit(several: dict[str, RefundRequest]) -> None:
    assert selectors.count_up_to(selectors.refunds_list()) == 5
    assert selectors.count_up_to(selectors.refunds_list(), limit=3) == 4


def test_named_and_of_a_return(several: dict[str, RefundRequest]) -> None:
    assert selectors.refund_named(several["done"].public_id).pk == several["done"].pk
    with pytest.raises(NotFound):
        selectors.refund_named("ba-nobody")
    assert [row.pk for row in selectors.refunds_asked_by("ret-1")] == [several["done"].pk]
    assert not selectors.has_open_refund("ret-1")


def test_another_seller_sees_nothing(acme: Shop, globex: Shop, owner: Actor) -> None:
    refund = ask(acme, owner)
    with scope(globex.seller.pk):
        assert list(selectors.refunds_list()) == []
        with pytest.raises(NotFound):
            selectors.refund_named(refund.public_id)


def gbp(minor: int) -> Money:
    return Money(minor, "GBP")


def test_the_figures_before_and_after_the_first_refund(in_acme: Shop, owner: Actor) -> None:
    with only_changes(in_acme):
        figures = selectors.budget_figures(in_acme.order)
    assert (figures.paid, figures.left, figures.reserved) == (gbp(10_000), gbp(10_000), gbp(0))
    assert not RefundBudget.objects.exists()

    ask(in_acme, owner, 3_000)
    ledger.dispute(ledger.budget_for(in_acme.order), 1_000)
    figures = selectors.budget_figures(in_acme.order)
    assert (figures.paid, figures.reserved, figures.disputed) == (gbp(10_000), gbp(3_000), gbp(1_000))
    assert (figures.left, figures.over_recovery) == (gbp(6_000), gbp(0))


def test_the_figures_follow_a_later_file_at_once(in_acme: Shop, owner: Actor) -> None:
    ask(in_acme, owner, 3_000)
    Order.objects.filter(pk=in_acme.order.pk).update(paid_minor=2_000)
    in_acme.order.refresh_from_db()
    figures = selectors.budget_figures(in_acme.order)
    assert (figures.paid, figures.left, figures.over_recovery) == (gbp(2_000), gbp(0), gbp(1_000))


def test_without_a_known_payment_nothing_is_said_of_what_is_left(in_acme: Shop) -> None:
    order = OrderFactory(channel=in_acme.channel, lines=[{"sku": "A", "quantity": 1}])
    figures = selectors.budget_figures(order)
    assert (figures.is_cap_known, figures.left) == (False, None)
    assert selectors.lines_left(order)[0].left_minor is None


def test_what_is_left_of_each_line(in_acme: Shop, owner: Actor) -> None:
    """60.00 + 12.00 tax + 5.00 shipping - 7.00 discount: the discount is taken off the item."""
    line = {"sku": "A", "quantity": 2, "item_minor": 6_000, "tax_minor": 1_200, "shipping_minor": 500}
    order = OrderFactory(channel=in_acme.channel, lines=[{**line, "discount_minor": 700}])
    (left,) = selectors.lines_left(order)
    assert (left.item_minor, left.tax_minor, left.shipping_minor) == (5_300, 1_200, 500)
    assert left.left_minor == left.paid_minor == 7_000

    asks = [RefundLineAsk(left.order_line.pk, "ITEM", 2_000), RefundLineAsk(left.order_line.pk, "TAX", 200)]
    create_refund(order.public_id, by=owner, lines=asks, reason_code="BUYER_RETURN")

    (left,) = selectors.lines_left(order)
    assert (left.component("ITEM"), left.component("TAX"), left.component("SHIPPING")) == (3_300, 1_000, 500)
    assert (left.taken_minor, left.left_minor) == (2_200, 4_800)


def test_the_next_thing_that_happens_by_itself(several: dict[str, RefundRequest]) -> None:
    found = {name: selectors.next_thing_due(selectors.refund_named(r.public_id)) for name, r in several.items()}
    assert found["reserved"] is not None
    assert found["reserved"][0] == "send"
    assert found["held"] is found["by hand"] is found["done"] is found["cancelled"] is None


def test_the_story(several: dict[str, RefundRequest]) -> None:
    assert [row.move for row in selectors.history_of(several["held"])] == ["create", "reserve", "hold"]
    assert list(selectors.notes_of(several["held"])) == []
