"""The buyer takes a request back while nobody has answered."""

from __future__ import annotations

import pytest

from marketplace.actors import Actor, ActorKind
from marketplace.errors import Conflict, Forbidden, NotFound, WrongState
from refunds.services import cancel_refund
from returns import services
from tests.cast import Shop
from tests.factories import BuyerFactory
from tests.returns import stories
from tests.returns.stories import NOON

pytestmark = pytest.mark.usefixtures("noon")


def test_the_buyer_withdraws(in_acme: Shop, buyer: Actor) -> None:
    request = stories.asked(in_acme, quantity=2)
    services.withdraw_return(request.public_id, by=buyer)
    kept = stories.fresh(request)
    assert (kept.status, kept.ended_at, kept.due_at, kept.answered_at) == ("WITHDRAWN", NOON, None, None)
    assert stories.last_move(kept).move == "withdraw"
    assert stories.events_of(kept)[-1] == "return.withdrawn"
    assert stories.asked(in_acme, quantity=2).units == 2
    stories.the_database_agrees()


def test_only_the_one_whose_order_it_is(in_acme: Shop, owner: Actor, mate: Actor, program: Actor) -> None:
    request = stories.asked(in_acme)
    other = BuyerFactory(email="someone@else.example")
    somebody = Actor(ActorKind.BUYER, other.public_id, "Somebody", in_acme.seller.pk, buyer_id=other.pk)
    with stories.nothing_happens():
        with pytest.raises(NotFound):
            services.withdraw_return(request.public_id, by=somebody)
        for nobody in (owner, mate, program):
            with pytest.raises(Forbidden):
                services.withdraw_return(request.public_id, by=nobody)


def test_support_for_the_buyer(in_acme: Shop, support: Actor) -> None:
    request = stories.asked(in_acme)
    made = services.withdraw_return(request.public_id, by=support, reason="The buyer called.")
    assert stories.last_move(made).reason_text == "The buyer called."


@pytest.mark.parametrize("state", [state for state in stories.STATES if state != "PENDING_RESPONSE"])
def test_not_once_it_was_answered(in_acme: Shop, buyer: Actor, state: str) -> None:
    request = stories.STATES[state](in_acme)
    with stories.nothing_happens(), pytest.raises(WrongState) as refusal:
        services.withdraw_return(request.public_id, by=buyer)
    assert "owner" not in refusal.value.message.lower(), "a buyer does not learn the names of the seller's people"


def test_not_while_money_is_on_its_way(in_acme: Shop, buyer: Actor, owner: Actor) -> None:
    request = stories.asked(stories.pays_by_hand(in_acme))
    refund = services.refund_return(request.public_id, by=owner)
    with stories.nothing_happens(), pytest.raises(Conflict) as refusal:
        services.withdraw_return(request.public_id, by=buyer)
    assert refusal.value.code == "refund_in_flight"

    cancel_refund(refund.public_id, by=owner)

    assert services.withdraw_return(request.public_id, by=buyer).status == "WITHDRAWN"
