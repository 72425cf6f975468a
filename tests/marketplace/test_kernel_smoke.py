from __future__ import annotations

import pytest
from django.db import IntegrityError, connection, transaction
from django.db.utils import DatabaseError, ProgrammingError

from marketplace import clock, events
from marketplace.actors import CLOCK_ACTOR, Actor
from marketplace.errors import Conflict, Forbidden, WrongState
from marketplace.fsm import UnrecordedTransition
from marketplace.models import Order, OutboxEvent, SalesChannel, StateTransition
from marketplace.moves import record_creation, save_transition, save_transitions
from marketplace.tenancy import NoTenant, scope, system_scope
from returns.models import ReturnRequest
from tests.cast import Shop


def new_return(shop: Shop, by: Actor) -> ReturnRequest:
    now = clock.now()
    return record_creation(
        ReturnRequest(
            order=shop.order,
            channel=shop.channel,
            buyer=shop.buyer,
            order_number=shop.order.number,
            currency="GBP",
            submitted_by_kind=by.kind.value,
            requested_at=now,
            respond_by=now,
        ),
        move="submit",
        by=by,
    )


def test_a_move_writes_row_history_and_outbox(in_acme: Shop, buyer: Actor, owner: Actor) -> None:
    request = new_return(in_acme, buyer)

    request.deny(reason_code="OTHER", message="No.", at=clock.now())
    save_transition(request, by=owner, reason_code="OTHER")

    fresh = ReturnRequest.objects.get(pk=request.pk)
    assert (fresh.status, fresh.version, fresh.deny_message) == ("DENIED", 2, "No.")
    rows = list(StateTransition.objects.order_by("version").values_list("version", "move", "source", "target"))
    assert rows == [(1, "submit", "", "PENDING_RESPONSE"), (2, "deny", "PENDING_RESPONSE", "DENIED")]
    assert list(OutboxEvent.objects.order_by("id").values_list("name", flat=True)) == [
        "return.requested",
        "return.denied",
    ]
    with connection.cursor() as cursor:
        cursor.execute("SET CONSTRAINTS ALL IMMEDIATE")


def test_wrong_state_wrong_actor_and_unrecorded(in_acme: Shop, buyer: Actor, owner: Actor) -> None:
    request = new_return(in_acme, buyer)
    request.deny(reason_code="OTHER", message="No.", at=clock.now())
    with pytest.raises(UnrecordedTransition):
        request.save()
    with pytest.raises(Forbidden):
        save_transition(request, by=buyer)
    request.refresh_from_db()
    assert request.status == "PENDING_RESPONSE"
    stale = ReturnRequest.objects.get(pk=request.pk)
    request.withdraw(at=clock.now())
    save_transition(request, by=buyer)
    with pytest.raises(WrongState):
        request.deny(reason_code="x", message="x", at=clock.now())
    stale.deny(reason_code="x", message="x", at=clock.now())
    with pytest.raises(Conflict):
        save_transition(stale, by=owner)


def test_set_based(in_acme: Shop, buyer: Actor) -> None:
    ids = [new_return(in_acme, buyer).pk for _ in range(5)]
    moved = save_transitions(ReturnRequest, "mark_overdue", ids, by=CLOCK_ACTOR, values={"is_overdue": True})
    assert moved == dict.fromkeys(ids, 2)
    assert ReturnRequest.objects.filter(is_overdue=True).count() == 5


@pytest.mark.parametrize(
    "sql",
    [
        "UPDATE returns_returnrequest SET status = 'CLOSED'",
        "UPDATE returns_returnrequest SET status = 'RECEIVED', version = version + 1",
        "UPDATE returns_returnrequest SET status = 'CLOSED', version = version + 1",
        "UPDATE returns_returnrequest SET version = version + 2",
        "INSERT INTO marketplace_statetransition (seller_id, machine, object_id, version, move, source, target,"
        " actor_kind, actor_id, actor_label, reason_code, reason_text, data, request_id, at) SELECT seller_id,"
        " machine, object_id, 2, 'deny', 'PENDING_RESPONSE', 'DENIED', 'seller', '', '', '', '', '{}', '', now()"
        " FROM marketplace_statetransition",
        "UPDATE marketplace_statetransition SET target = 'CLOSED'",
        "DELETE FROM marketplace_statetransition",
    ],
)
def test_the_database_refuses_other_roads(in_acme: Shop, buyer: Actor, sql: str) -> None:
    new_return(in_acme, buyer)
    with pytest.raises(DatabaseError), transaction.atomic(), connection.cursor() as cursor:
        cursor.execute(sql)
        cursor.execute("SET CONSTRAINTS ALL IMMEDIATE")


def test_no_scope_no_rows(acme: Shop) -> None:
    with pytest.raises(NoTenant):
        Order.objects.count()
    with pytest.raises(ProgrammingError), transaction.atomic(), connection.cursor() as cursor:
        cursor.execute("SELECT count(*) FROM marketplace_order")


def test_other_sellers_rows_are_not_there(acme: Shop, globex: Shop) -> None:
    with scope(acme.seller.pk):
        assert list(Order.objects.values_list("pk", flat=True)) == [acme.order.pk]
        with connection.cursor() as cursor:
            cursor.execute("SELECT count(*) FROM marketplace_order")
            assert cursor.fetchone()[0] == 1
        with pytest.raises(DatabaseError), transaction.atomic(), connection.cursor() as cursor:
            cursor.execute("UPDATE marketplace_order SET seller_id = %s", [globex.seller.pk])
    with scope(globex.seller.pk), pytest.raises(IntegrityError), transaction.atomic():
        Order.objects.filter(pk=globex.order.pk).update(channel_id=acme.channel.pk)
        with connection.cursor() as cursor:
            cursor.execute("SET CONSTRAINTS ALL IMMEDIATE")


def test_a_scope_restores_what_was_before(acme: Shop) -> None:
    with scope(acme.seller.pk):
        with scope(acme.seller.pk):
            assert SalesChannel.objects.count() == 1
        with system_scope():
            assert OutboxEvent.across_sellers.count() == 0
            with pytest.raises(DatabaseError), transaction.atomic(), connection.cursor() as cursor:
                cursor.execute("SELECT count(*) FROM marketplace_buyer")
        assert Order.objects.count() == 1
    with connection.cursor() as cursor:
        cursor.execute("SELECT current_user = session_user")
        assert cursor.fetchone()[0]


def test_the_drain_runs_each_handler_once(acme: Shop, buyer: Actor, monkeypatch: pytest.MonkeyPatch) -> None:
    seen: list[str] = []

    def note(event: OutboxEvent) -> None:
        seen.append(event.name)

    monkeypatch.setitem(events.HANDLERS, "return.requested", {"note": note})
    with scope(acme.seller.pk):
        new_return(acme, buyer)
    assert events.drain_all() == 1
    assert events.drain_all() == 0
    assert seen == ["return.requested"]
