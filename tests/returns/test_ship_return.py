"""The parcel is on its way back."""

from __future__ import annotations

from datetime import timedelta

import pytest

from marketplace import clock
from marketplace.actors import PROVIDER_ACTOR, Actor
from marketplace.errors import Conflict, Forbidden, Refused, WrongState
from returns import services
from tests.cast import Shop
from tests.returns import stories

pytestmark = pytest.mark.usefixtures("noon")


def test_the_buyer_posts_it(in_acme: Shop, buyer: Actor) -> None:
    request = stories.authorised(in_acme)
    services.ship_return(request.public_id, by=buyer, carrier=" Royal  Mail ", tracking="rm 123 gb")
    kept = stories.fresh(request)
    assert (kept.status, kept.carrier, kept.tracking) == ("IN_TRANSIT", "Royal Mail", "RM123GB")
    assert kept.expires_at is None
    assert stories.events_of(kept)[-1] == "return.shipped"
    stories.the_database_agrees()


@pytest.mark.parametrize("who", ["owner", "program", "support"])
def test_others_who_know(in_acme: Shop, who: str, request: pytest.FixtureRequest) -> None:
    made = stories.authorised(in_acme)
    actor: Actor = request.getfixturevalue(who)
    shipped = services.ship_return(made.public_id, by=actor, carrier="DPD", tracking="1", reason="Seen at the carrier.")
    assert shipped.status == "IN_TRANSIT"


def test_a_carriers_own_word(in_acme: Shop) -> None:
    made = stories.authorised(in_acme)
    assert services.ship_return(made.public_id, by=PROVIDER_ACTOR, carrier="DPD", tracking="1").status == "IN_TRANSIT"


def test_who_may_not(in_acme: Shop, mate: Actor) -> None:
    made = stories.authorised(in_acme)
    with stories.nothing_happens(), pytest.raises(Forbidden):
        services.ship_return(made.public_id, by=mate, carrier="DPD", tracking="1")


def test_a_tracking_number_is_used_once_per_carrier(in_acme: Shop, buyer: Actor) -> None:
    stories.shipped(in_acme, tracking="RM1")
    other = services.authorise_return(
        stories.asked(in_acme, confirm_duplicate=True).public_id, by=stories.owner_of(in_acme)
    )
    with stories.nothing_happens(), pytest.raises(Conflict) as refusal:
        services.ship_return(other.public_id, by=buyer, carrier="Royal Mail", tracking="rm1")
    assert refusal.value.code == "tracking_used"
    assert services.ship_return(other.public_id, by=buyer, carrier="DPD", tracking="rm1").status == "IN_TRANSIT"


@pytest.mark.parametrize(("carrier", "tracking"), [("", "1"), ("DPD", " "), ("x" * 41, "1"), ("DPD", "1" * 81)])
def test_carrier_and_number_are_needed(in_acme: Shop, buyer: Actor, carrier: str, tracking: str) -> None:
    request = stories.authorised(in_acme)
    with stories.nothing_happens(), pytest.raises(Refused):
        services.ship_return(request.public_id, by=buyer, carrier=carrier, tracking=tracking)


def test_not_before_it_is_allowed_and_not_twice(in_acme: Shop, buyer: Actor) -> None:
    pending = stories.asked(in_acme)
    with stories.nothing_happens(), pytest.raises(WrongState):
        services.ship_return(pending.public_id, by=buyer, carrier="DPD", tracking="1")
    services.authorise_return(pending.public_id, by=stories.owner_of(in_acme))
    services.ship_return(pending.public_id, by=buyer, carrier="DPD", tracking="1")
    with stories.nothing_happens(), pytest.raises(WrongState):
        services.ship_return(pending.public_id, by=buyer, carrier="DPD", tracking="2")


def test_what_is_on_its_way_does_not_expire(in_acme: Shop) -> None:
    request = stories.authorised(in_acme)
    assert request.expires_at is not None
    end = request.expires_at
    services.ship_return(request.public_id, by=in_acme.buyer_actor, carrier="DPD", tracking="1")
    with clock.override(end + timedelta(days=1)):
        assert services.expire_returns([request.pk]) == 0
