"""A return is asked for: what is written, what is held, and every reason to refuse it."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from marketplace import clock
from marketplace.actors import Actor, ActorKind
from marketplace.errors import Conflict, Forbidden, NotFound, Refused
from marketplace.models import BuyerLink, DeadlineRule, OutboxEvent
from returns import services
from returns.models import ReturnLine, ReturnRequest, ReturnRules, ReturnSearchKey
from returns.reasons import RETURN_REASONS
from returns.services import DuplicateWarning, LineAsk
from tests.cast import Shop
from tests.factories import BuyerFactory, OrderFactory
from tests.returns import stories
from tests.returns.stories import MINUTE, NOON, line_ask

pytestmark = pytest.mark.usefixtures("noon")
WINDOW_ENDS = datetime(2026, 12, 4, 9, 0, tzinfo=UTC)


def test_a_buyer_asks(in_acme: Shop, buyer: Actor) -> None:
    order = in_acme.order

    request = services.submit_return(order.public_id, by=buyer, lines=[line_ask(order, 1)])

    kept = stories.fresh(request)
    assert (kept.status, kept.version) == ("PENDING_RESPONSE", 1)
    assert kept.respond_by == kept.due_at == NOON + timedelta(hours=48)
    assert (kept.units, kept.value_minor, kept.currency) == (1, 5_000, "GBP")
    assert (kept.order_number, kept.first_reason_code, kept.buyer_name) == (
        order.number,
        "CR-DEFECTIVE",
        "Lena Buyer",
    )
    assert not kept.is_out_of_policy
    assert kept.rma == ""
    line = ReturnLine.objects.get(return_request=kept)
    assert (line.quantity, line.reason_code, line.comment) == (1, "CR-DEFECTIVE", "It hums.")
    move = stories.last_move(kept)
    assert (move.move, move.source, move.actor_kind, move.actor_label) == ("submit", "", "buyer", "Lena Buyer")
    assert stories.events_of(kept) == ["return.requested"]
    event = OutboxEvent.objects.get(object_id=kept.pk, machine="return")
    assert event.payload["data"] == {"is_automatic": False, "is_out_of_policy": False}
    keys = set(ReturnSearchKey.objects.filter(return_request=kept).values_list("key", flat=True))
    assert {order.number, "lamp-1", "lena buyer", "buyer", kept.public_id.casefold()} <= keys
    stories.the_database_agrees()


@pytest.mark.parametrize("who", ["owner", "program", "support"])
def test_staff_ask_for_the_buyer(in_acme: Shop, who: str, request: pytest.FixtureRequest) -> None:
    actor: Actor = request.getfixturevalue(who)
    made = services.submit_return(in_acme.order.public_id, by=actor, lines=[line_ask(in_acme.order)])
    assert made.submitted_by_kind == actor.kind
    assert made.buyer == in_acme.buyer


def test_who_may_not_ask(stranger: Actor, in_acme: Shop, mate: Actor) -> None:
    other_buyer = BuyerFactory(email="someone@else.example")
    elsewhere = Actor(ActorKind.BUYER, "x", "X", in_acme.seller.pk, buyer_id=other_buyer.pk)
    asks = [line_ask(in_acme.order)]
    with stories.nothing_happens():
        with pytest.raises(Forbidden):
            services.submit_return(in_acme.order.public_id, by=mate, lines=asks)
        with pytest.raises(NotFound):
            services.submit_return(in_acme.order.public_id, by=stranger, lines=asks)
        with pytest.raises(NotFound):
            services.submit_return(in_acme.order.public_id, by=elsewhere, lines=asks)
        with pytest.raises(NotFound):
            services.submit_return("ord-nosuchthing", by=elsewhere, lines=asks)


def test_a_buyer_without_an_address_is_nobody(in_acme: Shop, buyer: Actor) -> None:
    """An imported order has no buyer: a buyer's link without a buyer must not open it."""
    order = OrderFactory(channel=in_acme.channel, buyer=None)
    nobody = Actor(buyer.kind, "buy-x", "Nobody", in_acme.seller.pk, buyer_id=None)
    with pytest.raises(NotFound):
        services.submit_return(order.public_id, by=nobody, lines=[line_ask(order)])


def test_a_gift_is_returned_by_who_got_it(in_acme: Shop, buyer: Actor) -> None:
    friend = BuyerFactory(email="friend@else.example", name="A Friend")
    asking = Actor(ActorKind.BUYER, friend.public_id, str(friend), in_acme.seller.pk, buyer_id=friend.pk)
    link = BuyerLink(order=in_acme.order, buyer=friend, email_hash="x", created_at=NOON, expires_at=NOON + MINUTE)
    link.save()
    with pytest.raises(NotFound):
        services.submit_return(in_acme.order.public_id, by=asking, lines=[line_ask(in_acme.order)])
    link.is_gift = True
    link.save()

    request = services.submit_return(in_acme.order.public_id, by=asking, lines=[line_ask(in_acme.order)])

    assert (request.buyer, request.buyer_name) == (friend, "A Friend")
    with stories.nothing_happens(), pytest.raises(NotFound):
        services.withdraw_return(request.public_id, by=buyer)
    with clock.override(NOON + MINUTE):
        assert services.withdraw_return(request.public_id, by=asking).status == "WITHDRAWN"
        with pytest.raises(NotFound):
            services.submit_return(in_acme.order.public_id, by=asking, lines=[line_ask(in_acme.order)])


@pytest.mark.parametrize("quantity", [0, -1, True])
def test_a_quantity_is_a_number_from_one(in_acme: Shop, buyer: Actor, quantity: int) -> None:
    _refused(in_acme, buyer, "quantity_not_valid", quantity=quantity)


def test_never_more_than_was_shipped_and_is_free(in_acme: Shop, buyer: Actor, owner: Actor) -> None:
    _refused(in_acme, buyer, "no_returnable_quantity", quantity=3)
    stories.asked(in_acme, quantity=1)
    _refused(in_acme, buyer, "no_returnable_quantity", quantity=2)
    second = stories.asked(in_acme, quantity=1, confirm_duplicate=True)
    _refused(in_acme, buyer, "no_returnable_quantity", quantity=1, confirm_duplicate=True)

    services.withdraw_return(second.public_id, by=buyer)

    assert stories.asked(in_acme, quantity=1, confirm_duplicate=True).units == 1


def test_two_lines_of_one_item_count_together(in_acme: Shop, buyer: Actor) -> None:
    order = in_acme.order
    asks = [line_ask(order, 1), line_ask(order, 2, reason_code="CR-SWITCHEROO")]
    with pytest.raises(Refused) as refusal:
        services.submit_return(order.public_id, by=buyer, lines=asks)
    assert refusal.value.code == "no_returnable_quantity"
    asks[1] = line_ask(order, 1, reason_code="CR-SWITCHEROO")
    assert services.submit_return(order.public_id, by=buyer, lines=asks).units == 2


@pytest.mark.parametrize(
    ("ending", "frees"),
    [("denied", True), ("withdrawn", True), ("expired", True), ("closed", True), ("received", False)],
)
def test_an_end_without_effect_frees_the_units(in_acme: Shop, ending: str, frees: bool) -> None:
    getattr(stories, ending)(in_acme, quantity=2)
    if frees:
        assert stories.asked(in_acme, quantity=2).units == 2
    else:
        _refused(in_acme, in_acme.buyer_actor, "no_returnable_quantity", quantity=1)


def test_units_that_came_back_stay_back_when_the_rest_is_closed(in_acme: Shop, owner: Actor) -> None:
    request = stories.received(in_acme, quantity=2, back=1)
    services.close_return(request.public_id, by=owner, close_reason="RESOLVED_OTHERWISE")
    _refused(in_acme, in_acme.buyer_actor, "no_returnable_quantity", quantity=2)
    assert stories.asked(in_acme, quantity=1).units == 1


def test_an_item_that_was_not_shipped(in_acme: Shop, buyer: Actor) -> None:
    order = stories.order_of(in_acme, lines=[{"sku": "A", "quantity": 1, "quantity_shipped": 0, "item_minor": 1}])
    _refused(in_acme, buyer, "not_shipped", order=order)


def test_an_item_of_another_order(in_acme: Shop, buyer: Actor) -> None:
    other = stories.order_of(in_acme)
    with stories.nothing_happens(), pytest.raises(Refused) as refusal:
        services.submit_return(in_acme.order.public_id, by=buyer, lines=[line_ask(other)])
    assert refusal.value.code == "not_in_order"


def test_nothing_chosen(in_acme: Shop, buyer: Actor) -> None:
    with pytest.raises(Refused) as refusal:
        services.submit_return(in_acme.order.public_id, by=buyer, lines=[])
    assert refusal.value.code == "lines_needed"


# --- reasons and comments ---


@pytest.mark.parametrize("code", list(RETURN_REASONS))
def test_every_reason_can_be_given(in_acme: Shop, buyer: Actor, code: str) -> None:
    order = in_acme.order
    made = services.submit_return(order.public_id, by=buyer, lines=[line_ask(order, reason_code=code)])
    assert made.first_reason_code == code


def test_a_reason_that_is_not_listed(in_acme: Shop, buyer: Actor) -> None:
    _refused(in_acme, buyer, "reason_unknown", reason_code="CR-I-FELT-LIKE-IT")


@pytest.mark.parametrize(
    ("comment", "fits"),
    [
        ("x" * 200, True),
        ("x" * 201, False),
        ("é" * 200, True),
        ("\U0001f4a1" * 200, True),  # one code point each, two UTF-16 units
        ("x" * 199 + "\r\n" + "", True),
        ("a\r\n" * 99 + "ab", True),  # 99 line breaks of one character each, 200 in all
        ("a\r\n" * 100 + "b", False),
    ],
)
def test_a_comment_has_at_most_200_characters(in_acme: Shop, buyer: Actor, comment: str, fits: bool) -> None:
    if fits:
        made = services.submit_return(
            in_acme.order.public_id, by=buyer, lines=[line_ask(in_acme.order, comment=comment)]
        )
        assert "\r" not in ReturnLine.objects.get(return_request=made).comment
    else:
        _refused(in_acme, buyer, "comment_too_long", comment=comment)


def test_a_buyer_says_why_where_the_reason_demands_it(in_acme: Shop, buyer: Actor, owner: Actor) -> None:
    _refused(in_acme, buyer, "comment_missing", comment="  \r\n ")
    optional = [code for code, reason in RETURN_REASONS.items() if not reason.is_comment_required]
    assert optional == ["CR-ORDERED_WRONG_ITEM", "CR-UNAUTHORIZED_PURCHASE"]
    order = in_acme.order
    services.submit_return(order.public_id, by=buyer, lines=[line_ask(order, comment="", reason_code=optional[0])])
    asks = [line_ask(order, comment="")]
    services.submit_return(order.public_id, by=owner, lines=asks, confirm_duplicate=True)


def test_a_seller_may_ask_for_no_comments(in_acme: Shop, buyer: Actor) -> None:
    ReturnRules.objects.create(channel=in_acme.channel, are_comments_required=False)
    made = services.submit_return(in_acme.order.public_id, by=buyer, lines=[line_ask(in_acme.order, comment="")])
    assert made.pk


# --- the window ---


@pytest.mark.parametrize(("moment", "is_open"), [(-MINUTE, True), (timedelta(0), True), (MINUTE, False)])
def test_the_window_is_hard_for_buyers(in_acme: Shop, buyer: Actor, moment: timedelta, is_open: bool) -> None:
    with clock.override(WINDOW_ENDS + moment):
        if is_open:
            assert not stories.asked(in_acme).is_out_of_policy
        else:
            refusal = _refused(in_acme, buyer, "window_closed")
            assert "4 Dec 2026" in refusal.message


def test_staff_take_it_back_after_the_window_with_a_reason(in_acme: Shop, owner: Actor) -> None:
    with clock.override(WINDOW_ENDS + MINUTE):
        refusal = _refused(in_acme, owner, "window_reason_missing")
        assert "4 Dec 2026" in refusal.message
        made = services.submit_return(
            in_acme.order.public_id, by=owner, lines=[line_ask(in_acme.order)], reason="She was in hospital."
        )
    assert made.is_out_of_policy
    assert made.policy_note.endswith("She was in hospital.")


def test_the_window_counts_from_the_best_that_is_known(in_acme: Shop, buyer: Actor) -> None:
    order = stories.order_of(in_acme, delivered_at=None)
    with clock.override(datetime(2026, 12, 2, 9, 0, tzinfo=UTC)):
        assert stories.asked(in_acme, order=order).pk
    order = stories.order_of(in_acme, delivered_at=None, shipped_at=None)
    with clock.override(datetime(2026, 12, 1, 9, 1, tzinfo=UTC)):
        _refused(in_acme, buyer, "window_closed", order=order)


def test_a_season_gives_more_time(in_acme: Shop, buyer: Actor) -> None:
    DeadlineRule.objects.create(
        kind="return.window",
        channel="amazon.co.uk",
        seconds=90 * 86_400,
        valid_from=datetime(2026, 11, 1, tzinfo=UTC),
        valid_to=datetime(2026, 12, 31, tzinfo=UTC),
        source="Christmas 2026",
    )
    with clock.override(WINDOW_ENDS + timedelta(days=30)):
        assert stories.asked(in_acme).pk


def test_the_sellers_own_time_to_answer_is_frozen_on_the_row(in_acme: Shop) -> None:
    rule = DeadlineRule.objects.create(
        kind="return.respond", channel="", seconds=3600, valid_from=NOON - MINUTE, source="our promise"
    )
    request = stories.asked(in_acme)
    rule.seconds = 7200
    rule.save()
    assert stories.fresh(request).respond_by == NOON + timedelta(hours=1)


# --- once more ---


def test_an_open_request_on_the_item_is_a_warning(in_acme: Shop, buyer: Actor) -> None:
    first = stories.asked(in_acme)
    with stories.nothing_happens(), pytest.raises(DuplicateWarning) as warning:
        stories.asked(in_acme)
    assert warning.value.status == 409
    assert warning.value.code == "open_request_exists"
    assert [named["public_id"] for named in warning.value.details["returns"]] == [first.public_id]
    assert first.order_number in warning.value.message
    assert stories.asked(in_acme, confirm_duplicate=True).pk != first.pk


def test_the_same_token_asks_once(in_acme: Shop, buyer: Actor) -> None:
    first = stories.asked(in_acme, client_token="form-1")
    with stories.nothing_happens():
        again = stories.asked(in_acme, client_token="form-1")
    assert again.pk == first.pk
    with pytest.raises(Refused) as refusal:
        stories.asked(in_acme, client_token="form-1", quantity=2)
    assert refusal.value.code == "idempotency_mismatch"


def test_a_token_is_its_askers_own(in_acme: Shop, owner: Actor) -> None:
    stories.asked(in_acme, client_token="form-1")
    asks = [line_ask(in_acme.order)]
    with pytest.raises(Conflict):
        services.submit_return(in_acme.order.public_id, by=owner, lines=asks, client_token="form-1")


def _refused(shop: Shop, by: Actor, code: str, **more: object) -> Refused:
    order = more.pop("order", shop.order)
    confirm = bool(more.pop("confirm_duplicate", False))
    quantity = more.pop("quantity", 1)
    ask: LineAsk = line_ask(order, quantity, **more)  # type: ignore[arg-type]
    with stories.nothing_happens(), pytest.raises(Refused) as refusal:
        services.submit_return(order.public_id, by=by, lines=[ask], confirm_duplicate=confirm)  # type: ignore[attr-defined]
    assert refusal.value.code == code
    assert ReturnRequest.objects.filter(order_number="").count() == 0
    return refusal.value
