"""Every rung of the ladder of an unknown end: the minute before, of and after; and the person at its end."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from marketplace import clock
from marketplace.actors import Actor, MemberRole
from marketplace.errors import Conflict, Forbidden, Refused, WrongState
from marketplace.models import OutboxEvent
from marketplace.tenancy import scope
from refunds import deadlines, selectors
from refunds.breaker import BREAKER
from refunds.models import RefundRequest
from refunds.services import resolve_refund_as_paid, resolve_refund_as_unpaid
from tests.cast import Shop
from tests.refunds.sandbox_fixture import SandboxProcess
from tests.refunds.steps import ask, breaches, budget, event_names, fresh, last_move, moves, only_changes, send, sent

RUNGS = [timedelta(seconds=s) for s in (10, 60, 300, 1_800, 7_200, 21_600, 43_200, 72_000)]
DAYS = [timedelta(days=d) for d in range(1, 8)]
START = datetime(2026, 11, 22, 12, 0, tzinfo=UTC)
SECOND = timedelta(seconds=1)


# --- the times alone


def test_the_rungs_are_those_of_the_design() -> None:
    at, found = START, []
    while (following := deadlines.next_look_up(START, at)) is not None:
        found.append(following - START)
        at = following
    assert found == RUNGS + DAYS


@pytest.mark.parametrize("rung", [*RUNGS, *DAYS])
def test_before_a_rung_it_is_next_and_at_it_the_one_after(rung: timedelta) -> None:
    assert deadlines.next_look_up(START, START + rung - SECOND) == START + rung
    following = deadlines.next_look_up(START, START + rung)
    assert following is None or following > START + rung


def test_repeats_end_at_20_hours() -> None:
    limit = START + timedelta(hours=20)
    assert deadlines.may_repeat(START, limit - SECOND)
    assert not deadlines.may_repeat(START, limit)


@pytest.mark.parametrize(
    ("age", "pause"),
    [
        (timedelta(0), timedelta(seconds=10)),
        (timedelta(minutes=1), timedelta(minutes=1)),
        (timedelta(minutes=10), timedelta(minutes=5)),
        (timedelta(hours=1), timedelta(minutes=15)),
        (timedelta(days=1), timedelta(hours=1)),
        (timedelta(days=7), timedelta(days=1)),
        (timedelta(days=90), timedelta(days=1)),
    ],
)
def test_pending_refunds_are_polled_by_age(age: timedelta, pause: timedelta) -> None:
    assert deadlines.next_poll(START, START + age) == START + age + pause


def test_a_lease_outlives_a_call_and_its_look_up() -> None:
    assert deadlines.call_lease(2, 20) == timedelta(seconds=64)


# --- the whole ladder


@pytest.mark.django_db(transaction=True)
def test_a_gateway_that_is_silent_for_days(acme: Shop, owner: Actor, sandbox: SandboxProcess) -> None:
    """Look-ups at every rung, repeats never (the gateway does not even say absent), a person from 24 h on."""
    sandbox.control("error_500", count=None)
    sandbox.control("error_500", count=None, on="look_up")
    refund = sent(acme, owner)
    start = refund.first_called_at
    assert start is not None

    for number, rung in enumerate([*RUNGS, *DAYS]):
        BREAKER.forget()
        assert fresh(refund).next_attempt_at == start + rung
        assert send(at=start + rung - SECOND) == 0
        assert send(at=start + rung) == 1
        row = fresh(refund)
        assert (row.status, row.attempts) == ("UNKNOWN", 1)
        assert (row.person_asked_at is not None) == (number >= len(RUNGS))
        assert budget(acme) == (10_000, 3_000, 0, 7_000)

    assert fresh(refund).next_attempt_at is None
    assert event_names(refund).count("refund.needs_person") == 1
    assert moves(refund) == ["create", "reserve", "submit", "lose_track"]
    assert send(at=start + timedelta(days=30)) == 0
    with scope(acme.seller.pk), clock.override(start + timedelta(days=8)):
        assert [str(row) for row in selectors.refunds_needing_a_person()] == [str(refund)]
    assert sandbox.payouts() == []
    assert breaches(acme) == []


@pytest.mark.django_db(transaction=True)
def test_after_20_hours_nothing_is_repeated(acme: Shop, owner: Actor, sandbox: SandboxProcess) -> None:
    """The gateway forgets keys after 24 h, so a late repeat could pay a second time."""
    sandbox.control("timeout_before", delay=1)
    refund = sent(acme, owner)
    start = refund.first_called_at
    assert start is not None

    send(at=start + timedelta(hours=20))  # the gateway is well again and says: absent

    assert (fresh(refund).status, fresh(refund).attempts) == ("UNKNOWN", 1)
    assert sandbox.payouts() == []


@pytest.mark.django_db(transaction=True)
def test_just_before_20_hours_it_is_repeated(acme: Shop, owner: Actor, sandbox: SandboxProcess) -> None:
    sandbox.control("timeout_before", delay=1)
    refund = sent(acme, owner)
    start = refund.first_called_at
    assert start is not None
    send(at=start + timedelta(hours=20) - SECOND)
    assert (fresh(refund).status, fresh(refund).attempts) == ("COMPLETED", 2)


@pytest.mark.django_db(transaction=True)
def test_a_gateway_may_ask_for_more_time(acme: Shop, owner: Actor, sandbox: SandboxProcess) -> None:
    sandbox.control("rate_limit", count=2)
    refund = sent(acme, owner)
    assert refund.status == "UNKNOWN"
    assert refund.next_attempt_at is not None
    assert refund.first_called_at is not None
    assert refund.next_attempt_at >= refund.first_called_at + timedelta(seconds=10)


# --- the person


@pytest.fixture
def stuck(acme: Shop, owner: Actor, sandbox: SandboxProcess) -> RefundRequest:
    """Unknown for a day."""
    sandbox.control("timeout_before", delay=1)
    refund = sent(acme, owner)
    assert refund.first_called_at is not None
    send(at=refund.first_called_at + timedelta(hours=20))
    send(at=refund.first_called_at + timedelta(hours=24))
    row = fresh(refund)
    assert (row.status, row.person_asked_at is None) == ("UNKNOWN", False)
    return row


@pytest.mark.django_db(transaction=True)
def test_a_person_has_seen_the_payout(acme: Shop, owner: Actor, stuck: RefundRequest) -> None:
    with scope(acme.seller.pk):
        resolve_refund_as_paid(stuck.public_id, by=owner, reference="re_seen", reason="On the dashboard.")

    row = fresh(stuck)
    assert (row.status, row.provider_refund_id, row.next_attempt_at) == ("COMPLETED", "re_seen", None)
    assert last_move(stuck).reason_text == "On the dashboard."
    assert event_names(stuck)[-1] == "refund.completed"
    assert budget(acme) == (10_000, 0, 3_000, 7_000)
    assert breaches(acme) == []


@pytest.mark.django_db(transaction=True)
def test_a_person_is_sure_that_nothing_was_paid(acme: Shop, support: Actor, stuck: RefundRequest) -> None:
    with scope(acme.seller.pk):
        with pytest.raises(Refused):
            resolve_refund_as_unpaid(stuck.public_id, by=support, reason="")
        resolve_refund_as_unpaid(stuck.public_id, by=support, reason="The bank says no.")

    row = fresh(stuck)
    assert (row.status, row.refusal_code) == ("FAILED", "not_paid")
    assert event_names(stuck)[-1] == "refund.failed"
    assert budget(acme) == (10_000, 0, 0, 10_000)
    assert breaches(acme) == []


@pytest.mark.django_db(transaction=True)
def test_a_person_decides_only_when_asked(acme: Shop, owner: Actor, program: Actor, sandbox: SandboxProcess) -> None:
    sandbox.control("timeout_before", delay=1)
    unknown = sent(acme, owner)
    done = sent(acme, owner)
    with scope(acme.seller.pk):
        for verb in (
            lambda: resolve_refund_as_paid(unknown.public_id, by=owner, reference="re_x"),
            lambda: resolve_refund_as_unpaid(unknown.public_id, by=owner, reason="No."),
        ):
            with only_changes(acme), pytest.raises(Conflict) as refusal:
                verb()
            assert refusal.value.code == "still_looking"
        with pytest.raises(WrongState):
            resolve_refund_as_unpaid(done.public_id, by=owner, reason="No.")


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("role", [MemberRole.AGENT, MemberRole.READONLY])
def test_who_may_not_decide(acme: Shop, stuck: RefundRequest, role: MemberRole) -> None:
    with scope(acme.seller.pk), pytest.raises(Forbidden):
        resolve_refund_as_unpaid(stuck.public_id, by=acme.actor(role), reason="No.")


@pytest.mark.django_db(transaction=True)
def test_a_program_does_not_decide(acme: Shop, program: Actor, stuck: RefundRequest) -> None:
    with scope(acme.seller.pk), pytest.raises(Forbidden):
        resolve_refund_as_unpaid(stuck.public_id, by=program, reason="No.")


@pytest.mark.django_db(transaction=True)
def test_the_question_to_the_person_names_the_refund(acme: Shop, stuck: RefundRequest) -> None:
    with scope(acme.seller.pk):
        event = OutboxEvent.objects.get(name="refund.needs_person")
    assert event.payload["public_id"] == stuck.public_id
    assert event.payload["data"]["amount_minor"] == 3_000


@pytest.mark.django_db(transaction=True)
def test_look_up_needs_something_to_look_for(acme: Shop, owner: Actor) -> None:
    from refunds.services import look_up_refund

    refund = ask(acme, owner)
    with scope(acme.seller.pk), only_changes(acme), pytest.raises(WrongState):
        look_up_refund(refund.public_id, by=owner)
