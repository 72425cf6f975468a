"""Money goes back for a return: what is proposed, what is asked for, and what its arrival ends."""

from __future__ import annotations

from datetime import timedelta

import pytest

from marketplace import clock, events
from marketplace.actors import Actor, MemberRole
from marketplace.errors import Conflict, Forbidden, NotFound, Refused
from marketplace.models import OutboxEvent
from refunds.models import RefundBudget, RefundRequest
from refunds.services import RefundLineAsk, cancel_refund, confirm_manual_refund, create_refund
from returns import selectors, services
from returns.models import ReturnLine, ReturnRequest
from returns.services import ReceivedAsk
from returns.services.refunding import refund_arrived, refund_came_to_nothing
from tests.cast import Shop
from tests.returns import stories
from tests.returns.stories import NOON, first_line

pytestmark = pytest.mark.usefixtures("noon")


@pytest.fixture
def shop(in_acme: Shop) -> Shop:
    return stories.pays_by_hand(in_acme)


def amounts(request: ReturnRequest) -> list[tuple[str, int]]:
    return [(line.component, line.amount.minor) for line in selectors.refund_proposal(request)]


# --- the proposal ---


def test_the_received_units_share(shop: Shop) -> None:
    assert amounts(stories.received(shop, quantity=2, back=1)) == [("ITEM", 5_000)]


def test_before_anything_came_back_all_units_asked_for(shop: Shop) -> None:
    assert amounts(stories.asked(shop, quantity=2)) == [("ITEM", 10_000)]


def test_what_is_missing_or_wrong_is_not_proposed(shop: Shop, owner: Actor) -> None:
    request = stories.authorised(shop, quantity=2)
    line = ReturnLine.objects.get(return_request=request)
    units = [ReceivedAsk(line.pk, "MISSING", 1), ReceivedAsk(line.pk, "DAMAGED", 1)]
    services.receive_return(request.public_id, by=owner, units=units)
    assert amounts(request) == [("ITEM", 5_000)]


def test_the_last_unit_carries_the_remainder(shop: Shop, owner: Actor) -> None:
    """10.00 for three units: 3.33, 3.33, 3.34, whichever return they come in."""
    lines = [{"sku": "A", "quantity": 3, "item_minor": 1_000, "tax_minor": 100, "discount_minor": 0}]
    order = stories.order_of(shop, lines=lines)
    found = []
    for _unit in range(3):
        request = stories.asked(shop, order=order, confirm_duplicate=True)
        found.append(amounts(request))
        stories.arrive(services.refund_return(request.public_id, by=owner), owner)
    assert found == [
        [("ITEM", 333), ("TAX", 33)],
        [("ITEM", 333), ("TAX", 33)],
        [("ITEM", 334), ("TAX", 34)],
    ]
    budget = RefundBudget.objects.get(order=order)
    assert (budget.refunded_minor, budget.left_minor) == (1_100, 0)


def test_a_discount_lowers_the_item(shop: Shop) -> None:
    lines = [{"sku": "A", "quantity": 2, "item_minor": 1_000, "shipping_minor": 300, "discount_minor": 100}]
    order = stories.order_of(shop, lines=lines)
    assert amounts(stories.asked(shop, order=order)) == [("ITEM", 450), ("SHIPPING", 150)]


@pytest.mark.parametrize(
    ("reason", "day", "has_shipping"),
    [("CR-DEFECTIVE", 20, True), ("CR-UNWANTED_ITEM", 20, False), ("CR-UNWANTED_ITEM", 13, True)],
)
def test_outward_shipping_by_whose_fault_it_is(shop: Shop, reason: str, day: int, has_shipping: bool) -> None:
    order = stories.order_of(shop, lines=[{"sku": "A", "quantity": 1, "item_minor": 1_000, "shipping_minor": 300}])
    assert order.delivered_at is not None
    with clock.override(order.delivered_at + timedelta(days=day)):
        request = services.submit_return(
            order.public_id, by=shop.buyer_actor, lines=[stories.line_ask(order, reason_code=reason)]
        )
        assert ("SHIPPING", 300) in amounts(request) or not has_shipping
        assert len(amounts(request)) == 1 + has_shipping


def test_what_was_paid_already_is_not_proposed_again(shop: Shop, owner: Actor) -> None:
    request = stories.received(shop, quantity=2, back=1)
    services.refund_return(request.public_id, by=owner)
    assert amounts(request) == []
    with stories.nothing_happens(), pytest.raises(Refused) as refusal:
        services.refund_return(request.public_id, by=owner)
    assert refusal.value.code == "nothing_to_refund"
    stories.receive(request, owner, 1)
    assert amounts(request) == [("ITEM", 5_000)]


def test_an_order_without_amounts_proposes_nothing(shop: Shop) -> None:
    order = stories.order_of(shop, lines=[{"sku": "A", "quantity": 1}])
    assert amounts(stories.asked(shop, order=order)) == []


# --- asking for it ---


def test_a_refund_of_the_received_units(shop: Shop, owner: Actor) -> None:
    request = stories.received(shop)
    refund = services.refund_return(request.public_id, by=owner, reason_text="As agreed.")
    assert (refund.amount_minor, refund.currency, refund.reason_code) == (5_000, "GBP", "CR-DEFECTIVE")
    assert (refund.asker, refund.asker_public_id) == ("return", request.public_id)
    budget = RefundBudget.objects.get(order=shop.order)
    assert (budget.reserved_minor, budget.left_minor) == (5_000, 5_000)
    kept = stories.fresh(request)
    assert (kept.status, kept.due_at) == ("RECEIVED", None)
    assert [each.pk for each in selectors.refunds_of(kept)] == [refund.pk]


def test_amounts_of_ones_own(shop: Shop, owner: Actor) -> None:
    request = stories.received(shop)
    line = first_line(shop.order)
    asks = [RefundLineAsk(line.pk, "ITEM", 5_000), RefundLineAsk(line.pk, "RESTOCKING_FEE", -1_000)]
    assert services.refund_return(request.public_id, by=owner, lines=asks).amount_minor == 4_000


def test_never_above_the_cap(shop: Shop, owner: Actor) -> None:
    request = stories.received(shop)
    asks = [RefundLineAsk(None, "GOODWILL", 10_001)]
    with stories.nothing_happens(), pytest.raises(Refused) as refusal:
        services.refund_return(request.public_id, by=owner, lines=asks)
    assert refusal.value.code == "EXCEEDED_MAXIMUM_ADJUSTMENT_AMOUNT"
    with pytest.raises(Refused):
        services.refund_return(request.public_id, by=owner, lines=[])


def test_the_same_token_refunds_once(shop: Shop, owner: Actor) -> None:
    request = stories.received(shop)
    first = services.refund_return(request.public_id, by=owner, client_token="form-1")
    with stories.nothing_happens():
        again = services.refund_return(request.public_id, by=owner, client_token="form-1")
    assert again.pk == first.pk
    with pytest.raises(Refused) as refusal:
        services.refund_return(request.public_id, by=owner, client_token="form-1", reason_text="More.")
    assert refusal.value.code == "idempotency_mismatch"


def test_who_may_and_who_may_not(stranger: Actor, shop: Shop, mate: Actor, buyer: Actor) -> None:
    request = stories.received(shop)
    with stories.nothing_happens():
        for nobody in (mate, buyer, shop.actor(MemberRole.AGENT)):
            with pytest.raises(Forbidden):
                services.refund_return(request.public_id, by=nobody)
        with pytest.raises(NotFound):
            services.refund_return(request.public_id, by=stranger)
    assert services.refund_return(request.public_id, by=shop.actor(MemberRole.FINANCE)).pk


@pytest.mark.parametrize("state", list(stories.STATES))
def test_in_every_state(shop: Shop, owner: Actor, state: str) -> None:
    """Also after a denial or closing, as in seed 001."""
    request = stories.STATES[state](shop)
    refund = services.refund_return(request.public_id, by=owner, lines=[RefundLineAsk(None, "GOODWILL", 100)])
    stories.arrive(refund, owner)
    assert stories.fresh(request).status == state
    assert stories.fresh(request).refunded_at == NOON


# --- when it has arrived ---


def test_a_settled_return_closes(shop: Shop, owner: Actor) -> None:
    request = stories.received(shop)
    refund = services.refund_return(request.public_id, by=owner)
    confirm_manual_refund(refund.public_id, by=owner, reference="bank-1")

    events.drain_all()  # the handler hears of it

    kept = stories.fresh(request)
    assert (kept.status, kept.close_reason, kept.ended_at) == ("CLOSED", "REFUNDED", NOON)
    assert kept.refunded_at == NOON
    move = stories.last_move(kept)
    assert (move.move, move.actor_kind, move.reason_code) == ("close", "system", "REFUNDED")
    assert move.data == {"refund": refund.public_id, "amount_minor": 5_000, "currency": "GBP"}
    stories.the_database_agrees()


def test_hearing_it_twice_changes_nothing(shop: Shop, owner: Actor) -> None:
    request = stories.received(shop)
    refund = services.refund_return(request.public_id, by=owner)
    stories.arrive(refund, owner)
    assert stories.fresh(request).status == "CLOSED"
    with stories.nothing_happens():
        assert refund_arrived(refund.pk) == []


@pytest.mark.parametrize(
    ("state", "reason"),
    [("PENDING_RESPONSE", "RETURNLESS"), ("AUTHORISED", "RETURNLESS"), ("IN_TRANSIT", "REFUNDED")],
)
def test_all_paid_back_before_it_came(shop: Shop, owner: Actor, state: str, reason: str) -> None:
    request = stories.STATES[state](shop)
    stories.arrive(services.refund_return(request.public_id, by=owner), owner)
    kept = stories.fresh(request)
    assert (kept.status, kept.close_reason) == ("CLOSED", reason)
    assert not kept.was_late


def test_part_of_it_leaves_it_open(shop: Shop, owner: Actor) -> None:
    request = stories.received(shop, quantity=2, back=1)
    stories.arrive(services.refund_return(request.public_id, by=owner), owner)
    assert stories.fresh(request).status == "PARTIALLY_RECEIVED"
    assert stories.fresh(request).due_at is None
    stories.receive(request, owner, 1)
    stories.arrive(services.refund_return(request.public_id, by=owner), owner)
    assert stories.fresh(request).status == "CLOSED"


def test_a_fee_kept_back_does_not_keep_it_open(shop: Shop, owner: Actor) -> None:
    request, line = stories.received(shop), first_line(shop.order)
    asks = [RefundLineAsk(line.pk, "ITEM", 5_000), RefundLineAsk(line.pk, "RESTOCKING_FEE", -2_500)]
    stories.arrive(services.refund_return(request.public_id, by=owner, lines=asks), owner)
    assert stories.fresh(request).close_reason == "REFUNDED"


def test_two_refunds_under_way_close_it_with_the_last(shop: Shop, owner: Actor) -> None:
    request, line = stories.received(shop), first_line(shop.order)
    first = services.refund_return(request.public_id, by=owner, lines=[RefundLineAsk(line.pk, "ITEM", 5_000)])
    second = services.refund_return(request.public_id, by=owner, lines=[RefundLineAsk(None, "GOODWILL", 100)])
    stories.arrive(first, owner)
    assert stories.fresh(request).status == "RECEIVED"
    stories.arrive(second, owner)
    assert stories.fresh(request).status == "CLOSED"


def test_the_whole_order_refunded_elsewhere(shop: Shop, owner: Actor) -> None:
    """From the order's page: the live return of its lines is settled too, a denied one stays denied."""
    request, line = stories.asked(shop), first_line(shop.order)
    other = stories.denied(shop, confirm_duplicate=True)
    refund = create_refund(
        shop.order.public_id, by=owner, lines=[RefundLineAsk(line.pk, "ITEM", 10_000)], reason_code="NOT_RECEIVED"
    )
    stories.arrive(refund, owner)
    assert stories.fresh(request).status == "CLOSED"
    assert stories.fresh(other).status == "DENIED"


def test_a_refund_of_another_thing_leaves_it_alone(shop: Shop, owner: Actor) -> None:
    request = stories.asked(shop)
    refund = create_refund(
        shop.order.public_id, by=owner, lines=[RefundLineAsk(None, "GOODWILL", 10_000)], reason_code="LATE_BY_CARRIER"
    )
    stories.arrive(refund, owner)
    assert stories.fresh(request).status == "PENDING_RESPONSE"


# --- and when not ---


def test_a_refund_is_an_answer_until_it_comes_to_nothing(shop: Shop, owner: Actor) -> None:
    request = stories.asked(shop)
    refund = services.refund_return(request.public_id, by=owner)
    kept = stories.fresh(request)
    assert (kept.status, kept.answered_at, kept.due_at) == ("PENDING_RESPONSE", NOON, None)

    cancel_refund(refund.public_id, by=owner)
    events.drain_all()

    kept = stories.fresh(request)
    assert (kept.answered_at, kept.due_at) == (None, kept.respond_by)


def test_a_received_return_waits_again(shop: Shop, owner: Actor) -> None:
    request = stories.received(shop)
    refund = services.refund_return(request.public_id, by=owner)
    cancel_refund(refund.public_id, by=owner)
    refund_came_to_nothing(refund.pk)
    assert stories.fresh(request).due_at == request.refund_by
    with stories.nothing_happens():
        refund_came_to_nothing(refund.pk)


def test_a_late_refund_is_a_late_answer(shop: Shop, owner: Actor) -> None:
    request = stories.asked(shop)
    with clock.override(request.respond_by + timedelta(seconds=1)):
        services.refund_return(request.public_id, by=owner)
    assert stories.fresh(request).was_late


def test_its_order_is_the_budgets_own(shop: Shop, owner: Actor) -> None:
    """Two returns of one order draw from one budget."""
    first = stories.asked(shop)
    second = stories.asked(shop, confirm_duplicate=True)
    services.refund_return(first.public_id, by=owner, lines=[RefundLineAsk(None, "GOODWILL", 6_000)])
    with pytest.raises(Refused):
        services.refund_return(second.public_id, by=owner, lines=[RefundLineAsk(None, "GOODWILL", 6_000)])
    assert RefundRequest.objects.count() == 1
    assert OutboxEvent.objects.filter(name="refund.requested").count() == 1
    with pytest.raises(Conflict):
        services.deny_return(first.public_id, by=owner, reason_code="OTHER", message="No.")
