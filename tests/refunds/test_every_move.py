"""Every (state, move, actor) of every machine is tried; what is not listed is refused by Python and by SQL.

Generic over the registry of machines. Here alone states are set by an administrator's hand, with a history
that fits, because the point is to try each move from each state, reachable for the actor or not.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from typing import Any

import psycopg2
import pytest
from django.db import DatabaseError, connection, transaction

from marketplace.actors import Actor, ActorKind
from marketplace.errors import Forbidden, WrongState
from marketplace.fsm import MACHINES, Move, StatusModel, move_named, moves_of, statuses
from marketplace.models import StateTransition
from marketplace.moves import record_creation, save_transition
from marketplace.tenancy import scope
from refunds.models import RefundRequest
from returns.models import Promise, ReturnRequest
from tests import databases
from tests.cast import Shop
from tests.refunds.steps import ask

pytestmark = pytest.mark.django_db(transaction=True)

NOW = datetime(2026, 11, 22, 12, 0, tzinfo=UTC)
ACTORS = {kind: Actor(kind, f"{kind.value}-test", str(kind.label)) for kind in ActorKind}
STATES = [(machine, state) for machine, model in sorted(MACHINES.items()) for state in statuses(model)]
# What a move is called with, by the name of the parameter.
ARGUMENTS: dict[str, Any] = {
    "at": NOW,
    "leased_until": NOW,
    "remind_at": NOW,
    "refund_by": NOW,
    "reason": "BY_SELLER",
    "reason_code": "OTHER",
    "code": "declined",
    "why": "No answer.",
    "message": "In words.",
    "reviewer_id": "user:second",
    "reviewer_label": "Second Person",
    "provider_refund_id": "re_test",
    "reference": "SEPA 4711",
    "carrier": "Post",
    "tracking": "T-4711",
    "is_complete": True,
    "promise": Promise(
        at=NOW, rma="D0000000RRMA", merchant_rma="", address={"name": "Acme"}, return_by=NOW, expires_at=NOW
    ),
}
REASON_OF_A_CLOSED_RETURN = {"close": {"reason": "RESOLVED_OTHERWISE"}}


@pytest.fixture
def make(acme: Shop, owner: Actor) -> dict[str, Callable[[], StatusModel]]:
    """A new object of each machine, through its own door; a machine without an entry fails the test."""

    def new_return() -> StatusModel:
        return record_creation(
            ReturnRequest(
                order=acme.order,
                channel=acme.channel,
                buyer=acme.buyer,
                order_number=acme.order.number,
                currency="GBP",
                submitted_by_kind="seller",
                requested_at=NOW,
                respond_by=NOW,
            ),
            move="submit",
            by=owner,
        )

    return {"refund": lambda: ask(acme, owner), "return": new_return}


@pytest.fixture
def place(
    acme: Shop, make: dict[str, Callable[[], StatusModel]], database_addresses: databases.Addresses
) -> Callable[[str, str], StatusModel]:
    """An object of a machine in a state, with a history of two versions that leads there."""

    def put(machine: str, state: str) -> StatusModel:
        with scope(acme.seller.pk):
            made = make[machine]()
        table = type(made)._meta.db_table
        extra = ", attempts = 1, person_asked_at = now()" if machine == "refund" else ""
        admin = psycopg2.connect(database_addresses.admin)
        try:
            with admin, admin.cursor() as cursor:
                cursor.execute("SET session_replication_role = replica")
                cursor.execute(f'UPDATE "{table}" SET status = %s, version = 2{extra} WHERE id = %s', [state, made.pk])
                cursor.execute(
                    "DELETE FROM marketplace_statetransition WHERE machine = %s AND object_id = %s AND version > 2",
                    [machine, made.pk],
                )
                cursor.execute(
                    "INSERT INTO marketplace_statetransition (seller_id, machine, object_id, version, move, source,"
                    " target, actor_kind, actor_id, actor_label, reason_code, reason_text, data, request_id, at)"
                    " SELECT seller_id, machine, object_id, 2, move, target, '', actor_kind, '', '', '', '', '{}',"
                    " '', at FROM marketplace_statetransition WHERE machine = %s AND object_id = %s AND version = 1"
                    " ON CONFLICT DO NOTHING",
                    [machine, made.pk],
                )
                cursor.execute(
                    "UPDATE marketplace_statetransition SET target = %s"
                    " WHERE machine = %s AND object_id = %s AND version = 2",
                    [state, machine, made.pk],
                )
        finally:
            admin.close()
        with scope(acme.seller.pk):
            found: StatusModel = type(made).objects.get(pk=made.pk)
            assert (str(found.status), found.version) == (state, 2)
            return found

    return put


@contextmanager
def tried() -> Iterator[None]:
    """Try, let every deferred rule speak, and undo."""
    try:
        with transaction.atomic():
            yield
            with connection.cursor() as cursor:
                cursor.execute("SET CONSTRAINTS ALL IMMEDIATE")
            transaction.set_rollback(True)
    finally:
        with connection.cursor() as cursor:
            cursor.execute("SET CONSTRAINTS ALL DEFERRED")


def call(obj: StatusModel, move: Move) -> None:
    """Call the method of a move with arguments of the right kinds."""
    method = getattr(obj, move.name)
    arguments = {name: ARGUMENTS[name] for name in inspect.signature(method).parameters}
    method(**(arguments | REASON_OF_A_CLOSED_RETURN.get(move.name, {})))


def transitions(model: type[StatusModel]) -> list[Move]:
    return [move for move in moves_of(model) if move.sources != ("",)]


def test_every_machine_is_tried(make: dict[str, Callable[[], StatusModel]]) -> None:
    assert set(make) == set(MACHINES)


@pytest.mark.parametrize(("machine", "state"), STATES)
def test_every_move_by_every_actor(
    acme: Shop, place: Callable[[str, str], StatusModel], machine: str, state: str
) -> None:
    model, pk = MACHINES[machine], place(machine, state).pk
    outcomes = {"done": 0, "wrong state": 0, "wrong actor": 0}
    with scope(acme.seller.pk):
        for move in transitions(model):
            for kind, actor in ACTORS.items():
                outcome = attempt(model, pk, move, actor)
                outcomes[outcome] += 1
                if state not in move.sources:
                    assert outcome == "wrong state", (move.name, kind)
                elif kind not in move.actors:
                    assert outcome == "wrong actor", (move.name, kind)
                else:
                    assert outcome == "done", (move.name, kind)
        fresh = model.objects.get(pk=pk)
        assert (str(fresh.status), fresh.version) == (state, 2)
    assert sum(outcomes.values()) == len(transitions(model)) * len(ActorKind)


def attempt(model: type[StatusModel], pk: int, move: Move, actor: Actor) -> str:
    obj: StatusModel = model.objects.get(pk=pk)
    if isinstance(obj, RefundRequest) and move.name == "confirm":
        obj.gateway = "manual"
    try:
        with tried():
            call(obj, move)
            save_transition(obj, by=actor)
            row = model.objects.get(pk=pk)
            assert (str(row.status), row.version) == (str(obj.status), 3)
            assert str(row.status) in move.targets
    except WrongState:
        return "wrong state"
    except Forbidden as refusal:
        return refusal.code.replace("_", " ")
    return "done"


@pytest.mark.parametrize("machine", sorted(MACHINES))
def test_every_creation_by_every_actor(acme: Shop, make: dict[str, Callable[[], StatusModel]], machine: str) -> None:
    model = MACHINES[machine]
    with scope(acme.seller.pk):
        first = make[machine]()
        for creation in model.creations:
            for kind, actor in ACTORS.items():
                for state in statuses(model):
                    with tried():
                        obj = copy_of(first)
                        obj.__dict__["status"] = state
                        if kind not in creation.actors:
                            with pytest.raises(Forbidden):
                                record_creation(obj, move=creation.name, by=actor)
                        elif state not in creation.targets:
                            with pytest.raises(ValueError, match="does not lead"):
                                record_creation(obj, move=creation.name, by=actor)
                        else:
                            assert record_creation(obj, move=creation.name, by=actor).version == 1


def copy_of(obj: StatusModel) -> StatusModel:
    """A new, unsaved object like this one, with keys of its own."""
    model = type(obj)
    values = {
        field.attname: getattr(obj, field.attname)
        for field in model._meta.concrete_fields
        if field.name not in {"id", "public_id", "provider_key", "status", "version"}
    }
    made: StatusModel = model(**values)
    if isinstance(made, RefundRequest):
        made.source = "EXTERNAL"  # a completed refund is called, by hand or external
    return made


# --- the same in raw SQL, as redress_app


def sql(statement: str, parameters: list[Any]) -> None:
    with connection.cursor() as cursor:
        cursor.execute(statement, parameters)
        assert cursor.rowcount == 1


def write_history(obj: StatusModel, version: int, move: str, source: str, target: str, actor: str) -> None:
    sql(
        "INSERT INTO marketplace_statetransition (seller_id, machine, object_id, version, move, source, target,"
        " actor_kind, actor_id, actor_label, reason_code, reason_text, data, request_id, at)"
        " VALUES (%s, %s, %s, %s, %s, %s, %s, %s, '', '', '', '', '{}', '', now())",
        [obj.seller_id, type(obj).machine, obj.pk, version, move, source, target, actor],
    )


@contextmanager
def refused(code: str) -> Iterator[None]:
    """The database says no with this SQLSTATE, at once or when the transaction ends."""
    with pytest.raises(DatabaseError) as refusal, tried():
        yield
    assert getattr(refusal.value.__cause__, "pgcode", "") == code


NOT_LISTED, NO_HISTORY, FOREIGN_KEY, TWICE, DENIED = "RD001", "RD002", "23503", "23505", "42501"


@pytest.mark.parametrize(("machine", "state"), STATES)
def test_sql_refuses_every_illegal_pair_and_every_move_without_history(
    acme: Shop, place: Callable[[str, str], StatusModel], machine: str, state: str
) -> None:
    model, obj = MACHINES[machine], place(machine, state)
    table = model._meta.db_table
    legal = {target for move in transitions(model) if state in move.sources for target in move.targets}
    move_to = f'UPDATE "{table}" SET status = %s, version = %s WHERE id = %s'
    with scope(acme.seller.pk):
        with connection.cursor() as cursor:
            cursor.execute("SELECT current_user")
            assert cursor.fetchone() == ("redress_app",)
        for target in statuses(model):
            with refused(NO_HISTORY if target in legal else NOT_LISTED):
                sql(move_to, [target, 3, obj.pk])
            for version in (1, 4, 0):  # a version back, one left out
                with refused(NOT_LISTED):
                    sql(move_to, [target, version, obj.pk])
            if target != state:
                with refused(NOT_LISTED):  # the same version
                    sql(move_to, [target, 2, obj.pk])
        fresh = model.objects.get(pk=obj.pk)
        assert (str(fresh.status), fresh.version) == (state, 2)


@pytest.mark.parametrize(("machine", "state"), STATES)
def test_sql_refuses_every_forged_history(
    acme: Shop, place: Callable[[str, str], StatusModel], machine: str, state: str
) -> None:
    model, obj = MACHINES[machine], place(machine, state)
    move_to = f'UPDATE "{model._meta.db_table}" SET status = %s, version = 3 WHERE id = %s'
    states = list(statuses(model))
    with scope(acme.seller.pk):
        for move in transitions(model):
            for target in move.targets:
                for actor in ActorKind:
                    is_listed = state in move.sources and actor in move.actors
                    # history without the move
                    with refused(NO_HISTORY if is_listed else FOREIGN_KEY):
                        write_history(obj, 3, move.name, state, target, actor)
                    # a version that has its row
                    with refused(TWICE):
                        write_history(obj, 2, move.name, state, target, actor)
                    if state in move.sources and actor not in move.actors:
                        with refused(FOREIGN_KEY):  # the move is legal, for somebody else
                            sql(move_to, [target, obj.pk])
                            write_history(obj, 3, move.name, state, target, actor)
                # a history that starts elsewhere, or leads elsewhere, than the row
                actor = min(move.actors)
                for elsewhere in sorted(set(move.sources) - {state}):
                    if state in move.sources:
                        with refused(NO_HISTORY):
                            sql(move_to, [target, obj.pk])
                            write_history(obj, 3, move.name, elsewhere, target, actor)
        for name in ("no_such_move", "create", "submit"):
            for target in states:
                if not any(m.name == name and state in m.sources and target in m.targets for m in moves_of(model)):
                    with refused(FOREIGN_KEY):
                        write_history(obj, 3, name, state, target, ActorKind.SELLER)


@pytest.mark.parametrize("machine", sorted(MACHINES))
def test_sql_refuses_beginnings_that_are_not_listed(
    acme: Shop, make: dict[str, Callable[[], StatusModel]], machine: str
) -> None:
    model = MACHINES[machine]
    first_states = {target for creation in model.creations for target in creation.targets}
    with scope(acme.seller.pk):
        first = make[machine]()
        for state in statuses(model):
            with refused(NO_HISTORY if state in first_states else NOT_LISTED):
                obj = copy_of(first)
                obj.__dict__["status"] = state
                obj.save(force_insert=True)
        with refused(NOT_LISTED):
            obj = copy_of(first)
            obj.version = 2
            obj.save(force_insert=True)


@pytest.mark.parametrize("machine", sorted(MACHINES))
def test_sql_refuses_to_rewrite_history(
    acme: Shop, make: dict[str, Callable[[], StatusModel]], machine: str, database_addresses: databases.Addresses
) -> None:
    with scope(acme.seller.pk):
        obj = make[machine]()
        for statement in (
            "UPDATE marketplace_statetransition SET actor_label = 'Nobody' WHERE object_id = %s",
            "DELETE FROM marketplace_statetransition WHERE object_id = %s",
        ):
            with refused(DENIED):
                sql(statement, [obj.pk])
        history = StateTransition.objects.filter(machine=machine, object_id=obj.pk)
        assert history.count() == obj.version
    owner = psycopg2.connect(database_addresses.owner)  # not even who owns the tables
    try:
        with owner.cursor() as cursor, pytest.raises(psycopg2.Error, match="append-only"):
            cursor.execute(f"SET app.seller_id = '{acme.seller.pk}'")
            cursor.execute("DELETE FROM marketplace_statetransition")
    finally:
        owner.close()


@pytest.mark.parametrize("machine", sorted(MACHINES))
def test_the_database_lists_what_the_code_lists(acme: Shop, machine: str) -> None:
    wanted = {row for move in moves_of(MACHINES[machine]) for row in move.rows(machine)}
    with scope(acme.seller.pk), connection.cursor() as cursor:
        cursor.execute(
            "SELECT machine, move, source, target, actor_kind FROM fsm_move WHERE live AND machine = %s", [machine]
        )
        assert set(cursor.fetchall()) == wanted


def test_a_move_that_nobody_may_make_is_made_by_nobody() -> None:
    for model in MACHINES.values():
        for move in moves_of(model):
            assert move.actors, move.name
            assert move_named(model, move.name) == move
