"""Holds: by the seller, by support, by the money stop; who may end which."""

from __future__ import annotations

import pytest

from marketplace import clock
from marketplace.actors import SYSTEM_ACTOR, Actor, MemberRole
from marketplace.errors import Forbidden, Refused, WrongState
from marketplace.models import OutboxEvent, Seller
from refunds.models import RefundRequest
from refunds.services import hold_refund, release_refund, resume_payouts, stop_payouts
from tests.cast import Shop
from tests.factories import OrderFactory, SalesChannelFactory
from tests.refunds.steps import ask, breaches, budget, event_names, fresh, last_move, only_changes

MOVED = ("refundrequest", "statetransition", "outboxevent")


def test_a_held_refund_is_not_sent_and_keeps_its_reservation(in_acme: Shop, owner: Actor) -> None:
    refund = ask(in_acme, owner)

    with only_changes(in_acme, *MOVED):
        hold_refund(refund.public_id, by=owner, reason="Waiting for the photos.")

    row = fresh(refund)
    assert (row.status, row.hold_reason, row.next_attempt_at) == ("ON_HOLD", "BY_SELLER", None)
    assert last_move(refund).reason_text == "Waiting for the photos."
    assert event_names(refund)[-1] == "refund.on_hold"
    assert budget(in_acme)[1] == 3_000
    assert breaches(in_acme) == []


def test_the_seller_ends_its_own_hold(in_acme: Shop, owner: Actor) -> None:
    refund = ask(in_acme, owner)
    hold_refund(refund.public_id, by=owner, reason="")

    with only_changes(in_acme, *MOVED):
        release_refund(refund.public_id, by=owner)

    row = fresh(refund)
    assert (row.status, row.hold_reason, row.next_attempt_at) == ("RESERVED", "", clock.now())
    assert event_names(refund)[-1] == "refund.released"


def test_the_seller_does_not_end_supports_hold(in_acme: Shop, owner: Actor, support: Actor) -> None:
    refund = ask(in_acme, owner)
    hold_refund(refund.public_id, by=support, reason="Identity check.")
    assert fresh(refund).hold_reason == "BY_SUPPORT"

    with only_changes(in_acme), pytest.raises(Forbidden, match="Held by support"):
        release_refund(refund.public_id, by=owner)
    with only_changes(in_acme), pytest.raises(Refused, match="few words"):
        release_refund(refund.public_id, by=support)
    assert release_refund(refund.public_id, by=support, reason="Passed.").status == "RESERVED"


def test_what_is_not_held_is_not_released(in_acme: Shop, owner: Actor) -> None:
    refund = ask(in_acme, owner)
    with only_changes(in_acme), pytest.raises(WrongState):
        release_refund(refund.public_id, by=owner)


def test_a_program_may_hold_but_not_release(in_acme: Shop, owner: Actor, program: Actor) -> None:
    refund = ask(in_acme, owner)
    hold_refund(refund.public_id, by=program, reason="")
    with only_changes(in_acme), pytest.raises(Forbidden):
        release_refund(refund.public_id, by=program)


@pytest.mark.parametrize("role", [MemberRole.AGENT, MemberRole.READONLY])
def test_who_may_not_hold(in_acme: Shop, owner: Actor, role: MemberRole) -> None:
    refund = ask(in_acme, owner)
    with only_changes(in_acme), pytest.raises(Forbidden):
        hold_refund(refund.public_id, by=in_acme.actor(role), reason="")


def test_released_by_hand_refunds_wait_for_their_seller(in_acme: Shop, owner: Actor) -> None:
    channel = SalesChannelFactory(code="shop", gateway="manual")
    refund = ask(in_acme, owner, order=OrderFactory(channel=channel))
    hold_refund(refund.public_id, by=owner, reason="")
    release_refund(refund.public_id, by=owner)
    assert fresh(refund).next_attempt_at is None


# --- the money stop


def test_stopping_payouts_is_told_and_ends_with_support(in_acme: Shop, owner: Actor, support: Actor) -> None:
    with only_changes(in_acme, "outboxevent"):
        stop_payouts(by=owner, reason="Something looks wrong.")

    assert Seller.objects.get(pk=in_acme.seller.pk).is_money_stopped
    event = OutboxEvent.objects.latest("id")
    assert (event.name, event.payload["reason"]) == ("payouts.stopped", "Something looks wrong.")

    held = ask(in_acme, owner)
    channel = SalesChannelFactory(code="shop", gateway="manual")
    by_hand = ask(in_acme, owner, order=OrderFactory(channel=channel))
    own = ask(in_acme, owner, 1_000)
    RefundRequest.objects.filter(pk=own.pk).update(hold_reason="BY_SELLER")  # the team's own hold stays
    with only_changes(in_acme), pytest.raises(Forbidden):
        resume_payouts(by=owner, reason="All fine.")

    resume_payouts(by=support, reason="The books agree.")

    assert not Seller.objects.get(pk=in_acme.seller.pk).is_money_stopped
    assert (fresh(held).status, fresh(held).next_attempt_at) == ("RESERVED", clock.now())
    assert (fresh(by_hand).status, fresh(by_hand).next_attempt_at) == ("RESERVED", None)
    assert fresh(own).status == "ON_HOLD"
    assert last_move(held).actor_kind == SYSTEM_ACTOR.kind
    assert breaches(in_acme) == []


def test_stop_and_resume_say_why(in_acme: Shop, owner: Actor, support: Actor) -> None:
    with pytest.raises(Refused):
        stop_payouts(by=owner, reason=" ")
    with pytest.raises(Refused):
        resume_payouts(by=support, reason="")


@pytest.mark.parametrize("role", [MemberRole.AGENT, MemberRole.READONLY])
def test_who_may_not_stop(in_acme: Shop, role: MemberRole) -> None:
    with pytest.raises(Forbidden):
        stop_payouts(by=in_acme.actor(role), reason="Because.")
