"""The second person: agrees or does not, and is never the first."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.db import IntegrityError, connection, transaction

from marketplace import clock
from marketplace.actors import Actor, MemberRole
from marketplace.errors import Forbidden, NotFound, Refused, WrongState
from marketplace.models import OutboxEvent
from marketplace.tenancy import scope
from refunds.models import RefundRequest
from refunds.services import decline_refund, review_refund
from refunds.sweeping import sweep_review_reminders
from tests.cast import Shop
from tests.refunds.steps import ask, breaches, budget, event_names, fresh, last_move, moves, only_changes


@pytest.fixture
def waiting(in_acme: Shop, owner: Actor) -> RefundRequest:
    """30.00 asked for by the owner, where a second person is asked above 20.00."""
    in_acme.seller.review_above_minor = 2_000
    in_acme.seller.save()
    refund = ask(in_acme, owner)
    assert refund.status == "REVIEW"
    return refund


@pytest.fixture
def second(acme: Shop) -> Actor:
    return acme.actor(MemberRole.FINANCE)


def test_the_second_person_agrees(in_acme: Shop, waiting: RefundRequest, second: Actor) -> None:
    with only_changes(in_acme, "refundrequest", "statetransition", "outboxevent"):
        review_refund(waiting.public_id, by=second)

    row = fresh(waiting)
    assert (row.status, row.version, row.reviewed_by_id) == ("RESERVED", 3, second.id)
    assert row.next_attempt_at == clock.now()  # sent at once
    assert row.remind_at is None
    assert moves(waiting) == ["create", "ask_review", "review"]
    assert last_move(waiting).actor_id == second.id
    assert event_names(waiting)[-1] == "refund.reviewed"
    assert budget(in_acme) == (10_000, 3_000, 0, 7_000)
    assert breaches(in_acme) == []


def test_who_asked_is_not_the_second_person(in_acme: Shop, waiting: RefundRequest, owner: Actor) -> None:
    for verb in (lambda: review_refund(waiting.public_id, by=owner),
                 lambda: decline_refund(waiting.public_id, by=owner, reason="No.")):  # fmt: skip
        with only_changes(in_acme), pytest.raises(Forbidden) as refusal:
            verb()
        assert refusal.value.code == "same_person"


def test_the_database_knows_two_people_too(in_acme: Shop, waiting: RefundRequest, owner: Actor) -> None:
    with pytest.raises(IntegrityError, match="second_person_is_second"), transaction.atomic():
        RefundRequest.objects.filter(pk=waiting.pk).update(reviewed_by_id=owner.id)


def test_the_second_person_does_not_agree(in_acme: Shop, waiting: RefundRequest, second: Actor) -> None:
    with only_changes(in_acme, "refundrequest", "statetransition", "outboxevent", "refundbudget", "ledgerline"):
        decline_refund(waiting.public_id, by=second, reason="The photos show another lamp.")

    assert fresh(waiting).status == "CANCELLED"
    assert last_move(waiting).reason_code == "review_declined"
    assert last_move(waiting).reason_text == "The photos show another lamp."
    assert event_names(waiting)[-1] == "refund.cancelled"
    assert budget(in_acme) == (10_000, 0, 0, 10_000)
    assert breaches(in_acme) == []


def test_declining_needs_words(in_acme: Shop, waiting: RefundRequest, second: Actor) -> None:
    with pytest.raises(Refused):
        decline_refund(waiting.public_id, by=second, reason="  ")


@pytest.mark.parametrize("role", [MemberRole.AGENT, MemberRole.READONLY])
def test_who_may_not_review(in_acme: Shop, waiting: RefundRequest, role: MemberRole) -> None:
    with only_changes(in_acme), pytest.raises(Forbidden):
        review_refund(waiting.public_id, by=in_acme.actor(role))


def test_a_program_is_no_second_person(in_acme: Shop, waiting: RefundRequest, program: Actor) -> None:
    with only_changes(in_acme), pytest.raises(Forbidden):
        review_refund(waiting.public_id, by=program)


def test_support_may_be_the_second_person(waiting: RefundRequest, support: Actor) -> None:
    assert review_refund(waiting.public_id, by=support).status == "RESERVED"


def test_a_review_is_given_once(in_acme: Shop, waiting: RefundRequest, second: Actor) -> None:
    review_refund(waiting.public_id, by=second)
    with only_changes(in_acme), pytest.raises(WrongState) as refusal:
        review_refund(waiting.public_id, by=second)
    assert refusal.value.details["current"] == "RESERVED"
    with only_changes(in_acme), pytest.raises(WrongState):
        decline_refund(waiting.public_id, by=second, reason="Too late.")


def test_another_sellers_refund_is_not_there(acme: Shop, globex: Shop, stranger: Actor, owner: Actor) -> None:
    refund = ask(acme, owner)
    with scope(globex.seller.pk), pytest.raises(NotFound):
        review_refund(refund.public_id, by=stranger)


# --- the reminder, 48 h later


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize(("minutes", "reminded"), [(-1, 0), (0, 1), (1, 1)])
def test_the_team_is_reminded_after_48_hours_once(acme: Shop, owner: Actor, minutes: int, reminded: int) -> None:
    acme.seller.review_above_minor = 2_000
    acme.seller.save()
    refund = ask(acme, owner)

    with clock.override(refund.created_at + timedelta(hours=48, minutes=minutes)):
        assert sweep_review_reminders() == reminded
        assert sweep_review_reminders() == 0

    assert event_names(refund).count("refund.review_reminder") == reminded
    with scope(acme.seller.pk):
        for event in OutboxEvent.objects.filter(name="refund.review_reminder"):
            assert event.payload["public_id"] == refund.public_id
    assert fresh(refund).status == "REVIEW"


@pytest.mark.django_db(transaction=True)
def test_a_reviewed_refund_reminds_nobody(acme: Shop, owner: Actor, second: Actor) -> None:
    acme.seller.review_above_minor = 2_000
    acme.seller.save()
    refund = ask(acme, owner)
    with scope(acme.seller.pk):
        review_refund(refund.public_id, by=second)
    with clock.override(refund.created_at + timedelta(hours=49)):
        assert sweep_review_reminders() == 0


def test_the_constraint_holds_in_raw_sql_too(in_acme: Shop, waiting: RefundRequest, owner: Actor) -> None:
    with connection.cursor() as cursor, pytest.raises(IntegrityError), transaction.atomic():
        cursor.execute("UPDATE refunds_refundrequest SET reviewed_by_id = created_by_id")
