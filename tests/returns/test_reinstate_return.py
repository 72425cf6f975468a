"""A denial, an expiry or a closing is taken back."""

from __future__ import annotations

from datetime import timedelta

import pytest

from marketplace import clock
from marketplace.actors import Actor
from marketplace.errors import Forbidden, Refused, WrongState
from returns import services
from tests.cast import Shop
from tests.factories import ADDRESS
from tests.returns import stories
from tests.returns.stories import MINUTE, NOON

pytestmark = pytest.mark.usefixtures("noon")
DAY = timedelta(hours=24)


def test_a_denial_is_taken_back(in_acme: Shop, owner: Actor) -> None:
    request = stories.denied(in_acme)
    with clock.override(NOON + timedelta(hours=3)):
        services.reinstate_return(request.public_id, by=owner, reason="I pressed the wrong button.")
    kept, moment = stories.fresh(request), NOON + timedelta(hours=3)
    assert (kept.status, kept.deny_reason_code, kept.deny_message, kept.ended_at) == ("AUTHORISED", "", "", None)
    assert kept.return_by == moment + timedelta(days=30)
    assert kept.return_address == {**ADDRESS, "phone_ext": ""}
    assert kept.rma
    move = stories.last_move(kept)
    assert (move.move, move.source, move.reason_text) == ("reinstate", "DENIED", "I pressed the wrong button.")
    assert stories.events_of(kept)[-1] == "return.reinstated"
    stories.the_database_agrees()


def test_the_rma_number_is_made_once(in_acme: Shop, owner: Actor) -> None:
    request = stories.expired(in_acme)
    assert request.ended_at is not None
    with clock.override(request.ended_at):
        made = services.reinstate_return(request.public_id, by=owner, reason="It is on its way.")
    assert made.rma == request.rma
    assert made.expires_at is not None


@pytest.mark.parametrize(("moment", "is_possible"), [(-MINUTE, True), (timedelta(0), True), (MINUTE, False)])
def test_the_seller_within_24_hours_support_at_any_time(
    in_acme: Shop, owner: Actor, support: Actor, moment: timedelta, is_possible: bool
) -> None:
    request = stories.closed(in_acme)
    with clock.override(NOON + DAY + moment):
        if is_possible:
            assert services.reinstate_return(request.public_id, by=owner, reason="Oops.").status == "AUTHORISED"
            return
        with stories.nothing_happens(), pytest.raises(Refused) as refusal:
            services.reinstate_return(request.public_id, by=owner, reason="Oops.")
        assert refusal.value.code == "too_late_to_reinstate"
        assert services.reinstate_return(request.public_id, by=support, reason="Asked for.").status == "AUTHORISED"


def test_its_units_must_still_be_free(in_acme: Shop, owner: Actor) -> None:
    request = stories.denied(in_acme, quantity=2)
    other = stories.asked(in_acme, quantity=1)
    with stories.nothing_happens(), pytest.raises(Refused) as refusal:
        services.reinstate_return(request.public_id, by=owner, reason="Oops.")
    assert refusal.value.code == "units_not_free"
    assert refusal.value.details["returns"] == [other.public_id]
    services.withdraw_return(other.public_id, by=in_acme.buyer_actor)
    assert services.reinstate_return(request.public_id, by=owner, reason="Oops.").status == "AUTHORISED"


def test_what_was_partly_received_does_not_expire_again(in_acme: Shop, owner: Actor) -> None:
    request = stories.received(in_acme, quantity=2, back=1)
    services.close_return(request.public_id, by=owner, close_reason="RESOLVED_OTHERWISE")
    made = services.reinstate_return(request.public_id, by=owner, reason="The second one came.")
    assert made.expires_at is None
    assert stories.receive(made, owner, 1).status == "RECEIVED"


def test_a_reason_is_needed(in_acme: Shop, owner: Actor) -> None:
    request = stories.denied(in_acme)
    with stories.nothing_happens():
        for reason in ("", "  \n", "x" * 501):
            with pytest.raises(Refused):
                services.reinstate_return(request.public_id, by=owner, reason=reason)


def test_who_may_not(in_acme: Shop, mate: Actor, buyer: Actor) -> None:
    request = stories.denied(in_acme)
    with stories.nothing_happens():
        for nobody in (mate, buyer):
            with pytest.raises(Forbidden):
                services.reinstate_return(request.public_id, by=nobody, reason="Oops.")


@pytest.mark.parametrize(
    "state", ["PENDING_RESPONSE", "AUTHORISED", "IN_TRANSIT", "PARTIALLY_RECEIVED", "RECEIVED", "WITHDRAWN"]
)
def test_from_a_wrong_state(in_acme: Shop, owner: Actor, state: str) -> None:
    request = stories.STATES[state](in_acme)
    with stories.nothing_happens(), pytest.raises(WrongState):
        services.reinstate_return(request.public_id, by=owner, reason="Oops.")
