"""The seller refuses a return, with a reason and a message to the buyer."""

from __future__ import annotations

from datetime import timedelta

import pytest

from marketplace import clock
from marketplace.actors import Actor
from marketplace.errors import Conflict, Forbidden, Refused, WrongState
from returns import services
from returns.reasons import DENY_REASONS
from tests.cast import Shop
from tests.returns import stories
from tests.returns.stories import NOON

pytestmark = pytest.mark.usefixtures("noon")


def test_the_owner_denies(in_acme: Shop, owner: Actor) -> None:
    request = stories.asked(in_acme)
    message = " The seal is broken.\r\nSorry. "
    services.deny_return(request.public_id, by=owner, reason_code="MEDIA_OPENED", message=message)
    kept = stories.fresh(request)
    assert (kept.status, kept.deny_reason_code, kept.deny_message) == (
        "DENIED",
        "MEDIA_OPENED",
        "The seal is broken.\nSorry.",
    )
    assert kept.answered_at == kept.ended_at == NOON
    assert kept.due_at is None
    move = stories.last_move(kept)
    assert (move.move, move.reason_code, move.reason_text) == ("deny", "MEDIA_OPENED", "The seal is broken.\nSorry.")
    assert stories.events_of(kept)[-1] == "return.denied"
    stories.the_database_agrees()


@pytest.mark.parametrize("code", list(DENY_REASONS))
def test_every_listed_reason(in_acme: Shop, owner: Actor, code: str) -> None:
    request = stories.asked(in_acme)
    assert services.deny_return(request.public_id, by=owner, reason_code=code, message="No.").status == "DENIED"


@pytest.mark.parametrize(
    ("code", "message", "refusal"),
    [
        ("BECAUSE", "No.", "reason_unknown"),
        ("", "No.", "reason_unknown"),
        ("OTHER", "", "message_missing"),
        ("OTHER", " \r\n\t ", "message_missing"),
        ("OTHER", "x" * 3001, "message_too_long"),
    ],
)
def test_what_is_not_said_well(in_acme: Shop, owner: Actor, code: str, message: str, refusal: str) -> None:
    request = stories.asked(in_acme)
    with stories.nothing_happens(), pytest.raises(Refused) as refused:
        services.deny_return(request.public_id, by=owner, reason_code=code, message=message)
    assert refused.value.code == refusal


@pytest.mark.parametrize("message", ["x", "x" * 3000, "é" * 2999 + "\r\n" + "x"])
def test_1_to_3000_characters(in_acme: Shop, owner: Actor, message: str) -> None:
    if "\r" in message:
        message = "é" * 2998 + "\r\nx"
    request = stories.asked(in_acme)
    assert services.deny_return(request.public_id, by=owner, reason_code="OTHER", message=message).deny_message


def test_who_may_not(in_acme: Shop, mate: Actor, buyer: Actor) -> None:
    request = stories.asked(in_acme)
    with stories.nothing_happens():
        for nobody in (mate, buyer):
            with pytest.raises(Forbidden):
                services.deny_return(request.public_id, by=nobody, reason_code="OTHER", message="No.")


def test_after_an_answer_it_is_too_late(in_acme: Shop, owner: Actor) -> None:
    request = stories.authorised(in_acme)
    with stories.nothing_happens(), pytest.raises(WrongState) as refusal:
        services.deny_return(request.public_id, by=owner, reason_code="OTHER", message="No.")
    assert "already authorised" in refusal.value.message


def test_late_but_possible(in_acme: Shop, owner: Actor) -> None:
    request = stories.asked(in_acme)
    with clock.override(request.respond_by + timedelta(days=3)):
        made = services.deny_return(request.public_id, by=owner, reason_code="OTHER", message="No.")
    assert made.was_late
    assert not made.is_overdue


def test_not_while_its_refund_is_under_way(in_acme: Shop, owner: Actor) -> None:
    request = stories.asked(stories.pays_by_hand(in_acme))
    services.refund_return(request.public_id, by=owner)
    with stories.nothing_happens(), pytest.raises(Conflict) as refusal:
        services.deny_return(request.public_id, by=owner, reason_code="OTHER", message="No.")
    assert refusal.value.code == "refund_in_flight"
