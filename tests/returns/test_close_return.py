"""Nothing is owed any more."""

from __future__ import annotations

import pytest

from marketplace.actors import Actor
from marketplace.errors import Conflict, Forbidden, Refused, WrongState
from refunds.services import cancel_refund
from returns import services
from returns.models import LIVE, ReturnRequest
from tests.cast import Shop
from tests.returns import stories
from tests.returns.stories import NOON

pytestmark = pytest.mark.usefixtures("noon")
PLAIN = ["REPLACED", "NOT_RETURNABLE", "RESOLVED_OTHERWISE"]


@pytest.mark.parametrize("state", LIVE)
def test_from_every_live_state(in_acme: Shop, owner: Actor, state: str) -> None:
    request = stories.STATES[state](in_acme)
    services.close_return(request.public_id, by=owner, close_reason="REPLACED", reason="A new lamp is on its way.")
    kept = stories.fresh(request)
    assert (kept.status, kept.close_reason, kept.ended_at, kept.due_at) == ("CLOSED", "REPLACED", NOON, None)
    assert kept.answered_at is not None
    move = stories.last_move(kept)
    assert (move.move, move.reason_code, move.reason_text) == ("close", "REPLACED", "A new lamp is on its way.")
    assert stories.events_of(kept)[-1] == "return.closed"
    stories.the_database_agrees()


@pytest.mark.parametrize("reason", PLAIN)
def test_reasons_that_need_no_proof(in_acme: Shop, owner: Actor, reason: str) -> None:
    request = stories.asked(in_acme)
    assert services.close_return(request.public_id, by=owner, close_reason=reason).status == "CLOSED"


@pytest.mark.parametrize("reason", ["REFUNDED", "RETURNLESS"])
def test_refunded_only_if_it_is_true(in_acme: Shop, owner: Actor, reason: str) -> None:
    stories.pays_by_hand(in_acme)
    request = stories.received(in_acme, quantity=2, back=1)
    with stories.nothing_happens(), pytest.raises(Refused) as refusal:
        services.close_return(request.public_id, by=owner, close_reason=reason)
    assert refusal.value.code == "not_refunded"
    stories.arrive(services.refund_return(request.public_id, by=owner), owner)
    assert services.close_return(request.public_id, by=owner, close_reason=reason).status == "CLOSED"


def test_a_reason_that_is_not_listed(in_acme: Shop, owner: Actor) -> None:
    request = stories.asked(in_acme)
    with stories.nothing_happens(), pytest.raises(Refused):
        services.close_return(request.public_id, by=owner, close_reason="DONE_WITH_IT")


def test_not_while_a_refund_is_in_flight(in_acme: Shop, owner: Actor) -> None:
    request = stories.received(stories.pays_by_hand(in_acme))
    refund = services.refund_return(request.public_id, by=owner)
    with stories.nothing_happens(), pytest.raises(Conflict) as refusal:
        services.close_return(request.public_id, by=owner, close_reason="RESOLVED_OTHERWISE")
    assert refusal.value.code == "refund_in_flight"
    cancel_refund(refund.public_id, by=owner)
    assert services.close_return(request.public_id, by=owner, close_reason="RESOLVED_OTHERWISE").status == "CLOSED"


def test_who_may_not(in_acme: Shop, mate: Actor, buyer: Actor) -> None:
    request = stories.asked(in_acme)
    with stories.nothing_happens():
        for nobody in (mate, buyer):
            with pytest.raises(Forbidden):
                services.close_return(request.public_id, by=nobody, close_reason="REPLACED")


@pytest.mark.parametrize("state", sorted(set(ReturnRequest.Status.values) - set(LIVE)))
def test_an_end_is_an_end(in_acme: Shop, owner: Actor, state: str) -> None:
    request = stories.STATES[state](in_acme)
    with stories.nothing_happens(), pytest.raises(WrongState):
        services.close_return(request.public_id, by=owner, close_reason="REPLACED")
