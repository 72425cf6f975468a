"""Words to the buyer, and to one's own team."""

from __future__ import annotations

import pytest

from marketplace import events
from marketplace.actors import Actor
from marketplace.buyers import invite_buyer
from marketplace.errors import Forbidden, NotFound, Refused
from marketplace.models import Note, OutboxEvent
from returns import selectors, services
from tests.cast import Shop
from tests.factories import OrderFactory
from tests.returns import stories
from tests.returns.stories import NOON

pytestmark = pytest.mark.usefixtures("noon")


@pytest.mark.parametrize("state", list(stories.STATES))
def test_in_every_state(in_acme: Shop, owner: Actor, state: str) -> None:
    request = stories.STATES[state](in_acme)
    note = services.contact_buyer(request.public_id, by=owner, message=" Which lamp\r\nis it? ")
    assert (note.text, note.kind, note.at, note.actor_label) == (
        "Which lamp\nis it?",
        "MESSAGE",
        NOON,
        owner.label,
    )
    event = OutboxEvent.objects.latest("id")
    assert (event.name, event.object_id) == ("return.contacted", request.pk)
    assert event.payload == {"public_id": request.public_id, "note_id": note.pk}
    assert stories.fresh(request).version == request.version


@pytest.mark.parametrize(("message", "code"), [("", "message_missing"), ("x" * 4000, "message_too_long")])
def test_fewer_than_4000_characters(in_acme: Shop, owner: Actor, message: str, code: str) -> None:
    request = stories.asked(in_acme)
    with stories.nothing_happens(), pytest.raises(Refused) as refusal:
        services.contact_buyer(request.public_id, by=owner, message=message)
    assert refusal.value.code == code
    assert services.contact_buyer(request.public_id, by=owner, message="x" * 3999).pk


def test_a_buyer_whose_address_is_not_known(in_acme: Shop, owner: Actor) -> None:
    order = OrderFactory(channel=in_acme.channel, buyer=None)
    request = services.submit_return(order.public_id, by=owner, lines=[stories.line_ask(order)])
    with stories.nothing_happens(), pytest.raises(Refused) as refusal:
        services.contact_buyer(request.public_id, by=owner, message="Hello?")
    assert refusal.value.code == "no_buyer_address"


def test_who_may_not(stranger: Actor, in_acme: Shop, mate: Actor, buyer: Actor) -> None:
    request = stories.asked(in_acme)
    with stories.nothing_happens():
        for nobody in (mate, buyer):
            with pytest.raises(Forbidden):
                services.contact_buyer(request.public_id, by=nobody, message="Hello?")
            with pytest.raises(Forbidden):
                services.add_note(request.public_id, by=nobody, text="Psst.")
        with pytest.raises(NotFound):
            services.add_note(request.public_id, by=stranger, text="Psst.")


def test_a_note_for_the_team(in_acme: Shop, owner: Actor) -> None:
    request = stories.asked(in_acme)
    count = OutboxEvent.objects.count()
    note = services.add_note(request.public_id, by=owner, text="Third one this month.")
    assert (note.kind, note.machine, note.object_id) == (Note.Kind.NOTE, "return", request.pk)
    assert OutboxEvent.objects.count() == count, "a note goes nowhere"


def test_a_buyer_who_becomes_known_later(in_acme: Shop, owner: Actor) -> None:
    order = OrderFactory(channel=in_acme.channel, buyer=None)
    request = services.submit_return(order.public_id, by=owner, lines=[stories.line_ask(order)])

    invite_buyer(order.public_id, by=owner, email="late@buyers.example", name="Late Buyer")
    assert services.contact_buyer(request.public_id, by=owner, message="Hello!").pk
    events.drain_all()

    kept = stories.fresh(request)
    assert kept.buyer_name == "Late Buyer"
    assert kept.buyer is not None
    assert [row.pk for row in selectors.search_returns("late b")] == [request.pk]
