"""Asking that money goes back: the reservation, every refusal, and the same request twice."""

from __future__ import annotations

import pytest

from marketplace.actors import Actor
from marketplace.errors import NotFound, Refused
from marketplace.models import IdempotencyKey, Order
from marketplace.tenancy import scope
from refunds.models import RefundBudget, RefundLine, RefundRequest
from refunds.services import RefundLineAsk, cancel_refund, create_refund
from tests.cast import Shop
from tests.factories import OrderFactory, SalesChannelFactory
from tests.refunds.steps import ask, balances, breaches, budget, event_names, last_move, moves, only_changes

ASKED = (
    "refundbudget",
    "refundrequest",
    "refundline",
    "ledgerline",
    "statetransition",
    "outboxevent",
)


def test_a_refund_is_reserved_at_once(in_acme: Shop, owner: Actor) -> None:
    with only_changes(in_acme, *ASKED):
        refund = ask(in_acme, owner, 3_000, text="Came back whole.", asker="return", asker_public_id="ret-1")

    row = RefundRequest.objects.get()
    assert row.public_id == refund.public_id
    assert row.public_id.startswith("ba-")
    assert (row.status, row.public_status, row.version) == ("RESERVED", "PENDING", 2)
    assert (row.amount_minor, row.currency, row.gateway) == (3_000, "GBP", "sandbox")
    assert (row.payment_reference, row.order_number) == (in_acme.order.payment_reference, in_acme.order.number)
    assert (row.created_by_kind, row.created_by_id, row.attempts) == ("seller", owner.id, 0)
    assert (row.asker, row.asker_public_id, row.reason_text) == ("return", "ret-1", "Came back whole.")
    assert row.next_attempt_at == row.created_at  # sent at once
    line = RefundLine.objects.get()
    assert (line.component, line.amount_minor, line.order_line) == ("ITEM", 3_000, in_acme.order.lines.get())
    assert moves(refund) == ["create", "reserve"]
    assert last_move(refund).actor_id == owner.id
    assert last_move(refund).data["asker_public_id"] == "ret-1"
    assert event_names(refund) == ["refund.requested", "refund.reserved"]
    assert budget(in_acme) == (10_000, 3_000, 0, 7_000)
    assert balances(in_acme) == {"OUTSIDE": -10_000, "CAPTURED": 7_000, "RESERVED": 3_000}
    assert breaches(in_acme) == []


def test_more_than_what_is_left_is_refused_and_names_it(in_acme: Shop, owner: Actor) -> None:
    ask(in_acme, owner, 7_000, component="GOODWILL")

    with only_changes(in_acme), pytest.raises(Refused) as refusal:
        ask(in_acme, owner, 3_001, component="GOODWILL")

    assert refusal.value.code == "EXCEEDED_MAXIMUM_ADJUSTMENT_AMOUNT"
    assert refusal.value.status == 422
    assert refusal.value.details == {"left_minor": 3_000, "currency": "GBP"}
    assert refusal.value.message == (
        "No more than 30.00\u00a0GBP can be refunded: of 100.00\u00a0GBP paid,"
        " 70.00\u00a0GBP is reserved for refunds under way."
    )


def test_exactly_what_is_left_is_reserved_and_then_nothing(in_acme: Shop, owner: Actor) -> None:
    ask(in_acme, owner, 7_000, component="GOODWILL")
    ask(in_acme, owner, 3_000, component="GOODWILL")

    with pytest.raises(Refused, match=r"Nothing is left to refund: of 100.00.GBP paid, 100.00.GBP is reserved"):
        ask(in_acme, owner, 1, component="GOODWILL")
    assert budget(in_acme) == (10_000, 10_000, 0, 0)


def test_the_first_refusal_says_what_the_buyer_paid(in_acme: Shop, owner: Actor) -> None:
    with pytest.raises(Refused, match=r"The buyer paid 100.00.GBP"):
        ask(in_acme, owner, 10_001, component="GOODWILL")
    assert not RefundRequest.objects.exists()


# --- the lines of the order


@pytest.fixture
def itemised(in_acme: Shop) -> Order:
    """Two lines: A = 60.00 + 12.00 tax + 5.00 shipping - 7.00 discount = 70.00; B = 30.00."""
    order: Order = OrderFactory(
        channel=in_acme.channel,
        lines=[
            {
                "sku": "A",
                "quantity": 2,
                "item_minor": 6_000,
                "tax_minor": 1_200,
                "shipping_minor": 500,
                "discount_minor": 700,
            },
            {"sku": "B", "quantity": 1, "item_minor": 3_000},
        ],
    )
    return order


def refund_of(order: Order, by: Actor, *lines: tuple[str | None, str, int]) -> RefundRequest:
    ids = dict(order.lines.values_list("sku", "id"))
    asks = [RefundLineAsk(ids[sku] if sku else None, component, amount) for sku, component, amount in lines]
    return create_refund(order.public_id, by=by, lines=asks, reason_code="BUYER_RETURN")


@pytest.mark.parametrize(
    ("component", "most"), [("ITEM", 6_000), ("TAX", 1_200), ("SHIPPING", 500)], ids=["item", "tax", "shipping"]
)
def test_each_component_of_a_line_has_its_cap(
    itemised: Order, owner: Actor, in_acme: Shop, component: str, most: int
) -> None:
    with pytest.raises(Refused) as refusal:
        refund_of(itemised, owner, ("A", component, most + 1))
    assert refusal.value.code == "EXCEEDED_MAXIMUM_ADJUSTMENT_AMOUNT"
    assert refusal.value.details["left_minor"] == most

    assert refund_of(itemised, owner, ("A", component, most)).status == "RESERVED"


def test_a_line_as_a_whole_has_its_cap(itemised: Order, owner: Actor, in_acme: Shop) -> None:
    with pytest.raises(Refused, match=r"No more than 70.00.GBP can be refunded on A"):
        refund_of(itemised, owner, ("A", "ITEM", 6_000), ("A", "TAX", 1_200))

    refund_of(itemised, owner, ("A", "ITEM", 5_300), ("A", "TAX", 1_200), ("A", "SHIPPING", 500))
    with pytest.raises(Refused, match=r"No more than 0.00.GBP can be refunded on A"):
        refund_of(itemised, owner, ("A", "ITEM", 1))
    assert refund_of(itemised, owner, ("B", "ITEM", 3_000)).amount_minor == 3_000


def test_a_cancelled_refund_frees_its_line(itemised: Order, owner: Actor, in_acme: Shop) -> None:
    first = refund_of(itemised, owner, ("B", "ITEM", 3_000))
    with pytest.raises(Refused):
        refund_of(itemised, owner, ("B", "ITEM", 1))

    cancel_refund(first.public_id, by=owner)

    assert refund_of(itemised, owner, ("B", "ITEM", 3_000)).status == "RESERVED"


def test_shipping_without_a_line_is_capped_by_all_shipping(itemised: Order, owner: Actor, in_acme: Shop) -> None:
    refund_of(itemised, owner, ("A", "SHIPPING", 300))
    with pytest.raises(Refused, match=r"No more than 2.00.GBP of the order's shipping"):
        refund_of(itemised, owner, (None, "SHIPPING", 201))
    assert refund_of(itemised, owner, (None, "SHIPPING", 200)).status == "RESERVED"


def test_a_line_without_amounts_has_the_charges_cap_alone(in_acme: Shop, owner: Actor) -> None:
    order = OrderFactory(channel=in_acme.channel, lines=[{"sku": "A", "quantity": 1, "paid_minor": 0}])
    Order.objects.filter(pk=order.pk).update(paid_minor=5_000)
    assert refund_of(order, owner, ("A", "ITEM", 5_000)).status == "RESERVED"


def test_a_restocking_fee_is_kept_back(itemised: Order, owner: Actor, in_acme: Shop) -> None:
    refund = refund_of(itemised, owner, ("B", "ITEM", 3_000), ("B", "RESTOCKING_FEE", -600))

    assert refund.amount_minor == 2_400
    assert budget(in_acme, itemised) == (10_000, 2_400, 0, 7_600)
    assert breaches(in_acme) == []


@pytest.mark.parametrize(
    "lines",
    [
        [("B", "RESTOCKING_FEE", 600)],
        [("B", "ITEM", -1)],
        [("B", "ITEM", 0)],
        [("B", "RESTOCKING_FEE", -600)],
        [("B", "ITEM", 600), ("B", "RESTOCKING_FEE", -600)],
        [("B", "ITEM", 600), ("A", "ITEM", 600), ("B", "RESTOCKING_FEE", -700)],
        [("B", "NONSENSE", 600)],
        [(None, "ITEM", 600)],
        [(None, "TAX", 600)],
        [("B", "ITEM", 10**15 + 1)],
        [],
    ],
)
def test_lines_that_make_no_sense_are_refused(
    itemised: Order, owner: Actor, in_acme: Shop, lines: list[tuple[str | None, str, int]]
) -> None:
    with pytest.raises(Refused):
        refund_of(itemised, owner, *lines)
    assert not RefundRequest.objects.exists()


def test_a_line_of_another_order_is_not_there(itemised: Order, in_acme: Shop, owner: Actor) -> None:
    foreign = in_acme.order.lines.get()
    with pytest.raises(NotFound):
        create_refund(
            itemised.public_id,
            by=owner,
            lines=[RefundLineAsk(foreign.pk, "ITEM", 100)],
            reason_code="BUYER_RETURN",
        )


def test_another_sellers_order_is_not_there(acme: Shop, globex: Shop, stranger: Actor) -> None:
    with scope(globex.seller.pk), pytest.raises(NotFound):
        create_refund(
            acme.order.public_id,
            by=stranger,
            lines=[RefundLineAsk(None, "GOODWILL", 100)],
            reason_code="BUYER_RETURN",
        )


# --- currency, reason, payment


def test_the_currency_must_be_the_payments(in_acme: Shop, owner: Actor) -> None:
    with pytest.raises(Refused, match="The buyer paid in GBP") as refusal:
        ask(in_acme, owner, currency="EUR")
    assert refusal.value.code == "currency_mismatch"
    assert ask(in_acme, owner, currency="GBP").currency == "GBP"


def test_a_currency_that_changed_after_the_first_refund_is_refused(in_acme: Shop, owner: Actor) -> None:
    ask(in_acme, owner)
    Order.objects.filter(pk=in_acme.order.pk).update(currency="EUR")
    with pytest.raises(Refused, match="The buyer paid in GBP"):
        ask(in_acme, owner)


@pytest.mark.parametrize("code", ["", "NO_SUCH_REASON", "CR-DEFECTIVE"])
def test_a_reason_of_the_list_is_demanded(in_acme: Shop, owner: Actor, code: str) -> None:
    with pytest.raises(Refused, match="Choose a reason"):
        ask(in_acme, owner, reason=code)


def test_an_asker_brings_its_own_reasons(in_acme: Shop, owner: Actor) -> None:
    refund = ask(in_acme, owner, reason="CR-DEFECTIVE", asker="return", asker_public_id="ret-1")
    assert refund.reason_code == "CR-DEFECTIVE"


def test_another_reason_needs_words(in_acme: Shop, owner: Actor) -> None:
    with pytest.raises(Refused, match="few words"):
        ask(in_acme, owner, reason="OTHER", text="   ")
    assert ask(in_acme, owner, reason="OTHER", text="Birthday.").reason_text == "Birthday."


def test_without_a_known_payment_a_refund_needs_words_and_raises_the_cap(in_acme: Shop, owner: Actor) -> None:
    order = OrderFactory(channel=in_acme.channel, lines=[{"sku": "A", "quantity": 1}])
    assert order.paid_minor == 0
    with pytest.raises(Refused, match="We do not know what the buyer paid"):
        ask(in_acme, owner, 4_000, order=order)

    first = ask(in_acme, owner, 4_000, order=order, text="As on the receipt.")
    ask(in_acme, owner, 1_000, order=order, text="And the rest.")
    assert budget(in_acme, order) == (5_000, 5_000, 0, 0)
    assert not RefundBudget.objects.get(order=order).is_cap_known

    cancel_refund(first.public_id, by=owner)
    assert budget(in_acme, order) == (1_000, 1_000, 0, 0)
    assert breaches(in_acme) == []


def test_a_later_file_makes_the_payment_known(in_acme: Shop, owner: Actor) -> None:
    order = OrderFactory(channel=in_acme.channel, lines=[{"sku": "A", "quantity": 1}])
    ask(in_acme, owner, 4_000, order=order, text="As on the receipt.")
    Order.objects.filter(pk=order.pk).update(paid_minor=6_000)
    order.refresh_from_db()

    with pytest.raises(Refused, match=r"No more than 20.00"):
        ask(in_acme, owner, 2_001, order=order)

    ask(in_acme, owner, 2_000, order=order)
    assert budget(in_acme, order) == (6_000, 6_000, 0, 0)
    assert breaches(in_acme) == []


def test_a_stripe_order_without_a_payment_is_refused_at_once(in_acme: Shop, owner: Actor) -> None:
    order = OrderFactory(channel=in_acme.channel, gateway="stripe", payment_reference="")
    with pytest.raises(Refused, match="names no payment at the provider"):
        ask(in_acme, owner, order=order)


def test_the_sandbox_takes_the_order_itself_for_the_payment(in_acme: Shop, owner: Actor) -> None:
    order = OrderFactory(channel=in_acme.channel, payment_reference="")
    assert ask(in_acme, owner, order=order).payment_reference == order.public_id


def test_a_refund_by_hand_waits_for_its_seller(in_acme: Shop, owner: Actor) -> None:
    channel = SalesChannelFactory(code="shop", gateway="manual")
    refund = ask(in_acme, owner, order=OrderFactory(channel=channel, payment_reference=""))
    assert (refund.status, refund.next_attempt_at, refund.awaits_seller) == ("RESERVED", None, True)
    assert refund.display_status == "AWAITING_SELLER"
    assert breaches(in_acme) == []


def test_a_currency_without_decimals_is_said_as_people_do(in_acme: Shop, owner: Actor) -> None:
    channel = SalesChannelFactory(code="amazon.co.jp", currency="JPY")
    order = OrderFactory(channel=channel)  # 10,000 yen
    with pytest.raises(Refused, match=r"The buyer paid 10,000.JPY"):
        ask(in_acme, owner, 10_001, order=order, component="GOODWILL")


# --- second person, money stop


@pytest.fixture
def dear_order(in_acme: Shop) -> Order:
    """2,000.00 paid; a second person is asked above 500.00."""
    order: Order = OrderFactory(channel=in_acme.channel, lines=[{"sku": "SOFA", "quantity": 1, "item_minor": 200_000}])
    return order


def test_above_the_limit_a_second_person_is_asked(in_acme: Shop, owner: Actor, dear_order: Order) -> None:
    at_the_limit = ask(in_acme, owner, 50_000, order=dear_order)
    other = OrderFactory(channel=in_acme.channel, lines=[{"sku": "SOFA", "quantity": 1, "item_minor": 200_000}])
    above = ask(in_acme, owner, 50_001, order=other)

    assert at_the_limit.status == "RESERVED"
    assert (above.status, above.next_attempt_at) == ("REVIEW", None)
    assert above.remind_at is not None
    assert moves(above) == ["create", "ask_review"]
    assert event_names(above) == ["refund.requested", "refund.review_asked"]
    assert budget(in_acme, other)[1] == 50_001  # reserved all the same
    assert breaches(in_acme) == []


def test_small_pieces_of_one_charge_add_up_to_a_review(in_acme: Shop, owner: Actor, dear_order: Order) -> None:
    assert ask(in_acme, owner, 30_000, order=dear_order).status == "RESERVED"
    assert ask(in_acme, owner, 20_000, order=dear_order).status == "RESERVED"
    assert ask(in_acme, owner, 1, order=dear_order).status == "REVIEW"


def test_no_limit_no_review(in_acme: Shop, owner: Actor, dear_order: Order) -> None:
    in_acme.seller.review_above_minor = 0
    in_acme.seller.save()
    assert ask(in_acme, owner, 200_000, order=dear_order).status == "RESERVED"


def test_while_payouts_are_stopped_a_refund_is_held(in_acme: Shop, owner: Actor, dear_order: Order) -> None:
    in_acme.seller.is_money_stopped = True
    in_acme.seller.save()

    refund = ask(in_acme, owner)

    assert (refund.status, refund.hold_reason, refund.next_attempt_at) == ("ON_HOLD", "MONEY_STOP", None)
    assert event_names(refund) == ["refund.requested", "refund.on_hold"]
    assert budget(in_acme)[1] == 3_000
    assert ask(in_acme, owner, 60_000, order=dear_order).status == "REVIEW"  # the second person comes first
    assert breaches(in_acme) == []


# --- once


def test_the_same_token_gives_the_first_refund_again(in_acme: Shop, owner: Actor) -> None:
    first = ask(in_acme, owner, token="form-1")
    with only_changes(in_acme):
        again = ask(in_acme, owner, token="form-1")

    assert again.public_id == first.public_id
    key = IdempotencyKey.objects.get()
    assert (key.operation, key.key, key.status) == ("refund.create", "form-1", 201)
    assert key.answer == {"public_id": first.public_id}
    assert breaches(in_acme) == []


@pytest.mark.parametrize("change", [{"amount": 2_999}, {"reason": "WRONG_ITEM"}, {"text": "!"}, {"asker": "return"}])
def test_the_same_token_for_something_else_is_refused(in_acme: Shop, owner: Actor, change: dict[str, str]) -> None:
    ask(in_acme, owner, token="form-1")
    with pytest.raises(Refused) as refusal:
        ask(in_acme, owner, **{"token": "form-1", **change})  # type: ignore[arg-type]
    assert refusal.value.code == "idempotency_mismatch"
    assert RefundRequest.objects.count() == 1


def test_without_a_token_two_requests_are_two_refunds(in_acme: Shop, owner: Actor) -> None:
    assert ask(in_acme, owner).public_id != ask(in_acme, owner).public_id
    assert not IdempotencyKey.objects.exists()


def test_a_refused_request_may_be_tried_again_with_its_token(in_acme: Shop, owner: Actor) -> None:
    with pytest.raises(Refused):
        ask(in_acme, owner, 20_000, component="GOODWILL", token="form-1")
    assert ask(in_acme, owner, 1_000, component="GOODWILL", token="form-1").status == "RESERVED"


# --- who
