"""The time to answer has passed: the seller is alerted, the state stays."""

from __future__ import annotations

from datetime import timedelta

import pytest

from marketplace import clock
from marketplace.actors import Actor
from returns import services
from tests.cast import Shop
from tests.returns import stories
from tests.returns.stories import MINUTE, NOON

pytestmark = pytest.mark.usefixtures("noon")


@pytest.mark.parametrize(("moment", "is_overdue"), [(-MINUTE, False), (timedelta(0), False), (MINUTE, True)])
def test_the_minute_before_of_and_after(in_acme: Shop, moment: timedelta, is_overdue: bool) -> None:
    request = stories.asked(in_acme)
    with clock.override(request.respond_by + moment):
        assert services.mark_overdue([request.pk]) == int(is_overdue)
    kept = stories.fresh(request)
    assert (kept.status, kept.is_overdue, kept.was_late) == ("PENDING_RESPONSE", is_overdue, is_overdue)
    assert (stories.events_of(kept)[-1] == "return.overdue") is is_overdue
    stories.the_database_agrees()


def test_it_is_said_once(in_acme: Shop) -> None:
    request = stories.asked(in_acme)
    with clock.override(request.respond_by + MINUTE):
        assert services.mark_overdue([request.pk]) == 1
        with stories.nothing_happens():
            assert services.mark_overdue([request.pk]) == 0
    move = stories.last_move(request)
    assert (move.move, move.actor_kind, move.source, move.target) == (
        "mark_overdue",
        "clock",
        "PENDING_RESPONSE",
        "PENDING_RESPONSE",
    )


def test_a_late_answer_still_counts_as_late(in_acme: Shop, owner: Actor) -> None:
    request = stories.asked(in_acme)
    with clock.override(request.respond_by + MINUTE):
        services.mark_overdue([request.pk])
        made = services.authorise_return(request.public_id, by=owner)
    assert (made.is_overdue, made.was_late) == (False, True)


@pytest.mark.parametrize("state", [state for state in stories.STATES if state != "PENDING_RESPONSE"])
def test_only_what_is_unanswered(in_acme: Shop, state: str) -> None:
    request = stories.STATES[state](in_acme)
    with clock.override(NOON + timedelta(days=5)), stories.nothing_happens():
        assert services.mark_overdue([request.pk]) == 0


def test_a_refund_asked_for_is_an_answer(in_acme: Shop, owner: Actor) -> None:
    request = stories.asked(stories.pays_by_hand(in_acme))
    services.refund_return(request.public_id, by=owner)
    with clock.override(request.respond_by + MINUTE), stories.nothing_happens():
        assert services.mark_overdue([request.pk]) == 0
