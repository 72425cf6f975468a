"""Units come back, each in its condition."""

from __future__ import annotations

from datetime import timedelta

import pytest

from marketplace import clock
from marketplace.actors import Actor, MemberRole
from marketplace.errors import Forbidden, Refused, WrongState
from returns import services
from returns.models import ReceivedUnits, ReturnLine
from returns.services import ReceivedAsk
from tests.cast import Shop
from tests.returns import stories
from tests.returns.stories import NOON

pytestmark = pytest.mark.usefixtures("noon")


def test_all_units_are_back(in_acme: Shop, owner: Actor) -> None:
    request = stories.authorised(in_acme, quantity=2)
    line = ReturnLine.objects.get(return_request=request)

    with clock.override(NOON + timedelta(days=2)):
        services.receive_return(
            request.public_id,
            by=owner,
            units=[ReceivedAsk(line.pk, "SELLABLE", 1), ReceivedAsk(line.pk, "DAMAGED", 1, "Corner dented")],
        )

    kept, back = stories.fresh(request), NOON + timedelta(days=2)
    assert (kept.status, kept.received_at) == ("RECEIVED", back)
    assert kept.refund_by == kept.due_at == back + timedelta(days=4)
    assert ReturnLine.objects.get(pk=line.pk).received_quantity == 2
    rows = ReceivedUnits.objects.order_by("id").values_list("condition", "quantity", "note", "at")
    assert list(rows) == [("SELLABLE", 1, "", back), ("DAMAGED", 1, "Corner dented", back)]
    move = stories.last_move(kept)
    assert (move.source, move.target) == ("AUTHORISED", "RECEIVED")
    assert move.data["is_complete"] is True
    assert stories.events_of(kept)[-1] == "return.received"
    stories.the_database_agrees()


def test_in_two_parcels(in_acme: Shop, owner: Actor) -> None:
    request = stories.authorised(in_acme, quantity=2)
    stories.receive(request, owner, 1)
    kept = stories.fresh(request)
    assert (kept.status, kept.refund_by) == ("PARTIALLY_RECEIVED", NOON + timedelta(days=4))

    with clock.override(NOON + timedelta(days=1)):
        stories.receive(request, owner, 1)

    kept = stories.fresh(request)
    assert (kept.status, kept.received_at) == ("RECEIVED", NOON + timedelta(days=1))
    assert kept.refund_by == NOON + timedelta(days=4), "the first parcel's deadline stands while it is owed"


def test_the_second_parcel_has_its_own_deadline_once_the_first_is_paid(in_acme: Shop, owner: Actor) -> None:
    stories.pays_by_hand(in_acme)
    request = stories.received(in_acme, quantity=2, back=1)
    stories.arrive(services.refund_return(request.public_id, by=owner), owner)
    with clock.override(NOON + timedelta(days=9)):
        stories.receive(request, owner, 1)
    kept = stories.fresh(request)
    assert kept.refund_by == kept.due_at == NOON + timedelta(days=13)


@pytest.mark.parametrize("condition", ReceivedUnits.Condition.values)
def test_every_condition(in_acme: Shop, condition: str) -> None:
    assert stories.received(in_acme, condition=condition).status == "RECEIVED"


@pytest.mark.parametrize(
    ("condition", "quantity", "code"),
    [
        ("SELLABLE", 3, "too_many_units"),
        ("SELLABLE", 0, "quantity_not_valid"),
        ("SELLABLE", -1, "quantity_not_valid"),
        ("BROKEN", 1, "condition_unknown"),
    ],
)
def test_what_can_not_be(in_acme: Shop, owner: Actor, condition: str, quantity: int, code: str) -> None:
    request = stories.authorised(in_acme, quantity=2)
    with stories.nothing_happens(), pytest.raises(Refused) as refusal:
        stories.receive(request, owner, quantity, condition)
    assert refusal.value.code == code


def test_together_never_more_than_authorised(in_acme: Shop, owner: Actor) -> None:
    request = stories.authorised(in_acme, quantity=2)
    line = ReturnLine.objects.get(return_request=request)
    units = [ReceivedAsk(line.pk, "SELLABLE", 2), ReceivedAsk(line.pk, "MISSING", 1)]
    with stories.nothing_happens(), pytest.raises(Refused) as refusal:
        services.receive_return(request.public_id, by=owner, units=units)
    assert refusal.value.code == "too_many_units"
    with stories.nothing_happens(), pytest.raises(Refused):
        services.receive_return(request.public_id, by=owner, units=[])


def test_a_line_of_another_return(in_acme: Shop, owner: Actor) -> None:
    other = ReturnLine.objects.get(return_request=stories.authorised(in_acme))
    request = services.authorise_return(stories.asked(in_acme, confirm_duplicate=True).public_id, by=owner)
    with stories.nothing_happens(), pytest.raises(Refused) as refusal:
        services.receive_return(request.public_id, by=owner, units=[ReceivedAsk(other.pk, "SELLABLE", 1)])
    assert refusal.value.code == "not_in_return"


def test_who_may_and_who_may_not(in_acme: Shop, mate: Actor, buyer: Actor) -> None:
    request = stories.authorised(in_acme)
    with stories.nothing_happens():
        for nobody in (mate, buyer, in_acme.actor(MemberRole.FINANCE)):
            with pytest.raises(Forbidden):
                stories.receive(request, nobody, 1)
    assert stories.receive(request, in_acme.actor(MemberRole.AGENT), 1).status == "RECEIVED"


@pytest.mark.parametrize("state", ["PENDING_RESPONSE", "RECEIVED", "DENIED", "WITHDRAWN", "EXPIRED", "CLOSED"])
def test_from_a_wrong_state(in_acme: Shop, owner: Actor, state: str) -> None:
    request = stories.STATES[state](in_acme)
    with stories.nothing_happens(), pytest.raises(WrongState):
        stories.receive(request, owner, 1)
